"""How systems start to move: velocities at a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.stages.kinetics import BOLTZMANN, temperatures
from cohobate.dynamics.stages.masking import ACCELERATION, each, over, root
from cohobate.dynamics.stages.noise import noise
from cohobate.dynamics.stages.settings import SEEDS, check_between, check_whole

STREAM: Final = 1 << 62
"""The count of draws at which velocities are drawn: one that no thermostat reaches."""


@final
@dataclass(frozen=True, slots=True)
class MaxwellBoltzmann:
    """Draws the velocities of all systems of a batch at ``temperature`` (K); to be used as ``on_admit``.

    They are a function of ``seed`` and the id of a system. The centre of mass is left at rest unless ``drift``, where
    no atom is fixed; fixed atoms do not move. ``exact`` scales them so that each system has the temperature exactly.

    >>> from cohobate.dynamics.data.batch import Batch
    >>> pair = {"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]], "masses": [40.0, 40.0]}
    >>> batch = Batch.of([pair])
    >>> MaxwellBoltzmann(300, exact=True)(batch)
    >>> round(float(temperatures(batch)[0]), 6)
    300.0
    """

    temperature: float
    seed: int = 0
    drift: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        check_between("MaxwellBoltzmann", self, "temperature", 0)
        check_whole("MaxwellBoltzmann", self, "seed", *SEEDS)

    def __call__(self, batch: Batch) -> None:
        """Sets the velocities of all systems (Å/fs); raises ``UserError`` where a mass is not positive."""
        _weighed(batch)
        if "velocities" not in batch:
            batch.add("velocities", STANDARD["velocities"])
        counts = torch.full_like(batch["id"], STREAM)
        width = root(over(BOLTZMANN * self.temperature * ACCELERATION, batch["masses"]))
        batch["velocities"].copy_(self._settled(batch, noise(batch, self.seed, counts) * width[:, None]))
        if self.exact:
            self._scale(batch)

    def _settled(self, batch: Batch, speed: Tensor) -> Tensor:
        fixed = batch["fixed"] if "fixed" in batch else torch.zeros_like(batch["masses"], dtype=torch.bool)
        speed = torch.where(fixed[:, None], torch.zeros_like(speed), speed)
        if self.drift:
            return speed
        held = _sums(batch, fixed.to(speed.dtype)) > 0
        mass = _sums(batch, batch["masses"])
        drift = torch.stack([_sums(batch, batch["masses"] * speed[:, k]) / mass for k in range(3)], 1)
        return torch.where(each(batch, held), speed, speed - drift[batch.system])

    def _scale(self, batch: Batch) -> None:
        now = temperatures(batch, 0 if self.drift else 3)
        ratio = over(self.temperature, torch.where(now > 0, now, torch.ones_like(now)))
        batch["velocities"].mul_(each(batch, root(torch.where(now > 0, ratio, torch.ones_like(now)))))


def _weighed(batch: Batch) -> None:
    masses = batch["masses"]
    wrong = torch.nonzero(~(masses > 0)).ravel().tolist()
    if wrong:
        system = int(batch["id"][batch.system[wrong[0]]])
        raise UserError(f"system {system}: masses must be positive, got {float(masses[wrong[0]])} (amu)")


def _sums(batch: Batch, values: Tensor) -> Tensor:
    """Returns the sum over the atoms of each system: (B,), of values (N,) in the order of its atoms."""
    return torch.zeros(batch.n_systems, dtype=values.dtype, device=values.device).index_add_(0, batch.system, values)
