"""Constant temperature by Nose-Hoover chains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.chains import Bath, chained
from cohobate.dynamics.stages.kinetics import BOLTZMANN, degrees_of_freedom, kinetic_energies
from cohobate.dynamics.stages.masking import each, in_loops, moving, put
from cohobate.dynamics.stages.nve import MOTION, drifted, kicked
from cohobate.dynamics.stages.settings import check_positive, check_whole


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
        check_positive("NVTNoseHoover", self, "dt", "temperature", "tau")
        check_whole("NVTNoseHoover", self, "chain", 1)
        check_whole("NVTNoseHoover", self, "removed", 0)

    @property
    def fields(self) -> Mapping[str, Field]:
        """What moves; places (1) and speeds (1/fs) of the chain."""
        place, speed = self.names
        chain = {place: Field("system", (self.chain,)), speed: Field("system", (self.chain,), unit="1/fs")}
        return {**MOTION, **chain}

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

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Half a step of the chain, half a kick, and a drift."""
        self._thermostat(batch, mask)
        drifted(batch, mask, self.dt)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Half a kick, and half a step of the chain."""
        kicked(batch, mask, 0.5 * self.dt)
        self._thermostat(batch, mask)

    def conserved(self, batch: Batch) -> Tensor:
        """Returns what stays constant but for the length of the step: (B,), eV."""
        kt, degrees, (place, speed) = BOLTZMANN * self.temperature, degrees_of_freedom(batch, self.removed), self.names
        kinetic = 0.5 * kt * self.tau * self.tau * batch[speed] * batch[speed]
        found = batch["energy"] + kinetic_energies(batch)
        for j in range(self.chain):
            weight = degrees if j == 0 else (degrees > 0).to(degrees.dtype)
            found = found + weight * (kinetic[:, j] + kt * batch[place][:, j])
        return found

    def _thermostat(self, batch: Batch, mask: Tensor) -> None:
        twice, degrees = 2 * kinetic_energies(batch), degrees_of_freedom(batch, self.removed)
        there = mask & (degrees > 0)
        advance = self._in_loops if in_loops(batch) else self._by_torch
        factor = advance(batch, there, twice, degrees)
        put(batch["velocities"], batch["velocities"] * each(batch, factor), moving(batch, there))

    def _in_loops(self, batch: Batch, there: Tensor, twice: Tensor, degrees: Tensor) -> Tensor:
        from cohobate.dynamics.kernels import chains  # numba takes a while to import

        factor = torch.ones_like(twice)
        given = [there, twice, degrees, *(batch[name] for name in self.names), factor]
        chains.chained(BOLTZMANN * self.temperature, self.tau, 0.5 * self.dt, *(one.numpy() for one in given))
        return factor

    def _by_torch(self, batch: Batch, there: Tensor, twice: Tensor, degrees: Tensor) -> Tensor:
        bath = Bath(torch.clamp(degrees, min=1).to(twice.dtype), BOLTZMANN * self.temperature, self.tau)
        place, speed = (batch[name] for name in self.names)
        places, speeds, factor = chained(bath, twice, 0.5 * self.dt, place, speed)
        put(place, places, there[:, None])
        put(speed, speeds, there[:, None])
        return factor
