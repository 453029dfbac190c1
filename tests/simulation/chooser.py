"""A generator whose next choice depends on everything it proposed and was told, in order."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from cohobate.core.outcome import Value
from cohobate.core.problem import Integer, Output, Problem, Structured
from cohobate.core.protocols import Answer, Chosen, Exhausted, Later, Lesson, Row, Unfit
from cohobate.core.trial import Inputs, Note, Result
from simulation.options import Options


@dataclass(frozen=True, slots=True)
class Molecule:
    """A payload that only its codec can store."""

    number: int


def number(inputs: Inputs) -> int:
    """Returns which of the different inputs these are, as proposed or as stored."""
    match inputs["x"]:
        case Molecule(n) | {"number": n}:
            return n
    return inputs["x"]


def note(x: int) -> Note | None:
    """Returns what is known of a candidate when it is chosen; of two in three, nothing."""
    return Note("chooser", x, {"f": x / 7}) if x % 3 == 0 else None


def problem(options: Options) -> Problem:
    molecule = Structured("molecule", lambda m: {"number": m.number}, lambda stored: Molecule(stored["number"]))
    x = molecule if options.structured else Integer(0, max(1, options.different - 1))
    return Problem({"x": x}, (Output("f", "minimize"),))


class Chooser:
    """Proposes each place of the pool once; ``fault`` says which fault its next call has, if any.

    With every third answer it says that it has learned. A foreign one also chooses by ``salt``,
    which is another in each session.
    """

    finite = True

    def __init__(self, options: Options) -> None:
        self.o, self.problem = options, problem(options)
        rng = random.Random(f"pool {options.seed}")
        self.name = "main"
        self.left = self.pool = [rng.randrange(options.different) for _ in range(options.pool)]
        self.unfit = {x for x in range(options.different) if rng.random() < options.unfit}
        self.pending = self.trace = self.finalized = self.salt = self.answers = 0
        self.learned: list[Lesson] = []
        self._fault: Callable[[], str | None] = lambda: None

    def fresh(self, fault: Callable[[], str | None] = lambda: None, salt: int = 0) -> Chooser:
        """Returns one that has proposed nothing and knows nothing."""
        other = copy(self)
        other.left = list(self.pool)
        other.pending = other.trace = other.finalized = other.answers = 0
        other.learned = []
        other._fault, other.salt = fault, salt if self.o.foreign else 0
        return other

    def called(self, name: str, pool: list[int]) -> Chooser:
        """Returns another one, with a pool of its own."""
        other = self.fresh()
        other.name, other.pool, other.left = name, pool, list(pool)
        return other

    def suggest(self, n: int) -> Answer:
        fault = self._fault()
        if fault == "raises":
            raise RuntimeError("no idea")
        if fault == "answers nonsense":
            return [{"y": 1}]
        if fault == "waits":
            return Later()
        if not self.left:
            return Exhausted("nothing left") if self.o.seed % 2 else []
        if self.pending >= self.o.window:
            return Later()
        return [self._noted(row) for row in self._choose(n)]

    def lessons(self) -> Sequence[Lesson]:
        told, self.learned = self.learned, []
        return told

    def _noted(self, row: Inputs) -> Row:
        if number(row) in self.unfit:
            return Unfit(row, "no")
        known = note(number(row))
        return row if known is None else Chosen(row, known)

    def recall(self, rows: Sequence[Inputs]) -> None:
        if self.o.foreign:
            for row in rows:
                self.left.remove(number(row))
            self._count(len(rows))
            return
        chosen = self._choose(len(rows))
        assert chosen == [dict(row) for row in rows], f"recalled {rows}, expected {chosen}"

    def ingest(self, results: Sequence[Result]) -> None:
        if self._fault() == "raises":
            raise RuntimeError("cannot learn this")
        for result in results:
            match result.outcome:
                case Value(outputs):
                    seen = int(1000 * outputs["f"])
                case other:
                    seen = len(type(other).__name__)
            x = number(result.trial.inputs)
            assert result.trial.inputs == self.row(x), "told of other inputs"
            assert x in self.unfit or result.trial.note == note(x), "told of another note"
            self.pending -= result.trial.generator == self.name
            self.trace = (self.trace * 31 + 7 * result.trial.id + seen) % 10_007

    def finalize(self) -> None:
        self.finalized += 1

    def describe(self) -> Mapping[str, Any]:
        return {"seed": self.o.seed}

    def _choose(self, n: int) -> list[dict[str, Any]]:
        places = range(min(n, len(self.left), self.o.at_once))
        rows = [self.row(self.left.pop((self.trace + self.salt) % len(self.left))) for _ in places]
        self._count(len(rows))
        return rows

    def _count(self, proposed: int) -> None:
        self.answers += 1
        if self.answers % 3 == 0:
            self.learned.append(Lesson(self.answers // 3, self.answers))
        self.pending += proposed
        self.trace = (self.trace * 17 + proposed) % 10_007

    def row(self, x: int) -> dict[str, Any]:
        return {"x": Molecule(x) if self.o.structured else x}
