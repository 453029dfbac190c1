"""How atoms are brought to a minimum, and what it means that they are not at one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal, final

import numpy as np

from cohobate.core.context import cancelled
from cohobate.core.errors import SimulatorError, did_you_mean
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload
from cohobate.host.extras import require

OPTIMIZERS: Final = (
    "BFGS",
    "BFGSLineSearch",
    "LBFGS",
    "LBFGSLineSearch",
    "FIRE",
    "FIRE2",
    "GPMin",
    "MDMin",
    "ODE12r",
    "GoodOldQuasiNewton",
)
"""Those of ``ase.optimize``."""
Cell = bool | Literal["isotropic"]


@final
@dataclass(frozen=True)
class Relax:
    """An optimiser, the largest force (eV/Å) that counts as none, most steps, and whether the cell moves too.

    ``pressure`` (eV/Å³) is what acts on the cell from outside.
    """

    optimizer: str | Callable[..., Any] = "BFGS"
    fmax: float = 0.01
    steps: int = 1000
    cell: Cell = False
    pressure: float = 0.0

    def __post_init__(self) -> None:
        if not (callable(self.optimizer) or self.optimizer in OPTIMIZERS):
            hint = did_you_mean(str(self.optimizer), OPTIMIZERS)
            known = ", ".join(OPTIMIZERS)
            raise SimulatorError(f"optimizer: expected one of {known}, or a class, got {self.optimizer!r}{hint}")
        if not 0 < self.fmax < inf:
            raise SimulatorError(f"fmax: expected a force (eV/Å) above 0, got {self.fmax!r}")
        if self.steps < 1:
            raise SimulatorError(f"steps: expected at least 1, got {self.steps!r}")
        if self.cell not in (True, False, "isotropic"):
            raise SimulatorError(f"cell: expected True, False or 'isotropic', got {self.cell!r}")

    def __call__(self, atoms: Payload) -> None:
        """Moves atoms, and perhaps their cell, to the nearest minimum.

        Raises ``RuntimeError`` where that is not reached within ``steps``, where a force is not finite, and
        when the evaluation is cancelled.
        """
        moved = self._moved(atoms)
        made = self._kind()(moved, logfile=None)
        converged = False
        for done in made.irun(fmax=self.fmax, steps=self.steps):
            converged = bool(done)
            self._check(moved, made.nsteps)
        if not converged:
            raise RuntimeError(
                f"not relaxed after {made.nsteps} steps of {type(made).__name__}: the largest force is "
                f"{largest(moved):.3g} eV/Å, wanted {self.fmax:g}"
            )

    def _check(self, moved: Payload, steps: int) -> None:
        if not np.isfinite(largest(moved)):
            raise RuntimeError(f"a force is not finite after {steps} steps of the relaxation")
        if cancelled():
            raise RuntimeError(f"cancelled after {steps} steps of the relaxation")

    def _kind(self) -> Callable[..., Any]:
        if callable(self.optimizer):
            return self.optimizer
        kind: Callable[..., Any] = getattr(require("ase.optimize", extra="chem"), self.optimizer)
        return kind

    def _moved(self, atoms: Payload) -> Payload:
        if not self.cell:
            return atoms
        if not atoms.pbc.all():
            raise SimulatorError(f"cell={self.cell!r} needs atoms that are periodic in all directions: {atoms.symbols}")
        isotropic = self.cell == "isotropic"
        filters = require("ase.filters", extra="chem")
        return filters.FrechetCellFilter(atoms, hydrostatic_strain=isotropic, scalar_pressure=self.pressure)

    def describe(self) -> list[Any]:
        """Returns what tells it from another way."""
        optimizer = code_hash(self.optimizer) if callable(self.optimizer) else self.optimizer
        return [optimizer, self.fmax, self.steps, self.cell, self.pressure]


def largest(moved: Payload) -> float:
    """Returns the largest force (eV/Å) on an atom, or a row of the cell's."""
    return float(np.sqrt(np.square(moved.get_forces()).sum(axis=1).max()))
