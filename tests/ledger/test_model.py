"""A ledger, its crashes and its openings against a plain model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from cohobate.core.errors import AlreadyOpen
from cohobate.core.events import AttemptFailed, CancelAsked, Event, Finished, Opened, Proposed, Started, Told
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.trial import Result, Trial
from cohobate.ledger.ledger import Ledger, open_ledger
from cohobate.ledger.resume import Delivered, Unfinished
from cohobate.ledger.verify import verify

outcomes = st.one_of(
    st.builds(Value, st.fixed_dictionaries({"y": st.floats(allow_nan=False)})),
    st.builds(Failure, st.sampled_from(["raised", "timeout", "rejected"]), st.text(max_size=5)),
    st.builds(Cancelled, st.text(max_size=5)),
)


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and the same to the model."""

    trials = Bundle("trials")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(mkdtemp())
        self.copies = 0
        self.events: list[Event] = []
        self.proposed: dict[int, Trial] = {}
        self.attempts: dict[int, int] = {}
        self.failed: dict[int, dict[str, int]] = {}
        self.asked: set[int] = set()
        self.final: dict[int, Outcome] = {}
        self.told: set[int] = set()
        self.folder = self.place / "run"
        self.ledger: Ledger = open_ledger(self.folder)

    def record(self, *events: Event) -> None:
        self.events += events
        self.ledger.append(events)

    @rule(target=trials, count=st.integers(1, 3), x=st.floats(allow_nan=False))
    def propose(self, count: int, x: float) -> int:
        first = len(self.proposed)
        new = tuple(Trial(i, {"x": x, "i": i}) for i in range(first, first + count))
        self.proposed.update((trial.id, trial) for trial in new)
        self.record(Proposed("main", len(self.events), new))
        return first

    @rule(trial=trials)
    def start(self, trial: int) -> None:
        if trial not in self.final:
            self.attempts[trial] = self.attempts.get(trial, 0) + 1
            self.record(Started(trial, self.attempts[trial], 1.5))

    @rule(trial=trials, kind=st.sampled_from(["raised", "worker_lost"]))
    def fail_an_attempt(self, trial: int, kind: str) -> None:
        if trial not in self.final:
            failed = self.failed.setdefault(trial, {})
            failed[kind] = failed.get(kind, 0) + 1
            self.record(AttemptFailed(trial, 1, Failure(kind, "no"), 2.0))  # type: ignore[arg-type] # a kind

    @rule(trial=trials)
    def ask_to_cancel(self, trial: int) -> None:
        self.asked.add(trial)
        self.record(CancelAsked((trial,)))

    @rule(trial=trials, outcome=outcomes)
    def finish(self, trial: int, outcome: Outcome) -> None:
        if trial not in self.final:
            self.final[trial] = outcome
            self.record(Finished(trial, 1, outcome, 3.0))

    @rule(count=st.integers(1, 4))
    def tell(self, count: int) -> None:
        ready = tuple(trial for trial in self.final if trial not in self.told)[:count]
        if ready:
            self.told.update(ready)
            self.record(Told("main", ready))

    @rule()
    def flush(self) -> None:
        self.ledger.flush()
        assert self.ledger.durable == len(self.events)

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.reopen(self.folder)

    @rule()
    def crash(self) -> None:
        """What a driver leaves that is killed just now: the files as they are."""
        self.ledger.flush()
        self.copies += 1
        folder = self.place / f"run{self.copies}"
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*-shm"))
        self.ledger.close()
        self.reopen(folder)

    @rule()
    def open_twice(self) -> None:
        with pytest.raises(AlreadyOpen):
            open_ledger(self.folder)

    @precondition(lambda self: len(self.events) > 0)
    @rule()
    def verify(self) -> None:
        self.ledger.flush()
        assert verify(self.folder) == []

    def reopen(self, folder: Path) -> None:
        self.folder, self.ledger = folder, open_ledger(folder)
        assert self.ledger.durable == len(self.events)
        self.look()
        self.record(Opened(self.ledger.epoch, 4.0))

    def look(self) -> None:
        """Compares everything a driver asks at its start."""
        assert [event for _, event in self.ledger.read()] == self.events
        open_ones = [
            Unfinished(trial, self.attempts.get(i, 0), self.failed.get(i, {}), i in self.asked)
            for i, trial in self.proposed.items()
            if i not in self.final
        ]
        assert self.ledger.unfinished() == open_ones
        waiting = [Result(self.proposed[i], outcome) for i, outcome in self.final.items() if i not in self.told]
        assert self.ledger.untold("main") == waiting
        assert list(self.ledger.story("main")) == [step for event in self.events for step in self.steps(event)]
        tally = self.ledger.tally
        assert tally.final == len(self.final)
        assert tally.values == sum(isinstance(outcome, Value) for outcome in self.final.values())
        assert tally.proposed == len(self.proposed)

    def steps(self, event: Event) -> list[Proposed | Delivered]:
        match event:
            case Proposed():
                return [event]
            case Told("main", trials):
                return [Delivered("main", tuple(Result(self.proposed[i], self.final[i]) for i in trials))]
        return []

    @invariant()
    def counts(self) -> None:
        assert self.ledger.appended == len(self.events)
        assert self.ledger.error is None

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.place)


def test_a_ledger_is_its_model():
    check: Callable[[], None] = LedgerMachine.TestCase().runTest
    check()


LedgerMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
