"""A potential of which everything is known: each atom in a harmonic well at the origin."""

from __future__ import annotations

import torch

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.stages.masking import per_system


class Wells:
    """Pulls each atom to the origin with ``k`` (eV/Å^2)."""

    def __init__(self, k: float):
        self.k = k
        self.traits = Traits(frozenset({"energy", "forces"}), exact=True)

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        positions = batch["positions"]
        values = {"energy": 0.5 * self.k * per_system(batch, positions * positions), "forces": -self.k * positions}
        return Results(values, torch.ones(batch.n_systems, dtype=torch.bool))
