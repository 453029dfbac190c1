"""Optimisers of nevergrad, without a barrier between generations, as a generator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import CallFailed, ProblemError, UserError, did_you_mean
from cohobate.core.payload import Payload, Plain
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Integer, Problem, Real, Variable
from cohobate.core.steering import Closed, Steer
from cohobate.core.trial import Result
from cohobate.host.extras import require
from cohobate.propose.optimisers.scores import Failed, Scores, check_failed, objective_of, scalar
from cohobate.propose.persistent import Persistent
from cohobate.propose.sampling import check_seed
from cohobate.propose.scaling import values

DEFAULT: Final = "CMA"
EACH: Final = 100
"""Default budget for each variable."""


@final
class Told:
    """An optimiser of nevergrad, what it waits for, and the best so far.

    Failures that come before any value are told once there is one to be worse than.
    """

    __slots__ = ("_held", "_name", "_problem", "_scores", "_theirs", "_waiting", "best", "nfev")

    def __init__(self, theirs: Any, problem: Problem, scores: Scores) -> None:  # noqa: ANN401 an Optimizer
        self._theirs, self._problem, self._scores = theirs, problem, scores
        self._name: str = theirs.name
        self._waiting: dict[int, Any] = {}
        self._held: list[Result] = []
        self.best: tuple[dict[str, Any], float] | None = None
        self.nfev = 0

    @property
    def waiting(self) -> int:
        """How many candidates are being evaluated."""
        return len(self._waiting) - len(self._held)

    def send(self, steer: Steer, n: int) -> None:
        """Hands in ``n`` candidates."""
        with theirs(self._name):
            candidates = [self._asked() for _ in range(n)]
        trials = steer.suggest([inputs_at(self._problem, one.value) for one in candidates])
        self._waiting |= {trial.id: one for trial, one in zip(trials, candidates, strict=True)}

    def _asked(self) -> Any:  # noqa: ANN401 a Parameter
        """Anywhere as long as all has failed: there is nothing to tell the optimiser of then."""
        if self._held:
            space = self._theirs.parametrization
            self._theirs.suggest({**space.sample().value, **_anywhere(self._problem, space.random_state)})
        return self._theirs.ask()

    def take(self, results: Sequence[Result]) -> None:
        """Tells what came back."""
        self.nfev += len(results)
        self._held += results
        if self._scores.nothing(results):
            return
        held, self._held = self._held, []
        for result, score in zip(held, self._scores.of(held), strict=True):
            with theirs(self._name):
                self._theirs.tell(self._waiting.pop(result.trial.id), float(score))
            if result.ok and (self.best is None or float(score) < self.best[1]):
                self.best = (dict(result.trial.inputs), float(score))

    def report(self, message: str, *, success: bool) -> Plain:
        """Returns the best candidate; ``None`` where there is none."""
        if self.best is None:
            return None
        inputs, score = self.best
        placed = {"x": list(inputs.values()), "variables": inputs, "fun": self._scores.sign * score}
        return {**placed, "success": success, "message": message, "nfev": self.nfev}


@final
@dataclass(frozen=True, slots=True)
class Nevergrad:
    """The body of ``nevergrad``."""

    def __call__(
        self,
        steer: Steer,
        problem: Problem,
        rng: np.random.Generator,
        *,
        optimizer: str,
        budget: int,
        at_once: int,
        x0: Mapping[str, Any] | None,
        failed: Failed,
    ) -> Plain:
        """Runs until the budget is spent, or the campaign stops; returns the best candidate."""
        scores = scalar(objective_of(problem, "nevergrad"), failed)
        told = Told(_made(problem, optimizer, budget, at_once, x0=x0, rng=rng), problem, scores)
        left = budget
        try:
            while left or told.waiting:
                room = min(at_once - told.waiting, left)
                if room:
                    told.send(steer, room)
                    left -= room
                told.take(steer.receive(at_least=1))
        except Closed:
            return told.report("the campaign stopped; this is the best so far", success=False)
        return told.report(f"the budget of {budget} evaluations is spent", success=True)


def nevergrad(
    problem: Problem,
    optimizer: str = DEFAULT,
    *,
    budget: int | None = None,
    at_once: int = 1,
    x0: Sequence[Any] | Mapping[str, Any] | None = None,
    failed: Failed = "worst",
    seed: int = 0,
) -> Persistent:
    """Returns an optimiser of the package of the extra ``nevergrad``, by its name there, as a generator.

    Each result makes room for the next candidate, so that ``at_once`` are evaluated at any time and none waits for
    the slowest. ``budget``: how many evaluations there will be (default: 100 for each variable), by which many of
    them choose what to do. Real variables may lack bounds; whole numbers and choices are varied too. ``x0``: the
    first candidate, values in order or by name (default: the middle of the bounds). A failure counts as ``failed``
    says: see ``minimize``, also for the value.
    """
    who = "nevergrad"
    objective_of(problem, who)
    check_failed(failed, who)
    check_seed(seed)
    varied = _varied(problem)
    start = None if x0 is None else _start(varied, x0)
    for name, variable in varied.items():
        if start is None and isinstance(variable, Real) and not variable.bounded:
            raise UserError(f"{who}: {name!r} lacks a bound, so there is no middle to start at: give x0")
    total = EACH * len(varied) if budget is None else budget
    for name, value in {"budget": total, "at_once": at_once}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UserError(f"{who}: {name} must be a whole number of at least 1, got {value!r}")
    _check_optimizer(optimizer, at_once)
    settings = {"optimizer": optimizer, "budget": total, "at_once": at_once, "x0": start, "failed": failed}
    return Persistent(Nevergrad(), problem, seed, settings)


def inputs_at(problem: Problem, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs of a candidate of nevergrad, constants and the fidelity included."""
    assert not isinstance(problem.variables, Pool)
    found: dict[str, Any] = {}
    for name, variable in problem.variables.items():
        match variable:
            case Constant(value):
                found[name] = value
            case Choice():
                found[name] = variable.values[int(given[name])]
            case Integer():
                found[name] = min(max(int(given[name]), variable.lo), variable.hi)
            case Real():
                found[name] = min(max(float(given[name]), float(variable.lo)), float(variable.hi))
    if problem.fidelity:
        found[problem.fidelity.name] = problem.fidelity.full
    return found


def _anywhere(problem: Problem, random: np.random.RandomState) -> dict[str, Any]:
    """Returns values between bounds, as nevergrad has them, of the variables that have such."""
    found: dict[str, Any] = {}
    for name, variable in _varied(problem).items():
        if isinstance(variable, Choice):
            found[name] = int(random.randint(len(variable.values)))
        elif isinstance(variable, Integer) or (isinstance(variable, Real) and variable.bounded):
            found[name] = values(variable, random.random_sample(1))[0]
    return found


@contextmanager
def theirs(name: str) -> Iterator[None]:
    """Silences what nevergrad says of its own settings, which a user cannot act upon, and says what failed in it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:
        raise CallFailed(
            f"nevergrad: its optimiser {name} failed: {type(error).__name__}: {error}; choose another, such as 'CMA' "
            f"or 'TwoPointsDE' (those with surrogate models need a numpy before 2.4)"
        ) from error


def _varied(problem: Problem) -> dict[str, Variable]:
    if isinstance(problem.variables, Pool):
        raise ProblemError("nevergrad needs variables, got a pool: use ActiveLearning for it")
    found: dict[str, Variable] = {k: one for k, one in problem.variables.items() if not isinstance(one, Constant)}
    for name, variable in found.items():
        if not isinstance(variable, Real | Integer | Choice):
            raise ProblemError(
                f"nevergrad cannot vary {name!r}, a {type(variable).__name__}: expected numbers, choices"
            )
    if not found:
        raise ProblemError(f"nevergrad needs something to vary, got {list(problem.variables)}")
    return found


def _start(varied: Mapping[str, Variable], x0: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    names = list(varied)
    if len(x0) != len(names) or (isinstance(x0, Mapping) and set(x0) != set(names)):
        raise UserError(f"nevergrad: x0 must have values of the variables {names}, got {x0!r:.80}")
    start = {name: x0[name] for name in names} if isinstance(x0, Mapping) else dict(zip(names, x0, strict=True))
    for name, variable in varied.items():
        if (wrong := variable.check(start[name])) is not None:
            raise UserError(f"nevergrad: x0 must be within the bounds: {name}: {wrong}")
    return start


def sequential(optimizer: str) -> bool:
    """Whether an optimiser, known by that name or not, can only evaluate one candidate after the other."""
    found = require("nevergrad", extra="nevergrad").optimizers.registry.get(optimizer)
    return found is not None and bool(found.no_parallelization)


def _check_optimizer(optimizer: str, at_once: int) -> None:
    registry = require("nevergrad", extra="nevergrad").optimizers.registry
    if optimizer not in registry:
        hint = did_you_mean(str(optimizer), list(registry))
        raise UserError(f"nevergrad: no optimiser {optimizer!r}{hint}; nevergrad.optimizers.registry has them")
    if at_once > 1 and sequential(optimizer):
        raise UserError(f"nevergrad: {optimizer} evaluates one after the other: expected at_once=1, got {at_once}")


def _made(
    problem: Problem,
    optimizer: str,
    budget: int,
    at_once: int,
    *,
    x0: Mapping[str, Any] | None,
    rng: np.random.Generator,
) -> Any:  # noqa: ANN401 an Optimizer
    """All chance comes from ``rng``."""
    package = require("nevergrad", extra="nevergrad")
    varied = _varied(problem)
    with theirs(optimizer):
        space = package.p.Dict(
            **{name: _parameter(package.p, one, (x0 or {}).get(name)) for name, one in varied.items()}
        )
        space.random_state = np.random.RandomState(rng.integers(2**32))
        made = package.optimizers.registry[optimizer](space, budget=budget, num_workers=at_once)
        made.suggest(space.value)
    return made


def _parameter(p: Any, variable: Variable, start: Payload) -> Any:  # noqa: ANN401 a Parameter
    match variable:
        case Choice():
            made = p.Choice(list(range(len(variable.values))))
            made.value = list(variable.values).index(start) if start is not None else len(variable.values) // 2
            return made
        case Integer(lo, hi):
            middle = start if start is not None else (lo + hi) // 2
            return p.Scalar(init=middle, lower=lo, upper=hi).set_integer_casting()
        case Real():
            return _real(p, variable, start)
    raise AssertionError(variable)


def _real(p: Any, real: Real, start: Any) -> Any:  # noqa: ANN401 a Parameter
    lo, hi = (float(end) if math.isfinite(end) else None for end in (real.lo, real.hi))
    if real.log:
        lo = lo if lo is not None and lo > 0 else None
        return p.Log(init=start or math.sqrt(real.lo * real.hi), lower=lo, upper=hi)
    middle = start if start is not None else 0.5 * (real.lo + real.hi)
    made = p.Scalar(init=middle, lower=lo, upper=hi)
    return made if real.bounded else made.set_mutation(sigma=max(0.3 * abs(middle), 1e-6) if middle else 1.0)
