"""Learners: generators that sample a function where it is least known, also by ask and tell."""

from __future__ import annotations

from cohobate.propose.learners.average import AverageLearner
from cohobate.propose.learners.estimate import Estimate
from cohobate.propose.learners.integrator import IntegratorLearner
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.noisy import AverageLearner1D
from cohobate.propose.learners.sequence import SequenceLearner

__all__ = ["AverageLearner", "AverageLearner1D", "Estimate", "IntegratorLearner", "Learner", "SequenceLearner"]
