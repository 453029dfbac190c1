"""The loop as a pure state machine: facts in, events and actions out.

No clock, thread, file or randomness inside: time is an argument, and the driver performs what is
asked. Each fact costs the same whatever the size of the history.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import final

from cohobate.campaign.cache import Cache
from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import Action, Broken, Cancel, CancelWanted, Ended, Fact, Heard, StopWanted, Submit
from cohobate.campaign.policy import Policy, Spending
from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure, Kind, Outcome, Value
from cohobate.core.protocols import Answer, Chosen, Exhausted, Known, Later, Lesson, Row, Rows, Unfit, inputs_of
from cohobate.core.trial import Evaluated, Note, Result, Trial


@dataclass(slots=True)
class Pending:
    """A trial without a final outcome: how often it was started, how its attempts failed."""

    trial: Trial
    attempts: int = 0
    lost: dict[str, int] | None = None
    cancel: str | None = None


@final
class Scheduler:
    """Decides what happens next.

    The driver calls ``on(fact, now)`` for what happened and ``plan(now, room, limit)`` for what may
    be done; both add to ``events`` (to be recorded first) and ``actions`` (to be performed then),
    which ``take`` hands over.
    """

    __slots__ = (
        "_actions",
        "_cache",
        "_delayed",
        "_events",
        "_queue",
        "_queued",
        "_spending",
        "conversation",
        "next_id",
        "policy",
        "running",
        "spent",
        "stopping",
        "stuck",
        "trials",
    )

    def __init__(
        self,
        policy: Policy,
        *,
        conversation: Conversation | None = None,
        next_id: int = 0,
        unfinished: Sequence[Pending] = (),
        cache: Cache | None = None,
    ) -> None:
        self.policy = policy
        self._cache = cache
        self.conversation = conversation or Conversation()
        self.next_id = next_id
        self.trials = {pending.trial.id: pending for pending in unfinished}
        self.running: dict[int, int] = {}
        self.stopping: StopWanted | None = None
        self.spent: str | None = None
        self.stuck = False
        self._spending = Spending(policy.budget)
        self._queue = deque(pending.trial.id for pending in unfinished if not pending.attempts)
        self._queued = len(self._queue)
        self._delayed = [(0.0, pending.trial.id) for pending in unfinished if pending.attempts]
        self._events: list[ev.Event] = []
        self._actions: list[Action] = []

    def take(self) -> tuple[list[ev.Event], list[Action]]:
        """Hands over what is to be recorded and then performed."""
        events, actions = self._events, self._actions
        self._events, self._actions = [], []
        return events, actions

    @property
    def quiet(self) -> bool:
        """Whether the loop is over: stopping, nothing runs, every result is delivered."""
        return self.stopping is not None and not self.running and self.conversation.quiet

    def due(self, now: float) -> float | None:
        """When the next retry may start; ``None`` where none waits for time to pass."""
        if self.stopping or not self._delayed or self._delayed[0][0] <= now:
            return None
        return self._delayed[0][0]

    # facts

    def on(self, fact: Fact, now: float) -> None:
        """Takes in what happened at wall-clock time ``now`` (s)."""
        match fact:
            case Ended(trial, attempt, report):
                self._ended(trial, attempt, report, now)
            case Broken(error):
                self.conversation.end()
                self._stop(StopWanted(str(error)), now)
            case Heard(answer, lessons=lessons):
                self._learned(lessons, now)
                self._heard(answer, now)
            case CancelWanted(trials, reason):
                self._cancel(trials, reason, now)
            case StopWanted():
                self._stop(fact, now)

    def _heard(self, answer: Answer | None, now: float) -> None:
        talk = self.conversation
        talk.heard(answer)
        match answer:
            case None | Later():
                return
            case Exhausted(reason):
                self._events.append(ev.Exhausted(talk.name, reason))
            case rows:
                self._propose(rows, talk, now)

    def _learned(self, lessons: tuple[Lesson, ...], now: float) -> None:
        for one in lessons:
            fit = ev.Learned(self.conversation.name, one.model, one.known, dict(one.error), dict(one.best), now)
            self._events.append(fit)

    def _propose(self, rows: Rows, talk: Conversation, now: float) -> None:
        trials = tuple(_trial(id, row, talk.name) for id, row in enumerate(rows, self.next_id))
        self.next_id += len(trials)
        self._events.append(ev.Proposed(talk.name, talk.asks, trials, talk.asked, now))
        for trial, row in zip(trials, rows, strict=True):
            self.trials[trial.id] = Pending(trial)
            if isinstance(row, Unfit):
                self._conclude(trial.id, Failure("rejected", row.reason, attempt=0), now)
            elif isinstance(row, Known):
                self._conclude(trial.id, Value(dict(row.outputs)), now, cached=True)
            elif self._cache and (known := self._cache.find(trial.inputs)) is not None:
                self._conclude(trial.id, known, now, cached=True)
            else:
                self._queue.append(trial.id)
                self._queued += 1

    def _ended(self, id: int, attempt: int, report: Evaluated, now: float) -> None:
        if self.running.get(id) != attempt:
            self._events.append(ev.Ignored(id, attempt, "late or repeated report"))
            return
        del self.running[id]
        pending = self.trials[id]
        outcome = _blamed(report, pending.cancel)
        if isinstance(outcome, Failure) and self._spare(pending, outcome.kind):
            failed = ev.AttemptFailed(id, attempt, outcome, now, report.seconds, report.worker)
            self._events.append(failed)
            heappush(self._delayed, (now + self.policy.retries.pause(self.policy.seed, id, attempt), id))
            return
        self._finish(pending, self._verdict(pending, outcome), report, now)

    def _spare(self, pending: Pending, kind: Kind) -> bool:
        """Counts a failed attempt; returns whether the trial gets another."""
        lost = pending.lost = pending.lost or {}
        lost[kind] = lost.get(kind, 0) + 1
        return lost[kind] <= self.policy.retries.allowed(kind)

    def _verdict(self, pending: Pending, outcome: Outcome) -> Outcome:
        """Returns the final outcome, a quarantine said so."""
        if isinstance(outcome, Failure) and outcome.kind == "worker_lost" and pending.lost:
            times = pending.lost["worker_lost"]
            return replace(outcome, message=f"quarantined after {times} lost workers; the last: {outcome.message}")
        return outcome

    def _conclude(self, id: int, outcome: Outcome, now: float, *, cached: bool = False) -> None:
        """Ends a trial that is not running."""
        self._finish(self.trials[id], outcome, Evaluated(outcome, now, 0.0), now, cached=cached)

    def _finish(
        self, pending: Pending, outcome: Outcome, report: Evaluated, now: float, *, cached: bool = False
    ) -> None:
        trial = pending.trial
        del self.trials[trial.id]
        asked = pending.cancel is not None
        self._events.append(
            ev.Finished(
                trial.id,
                pending.attempts,
                outcome,
                at=now,
                started=report.started,
                seconds=report.seconds,
                worker=report.worker,
                cancel_requested=asked,
                deadline_passed=report.flagged and not asked,
                cached=cached,
            )
        )
        if self._cache and not cached:
            self._cache.keep(trial.inputs, outcome)
        self.conversation.untold.append(Result(trial, outcome))
        self.spent = self.spent or self._spending.add(outcome)

    def _cancel(self, ids: Sequence[int], reason: str, now: float) -> None:
        known = tuple(id for id in dict.fromkeys(ids) if id in self.trials)
        if not known:
            return
        self._events.append(ev.CancelAsked(known, reason))
        for id in known:
            pending = self.trials[id]
            pending.cancel = reason
            if id in self.running:
                self._actions.append(Cancel(id))
            else:
                self._queued -= not pending.attempts
                self._conclude(id, Cancelled(reason), now)

    def _stop(self, fact: StopWanted, now: float) -> None:
        self.stopping = self.stopping or fact
        if not fact.drain:
            self._cancel(tuple(self.running), fact.reason, now)

    # plans

    def plan(self, now: float, room: int, limit: int | None) -> None:
        """Dispatches into ``room``, at most ``limit`` new trials, and gives the generator its turn."""
        wanted = self._fill(now, room, limit) if self.stopping is None else 0
        turn = self.conversation.turn(wanted)
        if turn is None:
            self._check_end()
            return
        if turn.results:
            ids = tuple(result.trial.id for result in turn.results)
            self._events.append(ev.Told(self.conversation.name, ids))
        self._actions.append(turn)

    def _fill(self, now: float, room: int, limit: int | None) -> int:
        """Starts what may be started; returns how many more candidates could be than there are."""
        if self._delayed:
            room -= self._retry(now, room)
        free = room if limit is None or room < limit else limit
        if self._queue:
            free -= self._dispatch(now, free)
        return free - self._queued

    def _retry(self, now: float, room: int) -> int:
        """Starts retries whose pause is over; returns how many."""
        started = 0
        while started < room and self._delayed and self._delayed[0][0] <= now:
            _, id = heappop(self._delayed)
            if id in self.trials:
                self._submit(self.trials[id], now)
                started += 1
        return started

    def _dispatch(self, now: float, room: int) -> int:
        """Starts queued trials; returns how many."""
        started = 0
        while started < room and self._queue:
            id = self._queue.popleft()
            if id in self.trials:
                self._submit(self.trials[id], now)
                started += 1
        self._queued -= started
        return started

    def _submit(self, pending: Pending, now: float) -> None:
        pending.attempts += 1
        self.running[pending.trial.id] = pending.attempts
        self._events.append(ev.Started(pending.trial.id, pending.attempts, now))
        self._actions.append(Submit(pending.trial, pending.attempts))

    def _check_end(self) -> None:
        """Stops where nothing is left to do: the generator is exhausted, or waits for nothing."""
        talk = self.conversation
        if self.trials or talk.talking or self.stopping:
            return
        if talk.exhausted is not None:
            self.stopping = StopWanted(talk.exhausted.reason or "the generator has nothing more to propose")
        elif talk.waiting:
            self.stuck = True


def _trial(id: int, row: Row, generator: str) -> Trial:
    note = row.note if isinstance(row, Chosen) else Note(why="given") if isinstance(row, Known) else None
    return Trial(id, dict(inputs_of(row)), generator, note)  # theirs may change


def _blamed(report: Evaluated, cancel: str | None) -> Outcome:
    """Returns the outcome of an attempt, its failure put down to the cancel or deadline it followed."""
    outcome = report.outcome
    if not isinstance(outcome, Failure):
        return outcome
    if cancel is not None:
        return Cancelled(cancel or outcome.message)
    if report.flagged and outcome.kind == "raised":
        return replace(outcome, kind="timeout", message=f"the deadline had passed; {outcome.message}")
    return outcome
