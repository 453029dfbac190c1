"""The rows of a pool, and how they are kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

from cohobate.core.pool_files import Entry, Row, shown


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of a pool file (or an item of a list, counted from 1) that was left out, and why."""

    line: int
    reason: str


class Rows(Protocol):
    """Rows that differ, and their labels."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Row: ...

    def __iter__(self) -> Iterator[Row]: ...

    def find(self, row: Row) -> int | None:
        """Returns the position of a row, or ``None``."""
        ...

    def label(self, i: int) -> Row:
        """Returns the labels of row ``i``, in order."""
        ...

    def column(self, at: int) -> Sequence[Any]:
        """Returns one value of each row."""
        ...


@final
class Listed:
    """Rows in memory: some 400 bytes for a SMILES and its name."""

    __slots__ = ("_index", "_labels", "_rows", "skipped")

    def __init__(self, entries: Iterable[Entry]) -> None:
        lines: dict[Row, int] = {}
        skipped: list[Skipped] = []
        self._labels: list[Row] = []
        for row, labels, line in entries:
            if isinstance(row, str):
                skipped.append(Skipped(line, row))
            elif row in lines:
                skipped.append(Skipped(line, f"duplicate of line {lines[row]}"))
            else:
                lines[row] = line
                self._labels.append(tuple(map(shown, labels)))
        self._rows = list(lines)
        self._index = {row: i for i, row in enumerate(self._rows)}
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> Row:
        return self._rows[i]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def find(self, row: Row) -> int | None:
        """Returns the position of a row, or ``None``."""
        return self._index.get(row)

    def label(self, i: int) -> Row:
        """Returns the labels of row ``i``, in order."""
        return self._labels[i]

    def column(self, at: int) -> list[Any]:
        """Returns one value of each row."""
        return [row[at] for row in self._rows]
