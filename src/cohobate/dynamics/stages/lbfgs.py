"""Relaxation by BFGS with a limited memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.masking import each, longest, moving, per_system, put

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
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            raise UserError(f"LBFGS: memory must be a whole number of at least 1, got {self.memory!r}")
        for name in ("max_step", "stiffness", "damping"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(f"LBFGS: {name} must be a positive number, got {getattr(self, name)!r}")

    @property
    def fields(self) -> Mapping[str, Field]:
        """What is remembered, the latest first; the last move, the forces before it."""
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
        move = self._direction(batch, forces)
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
        atoms = learns[batch.system][:, None, None]
        for name, new in ((moves, batch[MOVE]), (changes, change)):
            put(batch[name], torch.cat([new[:, None], batch[name][:, :-1]], 1), atoms)
        put(batch[inverse], torch.cat([1.0 / curvature[:, None], batch[inverse][:, :-1]], 1), learns[:, None])
        put(known, torch.clamp(known + (learns | ~moved).to(known.dtype), max=self.memory), mask)
        return moved & ~(curvature > 0)

    def _direction(self, batch: Batch, forces: Tensor) -> Tensor:
        """Returns the inverse of the remembered curvature times the forces; what is not remembered is zero."""
        moves, changes, inverse = (batch[name] for name in self._remembered)
        depth = int(batch[KNOWN].max())
        rest, parts = forces, []
        for k in range(depth):
            part = inverse[:, k] * per_system(batch, moves[:, k] * rest)
            rest = rest - changes[:, k] * each(batch, part)
            parts.append(part)
        found = rest / self.stiffness
        for k in reversed(range(depth)):
            back = inverse[:, k] * per_system(batch, changes[:, k] * found)
            found = found - moves[:, k] * each(batch, back - parts[k])
        return found
