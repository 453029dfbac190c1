"""What a task returned as one system, ready to board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import DERIVED
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.inflight.line import Size
from cohobate.dynamics.inflight.seat import Guest, Seat
from cohobate.dynamics.models.lists import Counting
from cohobate.dynamics.stages.dynamics import OWN, Dynamics

FLEETING: Final = ("pairs.", "flight.", "convergence.")
"""How fields begin that only mean something in the batch they were made in."""
LEFT_OUT: Final = frozenset({*OWN, "ok"})
GIVEN: Final = frozenset({"masses"})
"""Fields that nothing can stand in for, where an update needs them."""


@final
class Building:
    """Turns what tasks return into systems for some dynamics, with a limit of ``most`` that none may exceed."""

    def __init__(
        self,
        dynamics: Dynamics,
        most: Size,
        pairs: Sequence[Counting] = (),
        *,
        n_steps: int | None,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        self._dynamics, self._most, self._n_steps = dynamics, most, n_steps
        self._dtype, self._device = dtype, torch.device(device)
        self._needs = GIVEN & dynamics.fields.keys()
        self._counting = pairs
        self._kinds: dict[str, Field] = {**DERIVED, **dynamics.fields}

    def __call__(self, seat: Seat, returned: Any) -> None:  # noqa: ANN401 whatever a task returns
        """Puts the system into its seat; raises ``UserError`` for what is none, or can never board."""
        guest = returned if isinstance(returned, Guest) else Guest(returned)
        system = system_of(guest.system, guest.name or seat.task.key or str(seat.id))
        seat.name = guest.name or getattr(guest.system, "name", "") or ""
        left_out = [name for name in system if not _lasts(name)]
        seat.own = tuple(name for name in system if name != "id" and name not in left_out)
        if missing := self._needs.difference(seat.own):
            raise UserError(f"{seat.who}: these dynamics need the fields {sorted(missing)}, it has {sorted(seat.own)}")
        batch = system.alone(seat.id, dtype=self._dtype, without=left_out)
        seat.atoms = system.n_atoms
        if seat.atoms > self._most.atoms:
            raise UserError(f"{seat.who} has {seat.atoms} atoms, more than max_atoms={self._most.atoms}")
        self.agree(seat, batch)
        if "id" in system:
            seat.id = int(batch["id"][0])
        seat.most = self._n_steps if guest.n_steps is None else guest.n_steps
        seat.state = batch if batch.device == self._device else batch.to(self._device)
        if self._dynamics.on_admit is not None:
            self._dynamics.admit(seat.state)
        if self._counting:
            self._count(seat)

    def _count(self, seat: Seat) -> None:
        assert seat.state is not None
        seat.edges = float(max(int(one.pairs(seat.state).sum()) for one in self._counting))
        if seat.edges > self._most.edges:
            raise UserError(f"{seat.who} has {seat.edges:g} pairs, more than max_edges={self._most.edges}")

    def agree(self, seat: Seat, batch: Batch) -> None:
        """Raises ``UserError`` where a field is declared otherwise than by the systems before, which it may join."""
        for name in batch:
            known = self._kinds.setdefault(name, kind := batch.kind(name))
            if known is not kind and known != kind:
                raise UserError(f"{seat.who}: field {name!r} is declared as {kind}, and by systems before as {known}")


def counting(dynamics: Dynamics) -> tuple[Counting, ...]:
    """Returns the potentials that count pairs; raises ``UserError`` where none does."""
    every = {id(stage.potential): stage.potential for stage in dynamics.stages}.values()
    found = tuple(one for one in every if isinstance(one, Counting) and one.traits.cutoff is not None)
    if not found:
        names = sorted({type(stage.potential).__name__ for stage in dynamics.stages})
        raise UserError(f"max_edges: {' and '.join(names)} cannot count the pairs of a system; give max_atoms alone")
    return found


def system_of(given: Any, name: str) -> AtomicData:  # noqa: ANN401 whatever a task returns
    """Returns a system of what describes one; ``name`` is what messages call it where it has no name."""
    if isinstance(given, AtomicData):
        return given
    if isinstance(given, Batch):
        if given.n_systems != 1:
            raise UserError(f"a task must return one system, got a batch of {given.n_systems}")
        return AtomicData.of_batch(given, 0)
    if isinstance(given, Mapping):
        return AtomicData({key: value for key, value in given.items() if _lasts(key)}, {}, name)
    if hasattr(given, "get_positions") and hasattr(given, "get_cell"):  # an ase.Atoms, whose import costs
        return AtomicData.from_ase(given)
    raise UserError(f"a task must return a system (AtomicData, ase.Atoms, a mapping of arrays), got {given!r:.80}")


def _lasts(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith(FLEETING)
