"""Performs what the scheduler asks for: records, submits, cancels, talks to the generator, keeps time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from queue import Empty, SimpleQueue
from typing import final

from cohobate.campaign.crew import Making
from cohobate.campaign.further import is_onward
from cohobate.campaign.goals import Goal, View
from cohobate.campaign.hands import Keeps, hands
from cohobate.campaign.leftovers import Leftovers
from cohobate.campaign.loads import Back, Terms
from cohobate.campaign.moves import (
    Action,
    Broken,
    Cancel,
    Ended,
    Fact,
    Halt,
    Heard,
    Perform,
    Reply,
    Restart,
    StopWanted,
    Submit,
    Talk,
)
from cohobate.campaign.parts.attempts import Parting
from cohobate.campaign.peek import Peek
from cohobate.campaign.scheduler import Scheduler
from cohobate.core.errors import BudgetExceeded, CohobateError, GeneratorError
from cohobate.core.events import Event, Finished, Proposed, Revised, Stopped
from cohobate.core.problem import Problem, pack, pack_some
from cohobate.core.protocols import Cooperative, Engine, Packs
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.spool import Spooled
from cohobate.ledger.tally import Tally

BACKLOG = 10_000
"""Events that may be waiting to become durable before dispatch pauses."""
TICK = 0.5
"""Seconds after which goals, timers and the ledger are looked at although nothing happened."""
PAUSED = 0.005
"""Seconds after which a paused dispatch looks again."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How a driver is to run: what it evaluates, until when, and whether what runs then may finish.

    ``parting`` says what of, where a simulator is a set of parts.
    """

    terms: Terms
    problem: Problem
    goal: Goal | None
    drain: bool
    parting: Parting | None = None


@final
class Driver:
    """One session of a campaign, from its opening to its stop.

    ``run`` does the work in the calling thread; ``post`` may be called from any thread.
    """

    def __init__(
        self,
        orders: Orders,
        crew: Making,
        *,
        scheduler: Scheduler,
        ledger: Ledger,
        engine: Engine,
    ) -> None:
        self._orders = orders
        self._scheduler = scheduler
        self._ledger = ledger
        self._inbox: SimpleQueue[Fact | Halt | Back | Peek] = SimpleQueue()
        self._hands = hands(engine, orders.terms, self._inbox.put, orders.parting)
        self._keeper = self._hands if isinstance(self._hands, Keeps) else None
        self._packs = engine if isinstance(engine, Packs) else None
        self._attentive = isinstance(engine, Cooperative)
        self._crew = crew(self._inbox.put, threaded=not self._attentive)
        self._structured = orders.problem.structured
        self._outputs = orders.problem.output_names
        self._began = time.time()
        self._zero = self._began - time.monotonic()
        self._losses, self._errors = dict(self._crew.lossy), dict(self._crew.honest)
        self._held: deque[Reply | Restart] = deque()
        self._kill_at: float | None = None
        self._kept = ledger.folder is not None
        self._leftovers: Leftovers | None = None
        if ledger.folder:
            parted, spooling = orders.parting is not None, not is_onward(engine)
            self._leftovers = Leftovers(ledger.folder, ledger.epoch, parted=parted, spooling=spooling)
        self.tally = ledger.tally
        self.error: CohobateError | None = None
        self.reason = ""

    def post(self, fact: Fact | Halt | Peek) -> None:
        """Lets the loop know of something; returns at once."""
        self._inbox.put(fact)

    @property
    def stopping(self) -> bool:
        """Whether no more evaluations will be started."""
        return self._scheduler.stopping is not None

    @property
    def running(self) -> int:
        """The number of attempts at the engine."""
        return len(self._scheduler.running)

    def remaining(self, tally: Tally) -> int | None:
        """Returns the evaluations that the goal allows after those of ``tally``; ``None`` where it sets no number."""
        goal = self._orders.goal
        if goal is None or (goal.confirms and tally.level):
            return None
        limit = goal.limit(self._view(self.now(), tally))
        return None if limit is None else limit + tally.open

    @property
    def loss(self) -> float:
        """The worst loss of all generators that have one; NaN where none has, or one has not told it."""
        return _worst(self._losses)

    @property
    def expected(self) -> float:
        """The worst error that a generator expects of its next prediction; NaN likewise."""
        return _worst(self._errors)

    def now(self) -> float:
        """Returns wall-clock time (s) that does not jump: the start plus monotonic time."""
        return self._zero + time.monotonic()

    def run(self) -> str:
        """Keeps the engine full until the goal holds; returns why it stopped. Raises what ended it early."""
        try:
            self._loop()
        except CohobateError as error:
            self.error = self.error or error
            self._kill_at = 0.0
            self._stop(str(error), self.now())
        except BaseException:
            self._hands.leave()
            self._crew.finalize(timeout=0.0)
            raise
        return self._end()

    def _loop(self) -> None:
        self._crew.start([helm for helm in self._scheduler.table.helms if not helm.ended])
        self._decide(self.now())
        while not (self._scheduler.quiet or self._abandoned()):
            items = self._gather()
            now = self.now()
            for item in items:
                self._take(item, now)
            self._decide(now)

    # one turn of the loop

    def _gather(self) -> Sequence[Fact | Halt | Back | Peek]:
        """Returns what has happened, waiting for it where nothing has."""
        inbox = self._inbox
        items: list[Fact | Halt | Back | Peek] = []
        if inbox.empty():
            if not self._waits_for_bodies and (ended := self._hands.work()):
                return ended
            try:
                items.append(inbox.get(timeout=self._patience(self.now())))
            except Empty:
                return []
        while not inbox.empty():  # nobody else takes anything out
            items.append(inbox.get())
        return items

    @property
    def _waits_for_bodies(self) -> bool:
        """Whether nothing is done here before the bodies have said what they want next: so it is always the same."""
        return self._attentive and self._scheduler.table.busy and not self.stopping

    def _patience(self, now: float) -> float:
        if self._paused:
            return PAUSED
        due = self._scheduler.due(now)
        return TICK if due is None else max(0.0, min(TICK, due - now))

    def _take(self, item: Fact | Halt | Back | Peek, now: float) -> None:
        match item:
            case Ended():
                pass
            case Back():
                for each in self._hands.unpack(item):
                    self._take(each, now)
                return
            case Heard():
                self._note(item)
            case Broken():
                self.error = self.error or item.error
            case Peek():
                self._crew.peek(item)
                return
            case Halt(reason, grace, error):
                self.error = self.error or error
                self._kill_at = now + grace
                self._stop(reason, now)
                return
        self._scheduler.on(item, now)

    def _note(self, heard: Heard) -> None:
        """Keeps what a generator tells of itself, where it does."""
        if heard.generator in self._losses:
            self._losses[heard.generator] = heard.loss
        if heard.generator in self._errors:
            self._errors[heard.generator] = heard.error

    def _decide(self, now: float) -> None:
        """Records what happened and what follows from it, then does what follows."""
        happened, urgent = self._scheduler.take()
        self._fold(happened)
        view = self._view(now)
        try:
            self._check_goal(view, now)
            self._plan(view, now)
        except CohobateError:  # a goal of the user raised, and still this happened
            self._write(happened)
            raise
        planned, actions = self._scheduler.take()
        self._fold(planned)
        self._write(happened + planned)
        while self._act(urgent + actions, now):
            self._plan(view, now)
            planned, actions = self._scheduler.take()
            self._record(planned)
            urgent = []
        self._let_go_on()
        self._check_scheduler(now)
        self._tidy()

    def _plan(self, view: View, now: float) -> None:
        goal = self._orders.goal
        limit = None if goal is None else goal.limit(view)
        free = self._packs.free() if self._packs else {}
        self._scheduler.plan(now, 0 if self._paused else self._hands.room(), limit, free)

    def _act(self, actions: Sequence[Action], now: float) -> bool:
        """Performs actions; whether the generator has answered already."""
        answered = False
        for action in actions:
            match action:
                case Submit():
                    self._hands.submit(action.trial, action.attempt)
                case Talk():
                    if (fact := self._crew.talk(action)) is not None:
                        self._take(fact, now)
                        answered = True
                case Cancel(id):
                    self._hands.cancel(id)
                case Perform():
                    self._hands.perform(action)
                case Reply() | Restart():
                    self._held.append(action)
        self._send()
        return answered

    def _send(self) -> None:
        if not self._paused:
            self._hands.send()

    def _let_go_on(self) -> None:
        """Lets bodies go on, unless what they said before is far from durable."""
        while self._held and not self._paused:
            self._crew.obey(self._held.popleft())

    def open(self, events: Sequence[Event], spooled: Sequence[Spooled]) -> None:
        """Records what comes before the first turn; ``spooled`` files are of no use after it.

        Durably: no two sessions may have the same epoch, by which their spooled results are told apart.
        """
        self._record(events)
        self._ledger.flush()
        if self._leftovers:
            self._leftovers.found(spooled, self._ledger.appended)

    def _record(self, events: Sequence[Event]) -> None:
        self._fold(events)
        self._write(events)

    def _fold(self, events: Sequence[Event]) -> None:
        for event in events:
            self.tally.fold(event)

    def _write(self, events: Sequence[Event]) -> None:
        if events:
            self._ledger.append([self._packed(event) for event in events] if self._structured else events)
            if self._leftovers:
                self._leftovers.note(events, self._ledger.appended)
        if self._keeper is not None:
            for event in events:
                if isinstance(event, Finished):
                    self._keeper.over(event.trial)

    def _packed(self, event: Event) -> Event:
        match event:
            case Proposed(trials=trials):
                return replace(event, trials=tuple(replace(t, inputs=pack(t.inputs, self._structured)) for t in trials))
            case Revised():
                asked = {**event.asked, "inputs": pack_some(event.asked["inputs"], self._structured)}
                inputs, columns = (pack_some(said, self._structured) for said in (event.inputs, event.columns))
                return replace(event, asked=asked, inputs=inputs, columns=columns)
        return event

    def _tidy(self) -> None:
        if self._leftovers:
            self._leftovers.clear(self._ledger.durable)

    # limits

    @property
    def _paused(self) -> bool:
        return self._kept and self._ledger.appended - self._ledger.durable > BACKLOG

    def _view(self, now: float, tally: Tally | None = None) -> View:
        session = now - self._began
        alive = self.tally.alive + session
        return View(tally or self.tally, alive, session, self.loss, self._outputs, error=self.expected)

    # ends

    def _check_goal(self, view: View, now: float) -> None:
        goal = self._orders.goal
        if goal is None or self._scheduler.stopping:
            return
        if (reason := goal.reached(view)) is not None:
            self._stop(reason, now, drain=self._orders.drain)

    def _check_scheduler(self, now: float) -> None:
        """Stops where the scheduler or the ledger cannot go on."""
        scheduler = self._scheduler
        if scheduler.stopping is None and scheduler.spent is not None:
            self.error = BudgetExceeded(
                f"stopped by the failure budget: {scheduler.spent}. Mend the cause and run again: "
                "what is recorded stays, and the campaign continues"
            )
            self._stop(str(self.error), now)
        elif scheduler.stopping is None and scheduler.stuck:
            self.error = GeneratorError("the generator answered Later, but nothing runs whose result it could wait for")
            self._stop(str(self.error), now)
        if self._ledger.error is not None:
            self.error = self._ledger.error
            self._kill_at = 0.0

    def _stop(self, reason: str, now: float, *, drain: bool = True) -> None:
        self._scheduler.on(StopWanted(reason, drain), now)

    def _abandoned(self) -> bool:
        return self._kill_at is not None and self.now() >= self._kill_at

    def _end(self) -> str:
        stopping = self._scheduler.stopping
        self.reason = stopping.reason if stopping else "abandoned"
        self._hands.leave()
        error = self._crew.finalize(timeout=None if self._kill_at is None else max(0.0, self._kill_at - self.now()))
        self.error = self.error or error
        if self._ledger.error is None:
            now, ended = self.now(), self._scheduler.table.ended
            self._record([Stopped(self.reason, now, now - self._began, ended)])
            self._ledger.flush()
            self._tidy()
        if self.error is not None:
            raise self.error
        return self.reason


def _worst(told: Mapping[str, float]) -> float:
    """Returns the largest, NaN where one is unknown."""
    return nan if any(map(isnan, told.values())) else max(told.values(), default=nan)
