"""Mistakes in the core that a simulation of it must find, thought of without having seen that simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from heapq import heappop

import pytest

from cohobate.campaign import resume, scheduler
from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import StopWanted, Talk
from cohobate.campaign.policy import Spending
from cohobate.campaign.scheduler import Pending, Scheduler
from cohobate.campaign.waiting import Free, Waiting
from cohobate.core import events as ev
from cohobate.core.outcome import Failure, Kind, Outcome
from cohobate.core.protocols import Answer
from cohobate.core.trial import Evaluated, Result
from cohobate.ledger import tally
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.resume import Hears, Unfinished
from cohobate.ledger.spool import Harvest
from cohobate.ledger.tally import Tally
from simulation.mutant import Mutant


def late_report_of_an_earlier_attempt(patch: pytest.MonkeyPatch) -> None:
    right = Scheduler._ended

    def wrong(self: Scheduler, id: int, attempt: int, report: Evaluated, now: float) -> None:
        right(self, id, self.running.get(id, attempt), report, now)

    patch.setattr(Scheduler, "_ended", wrong)


def kinds_share_a_budget(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Scheduler, pending: Pending, kind: Kind) -> bool:
        lost = pending.lost = pending.lost or {}
        lost[kind] = lost.get(kind, 0) + 1
        return sum(lost.values()) <= self.policy.retries.allowed(kind)

    patch.setattr(Scheduler, "_spare", wrong)


def cancelled_trial_that_loses_its_worker_is_retried(patch: pytest.MonkeyPatch) -> None:
    right = scheduler._blamed

    def wrong(report: Evaluated, cancel: str | None) -> Outcome:
        lost = isinstance(report.outcome, Failure) and report.outcome.kind == "worker_lost"
        return report.outcome if lost else right(report, cancel)

    patch.setattr(scheduler, "_blamed", wrong)


def retries_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Scheduler, now: float, room: int) -> int:
        started = 0
        while started < room and self._delayed:
            _, id = heappop(self._delayed)
            if id in self.trials:
                self._submit(self.trials[id], now)
                started += 1
        return started

    patch.setattr(Scheduler, "_retry", wrong)


def retries_take_no_room(patch: pytest.MonkeyPatch) -> None:
    right = Scheduler._retry

    def wrong(self: Scheduler, now: float, room: int) -> int:
        right(self, now, room)
        return 0

    patch.setattr(Scheduler, "_retry", wrong)


def retries_go_on_after_the_stop(patch: pytest.MonkeyPatch) -> None:
    right = Scheduler.plan

    def wrong(self: Scheduler, now: float, room: int, limit: int | None, free: Free) -> None:
        if self.stopping is not None:
            self._retry(now, room)
        right(self, now, room, limit, free)

    patch.setattr(Scheduler, "plan", wrong)


def stop_at_once_forgets_what_waits_for_its_retry(patch: pytest.MonkeyPatch) -> None:
    right = Scheduler.stop

    def wrong(self: Scheduler, fact: StopWanted, now: float) -> None:
        right(self, fact, now)
        if self.stopping is not None:
            self.cancel([id for _, id in self._delayed], fact.reason, now)

    patch.setattr(Scheduler, "stop", wrong)


def results_that_come_during_a_turn_are_dropped(patch: pytest.MonkeyPatch) -> None:
    turn, heard = Conversation.turn, Conversation.heard

    def wrong_turn(self: Conversation, room: int) -> Talk | None:
        talk = turn(self, room)
        if talk is not None:
            self.untold = list(talk.results)
        return talk

    def wrong_heard(self: Conversation, answer: Answer | None) -> None:
        heard(self, answer)
        self.untold = []

    patch.setattr(Conversation, "turn", wrong_turn)
    patch.setattr(Conversation, "heard", wrong_heard)


def untold_failures_are_forgotten_on_resume(patch: pytest.MonkeyPatch) -> None:
    right = Ledger.untold

    def wrong(self: Ledger, generator: str, *, hears: Hears | None = None) -> list[Result]:
        return [result for result in right(self, generator, hears=hears) if result.ok]

    patch.setattr(Ledger, "untold", wrong)


def failed_attempts_are_forgotten_on_resume(patch: pytest.MonkeyPatch) -> None:
    _resumed(patch, lambda found: [replace(item, failed={}) for item in found])


def attempts_are_counted_anew_on_resume(patch: pytest.MonkeyPatch) -> None:
    _resumed(patch, lambda found: [replace(item, attempts=0) for item in found])


def cancels_are_forgotten_on_resume(patch: pytest.MonkeyPatch) -> None:
    _resumed(patch, lambda found: [replace(item, cancel=False) for item in found])


def queue_is_turned_round(patch: pytest.MonkeyPatch) -> None:
    right = Waiting.take

    def wrong(self: Waiting, most: int, free: Free) -> list[int]:
        return right(self, most, free)[::-1]

    patch.setattr(Waiting, "take", wrong)


def started_trials_are_not_open_after_a_resume(patch: pytest.MonkeyPatch) -> None:
    right = tally._FOLDS[ev.Opened]

    def wrong(self: Tally, event: ev.Opened) -> None:
        right(self, event)
        self.open = 0

    patch.setitem(tally._FOLDS, ev.Opened, wrong)  # type: ignore[arg-type] # a plain dict under its annotation


def spool_is_matched_by_number_alone(patch: pytest.MonkeyPatch) -> None:
    right = resume.harvest

    def wrong(folder) -> Harvest:
        found = right(folder)
        return replace(found, spooled=tuple(replace(one, inputs="") for one in found.spooled))

    patch.setattr(resume, "harvest", wrong)
    patch.setattr(resume, "content_hash", lambda _: "")


def spooled_failure_that_has_retries_left_is_final(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resume, "_is_final", lambda *_, **__: True)


def rejected_candidates_spend_the_failure_budget(patch: pytest.MonkeyPatch) -> None:
    right = Spending.add

    def wrong(self: Spending, outcome: Outcome) -> str | None:
        rejected = isinstance(outcome, Failure) and outcome.kind == "rejected"
        return right(self, replace(outcome, kind="raised") if rejected else outcome)

    patch.setattr(Spending, "add", wrong)


def _resumed(patch: pytest.MonkeyPatch, change: Callable[[Sequence[Unfinished]], list[Unfinished]]) -> None:
    right = Ledger.unfinished
    patch.setattr(Ledger, "unfinished", lambda self: change(right(self)))


OTHERS = tuple(
    Mutant(apply.__name__, why, apply)
    for apply, why in (
        (late_report_of_an_earlier_attempt, "a report counts only for the attempt that runs; others are ignored"),
        (kinds_share_a_budget, "raised, lost and late attempts have separate budgets"),
        (cancelled_trial_that_loses_its_worker_is_retried, "nothing of a trial starts after its cancel was recorded"),
        (retries_do_not_wait, "an attempt starts only after the pause that its predecessor earned"),
        (retries_take_no_room, "the engine is never given more than it has room for"),
        (retries_go_on_after_the_stop, "nothing starts after the stop"),
        (stop_at_once_forgets_what_waits_for_its_retry, "a stop leaves what waits for a retry to the next session"),
        (results_that_come_during_a_turn_are_dropped, "every final outcome is told"),
        (untold_failures_are_forgotten_on_resume, "failures are told too, also after a crash"),
        (failed_attempts_are_forgotten_on_resume, "attempts of a candidate are bounded over all sessions"),
        (attempts_are_counted_anew_on_resume, "no attempt of a trial has the number of another"),
        (cancels_are_forgotten_on_resume, "a cancel that is recorded holds in the next session"),
        (queue_is_turned_round, "what waits starts in the order it was proposed, also after a resume"),
        (started_trials_are_not_open_after_a_resume, "a goal of n evaluations never starts trial n + 1"),
        (spool_is_matched_by_number_alone, "a spooled result counts only for the inputs it was made of"),
        (spooled_failure_that_has_retries_left_is_final, "a trial gets its retries, also when the driver died"),
        (rejected_candidates_spend_the_failure_budget, "rejected candidates are no failures to the budget"),
    )
)
