"""A simulator of parts under the simulated engine: with one of them something may be wrong, the others are fine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cohobate.core.outcome import Outcome, Value
from cohobate.core.parts import Made, Part
from cohobate.core.trial import Inputs
from simulation.chooser import number
from simulation.engine import Engine, truth
from simulation.options import Options


class Pieces:
    """Parts that all give what the whole gives."""

    def __init__(self, engine: Engine, options: Options) -> None:
        self.engine, self.o = engine, options

    def parts(self, inputs: Inputs) -> list[Part]:
        x = number(inputs)
        keyed = self.o.cached and not self.o.cancels
        names = map(str, range(self.o.parts))
        return [Part(name, self.engine.piece, (dict(inputs),), f"{x} {name}" if keyed else "") for name in names]

    def judge(self, inputs: Inputs, bound: float | None = None) -> Patient:
        return Patient(number(inputs), self.o.parts)

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return dict.fromkeys(map(str, range(self.o.parts)), outputs["f"])


class Patient:
    """Waits for all parts, and sees to it that each comes once, and with its own value."""

    def __init__(self, x: int, parts: int) -> None:
        self.x, self.left = x, set(map(str, range(parts)))
        self.values: list[float] = []
        self.decided = False

    def take(self, name: str, made: Made) -> Outcome | None:
        assert not self.decided, "a part was taken in after the end"
        assert name in self.left, f"part {name} came twice"
        self.left.remove(name)
        if not isinstance(made.outcome, Value):
            self.decided = True
            return made.outcome
        value = made.outcome.outputs["value"]
        assert value == truth(self.x) or value != value, f"part {name} of {self.x} is {value}"
        self.values.append(value)
        self.decided = not self.left
        odd = [value for value in self.values if value != truth(self.x)]
        return Value({"f": (odd or self.values)[0]}) if self.decided else None
