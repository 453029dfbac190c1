"""Turns what a user writes for a space of candidates into a problem."""

from __future__ import annotations

from collections.abc import Mapping

from cohobate.core.errors import ProblemError
from cohobate.core.fidelity import Fidelity
from cohobate.core.pool import Pool
from cohobate.core.problem import Goal, Output, Problem, Variable

Space = Problem | Pool | Mapping[str, Variable]
Names = str | tuple[str, ...] | list[str] | None


def pose(
    space: Space,
    *,
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
    fidelity: Fidelity | None = None,
) -> Problem:
    """Returns a problem over ``space``: objectives named by ``minimize`` and ``maximize``, then ``outputs``.

    Raises ``ProblemError`` where ``space`` is a problem already and more is given once more.
    """
    wanted = (*_objectives(minimize, "minimize"), *_objectives(maximize, "maximize"), *outputs)
    match space:
        case Problem():
            if wanted:
                names = [output.name for output in wanted]
                raise ProblemError(f"outputs {names} beside a Problem: put them into Problem(..., outputs=...) instead")
            if fidelity is not None:
                raise ProblemError("a fidelity beside a Problem: put it into Problem(..., fidelity=...) instead")
            return space
        case Pool():
            return Problem(space, wanted, fidelity)
        case Mapping():
            return Problem(dict(space), wanted, fidelity)
    raise ProblemError(f"expected a Problem, a Pool or a mapping of names to variables, got {space!r:.80}")


def _objectives(names: Names, goal: Goal) -> tuple[Output, ...]:
    listed = () if names is None else (names,) if isinstance(names, str) else names
    return tuple(Output(name, goal) for name in listed)
