"""Ending systems that have gone wrong, and keeping others from it."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.hooks.measures import finite, total_energy
from cohobate.dynamics.stages.masking import root

DRIFT_FROM: Final = "drift.from"


@final
class NaNDetector:
    """Ends systems with numbers that are not finite as failed; all others go on as they were."""

    per_system = True
    stage = HookStage.AFTER_COMPUTE

    def __init__(
        self, names: tuple[str, ...] = ("positions", "velocities", "forces", "energy", "stress"), *, frequency: int = 1
    ) -> None:
        self.names, self.frequency = tuple(names), frequency

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Looks at all of them."""
        for name in self.names:
            if bool((bad := moment.mask & ~finite(batch, (name,))).any()):
                moment.fail(bad, f"{name} are not finite")


@final
class ExplosionDetector:
    """Ends systems as failed in which something is too large: a force (eV/Å), a speed (Å/fs)."""

    per_system = True
    stage = HookStage.AFTER_COMPUTE

    def __init__(self, *, max_force: float | None = None, max_speed: float | None = None, frequency: int = 1) -> None:
        given = {"forces": max_force, "velocities": max_speed}
        self.limits = {name: limit for name, limit in given.items() if limit is not None}
        self.frequency = frequency
        if not self.limits or not all(limit > 0 for limit in self.limits.values()):
            raise UserError(f"ExplosionDetector: expected a positive max_force or max_speed, got {given}")

    def describe(self) -> dict[str, object]:
        """Returns what it was told."""
        return {"limits": self.limits, "frequency": self.frequency}

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Compares the norms of all atoms."""
        for name, limit in self.limits.items():
            if name in batch:
                wild = torch.zeros_like(moment.mask)
                wild[batch.system[_norms(batch[name]) > limit]] = True
                if bool((bad := moment.mask & wild).any()):
                    moment.fail(bad, f"{name} above {limit} of some atom")


@final
class MaxForceClamp:
    """Shortens forces above ``max_force`` (eV/Å) to it, atom by atom, before they are used."""

    per_system = True
    stage = HookStage.AFTER_COMPUTE
    frequency = 1

    def __init__(self, max_force: float) -> None:
        if not 0 < max_force < math.inf:
            raise UserError(f"MaxForceClamp: max_force must be a positive number of eV/Å, got {max_force!r}")
        self.max_force = max_force

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Changes the forces in place."""
        forces = batch["forces"]
        norms = _norms(forces.double())
        long = ((norms > self.max_force) & moment.mask[batch.system])[:, None]
        scale = self.max_force / torch.where(norms > 0, norms, torch.ones_like(norms))
        forces.copy_(torch.where(long, (forces * scale[:, None]).to(forces.dtype), forces))


@final
class EnergyDrift:
    """Follows how far the total energy per atom of each system has gone from where its stage began: eV.

    ``worst`` is the largest seen of each system, by id. Systems beyond ``threshold`` end as failed, where one is given.
    """

    per_system = True
    stages = (HookStage.BEFORE_STEP, HookStage.AFTER_STEP)

    def __init__(self, threshold: float | None = None, *, frequency: int = 1) -> None:
        if threshold is not None and not threshold > 0:
            raise UserError(f"EnergyDrift: threshold must be a positive number of eV, got {threshold!r}")
        self.threshold, self.frequency = threshold, frequency
        self.worst: dict[int, float] = {}

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Notes where a system begins, and looks at where it is."""
        if DRIFT_FROM not in batch:
            batch.add(DRIFT_FROM, Field("system", (), unit="eV", fill=math.nan))
        now = total_energy(batch)
        if moment.stage is HookStage.BEFORE_STEP:
            first = moment.mask & (batch["steps"] == 0)
            batch[DRIFT_FROM].copy_(torch.where(first, now, batch[DRIFT_FROM]))
            return
        off = torch.abs(now - batch[DRIFT_FROM]) / batch.atoms
        for system, much in zip(batch["id"][moment.mask].tolist(), off[moment.mask].tolist(), strict=True):
            self.worst[system] = max(much, self.worst.get(system, 0.0))
        if self.threshold is not None and bool((bad := moment.mask & ~(off <= self.threshold)).any()):
            moment.fail(bad, f"the energy has drifted by more than {self.threshold} eV per atom")


def _norms(vectors: Tensor) -> Tensor:
    x, y, z = vectors.unbind(1)
    return root(x * x + y * y + z * z)
