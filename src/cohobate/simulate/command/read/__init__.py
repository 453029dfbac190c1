"""Readers: how an output is found in the files that a program has written."""

from __future__ import annotations

import re
from typing import Final

from cohobate.core.errors import UserError
from cohobate.simulate.command.read.lammps import of_log
from cohobate.simulate.command.read.reading import Reading
from cohobate.simulate.command.read.structured import of_extxyz, of_json
from cohobate.simulate.command.read.table import of_table
from cohobate.simulate.command.read.text import alone, by_pattern, whole

__all__ = ["Reading", "column", "extxyz", "json", "lammps_log", "number", "regex", "text"]
LINE: Final = "\n"


def regex(file: str, pattern: str, *, which: int | None = -1, text: bool = False, end: str = LINE) -> Reading:
    """Reads the number in the first group of a pattern (or in all of the match): of the last match by default.

    ``which`` counts matches from 0, ``None`` takes all as an array. ``text``: it is left as text. ``end`` is
    what a complete file has in its last line; by default it must only have a line end.

    >>> regex("out", r"E = (\\S+)").parse("E = 1.5 eV\\nE = -2.5D+00 eV\\n")
    -2.5
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise UserError(f"{pattern!r} is no regular expression: {error}") from error
    return Reading(file, by_pattern, {"pattern": pattern, "which": which, "as_text": text}, end)


def column(file: str, name: str | int, *, row: int | None = None, rows: int | None = None, end: str = LINE) -> Reading:
    """Reads a column of a table by its name in the first line, or by its position from 0.

    Cells are parted by commas, semicolons or tabs, else by spaces; a name line may begin with ``#``. ``row``
    picks one row (-1: the last), ``rows`` is how many there must be.

    >>> column("out.csv", "x", row=-1).parse("t,x\\n0,1.5\\n1,2.5\\n")
    2.5
    """
    return Reading(file, of_table, {"name": name, "row": row, "rows": rows}, end)


def json(file: str, path: str = "", *, end: str = "") -> Reading:
    """Reads what stands at a path such as ``"results.0.energy"``; numbers in lists come as an array.

    >>> json("out.json", "e.0").parse('{"e": [1.5, 2.5]}')
    1.5
    """
    return Reading(file, of_json, {"path": path}, end)


def extxyz(file: str, name: str, *, frame: int = -1, end: str = LINE) -> Reading:
    """Reads a column of the atoms such as ``"forces"`` (atoms, 3), or a value such as ``"energy"``, of one frame.

    >>> extxyz("o.xyz", "energy").parse("1\\nenergy=-1.5 Properties=species:S:1:pos:R:3\\nAr 0 0 0\\n")
    -1.5
    """
    return Reading(file, of_extxyz, {"name": name, "frame": frame}, end)


def lammps_log(
    file: str, name: str, *, row: int | None = -1, run: int = -1, rows: int | None = None, end: str = "Total wall time"
) -> Reading:
    """Reads a column of the thermodynamic table of a run, such as ``"PotEng"``: by default its last row.

    ``row=None`` takes the whole column, ``run`` counts runs and minimizations from 0. A log without
    its last line, or with an error in it, is a failure.
    """
    return Reading(file, of_log, {"name": name, "row": row, "run": run, "rows": rows}, end)


def number(file: str, *, end: str = LINE) -> Reading:
    """Reads the one number that a file consists of."""
    return Reading(file, alone, {}, end)


def text(file: str, *, end: str = LINE) -> Reading:
    """Reads all of a file as text."""
    return Reading(file, whole, {}, end)
