"""Many local optimisations at once that look for all minima of a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Row
from cohobate.core.steering import Closed, Steer
from cohobate.core.trial import Result
from cohobate.host.blas import one_thread
from cohobate.propose.optimisers.axes import axes_of, bounded_axes_of
from cohobate.propose.optimisers.basins import downhill, model_of
from cohobate.propose.optimisers.cloud import Cloud
from cohobate.propose.optimisers.fitted import Fit
from cohobate.propose.optimisers.levenberg import NAME, checked
from cohobate.propose.optimisers.local import BOUNDED, METHODS
from cohobate.propose.optimisers.reporting import plain
from cohobate.propose.optimisers.runs import Manner, Run, place
from cohobate.propose.optimisers.scores import Scores, objective_of, output_of, scalar
from cohobate.propose.persistent import Persistent
from cohobate.propose.sampling import Sobol, check_seed
from cohobate.propose.scaling import Numbers

BESIDE: Final = ("cobyla", "nelder-mead", "powell", "slsqp", "tnc", "trust-constr")
"""Methods of which several can run by turns: COBYQA holds a lock while it runs, and L-BFGS-B of scipy
1.17 was seen not to return when others of its kind were between two of its steps."""
MOST: Final = 300
"""Points that the model goes through, at most."""
AGAIN: Final = 1.25
"""Growth of what is known after which a verdict of the model is looked at again."""
SIGMA: Final = 0.5
"""Smaller than the 4 that makes the number of runs finite in theory: here runs that meet others are paused."""
LINK: Final = 0.5
"""Share of the radius within which a better point pauses a run; it goes on once none is within the whole."""
SAME: Final = 0.02
"""Distance in the unit cube, in units of the square root of d, within which two minima are one."""
CONVERGED: Final = 1e-9
"""Default ``tol`` of local runs, of values in units of the spread of those sampled."""


Local: TypeAlias = Run | Fit


@final
@dataclass(slots=True)
class Minimum:
    """Where a run ended, and what it cost."""

    u: Numbers
    value: float
    nfev: int
    runs: int = 1


@final
class Search:
    """Samples, begins runs, pauses and ends them; ``linked`` runs are paused by better points of others."""

    __slots__ = (
        "_axes",
        "_claimed",
        "_manner",
        "_name",
        "_owners",
        "_rows",
        "_runs",
        "_sign",
        "_steer",
        "cloud",
        "minima",
        "nfev",
    )

    def __init__(self, steer: Steer, problem: Problem, manner: Manner, sigma: float, who: str) -> None:
        objective = objective_of(problem, who)
        self._steer, self._manner = steer, manner
        self._axes = axes_of(problem, who, scale=True)
        self._name, self._sign = objective, -1.0 if objective.goal == "maximize" else 1.0
        self._runs: list[Local] = []
        self._owners: dict[int, Local | None] = {}
        self._rows: dict[int, Result] = {}
        self._claimed: dict[int, int] = {}
        self.cloud = Cloud(len(self._axes.names), sigma)
        self.minima: list[Minimum] = []
        self.nfev = 0

    @property
    def alive(self) -> list[Local]:
        """The runs that have not ended."""
        return [run for run in self._runs if not run.over]

    @property
    def active(self) -> list[Local]:
        """The runs that are neither over nor paused."""
        return [run for run in self.alive if not run.paused]

    @property
    def waiting(self) -> int:
        """How many evaluations are handed in."""
        return len(self._owners)

    def sample(self, rows: list[Row]) -> None:
        """Hands in points that belong to no run."""
        self._owners |= dict.fromkeys([trial.id for trial in self._steer.suggest(rows)])

    def send(self) -> None:
        """Hands in what active runs wait for."""
        for run in self.active:
            if rows := run.errands.unsent():
                trials = self._steer.suggest(rows)
                run.errands.sent(trials)
                self._owners |= {trial.id: run for trial in trials}

    def begin(self, number: int) -> None:
        """Begins a run at a point of the cloud."""
        start = (self.cloud.at(number), self._rows.pop(number))
        run = self._run(start)
        self.cloud.begin(number, run.id)
        self._runs.append(run)
        self._settle(run)

    def _run(self, start: tuple[Numbers, Result]) -> Local:
        id, axes, manner = len(self._runs), self._axes, self._manner
        if manner.method == NAME:
            value = self._value(start[1])
            assert value is not None
            return Fit(id, axes, manner, start=start, value=value)
        return Run(id, axes, self._scores(), manner, start=start, unit=self.cloud.spread)

    def take(self, result: Result) -> int | None:
        """Takes in a result; returns the number of a sampled point that has a value."""
        run = self._owners.pop(result.trial.id)
        self.nfev += 1
        u, value = place(self._axes, result.trial.inputs), self._value(result)
        number = None if value is None else self.cloud.add(u, value, None if run is None else run.id)
        if run is None:
            if number is not None:
                self._rows[number] = result
            return number
        if not run.over:
            run.take(result, u, value)
            self._settle(run)
        return None

    def known(self, u: Numbers) -> Minimum | None:
        """Returns the minimum that is at ``u``."""
        near = SAME * np.sqrt(len(u))
        return next((one for one in self.minima if np.linalg.norm(one.u - u) < near), None)

    def unclaimed(self, numbers: list[int]) -> list[int]:
        """Returns the points from which a model leads to no minimum found, and to no run that goes on.

        What leads to a minimum is not looked at again before a quarter more is known.
        """
        open_ = [number for number in numbers if self.cloud.size > AGAIN * self._claimed.get(number, 0)]
        if not open_:
            return []
        with one_thread():  # one way of rounding, whatever else the machine does
            return self._unclaimed(open_)

    def _unclaimed(self, numbers: list[int]) -> list[int]:
        d = len(self._axes.names)
        points, values = self.cloud.apart(SAME * np.sqrt(d), MOST)
        model = model_of(points, np.log1p((values - values.min()) / self.cloud.spread))
        if model is None:
            return numbers
        ends = downhill(model, np.array([self.cloud.at(number) for number in numbers]))
        found, active = [one.u for one in self.minima], [run.best[0] for run in self.active]
        left: list[int] = []
        for number, end in zip(numbers, ends, strict=True):
            if _leads_to(found, end, points):
                self._claimed[number] = self.cloud.size
            elif not _leads_to(active, end, points):
                left.append(number)
        return left

    def judge(self) -> None:
        """Ends runs that come to a known minimum; pauses those near better points of others, or lets them go on."""
        radius = self.cloud.radius
        for run in self.alive:
            u, value = run.best
            if (known := self.known(u)) and known.value <= value:
                self._end(run)
            else:
                run.paused = self.cloud.gap(u, value, run.id) < (radius if run.paused else LINK * radius)

    def close(self) -> None:
        """Ends all runs."""
        for run in self._runs:
            run.close()

    def report(self, message: str) -> Plain:
        """Returns the minima found, best first, as plain data."""
        told = [self._told(one) for one in sorted(self.minima, key=lambda one: one.value)]
        counts = {"nfev": self.nfev, "sampled": self.cloud.sampled, "runs": len(self._runs)}
        return {"minima": told, **counts, "message": message}

    def _told(self, one: Minimum) -> dict[str, Plain]:
        numbers = self._axes.values(one.u)
        placed = {"x": numbers, "variables": dict(zip(self._axes.names, numbers, strict=True))}
        return {**placed, "fun": self._sign * one.value, "nfev": one.nfev, "runs": one.runs}

    def _settle(self, run: Local) -> None:
        """Takes note of the minimum of a run that has come to its end."""
        if not run.over:
            return
        u, value = run.best
        known = self.known(u)
        if known is None:
            self.minima.append(Minimum(u, value, run.nfev))
            return
        known.nfev, known.runs = known.nfev + run.nfev, known.runs + 1
        if value < known.value:
            known.u, known.value = u, value

    def _end(self, run: Local) -> None:
        """A result that comes all the same is kept for the cloud."""
        run.close()
        if pending := run.errands.pending():
            self._steer.cancel(pending, "its local run came to a known minimum")

    def at(self, numbers: Sequence[float]) -> Row:
        """Returns the row of values of the reals."""
        return self._axes.row(self._axes.at(numbers))

    def value(self, number: int) -> float:
        """Returns the value of a sampled point that may begin a run."""
        found = self._value(self._rows[number])
        assert found is not None
        return found

    def _scores(self) -> Scores:
        return scalar(self._name, "worst")

    def _value(self, result: Result) -> float | None:
        if not result.ok:
            return None
        value = self._sign * float(result[self._name.name])
        return value if np.isfinite(value) else None


@final
@dataclass(frozen=True, slots=True)
class Aposmm:
    """The body of ``aposmm``, with what is fixed of its problem."""

    seed: int

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        *,
        initial: int,
        at_once: int,
        max_active: int,
        minima: int | None,
        sigma: float,
        method: str,
        tol: float,
        options: Mapping[str, Any],
        residuals: str = "",
    ) -> Plain:
        """Runs until ``minima`` are found, or the campaign stops; returns those found."""
        search = Search(steer, problem, Manner(method, tol, options, residuals), sigma, "aposmm")
        source = points_of(problem, self.seed)
        try:
            while minima is None or len(search.minima) < minima:
                search.send()
                while search.waiting < at_once:
                    ready = search.cloud.sampled >= initial and len(search.active) < max_active
                    self._fill(search, source, search.cloud.starts() if ready else [])
                for result in steer.receive(at_least=1):
                    search.take(result)
                search.judge()
            return search.report(f"{minima} minima were found")
        except Closed:
            return search.report("the campaign stopped; these are the minima so far")
        finally:
            search.close()

    def _fill(self, search: Search, source: Iterator[Row], starts: list[int]) -> None:
        """Begins a run where one may, else samples a point."""
        for number in search.unclaimed(starts):
            search.begin(number)
            search.send()
            return
        search.sample([next(source)])


def _leads_to(places: list[Numbers], end: Numbers, points: Numbers) -> bool:
    """Whether one of the places is where a way downhill ends, or where the point known nearest to that is."""
    nearest = points[np.linalg.norm(points - end, axis=1).argmin()]
    near = SAME * np.sqrt(len(end))
    return any(min(np.linalg.norm(one - nearest), np.linalg.norm(one - end)) < near for one in places)


def aposmm(
    problem: Problem,
    *,
    minima: int | None = None,
    initial: int | None = None,
    at_once: int = 4,
    max_active: int | None = None,
    method: str = "slsqp",
    sigma: float = SIGMA,
    tol: float = CONVERGED,
    options: Mapping[str, Any] | None = None,
    residuals: str | None = None,
    seed: int = 0,
) -> Persistent:
    """Returns a search for all minima by asynchronous local runs, after APOSMM (Larson and Wild 2018).

    ``initial`` Sobol' points (default: ten for each variable) come first. Then a sampled point begins a
    local run where no better point lies within a radius that shrinks as sampling goes on (``sigma``
    sets its size), and where a model of all that is known (a cubic radial basis function) leads downhill to
    no minimum found and to no run that goes on. Results are used as they come. A run is paused while a
    better point of others lies within half the radius, and ended, its pending points cancelled, when it
    comes to a minimum that is known. While fewer than ``at_once`` evaluations are wanted, and fewer than
    ``max_active`` runs (default: ``at_once``) can be begun, more points are sampled.

    ``method`` is one of scipy that keeps to bounds, ``tol`` its tolerance, of values in units of the
    spread of those known; runs work in the unit cube. With ``"levenberg-marquardt"`` the runs are least squares of the
    output ``residuals``, of which the objective is the sum of squares: ``tol`` and ``options`` are those of
    ``least_squares``. It ends once ``minima`` are found; without, it goes
    on until the campaign stops. The value is a dict of minima (each x, variables, fun, nfev and runs: the
    evaluations and runs that ended there), nfev, sampled, runs and message.
    """
    settings = settings_of(
        "aposmm", problem, at_once=at_once, method=method, tol=tol, options=options, residuals=residuals
    )
    counts = {"initial": initial or 10 * len(axes_of(problem, "aposmm").names), "max_active": max_active or at_once}
    for name, value in {**counts, "minima": 1 if minima is None else minima}.items():
        check_count(name, value, "aposmm")
    if not sigma > 0:
        raise UserError(f"aposmm: sigma must be above 0, got {sigma!r}")
    check_seed(seed)
    return Persistent(Aposmm(seed), problem, seed, {**settings, **counts, "minima": minima, "sigma": float(sigma)})


def points_of(problem: Problem, seed: int) -> Iterator[Row]:
    """Returns Sobol' points without end."""
    design = Sobol(problem, seed=seed)
    while isinstance(rows := design.suggest(1), Sequence):
        yield from rows


def settings_of(
    who: str,
    problem: Problem,
    *,
    at_once: int,
    method: str,
    tol: float,
    options: Mapping[str, Any] | None,
    residuals: str | None,
) -> dict[str, Any]:
    """Returns the settings of local runs; raises ``UserError`` for those that cannot be."""
    bounded_axes_of(problem, who)
    objective_of(problem, who)
    check_count("at_once", at_once, who)
    name = method.lower()
    if name == NAME:
        given = {"residuals": output_of(problem, residuals, who)}
        checked(options or {})
    elif name in BESIDE:
        given = {}
    else:
        why = (
            "cannot run beside others" if name in BOUNDED else "keeps to no bounds" if name in METHODS else "is unknown"
        )
        raise UserError(f"{who}: method {method!r} {why}; expected one of {[*BESIDE, NAME]}")
    kept = plain(options or {}, f"{who}: options")
    return {"at_once": at_once, "method": name, "tol": float(tol), "options": kept, **given}


def check_count(name: str, value: int, who: str) -> None:
    """Raises ``UserError`` for what is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{who}: {name} must be a whole number of at least 1, got {value!r}")
