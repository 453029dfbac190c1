"""What a task returned as one system, ready to board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.inflight.line import Size
from cohobate.dynamics.inflight.seat import Guest, Seat
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
        self, dynamics: Dynamics, most: Size, *, n_steps: int | None, dtype: torch.dtype, device: torch.device | str
    ) -> None:
        self._dynamics, self._most, self._n_steps = dynamics, most, n_steps
        self._dtype, self._device = dtype, torch.device(device)
        self._needs = GIVEN & dynamics.fields.keys()

    def __call__(self, seat: Seat, returned: Any) -> None:  # noqa: ANN401 whatever a task returns
        """Puts the system into its seat; raises ``UserError`` for what is none, or can never board."""
        guest = returned if isinstance(returned, Guest) else Guest(returned)
        system = system_of(guest.system, guest.name or seat.task.key or str(seat.id))
        seat.name = guest.name or getattr(guest.system, "name", "") or ""
        seat.own = tuple(name for name in system if name != "id" and _lasts(name))
        if missing := self._needs.difference(seat.own):
            raise UserError(f"{seat.who}: these dynamics need the fields {sorted(missing)}, it has {sorted(seat.own)}")
        batch = system.alone(seat.id, dtype=self._dtype, without=[name for name in system if not _lasts(name)])
        seat.atoms = system.n_atoms
        if seat.atoms > self._most.atoms:
            raise UserError(f"{seat.who} has {seat.atoms} atoms, more than max_atoms={self._most.atoms}")
        if "id" in system:
            seat.id = int(batch["id"][0])
        seat.most = self._n_steps if guest.n_steps is None else guest.n_steps
        seat.state = batch if batch.device == self._device else batch.to(self._device)
        if self._dynamics.on_admit is not None:
            self._dynamics.admit(seat.state)


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
