"""The running batch itself: systems board, make steps, and leave. Used by one thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import torch

from cohobate.core.capture import Raised, capture
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.inflight.before import Before
from cohobate.dynamics.inflight.prime import guarded
from cohobate.dynamics.inflight.refill import is_swappable, put, refilled
from cohobate.dynamics.inflight.seat import FIELDS, MADE, MOST, SEAT, Seat
from cohobate.dynamics.models.lists import pairs_of
from cohobate.dynamics.stages.dynamics import END, Dynamics
from cohobate.dynamics.stages.stage import BUDGET_USED, FAILED


@final
class Cabin:
    """A batch and who sits where in it: ``seats`` are in the order of its systems."""

    def __init__(self, dynamics: Dynamics, *, dtype: torch.dtype, device: torch.device | str) -> None:
        self.dynamics, self.guards = guarded(dynamics)
        empty = self.dynamics.admit(Batch.empty(dtype=dtype, device=device))
        for name, kind in FIELDS.items():
            empty.add(name, kind)
        self.batch = empty
        self.seats: list[Seat] = []
        self.exit, self.boarding = self.dynamics.exit_status, self.dynamics.entry
        self._made = {"positions", "numbers", "energy", *self.dynamics.fields}.union(
            *(stage.potential.traits.outputs for stage in self.dynamics.stages)
        )
        self.brought: frozenset[str] = frozenset()
        self._limited = False
        self._before = Before()
        self._causes: dict[int, BaseException] = {}
        self.turns = 0

    def step(self) -> None:
        """Makes one step; a system whose last one it was has its budget used. One that raises leaves all as it was."""
        dynamics, batch, told = self.dynamics, self.batch, [set(guard.why) for guard in self.guards]
        count = dynamics.step_count
        self._before.keep(batch)
        try:
            self._step(batch)
        except BaseException:
            self._before.give_back(batch)
            dynamics.step_count = count
            for guard, there in zip(self.guards, told, strict=True):
                guard.why = {number: why for number, why in guard.why.items() if number in there}
            raise

    def _step(self, batch: Batch) -> None:
        status = batch["status"]
        running = (status != self.exit) & (status != self.boarding)
        self.dynamics.step(batch)
        batch[MADE].add_(running)
        if self._limited:
            most = batch[MOST]
            used = (most >= 0) & (batch[MADE] >= most) & (batch["status"] != self.exit)
            self.end(used, BUDGET_USED)
        self.turns += 1

    def step_apart(self) -> None:
        """Makes one step of each system alone, after one of all has raised; those for which it raises again fail."""
        whole, seats, count, turns = self.batch, self.seats, self.dynamics.step_count, self.turns
        parts = []
        for row in range(len(seats)):
            self.batch, self.seats = whole.select([row]), [seats[row]]
            self.dynamics.step_count = count
            if not bool(self.done()) and isinstance(outcome := capture(self.step), Raised):
                self.fail([0], f"{outcome.message} (in {where(outcome.error)})", outcome.error)
            parts.append(self.batch)
        self.batch, self.seats = joined(parts), seats
        self.dynamics.step_count, self.turns = count + 1, turns + 1

    def end(self, rows: torch.Tensor | Sequence[int], why: int) -> None:
        """Has systems leave."""
        self.batch["status"][rows] = self.exit
        self.batch[END][rows] = why

    def fail(self, rows: Sequence[int], why: str, cause: BaseException | None = None) -> None:
        """Has systems leave as failed."""
        self.end(rows, FAILED)
        self._causes |= {self.seats[row].number: cause for row in rows if cause is not None}
        self.guards[0].why |= {self.seats[row].number: why for row in rows}

    def done(self) -> torch.Tensor:
        """Returns those that are through with the last stage: (B,)."""
        return self.batch["status"] == self.exit

    def why(self, seat: Seat) -> tuple[str, BaseException | None]:
        """Returns what was wrong with a system, and what was raised; forgets it."""
        told = [text for guard in self.guards if (text := guard.why.pop(seat.number, ""))]
        marked = self.dynamics.reasons.pop(seat.id, "it was marked as failed")
        return told[0] if told else marked, self._causes.pop(seat.number, None)

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
            if not self._made.issuperset(seat.own):
                self.brought |= frozenset(seat.own) - self._made
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

    def take_out(self, rows: Sequence[int], now: float) -> list[Seat]:
        """Takes systems out as they are, to go on later."""
        out = [self.seats[row] for row in rows]
        for row, seat in zip(rows, out, strict=True):
            seat.state = self.batch.select([row])
            seat.step_out(now)
        chosen = set(rows)
        self.change([row for row in range(len(self.seats)) if row not in chosen], ())
        return out

    def count_edges(self) -> None:
        """Counts the pairs of those that are here, which become more and fewer as they move."""
        for seat, pairs in zip(self.seats, pairs_of(self.batch).tolist(), strict=True):
            seat.edges = float(pairs) or seat.edges  # of one that has not been computed yet


def where(error: BaseException) -> str:
    """Returns the name of the function that raised."""
    trace, name = error.__traceback__, "?"
    while trace is not None:
        name, trace = trace.tb_frame.f_code.co_qualname, trace.tb_next
    return name
