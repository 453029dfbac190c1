"""Relaxation by BFGS with a limited memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.masking import each, in_loops, longest, moving, per_system, put
from cohobate.dynamics.stages.settings import check_positive, check_whole

MOVE: Final = "lbfgs.move"
BEFORE: Final = "lbfgs.forces"
KNOWN: Final = "lbfgs.known"


@final
@dataclass(frozen=True, slots=True)
class Lbfgs:
    """Nocedal, Math. Comput. 35, 773 (1980), by two loops, with the parameters and the steps of ASE's.

    ``memory`` is how many steps are remembered, by 48 bytes for each atom. ``stiffness`` (eV/Å^2) is the curvature it
    starts with: 70 is that of stiff bonds, soft matter relaxes sooner with less. ``max_step`` (Å) is how far an atom
    moves at most. Along a step with a curvature that is not positive, where ASE's goes astray, it learns nothing and
    goes on by ``max_step``.
    """

    memory: int = 20
    max_step: float = 0.2
    stiffness: float = 70.0
    damping: float = 1.0

    def __post_init__(self) -> None:
        check_whole("LBFGS", self, "memory", 1)
        check_positive("LBFGS", self, "max_step", "stiffness", "damping")

    @property
    def fields(self) -> Mapping[str, Field]:
        """What is remembered, in a ring; the last move, the forces before it; how many steps it learned from."""
        moves, changes, inverse = self._remembered
        return {
            moves: Field("atom", (self.memory, 3), unit="Å"),
            changes: Field("atom", (self.memory, 3), unit="eV/Å"),
            inverse: Field("system", (self.memory,), unit="1/eV"),
            MOVE: Field("atom", (3,), unit="Å"),
            BEFORE: Field("atom", (3,), unit="eV/Å"),
            KNOWN: Field("system", (), torch.int64, fill=-1),
        }

    @property
    def _remembered(self) -> tuple[str, str, str]:
        """The names of what is as long as the memory: moves, changes of the forces, one over their products."""
        return f"lbfgs.{self.memory}.moves", f"lbfgs.{self.memory}.changes", f"lbfgs.{self.memory}.inverse"

    @property
    def needs(self) -> frozenset[str]:
        """Forces."""
        return frozenset({"forces"})

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Forgets."""
        atoms, (moves, changes, inverse) = mask[batch.system], self._remembered
        batch[KNOWN][mask], batch[inverse][mask] = -1, 0.0
        for name in (moves, changes, MOVE, BEFORE):
            batch[name][atoms] = 0.0

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Remembers what the last move changed, and moves where the forces are expected to be zero."""
        where = moving(batch, mask)
        forces = batch["forces"] if where is None else torch.where(where, batch["forces"], 0.0)
        concave = self._remember(batch, mask, forces)
        move = self.direction(batch, mask, forces)
        far = longest(batch, move)
        limited = (far >= self.max_step) | (concave & (far > 0))
        move = move * each(batch, torch.where(limited, self.max_step / far, 1.0)) * self.damping
        put(batch["positions"], batch["positions"] + move, where)
        put(batch[MOVE], move, where)
        put(batch[BEFORE], forces, where)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Nothing: the next step begins with the forces."""

    def _remember(self, batch: Batch, mask: Tensor, forces: Tensor) -> Tensor:
        """Remembers the last move where the curvature along it was positive; returns where it was not: (B,)."""
        known, change, (moves, changes, inverse) = batch[KNOWN], batch[BEFORE] - forces, self._remembered
        curvature = per_system(batch, change * batch[MOVE])
        moved = known >= 0
        learns = mask & moved & (curvature > 0)
        slot = known % self.memory
        _put_at(batch[inverse], slot, 1.0 / curvature, learns)
        for name, new in ((moves, batch[MOVE]), (changes, change)):
            _put_at(batch[name], slot[batch.system], new, each(batch, learns))
        put(known, known + (learns | ~moved).to(known.dtype), mask)
        return moved & ~(curvature > 0)

    def direction(self, batch: Batch, mask: Tensor, forces: Tensor) -> Tensor:
        """Returns the inverse of the remembered curvature times the forces."""
        if not in_loops(batch):
            return self.by_torch(batch, forces)
        from cohobate.dynamics.kernels.two_loops import directions  # numba takes a while to import

        moves, changes, inverse = (batch[name].numpy() for name in self._remembered)
        found, known = forces.clone(), batch[KNOWN].numpy()
        directions(batch.start.numpy(), mask.numpy(), known, moves, changes, inverse, 1 / self.stiffness, found.numpy())
        return found

    def by_torch(self, batch: Batch, forces: Tensor) -> Tensor:
        """Returns the same for any device and type; what is not remembered is zero."""
        moves, changes, inverse = (batch[name] for name in self._remembered)
        known, every = batch[KNOWN], torch.arange(batch.n_systems, device=batch.device)
        first = torch.arange(batch.n_atoms, device=batch.device) * self.memory
        rest, steps = forces, []
        deepest = self.memory if torch.compiler.is_compiling() else min(int(known.max()), self.memory)
        for k in range(deepest):
            slot = (known - 1 - k) % self.memory
            row, weight = first + slot[batch.system], inverse[every, slot]
            move, change = (one.view(-1, 3).index_select(0, row) for one in (moves, changes))
            part = weight * per_system(batch, move * rest)
            rest = rest - change * each(batch, part)
            steps.append((move, change, weight, part))
        found = rest * (1 / self.stiffness)
        for move, change, weight, part in reversed(steps):
            back = weight * per_system(batch, change * found)
            found = found - move * each(batch, back - part)
        return found


def _put_at(ring: Tensor, slot: Tensor, value: Tensor, where: Tensor) -> None:
    """Replaces one entry of each ring, at its own place, where wanted."""
    every = torch.arange(len(ring), device=ring.device)
    ring[every, slot] = torch.where(where, value, ring[every, slot])
