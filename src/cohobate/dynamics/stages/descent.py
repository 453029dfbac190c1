"""Relaxation along the forces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.masking import each, longest, moving, put
from cohobate.dynamics.stages.settings import check_between, check_positive

RATE: Final = "descent.rate"
LAST: Final = "descent.energy"


@final
@dataclass(frozen=True, slots=True)
class Descent:
    """Gradient descent: moves by ``rate`` (Å^2/eV) times the forces, no atom further than ``max_step`` (Å).

    Each system has its own rate, which is multiplied by ``grow`` after a step that lowered its energy and by
    ``shrink`` after one that did not; both 1 keep it.
    """

    rate: float = 0.05
    max_step: float = 0.2
    grow: float = 1.2
    shrink: float = 0.5

    def __post_init__(self) -> None:
        check_positive("GradientDescent", self, "rate", "max_step", "shrink")
        check_between("GradientDescent", self, "grow", 1)
        check_between("GradientDescent", self, "shrink", 0, 1)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The rate, and the energy before the last step."""
        return {
            RATE: Field("system", (), unit="Å^2/eV"),
            LAST: Field("system", (), unit="eV", fill=float("inf")),
        }

    @property
    def needs(self) -> frozenset[str]:
        """Energies and forces."""
        return frozenset({"energy", "forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Starts with the rate it was given."""
        batch[RATE][mask], batch[LAST][mask] = self.rate, torch.inf

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Decides on the rate, and moves."""
        where = moving(batch, mask)
        forces = batch["forces"] if where is None else torch.where(where, batch["forces"], 0.0)
        energy, last, rate = batch["energy"], batch[LAST], batch[RATE]
        better = torch.where(energy <= last, rate * self.grow, rate * self.shrink)
        rate = torch.where(torch.isinf(last), rate, better)
        far = longest(batch, forces) * rate
        rate = torch.where(far > self.max_step, rate * (self.max_step / far), rate)
        put(batch["positions"], batch["positions"] + forces * each(batch, rate), where)
        put(batch[RATE], rate, mask)
        put(batch[LAST], energy, mask)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Nothing: the next step begins with the forces."""
