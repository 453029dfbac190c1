"""Where the atoms of a calculation come from: they are given, or a function of the inputs makes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from cohobate.core.errors import SimulatorError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.simulate.function import plain_name

Named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
ANY = inspect.Parameter.VAR_KEYWORD


@final
@dataclass(frozen=True, eq=False)
class Given:
    """Atoms that are always the same; each call gives a copy."""

    atoms: Payload
    name: str

    def __call__(self) -> Payload:
        """Returns a copy, without a calculator."""
        return self.atoms.copy()

    def describe(self) -> dict[str, Any]:
        """Returns what tells these atoms from others: elements, places, cell, constraints and all else they carry."""
        facts = self.atoms.todict()
        held = [one.todict() for one in facts.pop("constraints", [])]
        info = {key: repr(value) for key, value in facts.pop("info", {}).items()}
        return {**facts, "constraints": repr(held), "info": info}


@final
@dataclass(frozen=True)
class Built:
    """Atoms that a function makes anew for each call, of the inputs it takes by name."""

    make: Callable[..., Payload]

    @property
    def name(self) -> str:
        """What the function is called."""
        return plain_name(self.make)

    def __call__(self, /, **inputs: Payload) -> Payload:
        """Returns what the function makes. Raises ``SimulatorError`` for anything but atoms."""
        made = self.make(**inputs)
        if not isinstance(made, require("ase", extra="chem").Atoms):
            raise SimulatorError(f"{self.name} must return ase.Atoms, got the {type(made).__name__} {made!r:.60}")
        return made.copy()

    def describe(self) -> str:
        """Returns what changes with the code."""
        return code_hash(self.make)


Frame = Given | Built


def frame(atoms: Payload) -> Frame:
    """Returns where atoms come from: ``ase.Atoms``, a file that ASE reads (``"run.extxyz@3"``), or a function.

    A file is read here and now, so that it may change or be away later on. Raises ``SimulatorError`` for
    anything else.
    """
    if isinstance(atoms, str | Path):
        return Given(_read(atoms), Path(atoms).name)
    if isinstance(atoms, require("ase", extra="chem").Atoms):
        return Given(atoms.copy(), str(atoms.symbols))
    if callable(atoms):
        return Built(atoms)
    kind = type(atoms).__name__
    raise SimulatorError(f"atoms: expected ase.Atoms, a file or a function, got the {kind} {atoms!r:.60}")


def _read(file: str | Path) -> Payload:
    read = require("ase.io", extra="chem").read
    try:
        found = read(file)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise SimulatorError(f"atoms: {file} cannot be read: {type(error).__name__}: {error}") from error
    if isinstance(found, list):
        raise SimulatorError(f"atoms: {file} gives {len(found)} structures, expected one: name it, as in file@0")
    return found


def taken(fn: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Returns the parameters that a function can be given by name, and the one that takes all others."""
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):  # written in C, and silent
        return {"parameters": inspect.Parameter("parameters", ANY)}
    return {name: one for name, one in parameters.items() if one.kind in (*Named, ANY)}
