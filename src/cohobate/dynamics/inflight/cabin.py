"""The running batch itself: systems board, make steps, and leave. Used by one thread only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from numpy.typing import NDArray

from cohobate.core.capture import Raised, capture
from cohobate.core.errors import CohobateError
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.inflight.before import Before
from cohobate.dynamics.inflight.looking import Looking
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
        self._looking = Looking()
        self._before = Before()
        self._causes: dict[int, BaseException] = {}
        self.turns = 0

    def step(self) -> None:
        """Makes one step; a system whose last one it was has its budget used. One that raises leaves all as it was."""
        dynamics, batch, told = self.dynamics, self.batch, [set(guard.why) for guard in self.guards]
        count = dynamics.step_count
        self._before.keep(batch, self.arrays)
        try:
            self._step(batch)
        except BaseException:
            self._before.give_back(batch)
            dynamics.step_count = count
            for guard, there in zip(self.guards, told, strict=True):
                guard.why = {number: why for number, why in guard.why.items() if number in there}
            raise

    def _step(self, batch: Batch) -> None:
        status = batch["status"].cpu().numpy()  # by numpy, which holds on to the interpreter
        running = (status != self.exit) & (status != self.boarding)
        self.dynamics.advance(batch)
        if batch.device.type == "cpu":
            batch[MADE].numpy()[:] += running
        else:
            batch[MADE].add_(torch.from_numpy(running).to(batch.device))
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
                self.fail([0], described(outcome), outcome.error)
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

    @property
    def held(self) -> Looking:
        """The batch as arrays; copies of all of it where it is not in main memory."""
        return self._looking.at(self.batch)

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]] | None:
        """The fields as arrays that share the memory of the batch, where all do."""
        if self.batch.device.type != "cpu":
            return None
        held = self.held
        return held.arrays if held.open else None

    def done(self) -> list[int]:
        """Returns the rows of those that are through with the last stage."""
        rows: list[int] = (self.batch["status"].cpu().numpy() == self.exit).nonzero()[0].tolist()
        return rows

    def why(self, seat: Seat) -> tuple[str, BaseException | None]:
        """Returns what was wrong with a system, and what was raised; forgets it."""
        told = [text for guard in self.guards if (text := guard.why.pop(seat.number, ""))]
        marked = self.dynamics.reasons.pop(seat.id, "it was marked as failed")
        return told[0] if told else marked, self._causes.pop(seat.number, None)

    def change(self, out: Sequence[int], coming: Sequence[Seat]) -> None:
        """Has the systems of some rows go, and lets others board."""
        before = list(self.seats)
        taken = self._swap(out, coming) if out and coming else {}
        rest = [seat for seat in coming if seat not in taken.values()] if len(taken) < len(coming) else ()
        if rest or len(taken) < len(out):
            gone = {row for row in out if row not in taken}
            try:
                self._rebuild([row for row in range(len(self.seats)) if row not in gone], rest)
            except BaseException:
                self.seats = before  # nobody has boarded
                raise
        for seat in coming:
            seat.state = None
            self._limited |= seat.most is not None
            if not self._made.issuperset(seat.own):
                self.brought |= frozenset(seat.own) - self._made

    def _swap(self, out: Sequence[int], coming: Sequence[Seat]) -> dict[int, Seat]:
        """Lets systems take the places of others that are as large; returns who has which row now."""
        if self.batch.device.type != "cpu":
            return {}
        free: dict[int, list[int]] = {}
        for row in out:
            free.setdefault(self.seats[row].atoms, []).append(row)
        found: dict[int, Seat] = {}
        held = self.held
        for seat in coming:
            places = free.get(seat.atoms)
            if places and seat.state is not None and not seat.flown and is_swappable(held, seat.state):
                row = places.pop()
                put(held, row, seat.state, self._given(seat))
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
        self.change(rows, ())
        return out

    def count_edges(self) -> None:
        """Counts the pairs of those that are here, which become more and fewer as they move."""
        for seat, pairs in zip(self.seats, pairs_of(self.batch).tolist(), strict=True):
            seat.edges = float(pairs) or seat.edges  # of one that has not been computed yet


def described(outcome: Raised) -> str:
    """Returns what was raised, and where; what is an error of ours says that itself."""
    error, trace, name = outcome.error, outcome.error.__traceback__, "?"
    if isinstance(error, CohobateError):
        return str(error)
    while trace is not None:
        name, trace = trace.tb_frame.f_code.co_qualname, trace.tb_next
    return f"{outcome.message} (in {name})"
