"""What happens between two steps of a running batch: who leaves, who comes, and what is done when there is trouble."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import final

import torch

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.inflight.cabin import Cabin
from cohobate.dynamics.inflight.feeding import Watch
from cohobate.dynamics.inflight.guarded import freed
from cohobate.dynamics.inflight.leaving import told
from cohobate.dynamics.inflight.line import Line, Size
from cohobate.dynamics.inflight.progress import save
from cohobate.dynamics.inflight.seat import MADE, Seat
from cohobate.dynamics.inflight.settling import failed
from cohobate.dynamics.inflight.sinks import Sink, write_all
from cohobate.dynamics.models.failing import TOO_MUCH
from cohobate.dynamics.models.lists import pairs_of
from cohobate.dynamics.stages.dynamics import END
from cohobate.dynamics.stages.stage import CANCELLED, FAILED

Leaving = tuple[Seat, Returned | Raised | None]
"""A seat and what its future ends with, ``None`` where that was cancelled."""


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How a batch is run: what it holds at most, how often systems come and go, and where they go.

    ``n_steps`` is how many each makes in all stages; ``progress`` is the file that the progress is written to every
    ``progress_every`` (s).
    """

    most: Size
    refill_frequency: int = 1
    sinks: Sequence[Sink] = ()
    on_done: Callable[[Batch], None] | None = None
    ahead: int | None = None
    progress: Path | None = None
    progress_every: float = 60.0
    n_steps: int | None = None
    outputs: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("atoms", "edges", "systems"):
            if not (most := getattr(self.most, name)) >= 1:
                raise UserError(f"InFlight: max_{name} must be a positive number, got {most!r}")
        for name, least in (("refill_frequency", 1), ("n_steps", 1), ("ahead", 0)):
            given = getattr(self, name)
            if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < least):
                raise UserError(f"InFlight: {name} must be a whole number of at least {least}, got {given!r}")


@final
class Turns:
    """Steps a batch and has systems come and go; used by one thread, but for ``line``, which ``changed`` guards."""

    def __init__(
        self,
        cabin: Cabin,
        plan: Plan,
        line: Line,
        changed: threading.Condition,
        *,
        recipe: Mapping[str, Plain],
        watch: Watch,
    ) -> None:
        self.cabin, self.plan, self.most = cabin, plan, plan.most
        self.urgent, self.asked, self.blocked = True, False, False
        self.next_due = inf
        self._line, self._changed, self._recipe, self._watch = line, changed, recipe, watch
        self._since, self._running = 0, 0
        self._free: Size | None = None
        self._next_save = time.monotonic() + plan.progress_every

    @property
    def stuck(self) -> bool:
        """Whether all that are here are done, and nobody takes them."""
        return self.blocked and not self._running

    def turn(self) -> list[Leaving]:
        """Lets systems leave and come where it is time for that, and makes a step; returns who has left."""
        left: list[Leaving] = []
        now = time.monotonic()
        if self.urgent or self._since >= self.plan.refill_frequency or now >= self.next_due or not self._running:
            left += self._exchange(now)
        if self._running:
            left += self._step()
        if now >= self._next_save:
            self._next_save = now + self.plan.progress_every
            self.keep()
        return left

    def keep(self) -> None:
        """Writes the progress to its file, where there is one; for want of a place for it nothing is stopped."""
        if (path := self.plan.progress) is not None and isinstance(outcome := capture(self.save, path), Raised):
            told = f"no progress could be written to {path}: {outcome.message}; it is tried again, the batch goes on"
            warnings.warn(told, RuntimeWarning, stacklevel=2)

    def save(self, path: Path) -> None:
        """Writes the progress of all systems that are in the batch, or were and wait to go on."""
        with self._changed:
            waiting = [seat for seat in self._line if seat.flown]
        batch = joined([self.cabin.batch, *[seat.state for seat in waiting if seat.state is not None]])
        save(path, batch, [*self.cabin.seats, *waiting], self._recipe, self.cabin.dynamics.step_count)

    # who leaves and who comes

    def _exchange(self, now: float) -> list[Leaving]:
        cabin, self._since, self.urgent = self.cabin, 0, False
        asked, self.asked = self.asked, False
        self._thin_out(now)
        if asked or now >= self.next_due:
            self._stop_some(now)
        done = cabin.done()
        withdrawn = [row for row in done if cabin.seats[row].future.cancelled()] if asked else []
        gone = [row for row in done if row not in withdrawn] if withdrawn else done
        if self.plan.sinks and gone:
            gone = self._written(gone)
        left = self._ends(gone) + [(cabin.seats[row], None) for row in withdrawn]
        self.blocked = bool(self.plan.sinks) and len(gone) + len(withdrawn) < len(done)
        if self.blocked:
            for row in set(done).difference(gone, withdrawn):
                cabin.seats[row].due = inf
        return left + self._board([*gone, *withdrawn], now)

    def _written(self, rows: Sequence[int]) -> list[int]:
        """Gives systems to the sinks; returns those that found a place."""
        mask = torch.zeros(len(self.cabin.seats), dtype=torch.bool, device=self.cabin.batch.device)
        mask[list(rows)] = True
        taken: list[int] = torch.nonzero(write_all(self.plan.sinks, self.cabin.batch, mask)).ravel().tolist()
        return taken

    def _board(self, out: Sequence[int], now: float) -> list[Leaving]:
        """Has some go, and lets others in; returns those that cannot be."""
        seats = self.cabin.seats
        if out and self._free is not None:
            self._free = self._free.more([seats[row] for row in out])
        coming = [] if self.blocked else self._coming(out)
        refused = self._change(out, coming, now) if out or coming else []
        done = len(self.cabin.done()) if self.blocked else 0
        self._running = len(self.cabin.seats) - done
        return refused

    def _stop_some(self, now: float) -> None:
        """Ends those whose time is over, and those that are not wanted any more."""
        if now >= self.next_due:
            done = set(self.cabin.done())  # what waits for room in a sink has been in time
            for row, seat in enumerate(self.cabin.seats):
                if now >= seat.due and not seat.late and row not in done:
                    seat.late = True
                    self.cabin.fail([row], f"its deadline of {seat.task.deadline:g} s")
            self.next_due = min((seat.due for seat in self.cabin.seats if not seat.late), default=inf)
        done = set(self.cabin.done())
        unwanted = [row for row, seat in enumerate(self.cabin.seats) if seat.unwanted and row not in done]
        if unwanted:
            self.cabin.end(unwanted, CANCELLED)

    def _ends(self, rows: Sequence[int]) -> list[Leaving]:
        """Returns how systems end that have found their place."""
        if not rows:
            return []
        seats, held = [self.cabin.seats[row] for row in rows], self.cabin.held
        wrong = self._look_at(rows)
        values = told(held, rows, seats, self.plan.outputs, self.cabin.brought)
        ends, made = held.arrays[END], held.arrays[MADE].tolist()
        return [
            (seat, failed(seat, made[row], *self.cabin.why(seat)) if ends[row] == FAILED else wrong or Returned(value))
            for row, seat, value in zip(rows, seats, values, strict=True)
        ]

    def _look_at(self, rows: Sequence[int]) -> Raised | None:
        if self.plan.on_done is None:
            return None
        outcome = capture(self.plan.on_done, self.cabin.batch.select(list(rows)))
        return outcome if isinstance(outcome, Raised) else None

    def _coming(self, out: Sequence[int]) -> list[Seat]:
        """Returns who boards."""
        if not len(self._line) or (self._free is not None and self._free.systems < 1):
            return []
        with self._changed:
            if self._free is None or self.most.edges < inf:
                gone = set(out)
                self._free = self.most.less([seat for row, seat in enumerate(self.cabin.seats) if row not in gone])
            fresh = self._line.take(self._free, empty=len(out) == len(self.cabin.seats))
            if fresh and len(self._line) < self._line.low:
                self._changed.notify_all()
        return fresh

    def _change(self, out: Sequence[int], coming: list[Seat], now: float) -> list[Leaving]:
        """Has systems board, fewer where there is no memory for all; returns those that cannot board at all."""
        free, self._free = self._free, None
        refused: list[Leaving] = []
        while isinstance(outcome := capture(self.cabin.change, out, coming), Raised):
            full, free = isinstance(outcome.error, TOO_MUCH), None
            if not coming:
                raise outcome.error
            if len(coming) == 1 and not (full and len(out) < len(self.cabin.seats)):
                refused.append((coming[0], failed(coming[0], 0, outcome.message, outcome.error)))
                coming = []
                continue
            half = len(coming) // 2
            coming, back = coming[:half], coming[half:]
            self._put_back(back)
            if full:
                freed()
                gone = set(out)
                self._limit([*(seat for row, seat in enumerate(self.cabin.seats) if row not in gone), *coming])
        self._free = free.less(coming) if free and coming else free
        self._took_place(coming, now)
        return refused

    def _took_place(self, seats: Sequence[Seat], now: float) -> None:
        for seat in seats:
            seat.board(now)
            if seat.due < inf:
                self._watch(seat.due + seat.task.grace)
                self.next_due = min(self.next_due, seat.due)

    # trouble

    def _step(self) -> list[Leaving]:
        self._since += 1
        match capture(self.cabin.step):
            case Raised(error) if isinstance(error, TOO_MUCH) and len(self.cabin.seats) > 1:
                freed()
                return self._halve()
            case Raised():
                self.cabin.step_apart()
                self.urgent = True
        strained = [guard for guard in self.cabin.guards if guard.strained]
        for guard in strained:
            guard.strained = False
        self.urgent |= self.most.edges < inf and int(pairs_of(self.cabin.batch).sum()) > self.most.edges
        self.urgent |= any(guard.why for guard in self.cabin.guards)  # else they would be tried again at each step
        return self._halve() if strained else []

    def _halve(self) -> list[Leaving]:
        """Lets half of the systems wait, as they are, and no more than the others be here at once from now on."""
        seats = self.cabin.seats
        if len(seats) > 1:
            rows = list(range((len(seats) + 1) // 2, len(seats)))
            self._limit(seats[: rows[0]])
            self._put_back(self.cabin.take_out(rows, time.monotonic()))
        self.urgent = True
        return []

    def _thin_out(self, now: float) -> None:
        """Lets the last ones wait, as they are, where all have more pairs by now than there may be."""
        if self.most.edges == inf:
            return
        self.cabin.count_edges()
        seats, running = self.cabin.seats, set(range(len(self.cabin.seats))).difference(self.cabin.done())
        total = list(accumulate(seat.edges for seat in seats))
        out = [row for row in sorted(running)[1:] if total[row] > self.most.edges]
        if out:
            self._free = None
            self._put_back(self.cabin.take_out(out, now))

    def _limit(self, seats: Sequence[Seat]) -> None:
        self._free = None
        self.most = Size(sum(seat.atoms for seat in seats), self.most.edges, len(seats))

    def _put_back(self, seats: Sequence[Seat]) -> None:
        with self._changed:
            self._line.put_back(seats)
