"""The running batch itself: systems board, make steps, and leave. Used by one thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import torch

from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.inflight.prime import guarded
from cohobate.dynamics.inflight.refill import is_swappable, put, refilled
from cohobate.dynamics.inflight.seat import FIELDS, MADE, MOST, SEAT, Seat
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
        self.dynamics.advance(batch)
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
        marked = self.dynamics.reasons.pop(seat.id, "it was marked as failed")
        return told[0] if told else marked

    def change(self, stay: Sequence[int], coming: Iterable[Seat]) -> None:
        """Keeps some systems, in the order given, and lets others board."""
        listed = list(coming)
        swapped = self._swap(stay, listed) if len(stay) < len(self.seats) else {}
        rows = sorted([*stay, *swapped]) if swapped else stay
        chosen = set(swapped.values())
        rest = [seat for seat in listed if seat not in chosen]
        if rest or len(rows) < len(self.seats):
            self._rebuild(rows, rest)
        for seat in listed:
            seat.state = None
        self._limited = any(seat.most is not None for seat in self.seats)

    def _swap(self, stay: Sequence[int], coming: Sequence[Seat]) -> dict[int, Seat]:
        """Lets systems take the places of others that are as large; returns who has which row now."""
        kept = set(stay)
        free: dict[int, list[int]] = {}
        for row, seat in enumerate(self.seats):
            if row not in kept:
                free.setdefault(seat.atoms, []).append(row)
        found: dict[int, Seat] = {}
        for seat in coming:
            places = free.get(seat.atoms)
            if places and seat.state is not None and not seat.flown and is_swappable(self.batch, seat.state):
                row = places.pop()
                put(self.batch, row, seat.state, self._given(seat))
                found[row] = self.seats[row] = seat
        return found

    def _given(self, seat: Seat) -> dict[str, int]:
        most = -1 if seat.most is None else seat.most
        return {SEAT: seat.number, MOST: most, "status": self.boarding}

    def _rebuild(self, stay: Sequence[int], coming: Sequence[Seat]) -> None:
        fresh = [seat for seat in coming if not seat.flown]
        flown = [seat for seat in coming if seat.flown]
        parts = [self._first_time(fresh)] if fresh else []
        parts += [seat.state for seat in flown if seat.state is not None]
        self.batch = refilled(self.batch, stay, joined(parts) if len(parts) > 1 else parts[0] if parts else None)
        self.seats = [*[self.seats[row] for row in stay], *fresh, *flown]

    def _first_time(self, seats: Sequence[Seat]) -> Batch:
        """Returns systems with their seats; all other fields of a running batch are filled in by it."""
        states = [seat.state for seat in seats if seat.state is not None]
        batch = joined(states) if len(states) > 1 else states[0]
        given = [self._given(seat) for seat in seats]
        for name, kind in ((SEAT, FIELDS[SEAT]), (MOST, FIELDS[MOST]), ("status", STANDARD["status"])):
            batch.add(name, kind, torch.tensor([one[name] for one in given], device=batch.device))
        return batch

    def refuse(self, seat: Seat) -> str | None:
        """Returns why a system cannot board: a field of it is declared otherwise than that of those who are here."""
        for name in seat.own:
            assert seat.state is not None
            if name in self.batch and self.batch.kind(name) != (kind := seat.state.kind(name)):
                return f"field {name!r}: {kind} of this one, and {self.batch.kind(name)} of those it would join"
        return None

    def take_out(self, rows: Sequence[int], now: float) -> list[Seat]:
        """Takes systems out as they are, to go on later."""
        out = [self.seats[row] for row in rows]
        for row, seat in zip(rows, out, strict=True):
            seat.state = self.batch.select([row])
            seat.step_out(now)
        chosen = set(rows)
        self.change([row for row in range(len(self.seats)) if row not in chosen], ())
        return out

    def count_edges(self, waiting: Iterable[Seat]) -> bool:
        """Counts the pairs of those that are here, guesses by them what those that wait will have; whether it did."""
        if not self._count_edges or COUNT not in self.batch or not self.seats:
            return False
        each = torch.zeros(len(self.seats), dtype=torch.int64, device=self.batch.device)
        each.index_add_(0, self.batch.system, self.batch[COUNT].long())
        for seat, pairs in zip(self.seats, each.tolist(), strict=True):
            seat.edges = float(pairs)
        atoms = sum(seat.atoms for seat in self.seats)
        self._pairs_per_atom = sum(seat.edges for seat in self.seats) / max(1, atoms)
        for seat in waiting:
            seat.edges = self._pairs_per_atom * seat.atoms
        return True
