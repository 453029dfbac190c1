"""Learning a function of several variables by a Gaussian process of it."""

from __future__ import annotations

from cohobate.propose.learners.gaussian.learner import GPLearner

__all__ = ["GPLearner"]
