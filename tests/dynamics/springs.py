"""A potential that costs nothing, and hooks that remember: for tests of the step itself."""

from __future__ import annotations

import torch

from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.hooks.hook import HookStage
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.stages.masking import per_system


class Springs:
    """Binds each atom to the origin; remembers which systems it was asked for."""

    def __init__(self, k: float = 1.0, *, provides=("energy", "forces"), gives=None, devices=("cpu", "cuda")):
        self.k, self.asked = k, []
        self.gives = provides if gives is None else gives
        self.traits = Traits(frozenset(provides), exact=True, devices=devices)

    def __repr__(self):
        return f"Springs({self.k})"

    def compute(self, batch, want):
        self.asked.append(batch["id"].tolist())
        x = batch["positions"]
        ok = torch.isfinite(per_system(batch, x))
        values = {"energy": per_system(batch, x * x) * (0.5 * self.k), "forces": x * -self.k}
        why = {int(s): "positions must be finite" for s in torch.nonzero(~ok).ravel()}
        return Results({name: values[name] for name in self.gives if name in want}, ok, why)


class Seen:
    """Remembers when it was called, at which step, and for which systems."""

    def __init__(self, *stages: HookStage, frequency: int = 1, per_system: bool = False, name: str = "", calls=None):
        self.stages, self.frequency, self.per_system, self.name = (
            stages or tuple(HookStage),
            frequency,
            per_system,
            name,
        )
        self.calls = [] if calls is None else calls

    def __call__(self, batch, moment):
        self.calls.append((self.name, moment.stage, moment.step, batch["id"][moment.mask].tolist()))

    @property
    def moments(self):
        return [(name, stage.name) for name, stage, *_ in self.calls]

    @property
    def steps(self):
        return [step for _, _, step, _ in self.calls]

    @property
    def systems(self):
        return [ids for *_, ids in self.calls]


def atoms(*where: float, mass: float = 10.0, speed: float = 0.0, **more):
    """Returns a system with one atom for each number, that far out."""
    n = len(where)
    fields = {
        "numbers": [18] * n,
        "positions": [[x, 0.1 * i, 0.2] for i, x in enumerate(where)],
        "velocities": [[0.0, speed, 0.0]] * n,
        "masses": [mass] * n,
    }
    return fields | more


def batch(*systems, **given):
    """Returns a batch of systems, by default three of 1, 2 and 3 atoms."""
    return batch_of(systems or (atoms(1.0), atoms(2.0, -1.0), atoms(0.5, 1.5, -2.0)), **given)
