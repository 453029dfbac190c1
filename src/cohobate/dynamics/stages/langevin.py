"""Constant temperature by Langevin dynamics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.kinetics import BOLTZMANN
from cohobate.dynamics.stages.masking import ACCELERATION, accelerations, in_loops, looped, moving, over, put, root
from cohobate.dynamics.stages.noise import noise
from cohobate.dynamics.stages.nve import MOTION, kicked
from cohobate.dynamics.stages.settings import SEEDS, check_between, check_positive, check_whole

DRAWS: Final = "langevin.draws"


@final
@dataclass(frozen=True, slots=True)
class Langevin:
    """BAOAB splitting (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102, 2013).

    ``dt`` in fs, ``temperature`` in K, ``friction`` in 1/fs. Random numbers are a function of ``seed``, the id of the
    system, and how many steps it has made here.
    """

    dt: float
    temperature: float
    friction: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive("NVTLangevin", self, "dt", "friction")
        check_between("NVTLangevin", self, "temperature", 0)
        check_whole("NVTLangevin", self, "seed", *SEEDS)

    @property
    def fields(self) -> Mapping[str, Field]:
        """What moves, and the count of draws."""
        return {**MOTION, DRAWS: Field("system", (), torch.int64)}

    @property
    def needs(self) -> frozenset[str]:
        """Forces."""
        return frozenset({"forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Goes on counting where the system has been here before: no random number is used twice."""

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick, half a drift, friction and noise, half a drift."""
        half, keep = 0.5 * self.dt, math.exp(-self.friction * self.dt)
        width = math.sqrt(-math.expm1(-2 * self.friction * self.dt) * BOLTZMANN * self.temperature * ACCELERATION)
        if in_loops(batch):
            from cohobate.dynamics.kernels.motion import langevin  # numba takes a while to import

            given = looped(batch, mask, "id", DRAWS, "velocities", "positions", "forces", "masses")
            langevin(ACCELERATION, half, keep, width, self.seed, *given)
        else:
            self._move(batch, moving(batch, mask), half, keep, width)
        batch[DRAWS].add_(mask.to(torch.int64))

    def _move(self, batch: Batch, where: Tensor | None, half: float, keep: float, width: float) -> None:
        speed = batch["velocities"] + accelerations(batch) * half
        drifted = batch["positions"] + speed * half
        speed = speed * keep + noise(batch, self.seed, batch[DRAWS]) * over(width, root(batch["masses"]))[:, None]
        drifted = drifted + speed * half
        put(batch["velocities"], speed, where)
        put(batch["positions"], drifted, where)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick."""
        kicked(batch, mask, 0.5 * self.dt)
