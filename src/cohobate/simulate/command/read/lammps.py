"""Thermodynamic output in the log of LAMMPS."""

from __future__ import annotations

from collections.abc import Iterator

from cohobate.core.errors import did_you_mean
from cohobate.core.payload import Payload
from cohobate.simulate.command.read.reading import is_numeric
from cohobate.simulate.command.read.table import picked

Table = tuple[list[str], list[list[str]]]


def of_log(text: str, name: str, row: int | None, run: int, rows: int | None) -> Payload:
    """Returns a column of the table of a run (or a row of it)."""
    lines = text.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    if errors:
        raise ValueError(f"LAMMPS stopped: {errors[0][:200]}")
    tables = list(_tables(lines))
    if not -len(tables) <= run < len(tables):
        raise ValueError(f"expected a run {run} with its 'Loop time', found {len(tables)}")
    names, body = tables[run]
    if name not in names:
        raise ValueError(f"expected a column {name!r}, there are {names}{did_you_mean(name, names)}")
    return picked([cells[names.index(name)] for cells in body], row, rows)


def _tables(lines: list[str]) -> Iterator[Table]:
    """Yields the table of each run or minimization that came to its end."""
    names: list[str] = []
    body: list[list[str]] = []
    before = ""
    for line in lines:
        cells = line.split()
        if line.startswith("Loop time of"):
            if names:
                yield names, body
            names, body = [], []
        elif before.startswith("Per MPI rank memory") or cells[:1] == ["Step"]:
            names, body = cells, []
        elif names and len(cells) == len(names) and all(map(is_numeric, cells)):
            body.append(cells)
        before = line.strip()
