"""The thread that steps a batch, the one that feeds it, and what anybody asks of them."""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from math import inf
from pathlib import Path
from typing import Any, Final, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import DeadlineExceeded, EngineClosed
from cohobate.core.payload import Plain
from cohobate.core.task import GRACE, Task
from cohobate.dynamics.inflight.building import Building
from cohobate.dynamics.inflight.cabin import Cabin
from cohobate.dynamics.inflight.feeding import Feeding, too_long
from cohobate.dynamics.inflight.line import Line
from cohobate.dynamics.inflight.progress import Saved
from cohobate.dynamics.inflight.seat import Seat
from cohobate.dynamics.inflight.settling import end, raised
from cohobate.dynamics.inflight.turns import Plan, Turns
from cohobate.dynamics.models.lists import pairs_of
from cohobate.worker.alarm import Alarm
from cohobate.worker.dependents import Dependents, parents_of

USUAL: Final = 32
"""Atoms of a system before any is known."""
AGAIN: Final = 0.02
"""Seconds until full sinks are looked at again, where there is nothing else to do."""
PATIENCE: Final = 30.0
"""Seconds that closing waits for the present step."""


@final
class Flight:
    """A batch, the line before it, and two threads: one calls what was submitted, one steps.

    ``changed`` guards the line, who has not ended, and what was asked for. Futures are ended without it.
    """

    def __init__(self, cabin: Cabin, plan: Plan, building: Building, recipe: Mapping[str, Plain]) -> None:
        self.cabin, self.plan, self.recipe = cabin, plan, recipe
        self.changed = threading.Condition()
        self.line = Line()
        self._alarm = Alarm(self._look_at_deadlines)
        self.turns = Turns(cabin, plan, self.line, self.changed, recipe=recipe, watch=self._alarm.by)
        self.feeding = Feeding(building, self.end, self.line, self.changed, ahead=self.ahead, watch=self._alarm.by)
        self.restored: dict[str, Seat] = {}
        self._seats: dict[Future[Any], Seat] = {}
        self._dependents = Dependents(self._take)
        self._orders: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._number, self._seen, self._atoms = 0, 0, 0
        self._stopping = self._retired = False
        self._gone: Raised | None = None

    # tasks

    def submit(self, task: Task, future: Future[Any]) -> None:
        """Takes a task; it waits until the futures among its arguments are there."""
        if parents := parents_of(task):
            self._dependents.add(task, future, parents)
        else:
            self._take(task, future)

    def _take(self, task: Task, future: Future[Any]) -> None:
        with self.changed:
            if not self._stopping:
                seat = self._seats[future] = Seat(self._number, _id_of(task.key, self._number), task, future)
                self._number += 1
                self._start()
                self.feeding.put(seat)
                return
        end(future, self._gone)

    def cancel(self, future: Future[Any]) -> None:
        """Ends what waits as cancelled; a system in the batch leaves it after this step."""
        if self._dependents.cancel(future):
            return
        with self.changed:
            seat = self._seats.get(future)
            out = seat is not None and self._take_out(seat)
            self.changed.notify_all()
        if out and seat is not None:
            self.end(seat, None)

    def _take_out(self, seat: Seat) -> bool:
        seat.unwanted = self.turns.urgent = self.turns.asked = True
        return self.feeding.remove(seat) or self.line.remove(seat)

    def end(self, seat: Seat, outcome: Returned | Raised | None) -> None:
        """Ends a seat, unless that has been done."""
        with self.changed:
            if self._seats.pop(seat.future, None) is None:
                return
            if seat.atoms:
                self._seen, self._atoms = self._seen + 1, self._atoms + seat.atoms
            if self._retired:
                self.changed.notify_all()
        end(seat.future, outcome)

    def pending(self) -> list[Future[Any]]:
        """Returns the futures that have not ended."""
        with self.changed:
            return [*self._dependents.pending(), *self._seats]

    # room

    def slots(self) -> int:
        """Returns how many systems there is room for, by the size of those seen so far."""
        usual = self._atoms / self._seen if self._seen else USUAL
        most = self.turns.most
        return max(1, int(min(most.systems, most.atoms / usual)))

    def ahead(self) -> int:
        """Returns how many may wait for room, so that none is left empty."""
        return self.plan.ahead if self.plan.ahead is not None else 4 + self.slots() // 2

    def room(self) -> int:
        """Returns how many more are wanted now; none while results find no place."""
        free = self.slots() + self.ahead() - len(self._seats) - len(self._dependents)
        return min(0, free) if self.turns.blocked else free

    # progress

    def checkpoint(self, path: Path) -> None:
        """Has the progress written between two steps, and waits for that."""
        done: Future[None] = Future()
        with self.changed:
            if self._stopping:
                raise EngineClosed("the engine was closed: there is no progress to be written")
            self._orders.append(lambda: end(done, capture(self.turns.save, path)))
            self._start()
            self.changed.notify_all()
        done.result()

    def restore(self, saved: Saved) -> None:
        """Lets systems go on from where they were."""
        self.cabin.dynamics.step_count = saved.steps
        for row, held in enumerate(saved.seats):
            task, future = Task(_went_before, key=held["key"]), Future[Any]()
            seat = Seat(held["number"], held["id"], task, future, held["name"], flown=True)
            seat.own, seat.most = tuple(held["own"]), held["most"]
            seat.state = saved.batch.select([row])
            seat.atoms, seat.edges = seat.state.n_atoms, float(pairs_of(seat.state).sum())
            name = held["key"] or f"#{seat.id}"
            self._seats[future] = self.restored[f"{name}#{seat.number}" if name in self.restored else name] = seat
            self._number = max(self._number, seat.number + 1)
            self.line.put(seat)
        with self.changed:
            self._start()

    def adopt(self, task: Task) -> Future[Any] | None:
        """Returns the future of a system that was restored and whose key is that of a task, if there is one."""
        if not self.restored:
            return None
        with self.changed:
            seat = self.restored.pop(task.key, None)
            if seat is None or seat.future.cancelled():
                return None
            if seat.future in self._seats:
                seat.task = task
                seat.board(time.monotonic())
                self.turns.next_due = min(self.turns.next_due, seat.due)
            return seat.future

    # deadlines

    def _look_at_deadlines(self, now: float) -> float:
        """Ends those whose function, or whose step, does not come back; returns when to look again."""
        over: list[tuple[Seat, str]] = []
        again = inf
        with self.changed:
            for seat in self._seats.values():
                if seat.latest > now:
                    again = min(again, seat.latest)
                elif self.feeding.leave_behind(seat):
                    over.append((seat, f"{too_long(seat.task)}, and has not stopped since: it is left behind"))
                elif seat.due < inf:
                    seat.unwanted = self.turns.urgent = self.turns.asked = True
                    told = f"ran longer than its deadline of {seat.task.deadline:g} s"
                    over.append((seat, f"{seat.who} {told}, and cannot leave the batch: its step has not ended"))
        for seat, why in over:
            self.end(seat, raised(DeadlineExceeded(why)))
        return again

    # the end

    def retire(self) -> None:
        """Nothing more will come: the threads end after the last system."""
        with self.changed:
            self._retired = True
            self.changed.notify_all()

    def stop(self) -> None:
        """Cancels everything, and waits until it is gone; what is being called is left behind after a grace."""
        with self.changed:
            self._stopping = True
            for seat in self._seats.values():
                seat.unwanted = True
            self.changed.notify_all()
        for future in self._dependents.pending():
            self._dependents.cancel(future)
        for seat in self.feeding.stop():
            self.end(seat, None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(PATIENCE)
            if self._thread.is_alive():
                told = (
                    f"a step has not ended within {PATIENCE:g} s: it is left behind, in a thread that cannot be killed"
                )
                warnings.warn(told, RuntimeWarning, stacklevel=3)
        self.feeding.join(GRACE)
        self._alarm.stop()
        self._end_all(None)

    def _end_all(self, outcome: Raised | None) -> None:
        with self.changed:
            seats = list(self._seats.values())
        for seat in seats:
            self.end(seat, outcome)

    # done by the thread that steps

    def _start(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._fly, name="cohobate-flight", daemon=True)
            self._thread.start()

    def _fly(self) -> None:
        outcome = capture(self._take_turns)
        if isinstance(outcome, Raised):
            gone = EngineClosed(f"the engine stopped: {outcome.message}")
            gone.__cause__ = outcome.error
            self._gone = raised(gone)
        with self.changed:
            self._stopping = True
        if self._gone is not None:
            self._end_all(self._gone)
        self.feeding.stop()
        while self._orders:  # nobody waits for ever
            self._orders.popleft()()
        self._alarm.stop()

    def _take_turns(self) -> None:
        with self.cabin.dynamics.attended():
            try:
                while self._wanted():
                    while self._orders:
                        self._orders.popleft()()
                    for seat, outcome in self.turns.turn():
                        self.end(seat, outcome)
            finally:
                self.turns.keep()

    def _wanted(self) -> bool:
        """Waits until there is something to do; whether there is."""
        with self.changed:
            while not (self._stopping or self._orders or self.cabin.seats or len(self.line)):
                if self._retired and not (self._seats or len(self._dependents)):
                    return False
                self.changed.wait(AGAIN if self._retired else None)  # what depends on others may end unseen
            if self.turns.stuck and not (self._stopping or self._orders):
                self.changed.wait(AGAIN)
            return not self._stopping


def _id_of(key: str, number: int) -> int:
    """Returns what random numbers follow from: the key of a task where it is a number, else the count of tasks."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 19 else number


def _went_before() -> None:
    """Stands for a call that was made before the progress was written."""
