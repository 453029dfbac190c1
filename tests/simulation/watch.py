"""Looks on while a driver works, and asserts the promises about what it does, in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cohobate.campaign.moves import Broken, CancelWanted, Ended, Halt, StopWanted, Talk
from cohobate.campaign.parts.making import Order
from cohobate.campaign.session import Session
from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.trial import Evaluated, Inputs, Trial
from cohobate.ledger.spool import LONG
from simulation.chooser import number

if TYPE_CHECKING:
    from simulation.world import World


class Watch:
    """Looks on while a session runs: ``log`` is everything appended so far, durable or not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acknowledged: list[ev.Event] = []
        self.kept: set[tuple[int, int]] = set()
        self.room = 0
        self.opens()

    def opens(self) -> None:
        """A session begins."""
        stored = self.world.disk.stored
        acknowledged_is_stored(self.acknowledged, stored)
        self.log, self.begin = list(stored), len(stored)
        self.heard_ends: list[Ended] = []
        self.started: set[tuple[int, int]] = set()
        self.starts: Counter[tuple[int, str]] = Counter()
        self.progressed: set[tuple[int, str]] = set()
        self.told: dict[str, set[int]] = {}
        self.cancelled: set[int] = set()
        self.finals: set[int] = set()
        self.backlog = 0
        self.stopped = self.spent = False
        self.outcomes: list[bool] = []
        self.proposed: set[int] = set()
        self.wanted: set[int] = set()
        self.wishes: set[int] = set()
        self.leave_at: float | None = None
        self.newest = -1
        self.fold(stored)
        self.files = set(self.world.disk.files)
        self.settled = self._spooled()

    def forgets(self, events: int) -> None:
        """A power cut, where commits are not synced: only so many events are promised."""
        self.acknowledged = self.acknowledged[:events]
        self.kept = set()

    def _spooled(self) -> set[int]:
        """Trials whose value lies in the spool or the log, so that no attempt is needed; what is neither is dropped."""
        proposed = {trial.id: number(trial.inputs) for trial in trials_of(self.log)}
        self.kept = {(trial, x) for trial, x in self.kept if proposed.get(trial) == x}
        return {trial for trial, _ in self.kept}

    def fold(self, events: Sequence[ev.Event]) -> None:
        for event in events:
            match event:
                case ev.Finished(trial=trial):
                    self.finals.add(trial)
                case ev.Told(name, ids, heard):
                    self.told.setdefault(name, set()).update(ids + heard)
                case ev.CancelAsked(trials=ids):
                    self.cancelled.update(ids)
                case ev.Progress(trial=trial, part=part):
                    assert (trial, part) not in self.progressed, f"part {part} of trial {trial} was made twice"
                    assert trial not in self.finals, f"part {part} of trial {trial} came after its end"
                    self.progressed.add((trial, part))

    # the driver does something

    def turns(self) -> None:
        """The driver has done everything that follows from what it heard."""
        unheard = [trial for trial in self.wishes if self.world.engine.runs(trial)]
        assert not unheard, f"trials {unheard} were to be cancelled, and the engine was not asked"
        self.stopped = self.stopped or self.spent
        session = self.world.session
        if session and session.driver.stopping and not (self.stopped or session.driver.error or self.world.o.drain):
            held = session.driver._scheduler.running  # what is left of a failed attempt may go on
            jobs = [job.trial for job in self.world.engine.jobs.values() if job.trial in held]
            left = [trial for trial in jobs if trial not in self.cancelled]
            assert not left, f"trials {left} run on after the goal, and were not to be drained"

    def spend(self, outcome: Outcome) -> None:
        """A model of the failure budget."""
        budget = self.world.o.budget
        if budget is None or isinstance(outcome, Cancelled) or kind_of(outcome) == "rejected":
            return
        self.outcomes.append(isinstance(outcome, Failure))
        recent = self.outcomes[-budget.window :]
        share = len(recent) == budget.window and sum(recent) >= budget.share * budget.window
        over = budget.count is not None and sum(self.outcomes) > budget.count
        self.spent = self.spent or (self.outcomes[-1] and (share or over))

    def appended(self, events: Sequence[ev.Event], backlog: int) -> None:
        self.log += events
        self.fold(events)
        self.backlog = backlog
        for event in events:
            match event:
                case ev.Started(trial, attempt):
                    self.started.add((trial, attempt))
                case ev.Proposed(trials=trials):
                    self.proposed.update(trial.id for trial in trials)
                case ev.CancelAsked(trials=ids):
                    assert not self.world.o.drain or self.wanted.issuperset(ids), f"nobody wanted {ids} cancelled"
                    self.wishes = {trial for trial in ids if self.world.engine.runs(trial)}
                case ev.Finished(outcome=outcome) if not event.harvested and self.world.session is not None:
                    self.spend(outcome)

    def heard(self, item: object) -> None:
        match item:
            case Ended():
                self.heard_ends.append(item)
            case Halt() | StopWanted() | Broken():
                self.stopped = True
            case CancelWanted(trials=trials):
                self.wanted.update(trials)

    def halts(self, leave_at: float) -> None:
        self.leave_at = leave_at if self.leave_at is None else min(self.leave_at, leave_at)

    def submitted(self, order: Order) -> None:
        o, (trial, attempt, name), inputs = self.world.o, order[:3], order.args[-1]
        assert (trial, attempt) in self.started, f"trial {trial} runs before its start was recorded"
        assert trial not in self.finals, f"trial {trial} runs although it is final"
        assert trial not in self.cancelled, f"trial {trial} runs after it was cancelled"
        assert trial not in self.settled, f"trial {trial} runs although its result was spooled"
        assert (trial, name) not in self.progressed, f"part {name} of trial {trial} is recorded, and made again"
        assert not self.stopped or name, f"trial {trial} runs after the stop"
        assert len(self.world.disk.stored) > self.begin, "work begins before the opening is durable"
        unfit = trial in self.proposed and number(inputs) in self.world.generator.unfit
        assert not unfit, f"trial {trial} runs although it was proposed as unfit"
        backlog = self._undurable() if name else self.backlog  # a part may go long after what happened last
        assert backlog <= o.backlog, f"trial {trial} runs while {backlog} events are not durable"
        self.room -= 1
        assert self.room >= 0, f"trial {trial} runs where there was no room"
        if attempt == 1 and not name:
            assert trial > self.newest, f"trial {trial} runs after {self.newest}, which was proposed later"
            self.newest = trial
        self.starts[trial, name] += 1
        most, started = 1 + o.retries.raised + o.retries.worker_lost + o.retries.timeout, self.starts[trial, name]
        assert started <= most, f"trial {trial} was started {started} times in one session"

    def _undurable(self) -> int:
        assert self.world.session is not None
        ledger = self.world.session.ledger
        return ledger.appended - ledger.durable

    def evaluated(self, trial: int, inputs: Inputs, report: Evaluated) -> None:
        """A worker has a result, and has spooled it where that took long."""
        if report.seconds > LONG and isinstance(report.outcome, Value) and not self.world.disk.full:
            self.kept.add((trial, number(inputs)))

    def talks(self, talk: Talk, until: float) -> None:
        assert self.world.now >= until, "turns of the generator overlap"
        ids = {result.trial.id for result in talk.results}
        assert ids <= self.told.get(talk.generator, set()), "results are delivered before that is recorded"

    def looks(self, session: Session) -> None:
        """Somebody looks at the status: what it counts must be durable, and stay."""
        disk = self.world.disk
        status = session.status()
        assert status.tally == disk.counts, "the status counts what is not durable"
        durable = session.ledger.durable
        assert durable <= len(disk.stored), "events count as durable that are not"
        self.acknowledged = self.log[: max(durable, len(self.acknowledged))]


def acknowledged_is_stored(acknowledged: Sequence[ev.Event], stored: Sequence[ev.Event]) -> None:
    assert stored[: len(acknowledged)] == acknowledged, "what was shown as durable is lost or changed"


def trials_of(log: Sequence[ev.Event]) -> Iterator[Trial]:
    """The trials that were proposed, in order."""
    return (trial for event in log if isinstance(event, ev.Proposed) for trial in event.trials)


def kind_of(outcome: Outcome) -> str:
    """The kind of a failure; nothing for anything else."""
    return outcome.kind if isinstance(outcome, Failure) else ""
