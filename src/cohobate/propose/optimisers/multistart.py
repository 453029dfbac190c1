"""Several local optimisations from many starts, the most promising first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Row
from cohobate.core.steering import Closed, Steer
from cohobate.propose.optimisers.axes import axes_of, start_of
from cohobate.propose.optimisers.runs import Manner
from cohobate.propose.optimisers.search import CONVERGED, SIGMA, Search, check_count, points_of, settings_of
from cohobate.propose.persistent import Persistent
from cohobate.propose.sampling import check_seed


@final
@dataclass(frozen=True, slots=True)
class Multistart:
    """The body of ``multistart``."""

    seed: int

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        *,
        n: int,
        at_once: int,
        method: str,
        tol: float,
        options: Mapping[str, Any],
        residuals: str = "",
        screen: int | None = None,
        x0: Sequence[float] | None = None,
    ) -> Plain:
        """Runs until all runs have ended, or the campaign stops; returns the minima found."""
        search = Search(steer, problem, Manner(method, tol, options, residuals), SIGMA, "multistart")
        given = [] if x0 is None else [search.at(x0)]
        others = islice(points_of(problem, self.seed), max(n, screen or n) - len(given))
        try:
            _search(steer, search, [*given, *others], n, at_once=at_once, first=len(given))
            return search.report(f"all {n} runs have ended")
        except Closed:
            return search.report("the campaign stopped; these are the minima so far")
        finally:
            search.close()


def _search(steer: Steer, search: Search, rows: list[Row], left: int, *, at_once: int, first: int) -> None:
    """Hands in all points, and begins runs at the best of those known as room is left; at the first in any case."""
    starts: list[int] = []
    while rows or search.waiting or (starts and left):
        while search.waiting < at_once and (rows or (starts and left)):
            if rows:
                search.sample([rows.pop(0)])
                continue
            start = min(starts, key=lambda number: (number >= first, search.value(number), number))
            starts.remove(start)
            left -= 1
            search.begin(start)
            search.send()
        starts += [number for one in steer.receive(at_least=1) if (number := search.take(one)) is not None]
        search.send()


def multistart(
    problem: Problem,
    n: int = 10,
    x0: Sequence[float] | Mapping[str, float] | None = None,
    *,
    screen: int | None = None,
    at_once: int = 4,
    method: str = "slsqp",
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    residuals: str | None = None,
    seed: int = 0,
) -> Persistent:
    """Returns ``n`` local runs, each to its end; ``method``, its settings and the value are those of ``aposmm``.

    They begin at the best of ``screen`` points (default: ``n``), which are ``x0`` where it is given, and Sobol' points
    within the bounds; ``x0`` begins one however bad it is. Runs go side by side while fewer than ``at_once``
    evaluations are handed in, and a slow one holds up its own run only.
    """
    who = "multistart"
    check_count("n", n, who)
    check_seed(seed)
    settings = settings_of(
        who, problem, at_once=at_once, method=method, tol=tol or CONVERGED, options=options, residuals=residuals
    )
    if screen is not None:
        check_count("screen", screen, who)
        if screen < n:
            raise UserError(f"multistart: screen must be at least n, {n}, got {screen}")
        settings["screen"] = screen
    if x0 is not None:
        settings["x0"] = start_of(axes_of(problem, who), x0, who)
    return Persistent(Multistart(seed), problem, seed, {**settings, "n": n})
