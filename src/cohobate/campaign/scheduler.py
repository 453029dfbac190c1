"""The loop as a pure state machine: facts in, events and actions out.

No clock, thread, file or randomness inside: time is an argument, and the driver performs what is
asked. Each fact costs the same whatever the size of the history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import inf
from typing import final

from cohobate.campaign.cache import Cache
from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import (
    Action,
    Broken,
    Cancel,
    CancelWanted,
    Ended,
    Fact,
    Heard,
    Performed,
    Progressed,
    Said,
    StopWanted,
    Submit,
)
from cohobate.campaign.policy import Policy, Spending
from cohobate.campaign.steering.helm import Helm
from cohobate.campaign.steering.requests import Revising, Suggesting
from cohobate.campaign.table import Table, Talks
from cohobate.campaign.waiting import Free, Waiting
from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure, Kind, Outcome, Value
from cohobate.core.protocols import Answer, Chosen, Exhausted, Known, Later, Lesson, Row, Rows, Unfit, inputs_of
from cohobate.core.trial import Evaluated, Note, Result, Trial

NOTHING: Free = {}


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
        "_spending",
        "next_id",
        "policy",
        "running",
        "spent",
        "stopping",
        "stuck",
        "table",
        "trials",
    )

    def __init__(
        self,
        policy: Policy,
        *,
        talks: Sequence[Talks] = (),
        next_id: int = 0,
        unfinished: Sequence[Pending] = (),
        cache: Cache | None = None,
    ) -> None:
        self.policy = policy
        self._cache = cache
        self.table = Table(talks or (Conversation(),))
        self.next_id = next_id
        self.trials = {pending.trial.id: pending for pending in unfinished}
        self.running: dict[int, int] = {}
        self.stopping: StopWanted | None = None
        self.spent: str | None = None
        self.stuck = False
        self._spending = Spending(policy.budget)
        self._queue = Waiting(policy.needs)
        for pending in unfinished:
            self.table.expect(pending.trial)
            if not pending.attempts:
                self._queue.add(pending.trial)
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
        return self.stopping is not None and not self.running and self.table.quiet

    @property
    def idle(self) -> bool:
        """Whether nothing runs, calls of bodies included."""
        return not (self.running or self.table.calling)

    @property
    def ahead(self) -> bool:
        """Whether somebody who comes before all others may propose more."""
        return self.table.ahead

    def due(self, now: float) -> float | None:
        """When the next retry may start, or a body has waited long enough; ``None`` where nothing waits for time."""
        due = self.table.due
        if not self.stopping and self._delayed and self._delayed[0][0] > now:
            due = min(due, self._delayed[0][0])
        return due if due < inf else None

    def still(self, but: str) -> bool:
        """Whether no trial is left that could end, and nobody but the one named can propose any."""
        return not self.trials and self.table.still(but)

    def record(self, event: ev.Event) -> None:
        """Adds an event."""
        self._events.append(event)

    def act(self, action: Action) -> None:
        """Adds an action."""
        self._actions.append(action)

    # facts

    def on(self, fact: Fact, now: float) -> None:
        """Takes in what happened at wall-clock time ``now`` (s)."""
        match fact:
            case Ended(trial, attempt, report):
                self._ended(trial, attempt, report, now)
            case Progressed():
                self._progressed(fact, now)
            case Broken(error, name):
                self.table.end(name)
                self.stop(StopWanted(str(error)), now)
            case Said() | Performed():
                self._steered(fact, now)
            case Heard(answer, lessons=lessons, generator=name):
                self._learned(lessons, name, now)
                self._heard(answer, self.table.conversation(name), now)
            case CancelWanted(trials, reason):
                self.cancel(trials, reason, now)
            case StopWanted():
                self.stop(fact, now)

    def _steered(self, fact: Said | Performed, now: float) -> None:
        helm = self.table.helm(fact.generator)
        match fact:
            case Said(request=request):
                helm.said(request, self, now)
            case Performed(call=call, outcome=outcome):
                helm.performed(call, outcome)

    def _heard(self, answer: Answer | None, talk: Conversation, now: float) -> None:
        talk.heard(answer)
        match answer:
            case None | Later():
                return
            case Exhausted(reason):
                self._events.append(ev.Exhausted(talk.name, reason))
            case rows:
                trials = tuple(_trial(id, row, talk.name) for id, row in enumerate(rows, self.next_id))
                self._propose(trials, rows, ev.Proposed(talk.name, talk.asks, trials, talk.asked, now), now)

    def _learned(self, lessons: tuple[Lesson, ...], name: str, now: float) -> None:
        for one in lessons:
            fit = ev.Learned(name, one.model, one.known, dict(one.error), dict(one.best), now)
            self._events.append(fit)

    def take_in(self, said: Suggesting, helm: Helm, now: float) -> tuple[Trial, ...]:
        """Takes in what a body suggests; returns its trials."""
        helm.asks += 1
        terms = said.priority, said.needs
        trials = tuple(_trial(id, row, helm.name, *terms) for id, row in enumerate(said.rows, self.next_id))
        self._propose(trials, said.rows, ev.Proposed(helm.name, helm.asks, trials, len(trials), now), now)
        return trials

    def _propose(self, trials: tuple[Trial, ...], rows: Rows, proposed: ev.Proposed, now: float) -> None:
        self.next_id += len(trials)
        self._events.append(proposed)
        for trial, row in zip(trials, rows, strict=True):
            self.trials[trial.id] = Pending(trial)
            self.table.expect(trial)
            if isinstance(row, Unfit):
                self._conclude(trial.id, Failure("rejected", row.reason, attempt=0), now)
            elif trial.given is not None:
                self._conclude(trial.id, Value(trial.given), now, cached=True)
            elif self._cache and (known := self._cache.find(trial.inputs)) is not None:
                self._conclude(trial.id, known, now, cached=True)
            else:
                self._queue.add(trial)

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

    def _progressed(self, fact: Progressed, now: float) -> None:
        """Records what a further attempt need not make again; an attempt that failed may still have got so far."""
        if fact.trial in self.trials:
            value = {"value": fact.value}
            done = ev.Progress(fact.trial, fact.attempt, fact.part, value, now, fact.seconds, fact.worker)
            self._events.append(done)

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
        self.table.tell(Result(trial, outcome))
        self.spent = self.spent or self._spending.add(outcome)

    def cancel(self, ids: Sequence[int], reason: str, now: float, *, by: str = "") -> None:
        """Asks for trials to be stopped; what a body (``by``) says is recorded although it came too late."""
        known = tuple(id for id in dict.fromkeys(ids) if id in self.trials)
        if not (known or by):
            return
        self._events.append(ev.CancelAsked(tuple(ids) if by else known, reason, by))
        for id in known:
            pending = self.trials[id]
            pending.cancel = reason
            if id in self.running:
                self._actions.append(Cancel(id))
            else:
                self._queue.drop(id)
                self._conclude(id, Cancelled(reason), now)

    def revise(self, said: Revising, by: str, now: float) -> bool:
        """Changes what will run where a trial has not started, else only what is shown; returns which it was."""
        pending = self.trials.get(said.trial)
        if pending is None or said.trial not in self._queue:
            event = _too_late(said, by, now)
        else:
            pending.trial = said.applied_to(pending.trial)
            self._queue.add(pending.trial)
            event = _in_time(said, pending.trial, by, now)
        self._events.append(event)
        return event.applied

    def stop(self, fact: StopWanted, now: float) -> None:
        """No more dispatches."""
        self.stopping = self.stopping or fact
        if not fact.drain:
            self.cancel(tuple(self.running), fact.reason, now)

    # plans

    def plan(self, now: float, room: int, limit: int | None, free: Free = NOTHING) -> None:
        """Dispatches into ``room``, at most ``limit`` new trials, and gives the generators their turns.

        Trials with needs start where these are ``free``; where it is empty, nobody counts them.
        """
        for helm in self.table.helms:
            helm.take_turn(self, now)
        wanted = self._fill(now, room, limit, free) if self.stopping is None else 0
        turns = self.table.turns(wanted, asking=self.stopping is None and not self.table.returned)
        for turn, told in turns:
            if told is not None:
                self._events.append(told)
            self._actions.append(turn)
        self._serve(now)
        if not turns and self._check_end():
            self._serve(now)

    def _serve(self, now: float) -> None:
        """Answers the bodies whose wait is over."""
        for helm in self.table.helms:
            helm.serve(self, now)

    def _fill(self, now: float, room: int, limit: int | None, free: Free = NOTHING) -> int:
        """Starts what may be started; returns how many more candidates could be than there are."""
        if self._delayed:
            room -= self._retry(now, room)
        if self.table.returned:
            return 0  # what had started is brought to its end, and nothing else begins
        most = room if limit is None or room < limit else limit
        if self._queue:
            most -= self._dispatch(now, most, free)
        return most - len(self._queue)

    def _retry(self, now: float, room: int) -> int:
        """Starts retries whose pause is over; returns how many."""
        started = 0
        while started < room and self._delayed and self._delayed[0][0] <= now:
            _, id = heappop(self._delayed)
            if id in self.trials:
                self._submit(self.trials[id], now)
                started += 1
        return started

    def _dispatch(self, now: float, most: int, free: Free) -> int:
        """Starts queued trials; returns how many."""
        taken = self._queue.take(most, free)
        for id in taken:
            self._submit(self.trials[id], now)
        return len(taken)

    def _submit(self, pending: Pending, now: float) -> None:
        pending.attempts += 1
        self.running[pending.trial.id] = pending.attempts
        self._events.append(ev.Started(pending.trial.id, pending.attempts, now))
        self._actions.append(Submit(pending.trial, pending.attempts))

    def _check_end(self) -> bool:
        """Stops where nothing is left to do: the generator is exhausted, or waits for nothing; whether it did."""
        left = self._delayed if self.table.returned else self.trials
        if left or self.stopping or not self.idle:
            return False
        if (reason := self.table.returned or self.table.over) is not None:
            self.stopping = StopWanted(reason)
        elif self.table.stuck:
            self.stuck = True
        return self.stopping is not None


def _trial(id: int, row: Row, generator: str, priority: float = 0.0, needs: Mapping[str, float] | None = None) -> Trial:
    inputs = dict(inputs_of(row))  # theirs may change
    if isinstance(row, Chosen):
        terms = row.priority or priority, row.needs or needs or {}
        return Trial(id, inputs, generator, row.note, *terms, bound=row.bound)
    if isinstance(row, Known):
        return Trial(id, inputs, generator, Note(why="given"), given=dict(row.outputs))
    return Trial(id, inputs, generator, None, priority, needs or {})


def _blamed(report: Evaluated, cancel: str | None) -> Outcome:
    """Returns the outcome of an attempt, its failure put down to the cancel or deadline it followed."""
    outcome = report.outcome
    if isinstance(outcome, Cancelled):
        return Cancelled(outcome.reason or cancel or "")
    if not isinstance(outcome, Failure):
        return outcome
    if cancel is not None:
        return Cancelled(cancel or outcome.message)
    if report.flagged and outcome.kind == "raised":
        return replace(outcome, kind="timeout", message=f"the deadline had passed; {outcome.message}")
    return outcome


def _in_time(said: Revising, trial: Trial, by: str, now: float) -> ev.Revised:
    """Returns the record of a revision that changed what will run, if it changed more than columns."""
    changes = bool(said.inputs) or said.priority is not None or said.needs is not None
    terms = trial.priority, dict(trial.needs)
    return ev.Revised(trial.id, by, said.asked(), dict(trial.inputs), dict(said.columns), changes, *terms, now)


def _too_late(said: Revising, by: str, now: float) -> ev.Revised:
    """Returns the record of a revision that changes only what is shown."""
    return ev.Revised(said.trial, by, said.asked(), {}, {**said.columns, **said.inputs}, False, 0.0, {}, now)
