"""Constant temperature by Nose-Hoover chains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.kinetics import BOLTZMANN, degrees_of_freedom, kinetic_energies
from cohobate.dynamics.stages.masking import accelerations, add, each, moving, put
from cohobate.dynamics.stages.nve import MOTION

DEGREES: Final = "nose_hoover.degrees"


@final
@dataclass(frozen=True, slots=True)
class NoseHoover:
    """Martyna, Klein, Tuckerman, J. Chem. Phys. 97, 2635 (1992), each system with a chain of its own.

    ``dt`` and ``tau``, the time in which the temperature follows, in fs; ``temperature`` in K. ``removed`` are the
    degrees of freedom that a system without fixed atoms does not have: 3 where its momentum is conserved and zero,
    0 in an outer field. Unlike ``Langevin`` it does not bring a system to the temperature that is at rest.
    """

    dt: float
    temperature: float
    tau: float = 100.0
    chain: int = 3
    removed: int = 3

    def __post_init__(self) -> None:
        for name in ("dt", "temperature", "tau"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"NVTNoseHoover: {name} must be a positive number, got {getattr(self, name)!r}")
        for name, least in (("chain", 1), ("removed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"NVTNoseHoover: {name} must be a whole number of at least {least}, got {value!r}")

    @property
    def fields(self) -> Mapping[str, Field]:
        """What moves; places (1) and speeds (1/fs) of the chain; degrees of freedom."""
        place, speed = self.names
        chain = {place: Field("system", (self.chain,)), speed: Field("system", (self.chain,), unit="1/fs")}
        return {**MOTION, **chain, DEGREES: Field("system", (), torch.int64)}

    @property
    def names(self) -> tuple[str, str]:
        """The fields of the places and of the speeds of a chain of this length."""
        return f"nose_hoover.{self.chain}.place", f"nose_hoover.{self.chain}.speed"

    @property
    def needs(self) -> frozenset[str]:
        """Forces."""
        return frozenset({"forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Starts with a chain at rest."""
        for name in self.names:
            batch[name][mask] = 0.0
        batch[DEGREES][mask] = degrees_of_freedom(batch, self.removed)[mask]

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Half a step of the chain, half a kick, and a drift."""
        put(batch[DEGREES], degrees_of_freedom(batch, self.removed), mask)  # atoms may have been held, or let go
        where = moving(batch, mask)
        self._thermostat(batch, mask, where)
        add(batch["velocities"], accelerations(batch) * (0.5 * self.dt), where)
        add(batch["positions"], batch["velocities"] * self.dt, where)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick, and half a step of the chain."""
        where = moving(batch, mask)
        add(batch["velocities"], accelerations(batch) * (0.5 * self.dt), where)
        self._thermostat(batch, mask, where)

    def conserved(self, batch: Batch) -> Tensor:
        """Returns what stays constant but for the length of the step: (B,), eV."""
        kt, degrees, (place, speed) = BOLTZMANN * self.temperature, batch[DEGREES], self.names
        kinetic = 0.5 * kt * self.tau * self.tau * batch[speed] * batch[speed]
        found = batch["energy"] + kinetic_energies(batch)
        for j in range(self.chain):
            weight = degrees if j == 0 else (degrees > 0).to(degrees.dtype)
            found = found + weight * (kinetic[:, j] + kt * batch[place][:, j])
        return found

    def _thermostat(self, batch: Batch, mask: Tensor, where: Tensor | None) -> None:
        from cohobate.dynamics.kernels.chains import chained  # numba takes a while to import

        twice = 2 * kinetic_energies(batch)
        which, energies, degrees = (one.cpu().numpy() for one in (mask, twice, batch[DEGREES]))
        place, speed = (batch[name].cpu() for name in self.names)
        scale = torch.empty_like(twice, device="cpu")
        chained(
            which, energies, degrees, BOLTZMANN * self.temperature, self.tau, 0.5 * self.dt,
            place.numpy(), speed.numpy(), scale.numpy()
        )  # fmt: skip
        for name, value in zip(self.names, (place, speed), strict=True):
            batch[name].copy_(value)
        put(batch["velocities"], batch["velocities"] * each(batch, scale.to(batch.device)), where)
