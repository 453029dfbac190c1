"""Relaxation by the fast inertial relaxation engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.masking import in_loops, looped, moving, over, per_system, put, root
from cohobate.dynamics.stages.settings import check_between, check_positive, check_whole

STEP: Final = "fire.dt"
MIXING: Final = "fire.alpha"
DOWNHILL: Final = "fire.downhill"
SPEED: Final = "fire.velocities"


@final
@dataclass(frozen=True, slots=True)
class Fire:
    """Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), with the parameters and the order of ASE's.

    ``dt`` and ``dt_max`` are in the units in which ASE has them (10.18 fs), masses are 1; ``max_step`` (Å) is how
    far the atoms of a system together move at most. Its velocities are its own, and those of the system stay.
    """

    dt: float = 0.1
    dt_max: float = 1.0
    max_step: float = 0.2
    patience: int = 5
    grow: float = 1.1
    shrink: float = 0.5
    alpha: float = 0.1
    fade: float = 0.99

    def __post_init__(self) -> None:
        check_positive("FIRE", self, "dt", "dt_max", "max_step", "shrink")
        check_between("FIRE", self, "dt_max", self.dt)
        check_between("FIRE", self, "grow", 1)
        for name in ("shrink", "alpha", "fade"):
            check_between("FIRE", self, name, 0, 1)
        check_whole("FIRE", self, "patience", 0)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The step, the mixing, how long it goes downhill, and velocities."""
        return {
            STEP: Field("system"),
            MIXING: Field("system"),
            DOWNHILL: Field("system", (), torch.int64),
            SPEED: Field("atom", (3,)),
        }

    @property
    def needs(self) -> frozenset[str]:
        """Forces."""
        return frozenset({"forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Starts at rest."""
        batch[STEP][mask], batch[MIXING][mask], batch[DOWNHILL][mask] = self.dt, self.alpha, -1
        batch[SPEED][mask[batch.system]] = 0.0

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Turns the velocities towards the forces, or stops; and moves."""
        if in_loops(batch):
            from cohobate.dynamics.kernels.motion import fire  # numba takes a while to import

            own = self.dt_max, self.max_step, self.patience, self.grow, self.shrink, self.alpha, self.fade
            fire(*own, *looped(batch, mask, SPEED, "positions", "forces", STEP, MIXING, DOWNHILL))
        else:
            self._by_torch(batch, mask)

    def _by_torch(self, batch: Batch, mask: Tensor) -> None:
        where = moving(batch, mask)
        forces = batch["forces"] if where is None else torch.where(where, batch["forces"], 0.0)
        speed, step, alpha, ago = batch[SPEED], batch[STEP], batch[MIXING], batch[DOWNHILL]
        down = per_system(batch, speed * forces) > 0
        ratio = alpha * root(per_system(batch, speed * speed) / _or_one(per_system(batch, forces * forces)))
        turned = speed * self._each(batch, 1 - alpha) + forces * self._each(batch, ratio)
        speed = torch.where(self._each(batch, down), turned, torch.zeros_like(speed))
        long = down & (ago > self.patience)
        step = torch.where(long, torch.clamp(step * self.grow, max=self.dt_max), step)
        fresh = ago < 0
        step = torch.where(down | fresh, step, step * self.shrink)
        alpha = torch.where(long, alpha * self.fade, torch.where(down, alpha, torch.full_like(alpha, self.alpha)))
        ago = torch.where(down, ago + 1, torch.zeros_like(ago))
        speed = speed + forces * self._each(batch, step)
        move = speed * self._each(batch, step)
        length = root(per_system(batch, move * move))
        move = move * self._each(batch, torch.where(length > self.max_step, over(self.max_step, _or_one(length)), 1.0))
        self._keep(batch, mask, step, alpha, ago)
        put(batch[SPEED], speed, where)
        put(batch["positions"], batch["positions"] + move, where)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Nothing: the next step begins with the forces."""

    @staticmethod
    def _keep(batch: Batch, mask: Tensor, step: Tensor, alpha: Tensor, ago: Tensor) -> None:
        for name, value in ((STEP, step), (MIXING, alpha), (DOWNHILL, ago)):
            batch[name].copy_(torch.where(mask, value, batch[name]))

    @staticmethod
    def _each(batch: Batch, value: Tensor) -> Tensor:
        """Returns what each system has, for each of its atoms: (N, 1)."""
        return value[batch.system][:, None]


def _or_one(value: Tensor) -> Tensor:
    return torch.where(value > 0, value, torch.ones_like(value))
