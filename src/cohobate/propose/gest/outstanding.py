"""What was proposed: points that are out, the generator's own and others, and what earlier sessions know of them."""

from __future__ import annotations

from typing import final

from cohobate.core.trial import Inputs
from cohobate.propose.gest.rows import Row, key_of

ID = "_id"


@final
class Outstanding:
    """By inputs; points that were suggested again while they were out are answered together."""

    __slots__ = ("_out", "foreign")

    def __init__(self) -> None:
        self._out: dict[str, list[Row]] = {}
        self.foreign = 0

    def __len__(self) -> int:
        return len(self._out)

    def add(self, inputs: Inputs, row: Row) -> bool:
        """Takes note of a suggestion; False where the same point is out already."""
        key = key_of(inputs)
        known = self._out.get(key)
        if known is None:
            self._out[key] = [row]
        elif ID in row and all(row[ID] != other.get(ID) for other in known):
            known.append(row)
        return known is None

    def add_foreign(self, inputs: Inputs) -> None:
        """Takes note of a point that the generator did not suggest."""
        key = key_of(inputs)
        if key not in self._out:
            self._out[key] = []
            self.foreign += 1

    def back(self, inputs: Inputs) -> list[Row]:
        """Returns the suggestions that a point answers; none where it is not the generator's own."""
        rows = self._out.pop(key_of(inputs), None)
        if rows == []:
            self.foreign -= 1
        return rows or []


@final
class Recorded:
    """What earlier sessions were told, each to answer one suggestion of a fresh generator that repeats itself."""

    __slots__ = ("_awaited", "_told")

    def __init__(self) -> None:
        self._awaited: set[str] = set()
        self._told: dict[str, Row] = {}

    def expect(self, inputs: Inputs) -> None:
        """An earlier session proposed this point."""
        self._awaited.add(key_of(inputs))

    def note(self, inputs: Inputs, told: Row) -> None:
        """What came of a point; kept where an earlier session proposed it."""
        if self._awaited and (key := key_of(inputs)) in self._awaited:
            self._awaited.discard(key)
            self._told[key] = told

    def answer(self, inputs: Inputs) -> Row | None:
        """Returns, once, what is known of a point."""
        return self._told.pop(key_of(inputs), None) if self._told else None
