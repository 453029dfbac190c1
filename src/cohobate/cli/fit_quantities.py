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
    argv = _argv(wish)
    program = _scaled(wish, _command(wish, _started(argv, folder), folder))
    # Where the program is does not tell one fit from another: it may go on elsewhere.
    return program, wish.version or _scaled(wish, _command(wish, argv, folder)).identity()


def need_program(quantity: Quantity) -> None:
    """Raises ``UserError`` where a program is not installed on this machine."""
    match quantity:
        case Scaled(program):
            need_program(program)
        case Command():
            path = environment(quantity.env, quantity.inherit).get("PATH", os.defpath)
            found(quantity.arguments[0].text, quantity.sources, path)


def _scaled(wish: toml.Term, program: Program) -> Program:
    per = {name: one.per for name, one in wish.read.items() if one.per != 1}
    return Scaled(program, per) if per else program


def _python(wish: toml.Term, use: str, folder: Path) -> Quantity:
    for key in ("input", "files", "read"):
        if getattr(wish, key):
            raise ConfigError(f"{key}: is for programs (run = ...); a Python function returns its quantities")
    try:
        return find(use, folder)
    except ConfigError as error:
        raise ConfigError(f"python: {error}") from error


def _argv(wish: toml.Term) -> list[str]:
    """Returns the program and its arguments as they are written in the file."""
    if not isinstance(wish.run, str):
        return list(wish.run or ())
    if wish.run != "lammps":
        words = wish.run.split()
        hint = did_you_mean(wish.run, ["lammps"])
        raise ConfigError(f'run: expected "lammps" or a list such as {words}, got {wish.run!r:.80}{hint}')
    first = next(iter(_names(wish.input)), None)
    if first is None:
        raise ConfigError("input: is missing: the input file of LAMMPS")
    return ["lmp", "-in", PurePath(first).name, "-log", "log.lammps", "-screen", "none"]


def _started(argv: Sequence[str], folder: Path) -> list[str]:
    """Returns the arguments with the program where it is: beside campaign.toml, or the Python that runs this."""
    program, *rest = argv
    if program in PYTHON:
        return [sys.executable, *rest]
    beside = folder / program
    return [str(beside.resolve()), *rest] if "/" in program and beside.is_file() else [program, *rest]


def _command(wish: toml.Term, argv: Sequence[str], folder: Path) -> Command:
    read = {name: reader_of(name, one, folder) for name, one in wish.read.items()}
    if not read:
        raise ConfigError('read: is missing; for example read = { file = "out.txt", regex = "energy = (.*)" }')
    return Command(
        argv,
        files=_files(wish, folder),
        read=read,
        units={name: one.unit for name, one in wish.read.items() if one.unit},
        keep=wish.keep,
        name=wish.run if isinstance(wish.run, str) else "",
    )


def _files(wish: toml.Term, folder: Path) -> Mapping[str, Path | Copy]:
    found: dict[str, Path | Copy] = {}
    for name in _names(wish.input):
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
