"""The scheduler alone: scripted facts in, recorded events and actions out."""

from __future__ import annotations

import pytest

from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import Cancel, CancelWanted, Ended, Heard, StopWanted, Submit, Talk
from cohobate.campaign.policy import FailureBudget, Policy, Retries
from cohobate.campaign.scheduler import Pending, Scheduler
from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure, Kind, Outcome, Value
from cohobate.core.protocols import Exhausted, Later, Unfit
from cohobate.core.trial import Evaluated, Result, Trial


def rows(n: int, first: int = 0) -> list[dict[str, int]]:
    return [{"x": first + i} for i in range(n)]


def report(outcome: Outcome, *, flagged: bool = False) -> Evaluated:
    return Evaluated(outcome, started=0.0, seconds=1.0, worker="w", flagged=flagged)


def value(f: float = 0.0) -> Evaluated:
    return report(Value({"f": f}))


def failed(kind: Kind, message: str = "boom") -> Evaluated:
    return report(Failure(kind, message))


class Loop:
    """A scheduler with its events and actions collected, for one room and limit."""

    def __init__(self, scheduler: Scheduler | None = None, *, room: int = 2, limit: int | None = None) -> None:
        self.s = scheduler or Scheduler(Policy(budget=None))
        self.workers, self.limit = room, limit
        self.events: list[ev.Event] = []
        self.now = 0.0

    def plan(self) -> list[object]:
        self.s.plan(self.now, self.workers - len(self.s.running), self.limit)
        return self.take()

    def on(self, *facts: object) -> list[object]:
        for fact in facts:
            self.s.on(fact, self.now)
        return self.take()

    def take(self) -> list[object]:
        events, actions = self.s.take()
        self.events += events
        return list(actions)

    def proposed(self, n: int) -> list[object]:
        """Answers the question that is out with n rows and dispatches them."""
        assert any(isinstance(a, Talk) and a.ask for a in self.plan())
        self.on(Heard(rows(n, self.s.next_id)))
        return self.plan()

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


def test_asks_for_as_many_as_there_is_room_and_dispatches_them():
    loop = Loop(room=3)
    assert loop.plan() == [Talk((), 3)]
    assert loop.plan() == []
    loop.on(Heard(rows(3)))
    assert loop.plan() == [Submit(Trial(i, {"x": i}), 1) for i in range(3)]
    assert [type(e) for e in loop.events] == [ev.Proposed, ev.Started, ev.Started, ev.Started]
    assert loop.events[0].asked == 3


def test_records_each_delivery_before_it_and_tells_before_it_asks():
    loop = Loop()
    loop.proposed(2)
    assert loop.on(Ended(1, 1, value())) == []
    (talk,) = loop.plan()
    assert [r.trial.id for r in talk.results] == [1]
    assert talk.ask == 1
    assert loop.events[-1] == ev.Told("main", (1,))


def test_turns_never_overlap_and_results_wait_for_the_next_one():
    loop = Loop()
    loop.proposed(2)
    loop.on(Ended(0, 1, value()))
    assert len(loop.plan()) == 1
    loop.on(Ended(1, 1, value()))
    assert loop.plan() == []
    loop.on(Heard(rows(1, 2)))
    talks = [a for a in loop.plan() if isinstance(a, Talk)]
    assert [[r.trial.id for r in talk.results] for talk in talks] == [[1]]


def test_limit_counts_queued_candidates_so_nothing_more_is_asked_for():
    loop = Loop(room=16, limit=5)
    assert loop.plan() == [Talk((), 5)]
    loop.on(Heard(rows(5)))
    assert len([a for a in loop.plan() if isinstance(a, Submit)]) == 5
    loop.limit = 0
    assert loop.plan() == []


def test_a_late_or_repeated_report_changes_nothing():
    loop = Loop()
    loop.proposed(1)
    loop.on(Ended(0, 1, value(1.0)), Ended(0, 1, value(2.0)), Ended(7, 1, value()))
    assert [e.outcome for e in loop.of(ev.Finished)] == [Value({"f": 1.0})]
    assert len(loop.of(ev.Ignored)) == 2


@pytest.mark.parametrize(("kind", "attempts"), [("raised", 2), ("worker_lost", 4), ("timeout", 3), ("rejected", 1)])
def test_each_kind_of_failure_has_its_own_retries(kind: Kind, attempts: int):
    loop = Loop(Scheduler(Policy(Retries(raised=1, worker_lost=3, timeout=2), budget=None)), room=1)
    loop.proposed(1)
    for attempt in range(1, attempts):
        loop.on(Ended(0, attempt, failed(kind)))
        assert loop.plan() == [Talk((), 1)] or attempt > 1
        due = loop.s.due(loop.now)
        assert due is not None
        loop.now = due
        assert Submit(Trial(0, {"x": 0}), attempt + 1) in loop.plan()
    loop.on(Ended(0, attempts, failed(kind)))
    (final,) = loop.of(ev.Finished)
    assert final.attempt == attempts
    assert final.outcome.kind == kind
    assert len(loop.of(ev.AttemptFailed)) == attempts - 1


def test_a_retry_waits_longer_each_time_and_the_wait_is_reproducible():
    retries = Retries(first=1.0, longest=8.0)
    waits = [retries.pause(0, 5, attempt) for attempt in range(1, 8)]
    assert all(2.0 ** min(k, 3) <= wait <= 1.25 * 2.0 ** min(k, 3) for k, wait in enumerate(waits))
    assert waits == [retries.pause(0, 5, attempt) for attempt in range(1, 8)]
    assert retries.pause(0, 6, 1) != waits[0]


def test_a_candidate_that_takes_three_workers_is_quarantined():
    loop = Loop(room=1)
    loop.proposed(1)
    for attempt in (1, 2, 3):
        loop.on(Ended(0, attempt, failed("worker_lost", "SIGSEGV")))
        loop.now = loop.s.due(loop.now) or loop.now
        loop.plan()
    (final,) = loop.of(ev.Finished)
    assert final.outcome.message == "quarantined after 3 lost workers; the last: SIGSEGV"


def test_cancelling_what_waits_means_it_never_runs():
    loop = Loop(room=1)
    loop.plan()
    loop.on(Heard(rows(3)))
    loop.plan()
    assert loop.on(CancelWanted((1,), "pointless")) == []
    assert loop.of(ev.Finished)[0].attempt == 0
    loop.on(Ended(0, 1, value()))
    submitted = [a.trial.id for a in loop.plan() if isinstance(a, Submit)]
    assert submitted == [2]


def test_a_trial_named_twice_is_cancelled_once():
    loop = Loop(room=1)
    loop.plan()
    loop.on(Heard(rows(2)))
    loop.on(CancelWanted((1, 1), "pointless"))
    assert [e.trial for e in loop.of(ev.Finished)] == [1]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Value({"f": 1.0}), Value({"f": 1.0})),
        (Failure("raised", "stopped"), Cancelled("pointless")),
        (Cancelled(), Cancelled("pointless")),
    ],
)
def test_cancelling_what_runs_keeps_a_value_and_excuses_a_failure(outcome: Outcome, expected: Outcome):
    loop = Loop(room=1)
    loop.proposed(1)
    assert loop.on(CancelWanted((0,), "pointless")) == [Cancel(0)]
    loop.on(Ended(0, 1, report(outcome)))
    (final,) = loop.of(ev.Finished)
    assert final.outcome == expected
    assert final.cancel_requested


def test_a_failure_after_the_deadline_flag_is_a_timeout():
    loop = Loop(room=1)
    loop.proposed(1)
    loop.on(Ended(0, 1, report(Failure("raised", "CancelledError"), flagged=True)))
    assert loop.of(ev.Finished)[0].outcome.kind == "timeout"


def test_draining_dispatches_nothing_and_delivers_everything():
    loop = Loop(room=2)
    loop.proposed(2)
    loop.on(StopWanted("goal"))
    loop.on(Ended(0, 1, value()))
    (talk,) = loop.plan()
    assert (talk.ask, [r.trial.id for r in talk.results]) == (0, [0])
    loop.on(Heard(None), Ended(1, 1, failed("raised")))
    assert not loop.s.quiet
    loop.plan()
    loop.on(Heard(None))
    assert loop.s.quiet


def test_stopping_without_drain_cancels_what_runs():
    loop = Loop(room=2)
    loop.proposed(2)
    assert loop.on(StopWanted("enough", drain=False)) == [Cancel(0), Cancel(1)]


def test_an_unfit_row_is_recorded_as_rejected_and_never_run():
    loop = Loop(room=2)
    loop.plan()
    loop.on(Heard([Unfit({"x": "C1CC"}, "unclosed ring"), {"x": "CC"}]))
    assert [a.trial.id for a in loop.plan() if isinstance(a, Submit)] == [1]
    assert loop.of(ev.Finished)[0].outcome == Failure("rejected", "unclosed ring", attempt=0)


def test_exhaustion_stops_when_everything_is_in():
    loop = Loop(room=2)
    loop.proposed(1)
    loop.plan()
    loop.on(Heard(Exhausted("pool used up")))
    loop.plan()
    assert loop.s.stopping is None
    loop.on(Ended(0, 1, value()))
    loop.plan()
    loop.on(Heard(None))
    loop.plan()
    assert loop.s.stopping == StopWanted("pool used up")
    assert loop.s.quiet


def test_later_with_nothing_running_is_stuck_rather_than_silent():
    loop = Loop()
    loop.plan()
    loop.on(Heard(Later()))
    loop.plan()
    assert loop.s.stuck


def test_later_is_asked_again_after_the_next_results():
    loop = Loop(room=2)
    loop.proposed(1)
    loop.plan()
    loop.on(Heard(Later()))
    assert loop.plan() == []
    loop.on(Ended(0, 1, value()))
    (talk,) = loop.plan()
    assert (len(talk.results), talk.ask) == (1, 2)
    assert not loop.s.stuck


@pytest.mark.parametrize(
    ("budget", "failures", "spent"),
    [
        (FailureBudget(count=2), 2, False),
        (FailureBudget(count=2), 3, True),
        (FailureBudget(window=4), 3, False),
        (FailureBudget(window=4), 4, True),
        (None, 50, False),
    ],
)
def test_the_failure_budget(budget: FailureBudget | None, failures: int, spent: bool):
    loop = Loop(Scheduler(Policy(budget=budget)), room=1)
    for id in range(failures):
        loop.proposed(1)
        loop.on(Ended(id, 1, failed("raised", "no license")))
    assert (loop.s.spent is not None) == spent
    assert loop.s.spent is None or "no license" in loop.s.spent


def test_what_was_started_before_a_crash_runs_again_outside_the_limit():
    pending = [Pending(Trial(3, {"x": 3}), attempts=1), Pending(Trial(5, {"x": 5}))]
    scheduler = Scheduler(Policy(), talks=[Conversation(asks=4)], next_id=6, unfinished=pending)
    loop = Loop(scheduler, room=4, limit=0)
    assert [a for a in loop.plan() if isinstance(a, Submit)] == [Submit(Trial(3, {"x": 3}), 2)]
    loop.limit = 1
    assert [a for a in loop.plan() if isinstance(a, Submit)] == [Submit(Trial(5, {"x": 5}), 1)]


def test_a_generator_that_waited_is_asked_again_after_results_came_while_there_was_no_room():
    loop = Loop(room=1)
    loop.proposed(1)
    loop.workers = 2
    loop.plan()
    loop.on(Heard(Later()))
    loop.workers = 0  # others use the engine
    loop.on(Ended(0, 1, value()))
    assert loop.plan() == [Talk((Result(Trial(0, {"x": 0}, "main"), Value({"f": 0.0})),), 0)]
    loop.on(Heard(None))
    assert loop.plan() == []
    assert not loop.s.stuck
    loop.workers = 2
    assert loop.plan() == [Talk((), 2)]
