"""Reads what a term of a fit is repeated for: a list of values in campaign.toml, or the rows of a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, final

from cohobate.cli.fit_tables import Term
from cohobate.core.capture import Raised, capture
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.host.filesystem import read_regular

LARGEST = 100_000_000
"""Bytes of a table; more is something else."""
LAID = ("target", "sigma", "weight")
"""The keys of a term that may differ by row; where one is left out, the column of its name is taken."""


@final
@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length, and the file they stand in (``""``: campaign.toml); ``None`` rows: no repetition."""

    columns: Mapping[str, Sequence[Any]]
    source: str = ""

    def __len__(self) -> int:
        return max((len(column) for column in self.columns.values()), default=0)

    def chosen(self, key: str, wish: Any) -> Sequence[Any]:  # noqa: ANN401 a number, a list, the name of a column, or a table of such
        """Returns what a key of the term says for each row: a column, a list of as many, or the same for all."""
        match wish:
            case None:
                return self.columns.get(key, [None] * len(self))
            case str():
                return self._column(key, wish)
            case list():
                return self._listed(key, wish)
            case Mapping():
                by_name = {name: self.chosen(f"{key}.{name}", inner) for name, inner in wish.items()}
                return [{name: values[i] for name, values in by_name.items()} for i in range(len(self))]
        return [wish] * len(self)

    def _column(self, key: str, name: str) -> Sequence[Any]:
        if name not in self.columns:
            raise ConfigError(f"{key}: {self._lacks(name)}")
        return self.columns[name]

    def _listed(self, key: str, values: Sequence[Any]) -> Sequence[Any]:
        if len(values) != len(self):
            raise ConfigError(f"{key}: expected one for each of the {len(self)} rows, got {len(values)}")
        return values

    def _lacks(self, name: str) -> str:
        where = self.source or '"for"'
        return f"{where} has no column {name!r}{did_you_mean(name, self.columns)}; it has {', '.join(self.columns)}"


def rows_of(term: Term, folder: Path) -> Rows | None:
    """Returns what a term is repeated for; ``None`` where it is one. Raises ``ConfigError`` naming the key."""
    if term.table and term.for_:
        raise ConfigError("table: expected a table or for = { ... }, got both")
    if term.table:
        return _filed(term.table, folder)
    return _given(term.for_) if term.for_ else None


def _given(columns: Mapping[str, Sequence[Any]]) -> Rows:
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) != 1 or not all(sizes.values()):
        told = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise ConfigError(f"for: expected lists of equal length with at least one value, got {told}")
    for name, values in columns.items():
        wrong = next((one for one in values if isinstance(one, bool) or not isinstance(one, int | float | str)), None)
        if wrong is not None:
            raise ConfigError(f"for.{name}: expected numbers or text, got {wrong!r:.60}")
    return Rows(columns)


def _filed(name: str, folder: Path) -> Rows:
    read = capture(read_regular, folder / name, LARGEST)
    if isinstance(read, Raised):
        raise ConfigError(f"table: {name}: cannot be read: {getattr(read.error, 'strerror', None) or read.message}")
    text = capture(read.value.decode, "utf-8-sig")
    if isinstance(text, Raised):
        raise ConfigError(f"table: {name}: expected UTF-8 text")
    return _parsed(name, text.value)


def _parsed(name: str, text: str) -> Rows:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()[:1] not in ("", "#")]
    cells = [(number, [cell.strip() for cell in next(csv.reader(StringIO(line)))]) for number, line in lines]
    if len(cells) < 2:
        raise ConfigError(f"table: {name}: expected a line of names and at least one row")
    (_, names), *rows = cells
    if len(set(names)) < len(names) or not all(names):
        raise ConfigError(f"table: {name}: expected columns with different names, got {', '.join(names)}")
    for number, row in rows:
        if len(row) != len(names):
            raise ConfigError(f"table: {name}: line {number}: expected {len(names)} values, got {len(row)}")
    return Rows({one: [_value(row[i]) for _, row in rows] for i, one in enumerate(names)}, name)


def _value(cell: str) -> float | str:
    """Returns a number where the cell is one, else its text."""
    try:
        return float(cell)
    except ValueError:
        return cell
