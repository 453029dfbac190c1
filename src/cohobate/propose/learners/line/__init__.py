"""A function over an interval: which points to ask for, one at a time or many."""

from __future__ import annotations

from cohobate.propose.learners.line.method import Learner1D, Line

__all__ = ["Learner1D", "Line"]
