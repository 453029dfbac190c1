"""One of our generators as a gest-api generator, for the runners of others."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, Final, final

from cohobate.core.errors import UserError
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.problem import Output, Problem
from cohobate.core.protocols import Answer, Exhausted, Generator, Later, Posed, Unfit, inputs_of
from cohobate.core.trial import Inputs, Result, Trial
from cohobate.host.extras import require
from cohobate.propose.gest.outstanding import ID
from cohobate.propose.gest.rows import Row, Suggested, plain
from cohobate.propose.gest.vocs import vocs_of

FAILED: Final = "xopt_error"
"""The column in which Xopt says that an evaluation failed."""


def as_gest(generator: Generator, *, problem: Problem | None = None) -> Lent:
    """Returns one of our generators as a ``gest_api.Generator``; needs gest-api.

    ``problem`` is needed only where the generator does not bring it.
    """
    if problem is None:
        if not isinstance(generator, Posed):
            raise UserError(f"{type(generator).__name__} does not say what its problem is: give as_gest(problem=...)")
        problem = generator.problem
    vocs = vocs_of(problem)
    require("gest_api.generator", extra="gest").Generator.register(Lent)
    return Lent(generator, problem, vocs)


@final
class Lent:
    """Keeps to the letter of gest-api: ``suggest(n)`` returns ``n`` points or raises ``ValueError``.

    Each point has an ``_id``, to come back with its results. A point whose objective is NaN, or that
    Xopt marks as an error, is told as a failure.
    """

    returns_id = True

    def __init__(self, generator: Generator, problem: Problem, vocs: Payload) -> None:
        self.vocs = vocs
        self.problem = problem
        self._generator = generator
        self._read = Suggested(problem, "the runner")
        self._ready: deque[Inputs] = deque()
        self._out: dict[int, Trial] = {}
        self._next = 0
        self._open = True

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """Returns exactly so many points (default: one); ``ValueError`` where there are not so many now."""
        n = 1 if num_points is None else num_points
        if n < 0:
            raise ValueError(f"suggest({n}): expected at least 0 points")
        while len(self._ready) < n:
            self._ask(n)
        return [self._hand_out(self._ready.popleft()) for _ in range(n)]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Takes in evaluated points, those of others without ``_id``; ``ValueError`` for an unknown ``_id``."""
        ours = [self._result(row) for row in results]
        for result in ours:
            self._out.pop(result.trial.id, None)
        if ours:
            self._generator.ingest(ours)

    def finalize(self) -> None:
        """Lets the generator go; harmless when called twice."""
        if self._open:
            self._open = False
            self._generator.finalize()

    def _validate_vocs(self, vocs: Payload) -> None:
        """Raises ``ValueError`` where a VOCS has other names than the generator's problem."""
        for kind in ("variable_names", "constant_names", "output_names"):
            ours, theirs = getattr(self.vocs, kind), getattr(vocs, kind)
            if set(ours) != set(theirs):
                raise ValueError(f"{type(self._generator).__name__} has the {kind} {ours}, the VOCS {theirs}")

    def _ask(self, n: int) -> None:
        """Adds to what is ready, or says why there is nothing to add."""
        answer: Answer = self._generator.suggest(n - len(self._ready))
        match answer:
            case Later():
                raise ValueError(f"suggest({n}): {len(self._ready)} now, more when results are in")
            case Exhausted(reason):
                raise ValueError(f"suggest({n}): {len(self._ready)} left, {reason or 'then there are no more'}")
        unfit = [row for row in answer if isinstance(row, Unfit)]
        self._ready.extend(inputs_of(row) for row in answer if not isinstance(row, Unfit))
        if unfit:
            self._generator.ingest([self._refused(row) for row in unfit])

    def _refused(self, row: Unfit) -> Result:
        return Result(self._trial(row.inputs), Failure("rejected", row.reason, attempt=0))

    def _hand_out(self, inputs: Inputs) -> Row:
        trial = self._trial(inputs)
        self._out[trial.id] = trial
        return {**inputs, ID: trial.id}

    def _trial(self, inputs: Inputs) -> Trial:
        self._next += 1
        return Trial(self._next - 1, dict(inputs))

    def _result(self, row: Mapping[str, Any]) -> Result:
        return Result(self._trial_of(row), _outcome(self.problem.outputs, row))

    def _trial_of(self, row: Mapping[str, Any]) -> Trial:
        if ID not in row:
            missing = [name for name in self.vocs.variable_names if name not in row]
            if missing:
                raise ValueError(f"the point {dict(row)!r:.200} lacks {missing}")
            return self._trial(self._read.inputs(row))
        id = plain(row[ID])
        if id not in self._out:
            raise ValueError(f"_id={id!r} is not out: points of others come without it")
        return self._out[id]


def _outcome(outputs: tuple[Output, ...], row: Mapping[str, Any]) -> Outcome:
    if row.get(FAILED):
        return Failure("raised", str(row.get("xopt_error_str", "marked as an error")))
    values = {output.name: plain(row[output.name]) for output in outputs if output.name in row}
    for output in outputs:
        if output.goal is not None and (wrong := _wrong(output, values, row)):
            return Failure("bad_output", wrong)
    return Value(values)


def _wrong(output: Output, values: Row, row: Mapping[str, Any]) -> str | None:
    """Returns what is wrong with an objective or a constraint, or ``None``; ``ValueError`` where it is missing."""
    if output.name not in values:
        raise ValueError(f"the point {dict(row)!r:.200} lacks {output.name!r}")
    return f"{output.name} is NaN" if output.shape == () and isnan(values[output.name]) else None
