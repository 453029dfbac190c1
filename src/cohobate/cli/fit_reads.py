"""Makes the readers of what a program has written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cohobate.cli.fit_tables as toml
from cohobate.cli.functions import find
from cohobate.core.errors import ConfigError, UserError
from cohobate.simulate.chem.lammps import LOG, thermo
from cohobate.simulate.command import read as readers
from cohobate.simulate.command.read.reading import Reading

WAYS: Final = ("column", "thermo", "regex", "json", "extxyz", "use")
"""The keys that say how a file is read; without one it holds one number."""


def reader_of(name: str, wish: toml.Read, folder: Path, *, lammps: bool) -> Reading | Callable[[Path], Any]:
    """Returns the reader of a quantity; raises ``ConfigError`` naming the key."""
    ways = {way: given for way in WAYS if (given := getattr(wish, {"json": "json_"}.get(way, way))) is not None}
    where = "read" if name == toml.ALONE else f"read.{name}"
    if len(ways) > 1:
        raise ConfigError(f"{where}: expected one of {', '.join(WAYS)}, got {' and '.join(ways)}")
    way, given = next(iter(ways.items()), ("number", None))
    try:
        if lammps and isinstance(given, str) and way == "thermo" and wish.file in (None, LOG) and wish.end is None:
            return thermo(given, None if wish.row == "all" else wish.row)
        return _reader(way, given, wish, folder)
    except UserError as error:
        raise ConfigError(f"{where}: {error}") from error


def _reader(way: str, given: Any, wish: toml.Read, folder: Path) -> Reading | Callable[[Path], Any]:  # noqa: ANN401 text or a number
    if way == "use":
        if wish.file is not None:
            raise ConfigError("use: the function is given the directory, so leave out file")
        return find(given, folder)
    if way == "column" and wish.file == LOG:
        raise ConfigError(f'column: the table of a log of LAMMPS is read by thermo = "{given}"')
    file = wish.file or (LOG if way == "thermo" else "stdout")
    row = None if wish.row == "all" else wish.row
    options: dict[str, Any] = {} if wish.end is None else {"end": wish.end}
    return _made(way, file, given, row, options)


def _made(way: str, file: str, given: Any, row: int | None, options: dict[str, Any]) -> Reading:  # noqa: ANN401 text or a number
    match way:
        case "thermo":
            return readers.lammps_log(file, given, row=row, **options)
        case "column":
            return readers.column(file, given, row=row, **options)
        case "regex":
            return readers.regex(file, given, which=row, **options)
        case "json":
            return readers.json(file, given, **options)
        case "extxyz":
            return readers.extxyz(file, given, frame=-1 if row is None else row, **options)
    return readers.number(file, **options)
