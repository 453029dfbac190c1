"""A ledger, its crashes, its openings and its spool against a plain model."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from cohobate.campaign.leftovers import Leftovers
from cohobate.campaign.members import Member
from cohobate.campaign.policy import Policy, Retries
from cohobate.campaign.resume import remember
from cohobate.core.canonical import content_hash
from cohobate.core.errors import AlreadyOpen, LedgerError
from cohobate.core.events import (
    AttemptFailed,
    CancelAsked,
    Declared,
    Event,
    Exhausted,
    Finished,
    Ignored,
    Opened,
    Proposed,
    Started,
    Stopped,
    Told,
)
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.trial import Evaluated, Trial
from cohobate.ledger import sidecar
from cohobate.ledger.ledger import Ledger, open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.spool import Spooled, discard, harvest, write_spool
from cohobate.ledger.verify import verify
from cohobate.ledger.views import follow
from ledger.histories import CAMPAIGN
from ledger.model import Model

numbers = st.floats(allow_nan=False)
outcomes = st.one_of(
    st.builds(Value, st.fixed_dictionaries({"y": numbers})),
    st.builds(Failure, st.sampled_from(["raised", "timeout", "worker_lost", "rejected"]), st.sampled_from(["a", "b"])),
    st.builds(Cancelled, st.text(max_size=5)),
)
reports = st.lists(
    st.tuples(st.integers(0, 6), st.booleans() | st.just(True), st.integers(1, 4), st.integers(1, 3), outcomes),
    min_size=1,
    max_size=4,
)
"""Reports in the spool: of which trial, with its inputs or others, which epoch and attempt, and the outcome."""
POLICY = Policy(Retries(raised=1, worker_lost=2, timeout=0), None)
"""Of failures in the spool only timeouts and rejections are final."""


class Listener:
    """A generator that proposes nothing."""

    def suggest(self, n: int) -> list[dict[str, object]]:
        return []

    def ingest(self, results: object) -> None:
        pass


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and notes it in ``events``, of which the model is worked out."""

    trials = Bundle("trials")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(mkdtemp())
        self.copies = 0
        self.now = 1000.0
        self.events: list[Event] = []
        self.durable = 0
        self.spooled: dict[str, Spooled] = {}
        self.torn: set[str] = set()
        self.folder = self.place / "run"
        self.ledger: Ledger = open_ledger(self.folder)
        self.old_count = (self.folder / sidecar.NAME).read_bytes()

    @property
    def model(self) -> Model:
        return Model(self.events)

    def later(self) -> float:
        self.now += 7.0
        return self.now

    def record(self, *events: Event) -> None:
        self.events += events
        self.ledger.append(events)

    @initialize()
    def declare(self) -> None:
        self.record(Opened(1, self.later()), Declared(CAMPAIGN))

    # what happens in a campaign

    @rule(target=trials, count=st.integers(1, 3), x=numbers)
    def ask(self, count: int, x: float) -> MultipleResults[int]:
        first = len(self.model.trials)
        self.record(Proposed("main", len(self.events), tuple(Trial(first + i, {"x": x, "i": i}) for i in range(count))))
        return multiple(*range(first, first + count))

    @rule(trial=trials)
    def start(self, trial: int) -> None:
        if trial in self.model.trials and trial not in self.model.final:
            self.record(Started(trial, self.model.attempts.get(trial, 0) + 1, self.later()))

    @rule(trial=trials, outcome=outcomes)
    def finish(self, trial: int, outcome: Outcome) -> None:
        model = self.model
        if trial in model.trials and trial not in model.final:
            self.record(Finished(trial, model.attempts.get(trial, 0), outcome, self.later(), seconds=0.5))

    @rule(trial=trials, y=numbers)
    def find_in_the_cache(self, trial: int, y: float) -> None:
        if self.model.status.get(trial) == "proposed":
            self.record(Finished(trial, 0, Value({"y": y}), self.later(), cached=True))

    @rule(trial=trials, kind=st.sampled_from(["raised", "worker_lost"]))
    def lose(self, trial: int, kind: str) -> None:
        if self.model.status.get(trial) == "running":
            failure = Failure(kind, "no")  # type: ignore[arg-type] # a kind
            self.record(AttemptFailed(trial, self.model.attempts[trial], failure, self.later(), 0.5))

    @rule(trial=trials)
    def cancel(self, trial: int) -> None:
        if trial in self.model.trials:
            self.record(CancelAsked((trial,), "stale"))

    @rule(count=st.integers(1, 4))
    def tell(self, count: int) -> None:
        ready = tuple(result.trial.id for result in self.model.untold())[:count]
        if ready:
            self.record(Told("main", ready))

    @rule(trial=trials, event=st.sampled_from(["ignored", "exhausted", "stopped"]))
    def mention(self, trial: int, event: str) -> None:
        match event:
            case "ignored":
                self.record(Ignored(trial, 1, "late"))
            case "exhausted":
                self.record(Exhausted("main"))
            case _:
                self.record(Stopped("paused", self.later(), 1.0))

    # two handles

    @rule()
    def open_twice(self) -> None:
        with pytest.raises(AlreadyOpen):
            open_ledger(self.folder)

    @rule(copied=st.booleans())
    def read_meanwhile(self, copied: bool) -> None:
        durable = self.ledger.durable
        folder = snapshot(self.folder, self.fresh()) if copied else self.folder
        with open_reader(folder) as reader:
            found = [event for _, event in reader.read()]
        assert len(found) >= durable
        assert found == self.events[: len(found)]
        if copied:
            assert verify(folder) == []

    @rule()
    def finish_again(self) -> None:
        """Refused: the writer dies of it, and nothing else is lost."""
        if not self.model.final:
            return
        self.ledger.flush()
        self.ledger.append([Finished(next(iter(self.model.final)), 9, Value({"y": 0.0}), self.now)])
        with pytest.raises(LedgerError, match="trial"):
            self.ledger.flush()
        with pytest.raises(LedgerError, match="trial"):
            self.ledger.close()
        self.reopen(self.folder)

    # crashes

    @rule()
    def flush(self) -> None:
        self.ledger.flush()
        assert self.ledger.durable == len(self.events)

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.reopen(self.folder)

    @rule(y=numbers)
    def be_killed(self, y: float) -> None:
        """The files as they are while something is on its way that is not recorded."""
        with self.stalled():
            self.start(0)
            self.finish(0, Value({"y": y}))
            self.ask(1, y)
            self.abandon(self.copied())

    @rule(y=numbers, tail=st.binary(max_size=200), old=st.booleans())
    def lose_power(self, y: float, tail: bytes, old: bool) -> None:
        """The files as they were synced: a log with a torn end, and a count that may be an old one."""
        with self.stalled():
            self.ask(2, y)
            folder = self.copied()
            with (folder / "campaign.db-wal").open("ab") as log:
                log.write(tail * 40)
            if old:
                (folder / sidecar.NAME).write_bytes(self.old_count)
            self.abandon(folder)

    # the spool

    def spool(self, trial: int, right: bool, epoch: int, attempt: int, outcome: Outcome) -> None:
        """A worker keeps a report: of this or another attempt, of a proposal that may be lost or be another one."""
        known = self.model.trials.get(trial)
        digest = content_hash(known.inputs if known and right else {"x": "another"})
        report = Evaluated(outcome, self.now, 3600.0, "w")
        path = write_spool(self.folder, epoch, trial, attempt, digest, report)
        self.spooled[path.name] = Spooled(epoch, trial, attempt, digest, report)
        self.torn.discard(path.name)

    @rule(epoch=st.integers(1, 4), content=st.binary(max_size=30))
    def tear(self, epoch: int, content: bytes) -> None:
        path = self.folder / "spool" / f"3-{epoch}-1.result"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.torn.add(path.name)
        self.spooled.pop(path.name, None)

    @rule(kept=reports, die=st.booleans())
    def resume(self, kept: list[tuple[int, bool, int, int, Outcome]], die: bool) -> None:
        """A driver takes in what was spooled, once; it may die before it has cleared up."""
        for one in kept:
            self.spool(*one)
        self.open_again()
        expected = self.harvestable()
        past = remember(self.ledger, {"main": Member(Listener())}, POLICY, {})
        found = {e.trial: e for e in past.events if isinstance(e, Finished) and e.harvested}
        assert {trial: event.outcome for trial, event in found.items()} == expected
        assert (past.harvested, len(past.spooled)) == (len(expected), len(self.spooled))
        assert set(past.unreadable) == self.torn
        self.now += 1.0
        self.record(*(replace(e, at=self.now) if isinstance(e, Finished) else e for e in past.events))
        leftovers = Leftovers(self.folder, self.ledger.epoch)
        leftovers.found(past.spooled, self.ledger.appended)
        discard(self.folder, past.unreadable)
        self.torn.clear()
        if die:
            leftovers.clear(self.ledger.durable)
            self.spooled = {path.name: self.spooled[path.name] for path in (self.folder / "spool").glob("*.result")}
            return
        self.ledger.flush()
        leftovers.clear(self.ledger.durable)
        self.spooled.clear()
        assert list(harvest(self.folder)) == []

    def harvestable(self) -> dict[int, Outcome]:
        """What the spool holds of each unfinished trial, for the same inputs: of several a value, else the last."""
        model, found = self.model, dict[int, Outcome]()
        for one in sorted(self.spooled.values(), key=lambda one: (one.trial, one.epoch, one.attempt)):
            trial, outcome = model.trials.get(one.trial), one.evaluated.outcome
            same = trial is not None and one.inputs == content_hash(trial.inputs)
            if same and one.trial not in model.final and not _worse(outcome, found.get(one.trial)):
                found[one.trial] = outcome
        return {trial: outcome for trial, outcome in found.items() if _decides(outcome, cancel=trial in model.asked)}

    # looking

    @precondition(lambda self: len(self.events) > 0)
    @rule()
    def look_closely(self) -> None:
        self.ledger.flush()
        assert verify(self.folder) == []
        self.look()

    def look(self) -> None:
        """Compares everything that a driver and a person ask."""
        model, ledger = self.model, self.ledger
        assert [event for _, event in ledger.read()] == self.events
        assert ledger.unfinished() == model.unfinished()
        assert ledger.untold("main") == model.untold()
        assert list(ledger.story("main")) == model.story()
        views = follow(ledger)
        for tally in (ledger.reader.tally, views.tally):
            low = tally.best("y", "minimize")
            found = {**{name: getattr(tally, name) for name in model.tally()}}
            found["lowest"] = None if low is None else (low.trial, low.value)
            assert found == model.tally()
        assert {row["id"]: row["status"] for row in views.table()} == model.status
        assert [row["id"] for row in views.best(99)] == model.best()
        assert [(g["kind"], g["message"], g["count"]) for g in views.failures()] == model.failures()
        rates = views.rates()
        assert (rates.recent, rates.overall) == pytest.approx(model.rates())

    @invariant()
    def counts(self) -> None:
        assert self.ledger.appended == len(self.events)
        assert self.ledger.error is None
        assert self.durable <= self.ledger.durable <= len(self.events)
        self.durable = self.ledger.durable

    # how it is done

    def fresh(self) -> Path:
        self.copies += 1
        return self.place / f"run{self.copies}"

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Keeps the writer from recording: another connection holds the database."""
        self.ledger.flush()
        with closing(sqlite3.connect(self.folder / "campaign.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            dead = self.ledger
            yield
            other.execute("ROLLBACK")
        dead.close()
        self.reopen(self.folder)

    def copied(self) -> Path:
        return Path(shutil.copytree(self.folder, self.fresh(), ignore=shutil.ignore_patterns("*-shm", "campaign.lock")))

    def abandon(self, folder: Path) -> None:
        """Goes on in ``folder``: what was acknowledged must be there, and what is there a beginning of what was."""
        with open_reader(folder) as reader:
            found = [event for _, event in reader.read()]
        assert len(found) >= self.ledger.durable
        assert found == self.events[: len(found)]
        assert verify(folder) == []
        self.events, self.folder = found, folder
        self.durable = len(found)

    def reopen(self, folder: Path) -> None:
        self.folder, self.ledger = folder, open_ledger(folder)
        self.old_count = (folder / sidecar.NAME).read_bytes()
        assert self.ledger.durable == len(self.events)
        self.look()
        self.record(Opened(self.ledger.epoch, self.later()))

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.place)


def _worse(outcome: Outcome, known: Outcome | None) -> bool:
    return isinstance(known, Value) and not isinstance(outcome, Value)


def _decides(outcome: Outcome, *, cancel: bool) -> bool:
    return not isinstance(outcome, Failure) or (outcome.kind in ("timeout", "rejected") and not cancel)


def test_a_ledger_is_its_model():
    check: Callable[[], None] = LedgerMachine.TestCase().runTest
    check()


LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
