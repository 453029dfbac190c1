"""What an optimiser is told of a result: a number or an array, also where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np

from cohobate.core.errors import CallFailed, ProblemError, UserError, did_you_mean
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.problem import Output, Problem
from cohobate.core.trial import Result
from cohobate.propose.scaling import Numbers

Failed = Literal["worst", "raise"]
"""What a failed evaluation is to an optimiser: worse than the worst value seen, or the end."""
NOWHERE = -1
"""The trial of a point that was not handed in."""


@final
@dataclass(slots=True)
class Scores:
    """Turns results into what is minimized: arrays of ``shape``, of size ``worth``.

    A result without a finite value is given the worst one known, made worse by the spread of those
    seen: by ``worth`` it is as far above the worst as that is above the best. ``worsen`` makes an
    array of a worth from another. Raises ``CallFailed`` where nothing is known yet, or ``failed`` is
    ``"raise"``.
    """

    name: str
    sign: float
    shape: tuple[int, ...] | None
    failed: Failed
    worth: Callable[[Numbers], float]
    worsen: Callable[[Numbers, float], Numbers]
    low: float = field(default=np.inf, init=False)
    high: float = field(default=-np.inf, init=False)
    worst: Numbers | None = field(default=None, init=False)

    def of(self, results: Sequence[Result]) -> list[Numbers]:
        """Returns the arrays of a batch of results, successes looked at first."""
        found = [self.finite(result) for result in results]
        for one in found:
            if one is not None:
                self._note(one)
        return [self._without(result) if one is None else one for result, one in zip(results, found, strict=True)]

    def nothing(self, results: Sequence[Result]) -> bool:
        """Whether there is no value yet by which results could be worse than the worst, and that is no end."""
        return (
            self.worst is None and self.failed == "worst" and not any(self.finite(one) is not None for one in results)
        )

    def finite(self, result: Result) -> Numbers | None:
        """Returns the array of a result; ``None`` where it has no finite one."""
        if not result.ok:
            return None
        value = self._array(result)
        return self.sign * value if np.all(np.isfinite(value)) else None

    def _array(self, result: Result) -> Numbers:
        try:
            value = np.asarray(result[self.name], dtype=float)
        except KeyError:
            raise CallFailed(f"trial {result.trial.id}: expected an output {self.name!r}, got none") from None
        except (TypeError, ValueError):
            had = f"got {result[self.name]!r:.80}"
            raise CallFailed(f"trial {result.trial.id}: expected {self.name!r} to be numbers, {had}") from None
        if self.shape is None:
            self.shape = value.shape
        if value.shape != self.shape:
            wanted = f"expected {self.name!r} of shape {self.shape}, got {value.shape}"
            raise CallFailed(f"trial {result.trial.id}: {wanted}")
        return value

    def _note(self, one: Numbers) -> None:
        worth = self.worth(one)
        self.low = min(self.low, worth)
        if worth > self.high:
            self.high, self.worst = worth, one

    def _without(self, result: Result) -> Numbers:
        if self.worst is None:
            raise CallFailed(f"{complaint(result, self.name)}; there is no value yet to go on from")
        if self.failed == "raise":
            raise CallFailed(complaint(result, self.name))
        return self.worsen(self.worst, self.high + (self.high - self.low or abs(self.high) or 1.0))


def scalar(output: Output, failed: Failed) -> Scores:
    """Returns scores of an objective, its sign turned where it is to be maximized."""
    sign = -1.0 if output.goal == "maximize" else 1.0
    return Scores(output.name, sign, (), failed, float, lambda _, worth: np.asarray(worth))


def vector(name: str, failed: Failed) -> Scores:
    """Returns scores of an output of shape (m,), which is as bad as the sum of its squares."""
    return Scores(name, 1.0, None, failed, lambda r: float(r @ r), _lengthened)


def _lengthened(worst: Numbers, worth: float) -> Numbers:
    known = float(worst @ worst)
    longer: Numbers = worst * np.sqrt(worth / known) if known > 0 else np.full_like(worst, np.sqrt(worth / worst.size))
    return longer


def objective_of(problem: Problem, who: str) -> Output:
    """Returns the first objective of a problem."""
    if not problem.objectives:
        raise ProblemError(f"{who} needs an objective, got the outputs {list(problem.output_names)}: set a goal of one")
    first = problem.objectives[0]
    if first.shape != ():
        raise ProblemError(f"{who}: the objective {first.name!r} must be one number, got the shape {first.shape}")
    return first


def output_of(problem: Problem, name: str | None, who: str) -> str:
    """Returns the name of an output of shape (m,): ``name``, or the only such one."""
    fitting = [output.name for output in problem.outputs if output.shape is not None and len(output.shape) == 1]
    if name is None and len(fitting) == 1:
        return fitting[0]
    if name is None:
        raise ProblemError(f"{who}: name the output of shape (m,) to work on, got the outputs {fitting} of that kind")
    if name not in problem.output_names:
        known = list(problem.output_names)
        raise ProblemError(f"{who}: no output {name!r}{did_you_mean(name, known)}; the problem has {known}")
    return name


def check_failed(failed: str, who: str) -> None:
    """Raises ``UserError`` unless ``failed`` is a policy."""
    if failed not in ("worst", "raise"):
        raise UserError(f"{who}: failed must be 'worst' or 'raise', got {failed!r}")


def complaint(result: Result, name: str) -> str:
    """Returns why a result has no finite output, with its trial."""
    match result.outcome:
        case Failure(_, message) if result.trial.id == NOWHERE:
            return f"a point that cannot be evaluated is {message}"
        case Failure(kind, message):
            return f"trial {result.trial.id} failed ({kind}): {message}"
        case Cancelled(reason):
            return f"trial {result.trial.id} was cancelled{reason and ': '}{reason}"
        case Value(outputs):
            return f"trial {result.trial.id}: {name!r} must be finite, got {outputs[name]!r:.80}"
