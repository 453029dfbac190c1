"""Newton's equations at constant energy, by velocity Verlet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.stages.masking import ACCELERATION, accelerations, add, in_loops, looped, moving
from cohobate.dynamics.stages.settings import check_positive

MOTION: Final[Mapping[str, Field]] = {name: STANDARD[name] for name in ("velocities", "masses", "forces")}


@final
@dataclass(frozen=True, slots=True)
class VelocityVerlet:
    """Swope, Andersen, Berens, Wilson, J. Chem. Phys. 76, 637 (1982); ``dt`` in fs."""

    dt: float

    def __post_init__(self) -> None:
        check_positive("NVE", self, "dt")

    @property
    def fields(self) -> Mapping[str, Field]:
        """What moves."""
        return MOTION

    @property
    def needs(self) -> frozenset[str]:
        """Forces."""
        return frozenset({"forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Nothing is kept beside velocities."""

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick, and a drift."""
        drifted(batch, mask, self.dt)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick."""
        kicked(batch, mask, 0.5 * self.dt)


def drifted(batch: Batch, mask: Tensor, dt: float) -> None:
    """Changes velocities by the forces over half of ``dt`` fs, and positions by the velocities over all of it."""
    if in_loops(batch):
        from cohobate.dynamics.kernels.motion import kick_drift  # numba takes a while to import

        given = looped(batch, mask, "velocities", "positions", "forces", "masses")
        kick_drift(ACCELERATION, 0.5 * dt, dt, *given)
    else:
        where = moving(batch, mask)
        add(batch["velocities"], accelerations(batch) * (0.5 * dt), where)
        add(batch["positions"], batch["velocities"] * dt, where)


def kicked(batch: Batch, mask: Tensor, dt: float) -> None:
    """Changes velocities by the forces over ``dt`` fs."""
    if in_loops(batch):
        from cohobate.dynamics.kernels.motion import kick  # numba takes a while to import

        kick(ACCELERATION, dt, *looped(batch, mask, "velocities", "forces", "masses"))
    else:
        add(batch["velocities"], accelerations(batch) * dt, moving(batch, mask))
