"""What is started: the arguments of a program, and the environment it sees."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import Final, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.simulate.command.template import Template

INHERITED: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_*",
    "OMP_*", "MKL_*", "OPENBLAS_*", "BLIS_*", "NUMEXPR_*", "VECLIB_*", "CUDA_VISIBLE_DEVICES", "CUDA_HOME",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "OMPI_*", "MPI*", "MPICH_*", "PMI_*", "PMIX_*", "SLURM_*", "PBS_*",
    "LAMMPS_POTENTIALS", "XTBHOME", "XTBPATH",
)  # fmt: skip
"""What of our environment a program sees, where nothing else is said: names and patterns."""
OURS: Final = {"LC_NUMERIC": "C"}
"""Decimal points, whatever the language."""


@final
@dataclass(frozen=True, slots=True)
class Shell:
    """A line for ``/bin/sh``: only where pipes and redirections are wanted; text of parameters must be plain words."""

    line: str

    def arguments(self) -> tuple[Template, ...]:
        """Returns what is started."""
        return (*map(Template, ("/bin/sh", "-c")), Template(self.line, "shell", "shell line"))


def arguments_of(argv: Sequence[str] | Shell) -> tuple[Template, ...]:
    """Returns the arguments as templates. Raises ``UserError`` for one that is no text, or for a line of a shell."""
    if isinstance(argv, Shell):
        return argv.arguments()
    if isinstance(argv, str):
        raise UserError(
            f"expected a list of arguments such as {argv.split()}, got text; a line for a shell is a co.Shell"
        )
    given = [os.fspath(one) if isinstance(one, os.PathLike) else one for one in argv]
    if not given or not all(isinstance(one, str) for one in given) or not given[0]:
        raise UserError(f"expected a program and its arguments, all of them text, got {list(argv)!r:.80}")
    if any("\0" in one for one in given):
        raise UserError(f"an argument holds a NUL character: {given!r:.80}")
    return tuple(Template(one, "argument", f"argument {i}") for i, one in enumerate(given))


def found(program: str, files: Mapping[str, object], path: str) -> str:
    """Returns where a program is, by the ``path`` it will see. Raises ``UserError`` where it is not installed."""
    own = program.removeprefix("./")
    if "/" in program and own in files:
        return f"./{own}"
    if "/" in program and not os.path.isabs(program):
        raise UserError(f"the program {program!r} is none of the files {list(files)}: give its full path")
    return _found(program, path)


def environment(own: Mapping[str, str], inherit: Sequence[str]) -> dict[str, str]:
    """Returns what a program sees: what is said for it, and what it may inherit."""
    taken = _allowed(tuple(inherit))
    inherited = {name: os.environ[name] for name in os.environ if taken.fullmatch(name)}
    return inherited | OURS | dict(own)


def check_environment(env: Mapping[Payload, Payload]) -> dict[str, str]:
    """Returns the variables of a program; raises ``UserError`` for what cannot be one."""
    for name, value in env.items():
        fits = (
            isinstance(name, str) and isinstance(value, str) and name and "=" not in name and "\0" not in name + value
        )
        if not fits:
            raise UserError(f"env: expected names and values that are text, got {name!r:.40}: {value!r:.40}")
    return {str(name): str(value) for name, value in env.items()}


@cache
def _allowed(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


def _found(program: str, path: str) -> str:
    place = shutil.which(program, path=path)
    if place is None:
        where = "does not exist or cannot be executed" if "/" in program else f"is in no folder of PATH ({path})"
        raise UserError(f"the program {program!r} {where}: install it, or give its full path")
    return os.path.abspath(place)
