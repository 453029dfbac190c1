"""Closed loops of simulations on atoms: propose, simulate, learn.

Everything below is imported when it is first touched.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.4.0"

_HOMES = {
    "cohobate.campaign.campaign": ("Campaign",),
    "cohobate.campaign.learning": ("learn",),
    "cohobate.campaign.goals": (
        "above",
        "below",
        "confirmed",
        "error_below",
        "evaluations",
        "loss_below",
        "seconds",
        "session_seconds",
        "stalled",
        "until_walltime",
    ),
    "cohobate.campaign.members": ("Member",),
    "cohobate.campaign.policy": ("FailureBudget", "Retries"),
    "cohobate.campaign.relearning": ("relearn",),
    "cohobate.campaign.sharing": ("cached",),
    "cohobate.core.context": ("attempt_dir", "cancelled"),
    "cohobate.core.errors": ("CohobateError", "Rejected"),
    "cohobate.core.fidelity": ("Fidelity",),
    "cohobate.core.pool": ("Pool",),
    "cohobate.core.problem": (
        "AtLeast",
        "AtMost",
        "Choice",
        "Constant",
        "Integer",
        "Output",
        "Problem",
        "Real",
        "Structured",
    ),
    "cohobate.core.steering": ("Closed", "Steer"),
    "cohobate.engines": ("executor", "inline", "processes", "threads"),
    "cohobate.fit.fitter": ("Fitter",),
    "cohobate.fit.objective": ("CombinedObjective",),
    "cohobate.fit.parameter": ("Parameter",),
    "cohobate.fit.parameters": ("Parameters",),
    "cohobate.fit.priors": ("BoxPrior", "GaussianPrior", "LaplacePrior"),
    "cohobate.fit.term": ("Term",),
    "cohobate.propose.active": ("ActiveLearning",),
    "cohobate.propose.learners.gaussian": ("GPLearner",),
    "cohobate.propose.learners.mesh.learner": ("LearnerND",),
    "cohobate.propose.optimisers.bayes": ("BayesianOptimizer",),
    "cohobate.propose.gest": ("as_gest", "from_gest"),
    "cohobate.propose.given": ("points",),
    "cohobate.propose.learners.balancing": ("BalancingLearner", "balancing_product"),
    "cohobate.propose.learners.saver": ("DataSaver",),
    "cohobate.propose.learners.average": ("AverageLearner",),
    "cohobate.propose.learners.integrator": ("IntegratorLearner",),
    "cohobate.propose.learners.line": ("Learner1D",),
    "cohobate.propose.learners.noisy": ("AverageLearner1D",),
    "cohobate.propose.learners.sequence": ("SequenceLearner",),
    "cohobate.propose.persistent": ("persistent",),
    "cohobate.propose.sampling": ("Grid", "LatinHypercube", "RandomSampler", "Sobol"),
    "cohobate.simulate.command.command": ("Command",),
    "cohobate.simulate.command.program": ("Shell",),
    "cohobate.simulate.command.sources": ("Copy",),
    "cohobate.simulate.command.template": ("Template",),
    "cohobate.simulate.function": ("simulator",),
    "cohobate.simulate.warm": ("warm",),
    "cohobate.view.live": ("live",),
    "cohobate.view.watch": ("watch",),
}
_MODULES = {
    "chem": "cohobate.simulate.chem",
    "dynamics": "cohobate.dynamics",
    "engines": "cohobate.engines",
    "losses": "cohobate.propose.learners.losses",
    "optimisers": "cohobate.propose.optimisers",
    "read": "cohobate.simulate.command.read",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, *_MODULES, "__version__"])


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOME:
        raise AttributeError(f"module 'cohobate' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from cohobate.campaign.campaign import Campaign as Campaign
    from cohobate.campaign.goals import above as above
    from cohobate.campaign.goals import below as below
    from cohobate.campaign.goals import confirmed as confirmed
    from cohobate.campaign.goals import error_below as error_below
    from cohobate.campaign.goals import evaluations as evaluations
    from cohobate.campaign.goals import loss_below as loss_below
    from cohobate.campaign.goals import seconds as seconds
    from cohobate.campaign.goals import session_seconds as session_seconds
    from cohobate.campaign.goals import stalled as stalled
    from cohobate.campaign.goals import until_walltime as until_walltime
    from cohobate.campaign.learning import learn as learn
    from cohobate.campaign.members import Member as Member
    from cohobate.campaign.policy import FailureBudget as FailureBudget
    from cohobate.campaign.policy import Retries as Retries
    from cohobate.campaign.relearning import relearn as relearn
    from cohobate.campaign.sharing import cached as cached
    from cohobate.core.context import attempt_dir as attempt_dir
    from cohobate.core.context import cancelled as cancelled
    from cohobate.core.errors import CohobateError as CohobateError
    from cohobate.core.errors import Rejected as Rejected
    from cohobate.core.fidelity import Fidelity as Fidelity
    from cohobate.core.pool import Pool as Pool
    from cohobate.core.problem import AtLeast as AtLeast
    from cohobate.core.problem import AtMost as AtMost
    from cohobate.core.problem import Choice as Choice
    from cohobate.core.problem import Constant as Constant
    from cohobate.core.problem import Integer as Integer
    from cohobate.core.problem import Output as Output
    from cohobate.core.problem import Problem as Problem
    from cohobate.core.problem import Real as Real
    from cohobate.core.problem import Structured as Structured
    from cohobate.core.steering import Closed as Closed
    from cohobate.core.steering import Steer as Steer
    from cohobate.engines.executor import executor as executor
    from cohobate.engines.inline import inline as inline
    from cohobate.engines.processes import processes as processes
    from cohobate.engines.threads import threads as threads
    from cohobate.fit.fitter import Fitter as Fitter
    from cohobate.fit.objective import CombinedObjective as CombinedObjective
    from cohobate.fit.parameter import Parameter as Parameter
    from cohobate.fit.parameters import Parameters as Parameters
    from cohobate.fit.priors import BoxPrior as BoxPrior
    from cohobate.fit.priors import GaussianPrior as GaussianPrior
    from cohobate.fit.priors import LaplacePrior as LaplacePrior
    from cohobate.fit.term import Term as Term
    from cohobate.propose.active import ActiveLearning as ActiveLearning
    from cohobate.propose.gest import as_gest as as_gest
    from cohobate.propose.gest import from_gest as from_gest
    from cohobate.propose.given import points as points
    from cohobate.propose.learners.average import AverageLearner as AverageLearner
    from cohobate.propose.learners.balancing import BalancingLearner as BalancingLearner
    from cohobate.propose.learners.balancing import balancing_product as balancing_product
    from cohobate.propose.learners.gaussian import GPLearner as GPLearner
    from cohobate.propose.learners.integrator import IntegratorLearner as IntegratorLearner
    from cohobate.propose.learners.line import Learner1D as Learner1D
    from cohobate.propose.learners.mesh.learner import LearnerND as LearnerND
    from cohobate.propose.learners.noisy import AverageLearner1D as AverageLearner1D
    from cohobate.propose.learners.saver import DataSaver as DataSaver
    from cohobate.propose.learners.sequence import SequenceLearner as SequenceLearner
    from cohobate.propose.optimisers.bayes import BayesianOptimizer as BayesianOptimizer
    from cohobate.propose.persistent import persistent as persistent
    from cohobate.propose.sampling import Grid as Grid
    from cohobate.propose.sampling import LatinHypercube as LatinHypercube
    from cohobate.propose.sampling import RandomSampler as RandomSampler
    from cohobate.propose.sampling import Sobol as Sobol
    from cohobate.simulate.command.command import Command as Command
    from cohobate.simulate.command.program import Shell as Shell
    from cohobate.simulate.command.sources import Copy as Copy
    from cohobate.simulate.command.template import Template as Template
    from cohobate.simulate.function import simulator as simulator
    from cohobate.simulate.warm import warm as warm
    from cohobate.view.live import live as live
    from cohobate.view.watch import watch as watch
