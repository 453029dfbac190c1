"""The running batch itself: systems board, make steps, and leave. Used by one thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import torch

from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.inflight.line import Size
from cohobate.dynamics.inflight.prime import guarded
from cohobate.dynamics.inflight.seat import FIELDS, MADE, MOST, Seat
from cohobate.dynamics.models.lists import COUNT
from cohobate.dynamics.stages.dynamics import END, Dynamics
from cohobate.dynamics.stages.stage import BUDGET_USED, FAILED


@final
class Cabin:
    """A batch and who sits where in it: ``seats`` are in the order of its systems."""

    def __init__(self, dynamics: Dynamics, *, dtype: torch.dtype, device: torch.device | str, edges: bool) -> None:
        self.dynamics, self.guards = guarded(dynamics)
        empty = self.dynamics.admit(Batch.empty(dtype=dtype, device=device))
        for name, kind in FIELDS.items():
            empty.add(name, kind)
        self.batch = empty
        self.seats: list[Seat] = []
        self.exit, self.boarding = self.dynamics.exit_status, self.dynamics.entry
        self._count_edges = edges
        self._pairs_per_atom = 0.0
        self._limited = False
        self.turns = 0

    def step(self) -> None:
        """Makes one step; a system whose last one it was has its budget used."""
        batch = self.batch
        status = batch["status"]
        running = (status != self.exit) & (status != self.boarding)
        self.dynamics.step(batch)
        batch[MADE].add_(running)
        self.turns += 1
        if self._limited:
            most = batch[MOST]
            used = (most >= 0) & (batch[MADE] >= most) & (batch["status"] != self.exit)
            self.end(used, BUDGET_USED)

    def end(self, rows: torch.Tensor | Sequence[int], why: int) -> None:
        """Has systems leave."""
        self.batch["status"][rows] = self.exit
        self.batch[END][rows] = why

    def fail(self, rows: Sequence[int], why: str) -> None:
        """Has systems leave as failed."""
        self.end(rows, FAILED)
        self.guards[0].why |= {self.seats[row].number: why for row in rows}

    def done(self) -> torch.Tensor:
        """Returns those that are through with the last stage: (B,)."""
        return self.batch["status"] == self.exit

    def why(self, seat: Seat) -> str:
        """Returns what was wrong with a system, and forgets it."""
        told = [text for guard in self.guards if (text := guard.why.pop(seat.number, ""))]
        return told[0] if told else "it was marked as failed"

    def change(self, stay: Sequence[int], fresh: Iterable[Seat]) -> None:
        """Keeps some systems, in the order given, and lets others board."""
        coming = list(fresh)
        kept = self.batch if len(stay) == len(self.seats) else self.batch.select(stay)
        states = [seat.state for seat in coming if seat.state is not None]
        self.batch = joined([kept, *states]) if states else kept
        self.seats = [*[self.seats[row] for row in stay], *coming]
        for seat in coming:
            seat.state = None
        self._limited = bool((self.batch[MOST] >= 0).any())

    def refuse(self, seat: Seat) -> str | None:
        """Returns why a system cannot board: a field of it is declared otherwise than that of those who are here."""
        for name in seat.own:
            assert seat.state is not None
            if name in self.batch and self.batch.kind(name) != (kind := seat.state.kind(name)):
                return f"field {name!r}: {kind} of this one, and {self.batch.kind(name)} of those it would join"
        return None

    def take_out(self, rows: Sequence[int]) -> list[Seat]:
        """Takes systems out as they are, to go on later."""
        out = [self.seats[row] for row in rows]
        for row, seat in zip(rows, out, strict=True):
            seat.state = self.batch.select([row])
        chosen = set(rows)
        self.change([row for row in range(len(self.seats)) if row not in chosen], ())
        return out

    def load(self) -> Size:
        """Returns how much is in it."""
        return Size(sum(seat.atoms for seat in self.seats), sum(seat.edges for seat in self.seats), len(self.seats))

    def count_edges(self, waiting: Iterable[Seat]) -> None:
        """Counts the pairs of those that are here, and guesses by them what those that wait will have."""
        if not self._count_edges or COUNT not in self.batch or not self.seats:
            return
        each = torch.zeros(len(self.seats), dtype=torch.int64)
        each.index_add_(0, self.batch.system, self.batch[COUNT].long())
        for seat, pairs in zip(self.seats, each.tolist(), strict=True):
            seat.edges = float(pairs)
        atoms = sum(seat.atoms for seat in self.seats)
        self._pairs_per_atom = sum(seat.edges for seat in self.seats) / max(1, atoms)
        for seat in waiting:
            seat.edges = self._pairs_per_atom * seat.atoms
