"""Blocking optimisers as generators: each runs to its end within a campaign, which evaluates what it asks for."""

from cohobate.propose.optimisers.evolution import cma
from cohobate.propose.optimisers.globally import basinhopping, differential_evolution, dual_annealing
from cohobate.propose.optimisers.local import minimize, nelder_mead
from cohobate.propose.optimisers.multistart import multistart
from cohobate.propose.optimisers.nevergrads import nevergrad
from cohobate.propose.optimisers.polling import pattern_search
from cohobate.propose.optimisers.residuals import least_squares, root
from cohobate.propose.optimisers.search import aposmm

__all__ = [
    "aposmm",
    "basinhopping",
    "cma",
    "differential_evolution",
    "dual_annealing",
    "least_squares",
    "minimize",
    "multistart",
    "nelder_mead",
    "nevergrad",
    "pattern_search",
    "root",
]
