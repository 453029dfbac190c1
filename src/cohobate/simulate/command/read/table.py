"""Columns of tables: CSV, and columns between spaces."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np

from cohobate.core.errors import did_you_mean
from cohobate.core.payload import Payload
from cohobate.simulate.command.read.reading import is_numeric, number


def of_table(text: str, name: str | int, row: int | None, rows: int | None) -> Payload:
    """Returns a column of a table, or what stands there in one row."""
    table = _cells(text)
    header, body = (table[0], table[1:]) if isinstance(name, str) else (None, _without_header(table))
    at = _position(name, header)
    width = len(table[0])
    for i, cells in enumerate(body, 1):
        if len(cells) != width:
            raise ValueError(f"expected {width} columns, got {len(cells)} in row {i} of {len(body)}")
    if not -width <= at < width:
        raise ValueError(f"expected a column {at}, there are {width}")
    return picked([cells[at] for cells in body], row, rows)


def picked(cells: Sequence[str], row: int | None, rows: int | None) -> Payload:
    """Returns the number in one row (``None``: in all) of a column that must have ``rows`` rows (``None``: some)."""
    if rows is not None and len(cells) != rows:
        raise ValueError(f"expected {rows} rows, got {len(cells)}")
    if row is None and cells:
        return np.array([number(cell) for cell in cells])
    if row is None or not -len(cells) <= row < len(cells):
        raise ValueError(f"expected a row {'' if row is None else row}".rstrip() + f", there are {len(cells)}")
    return number(cells[row])


def _cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    separator = next((one for one in (",", ";", "\t") if one in lines[0]), None)
    if separator is None:
        names = lines[0].lstrip("# ").split() if lines[0].startswith("#") else lines[0].split()
        return [names, *(line.split() for line in lines[1:] if not line.startswith("#"))]
    return [[cell.strip() for cell in cells] for cells in csv.reader(lines, delimiter=separator)]


def _without_header(table: list[list[str]]) -> list[list[str]]:
    return table if any(map(is_numeric, table[0])) else table[1:]


def _position(name: str | int, header: list[str] | None) -> int:
    if header is None:
        return int(name)
    names = [one.lstrip("# ") for one in header]
    if name not in names:
        raise ValueError(f"expected a column {name!r}, there are {names}{did_you_mean(str(name), names)}")
    return names.index(str(name))
