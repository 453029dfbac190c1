"""Points to start from, for a generator that has nothing to go on."""

from __future__ import annotations

from collections.abc import Sequence

from cohobate.core.pool import Pool
from cohobate.core.problem import Problem
from cohobate.core.protocols import Exhausted, Later, inputs_of
from cohobate.core.trial import Inputs
from cohobate.propose.gest.rows import key_of
from cohobate.propose.sampling import LatinHypercube, RandomSampler


def starting_points(problem: Problem, n: int | None, seed: int) -> Sequence[Inputs]:
    """Returns ``n`` different points, fewer where the problem has no more; ``None``: a simplex and one more."""
    pool = problem.variables if isinstance(problem.variables, Pool) else None
    count = n or len(problem.names) + 2
    sampler = LatinHypercube(problem, count, seed=seed) if pool is None else RandomSampler(problem, seed=seed)
    answer = sampler.suggest(count)
    assert not isinstance(answer, Later | Exhausted)
    return list({key_of(inputs): inputs for inputs in map(inputs_of, answer)}.values())
