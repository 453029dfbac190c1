"""Whether a command makes sense, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cohobate.core.errors import UserError, did_you_mean
from cohobate.simulate.command.folder import KEEPS
from cohobate.simulate.command.read.reading import Reading
from cohobate.simulate.command.sources import check_name


class Settings(Protocol):
    """What is checked of a command."""

    @property
    def name(self) -> str: ...
    @property
    def read(self) -> Mapping[str, Any]: ...
    @property
    def units(self) -> Mapping[str, str]: ...
    @property
    def sources(self) -> Mapping[str, Any]: ...
    @property
    def deadline(self) -> float | None: ...
    @property
    def grace(self) -> float: ...
    @property
    def keep(self) -> str: ...
    @property
    def ok(self) -> Sequence[int]: ...


def check(command: Settings) -> None:
    """Raises ``UserError`` for what makes no sense."""
    name = f"command {command.name!r}"
    _check_outputs(name, command)
    if command.keep not in KEEPS:
        raise UserError(f"{name}: keep must be one of {list(KEEPS)}, got {command.keep!r}")
    for what, seconds in (("deadline", command.deadline), ("grace", command.grace)):
        if seconds is not None and not (isinstance(seconds, int | float) and 0 <= seconds < math.inf):
            raise UserError(f"{name}: {what} must be a time in seconds, got {seconds!r}")
    if not command.ok or not all(type(code) is int for code in command.ok):
        raise UserError(f"{name}: ok must be exit codes such as (0,), got {command.ok!r:.60}")


def _check_outputs(name: str, command: Settings) -> None:
    if not command.read or not isinstance(command.read, Mapping):
        raise UserError(f"{name}: read= says nothing; name at least one output and how it is read")
    for output, reader in command.read.items():
        _check_reader(f"{name}, output {output!r}", reader, command.sources)
    for output in command.units:
        if output not in command.read:
            known = list(command.read)
            raise UserError(f"{name}: a unit for {output!r}, but it reads {known}{did_you_mean(output, known)}")


def _check_reader(where: str, reader: object, written: Mapping[str, Any]) -> None:
    if isinstance(reader, Reading):
        check_name(reader.file)
        if reader.file in written:
            raise UserError(
                f"{where}: {reader.file!r} is an input file, too; a program that wrote nothing would go unseen"
            )
    elif not callable(reader):
        raise UserError(f"{where}: expected a reader of co.read or a function of the directory, got {reader!r:.60}")
