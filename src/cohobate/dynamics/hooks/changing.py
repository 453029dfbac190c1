"""Changing systems as they go: wrapped into their cells, biased, with atoms that stay where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.hooks.hook import HookStage, Moment

HELD: Final = "frozen"
Energy = Callable[[Mapping[str, Tensor]], Any]


@final
class WrapPositions:
    """Brings atoms back into the cell along its periodic directions; atoms inside keep their bits."""

    per_system = True
    stage = HookStage.AFTER_STEP

    def __init__(self, *, frequency: int = 1) -> None:
        self.frequency = frequency

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Changes the positions in place."""
        if "cell" not in batch or "pbc" not in batch:
            return
        rows = moment.mask & batch["pbc"].any(1)
        if not bool(rows.any()):
            return
        cell = torch.where(rows[:, None, None], batch["cell"], torch.eye(3, dtype=batch.dtype, device=batch.device))
        positions = batch["positions"]
        moved = positions
        for k, inverse in enumerate(_inverse_columns(cell)):
            along = _dot(positions, inverse[batch.system])
            periodic = (rows & batch["pbc"][:, k])[batch.system]
            cells = torch.where(periodic, torch.floor(along), torch.zeros_like(along))
            moved = torch.where((cells != 0)[:, None], moved - cells[:, None] * cell[:, k][batch.system], moved)
        positions.copy_(moved)


@final
class Bias:
    """Adds to the energy and the forces of each system what a function of its fields says.

    ``function`` is given the fields of one system by name, and returns its energy (eV) and forces (atoms, 3) in eV/Å;
    or the energy alone, as torch computes it from ``positions``: the forces are then minus its gradient. Stress stays
    as it is. A system for which it raises ends as failed.
    """

    per_system = True
    frequency = 1
    stage = HookStage.AFTER_COMPUTE

    def __init__(self, function: Energy) -> None:
        self.function = function

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Changes energies and forces in place."""
        start = batch.start.tolist()
        for s in torch.nonzero(moment.mask).ravel().tolist():
            atoms = slice(start[s], start[s + 1])
            try:
                energy, forces = self._of(_fields(batch, s, atoms))
            except Exception as error:  # noqa: BLE001 a user's function ends its own system only
                which = torch.zeros_like(moment.mask)
                which[s] = True
                moment.fail(which, f"the bias raised {type(error).__name__}: {error}")
                continue
            batch["energy"][s] += energy
            batch["forces"][atoms] += forces

    def _of(self, fields: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        positions = fields["positions"].clone().requires_grad_()
        with torch.enable_grad():
            found = self.function({**fields, "positions": positions})
            if not isinstance(found, tuple | Tensor):
                raise UserError(
                    f"Bias: expected an energy of torch, or a tuple of energy and forces, got {found!r:.80}"
                )
            if isinstance(found, tuple):
                energy, forces = (torch.as_tensor(one).detach() for one in found)
            else:
                (slope,) = torch.autograd.grad(found, positions)
                energy, forces = found.detach(), -slope
        if energy.numel() != 1 or forces.shape != positions.shape:
            raise UserError(
                f"Bias: expected an energy and forces {tuple(positions.shape)}, "
                f"got {tuple(energy.shape)} and {tuple(forces.shape)}"
            )
        return energy.reshape(()), forces


@final
class FrozenAtoms:
    """Holds atoms where they are for as long as their system is in the stage: by the field ``fixed``, at rest.

    ``which``: a field of atoms that are true, or a function that says so of each atom of a batch: (N,). It is asked
    when a system comes into the stage. Atoms are let go in the next stage, and not where a system ends; those that were
    fixed before stay so.
    """

    stage = HookStage.BEFORE_STEP
    frequency = 1

    def __init__(self, which: str | Callable[[Batch], Tensor]) -> None:
        self.which = which

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Holds those that have come, and lets those go that have left."""
        for name, kind in (("fixed", STANDARD["fixed"]), (HELD, Field("atom", (), torch.bool))):
            if name not in batch:
                batch.add(name, kind)
        here = (moment.mask & (batch["steps"] == 0))[batch.system]
        chosen = self._chosen(batch) if bool(here.any()) else here
        held, fixed = batch[HELD], batch["fixed"]
        elsewhere = (moment.active & ~moment.mask)[batch.system]
        gone, come = held & elsewhere, here & chosen & ~fixed
        fixed.copy_((fixed & ~gone) | come)
        held.copy_((held & ~gone) | come)
        if "velocities" in batch and bool(come.any()):
            batch["velocities"][come] = 0.0

    def _chosen(self, batch: Batch) -> Tensor:
        if isinstance(self.which, str):
            return batch[self.which].to(torch.bool)
        found = self.which(batch)
        if not isinstance(found, Tensor) or found.dtype != torch.bool or tuple(found.shape) != (batch.n_atoms,):
            raise UserError(f"FrozenAtoms: expected {batch.n_atoms} booleans, one for each atom, got {found!r:.80}")
        return found


def _fields(batch: Batch, s: int, atoms: slice) -> dict[str, Tensor]:
    found = {name: batch[name][atoms].clone() for name in batch if batch.kind(name).scope == "atom"}
    return found | {name: batch[name][s].clone() for name in batch if batch.kind(name).scope == "system"}


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def _cross(a: Tensor, b: Tensor) -> Tensor:
    (a0, a1, a2), (b0, b1, b2) = a.unbind(1), b.unbind(1)
    return torch.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], 1)


def _inverse_columns(cell: Tensor) -> list[Tensor]:
    """Returns what gives fractional coordinates, column by column: products only, whose bits follow from each cell."""
    a, b, c = cell.unbind(1)
    volume = _dot(a, _cross(b, c))[:, None]
    return [_cross(b, c) / volume, _cross(c, a) / volume, _cross(a, b) / volume]
