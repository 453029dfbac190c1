"""Makes what gives the quantities of a term: a Python function, or an external program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import cohobate.cli.fit_tables as toml
from cohobate.cli.fit_reads import reader_of
from cohobate.cli.functions import find
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.fit.scaled import Program, Scaled
from cohobate.simulate.chem.lammps import Lammps, lammps
from cohobate.simulate.command.command import Command
from cohobate.simulate.command.program import environment, found
from cohobate.simulate.command.sources import Copy

Quantity = Callable[..., Any]
PYTHON = ("python", "python3")
"""Names of the interpreter that cohobate runs on, wherever that is."""


def quantity_of(wish: toml.Term, folder: Path) -> tuple[Quantity, str | None]:
    """Returns what evaluates a term, and its version; raises ``ConfigError`` naming the key."""
    if (wish.run is None) == (wish.python is None):
        came = "neither" if wish.run is None else "both"
        raise ConfigError(f'expected run = ["program", ...], run = "lammps" or python = "module:function", got {came}')
    if wish.python is not None:
        return _python(wish, wish.python, folder), wish.version
    for key in ("threads", "launch"):
        if getattr(wish, key) and wish.run != "lammps":
            raise ConfigError(f'{key}: is for run = "lammps"; of another program it stands in its arguments')
    program = _scaled(wish, _program(wish, folder, _started))
    # Where the program is does not tell one fit from another: it may go on elsewhere.
    return program, wish.version or _scaled(wish, _program(wish, folder, _as_written)).recipe()


def command_of(quantity: Quantity) -> Command | None:
    """Returns the command that a term starts on this machine, ``None`` where it starts none.

    Raises ``UserError`` where the program is not installed.
    """
    match quantity:
        case Scaled(program):
            return command_of(program)
        case Lammps():
            return quantity.located()
        case Command():
            path = environment(quantity.env, quantity.inherit).get("PATH", os.defpath)
            found(quantity.arguments[0].text, quantity.sources, path)
            return quantity
    return None


def _scaled(wish: toml.Term, program: Program) -> Program:
    per = {name: one.per for name, one in wish.read.items() if one.per != 1}
    return Scaled(program, per) if per else program


def _program(wish: toml.Term, folder: Path, where: Callable[[Sequence[str], Path], list[str]]) -> Program:
    read = {name: reader_of(name, one, folder, lammps=wish.run == "lammps") for name, one in wish.read.items()}
    if not read:
        raise ConfigError('read: is missing; for example read = { file = "out.txt", regex = "energy = (.*)" }')
    units = {name: one.unit for name, one in wish.read.items() if one.unit}
    if not isinstance(wish.run, str):
        files = _files(_names(wish.input), wish, folder)
        return Command(where(wish.run or (), folder), files=files, read=read, units=units, keep=wish.keep)
    _check_ready(wish.run)
    if not wish.input:
        raise ConfigError("input: is missing: the script of LAMMPS")
    script, *others = _names(wish.input)
    return lammps(
        folder / script,
        read,
        files=_files(others, wish, folder),
        units=units,
        threads=wish.threads or 1,
        launch=wish.launch or (),
        keep=wish.keep,
    )


def _check_ready(run: str) -> None:
    if run != "lammps":
        hint = did_you_mean(run, ["lammps"])
        raise ConfigError(f'run: expected "lammps" or a list such as {run.split()}, got {run!r:.80}{hint}')


def _python(wish: toml.Term, use: str, folder: Path) -> Quantity:
    for key in ("input", "files", "read"):
        if getattr(wish, key):
            raise ConfigError(f"{key}: is for programs (run = ...); a Python function returns its quantities")
    try:
        return find(use, folder)
    except ConfigError as error:
        raise ConfigError(f"python: {error}") from error


def _as_written(argv: Sequence[str], folder: Path) -> list[str]:
    return list(argv)


def _started(argv: Sequence[str], folder: Path) -> list[str]:
    """Returns the arguments with the program where it is: beside campaign.toml, or the Python that runs this."""
    program, *rest = argv
    if program in PYTHON:
        return [sys.executable, *rest]
    beside = folder / program
    return [str(beside.resolve()), *rest] if "/" in program and beside.is_file() else [program, *rest]


def _files(inputs: Sequence[str], wish: toml.Term, folder: Path) -> Mapping[str, Path | Copy]:
    found: dict[str, Path | Copy] = {}
    for name in inputs:
        found[_own(name, found)] = folder / name
    for name in _names(wish.files):
        found[_own(name, found)] = Copy(folder / name)
    return found


def _own(name: str, found: Mapping[str, object]) -> str:
    own = PurePath(name).name
    if own in found:
        raise ConfigError(f"files: there are two of the name {own!r}")
    return own


def _names(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names
