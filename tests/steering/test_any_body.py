"""Bodies drawn at random, stopped anywhere and taken up again: table and value as if nothing had happened."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import GeneratorError
from cohobate.core.events import Told
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from steering.doing import PROBLEM, events, whole

DECIDED = ("id", "x", "f", "status", "generator", "message", "cancel_requested", "note", "revised.x")
SMALL = st.integers(0, 3)
OPS = st.one_of(
    st.tuples(st.just("suggest"), st.integers(1, 4), SMALL),
    st.tuples(st.just("evaluate"), st.integers(1, 3), SMALL),
    st.tuples(st.just("receive"), SMALL, st.sampled_from([None, 0, 0.0005])),
    st.tuples(st.just("cancel"), st.integers(2, 4), SMALL),
    st.tuples(st.just("revise"), SMALL, SMALL),
    st.tuples(st.just("move"), st.integers(2, 4), SMALL),
    st.tuples(st.just("once"), SMALL, SMALL),
    st.tuples(st.just("call"), SMALL, SMALL),
    st.tuples(st.just("await"), SMALL, SMALL),
)


class Crash(Exception):
    """What a body is stopped with."""


@dataclass
class Life:
    """One life of a body: what it does, and at which call it dies."""

    ops: list[tuple[str, int, Any]]
    dies: int = 10**9
    calls: Any = field(default_factory=itertools.count)
    x: float = 1.0
    told: list[int] = field(default_factory=list)
    mine: list[Any] = field(default_factory=list)
    promises: list[Any] = field(default_factory=list)
    known: list[float] = field(default_factory=list)

    def live(self, steer: co.Steer) -> dict[str, Any]:
        """Does it all, and takes in whatever is left."""
        for name, n, m in self.ops:
            self.may_die()
            DO[name](self, steer, n, m)
        self.known += [promise.result() for promise in self.promises]
        while steer.pending():
            self.may_die()
            self.take(steer.receive(at_least=2))
        return {"x": self.x, "told": sorted(self.told), "known": self.known}

    def may_die(self) -> None:
        if next(self.calls) == self.dies:
            raise Crash

    def rows(self, n: int) -> list[dict[str, float]]:
        """Points that follow from what is known so far."""
        self.x = (self.x * 7 + 3) % 101
        return [{"x": self.x + i / 8} for i in range(n)]

    def take(self, results: list[Any]) -> None:
        self.told += [result.trial.id for result in results]

    def suggest(self, steer: co.Steer, n: int, priority: int) -> None:
        self.mine += steer.suggest(self.rows(n), priority=priority)

    def evaluate(self, steer: co.Steer, n: int, priority: int) -> None:
        results = steer.evaluate(self.rows(n), priority=priority)
        self.take(results)
        self.x = sum(result["f"] for result in results) % 97

    def receive(self, steer: co.Steer, at_least: int, timeout: float | None) -> None:
        if steer.pending():
            self.take(steer.receive(at_least=at_least, timeout=timeout))

    def cancel(self, steer: co.Steer, n: int, priority: int) -> None:
        trials = steer.suggest(self.rows(n), priority=priority)
        steer.cancel(trials[1:], f"{n - 1} too many")  # the first may run before that is said again
        self.mine += trials

    def revise(self, steer: co.Steer, n: int, m: int) -> None:
        for trial in self.mine[-n:]:
            steer.revise(trial, note=[n, m])

    def move(self, steer: co.Steer, n: int, priority: int) -> None:
        trials = steer.suggest(self.rows(n), priority=priority)
        assert steer.revise(trials[-1], x=self.x + 0.5)  # the first is run first
        self.mine += trials

    def once(self, steer: co.Steer, n: int, m: int) -> None:
        self.known.append(steer.once(lambda: [n, m]))

    def call(self, steer: co.Steer, n: int, m: int) -> None:
        self.promises.append(steer.call(pow, n, m))

    def awaiting(self, steer: co.Steer, n: int, m: int) -> None:
        for promise in self.promises[:n]:
            assert m or promise.done() in {True, False}
            self.known.append(promise.result())


DO: dict[str, Callable[[Life, Any, int, Any], None]] = {
    "suggest": Life.suggest,
    "evaluate": Life.evaluate,
    "receive": Life.receive,
    "cancel": Life.cancel,
    "revise": Life.revise,
    "move": Life.move,
    "once": Life.once,
    "call": Life.call,
    "await": Life.awaiting,
}


def simulate(x: float) -> dict[str, float]:
    return {"f": (x * 13) % 89}


def run(ops: list[Any], folder: Path | None, *, dies: int = 10**9, goal: int | None = None) -> CampaignResult:
    def drawn(steer: co.Steer) -> dict[str, Any]:
        return Life(ops, dies).live(steer)

    generator = co.persistent(drawn, problem=PROBLEM)
    campaign = co.Campaign(generator, co.simulator(simulate, version="1"), co.inline(), run=folder, durability="normal")
    return campaign.run(None if goal is None else co.evaluations(goal))


def decided(result: CampaignResult) -> list[tuple[Any, ...]]:
    return [tuple(row.get(name) for name in DECIDED) for row in result.table()]


STOPS = st.lists(
    st.one_of(
        st.tuples(st.just("dies"), st.integers(0, 20)),
        st.tuples(st.just("goal"), st.integers(1, 12)),
        st.tuples(st.just("cut"), st.integers(3, 100)),
    ),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=int(os.environ.get("COHOBATE_BODIES", "20")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink what takes so long takes for ever
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(OPS, min_size=1, max_size=12), STOPS)
def test_stopped_anywhere_it_ends_as_if_it_had_not_been(ops: list[Any], stops: list[tuple[str, int]]):
    whole_life = run(ops, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "r"
        for number, (how, when) in enumerate(stops):
            if how == "cut":
                folder = _cut(ops, folder, when, Path(name) / f"{number}")
            else:
                _stopped(ops, folder, how, when)
        result = run(ops, folder)
        assert result.value == whole_life.value
        assert decided(result) == decided(whole_life)
        assert whole(folder)
        _polls_are_merged(folder)


def _cut(ops: list[Any], folder: Path, percent: int, to: Path) -> Path:
    """Returns what is left after a crash of a whole run: the events up to some moment."""
    run(ops, folder)
    kept = events(folder)
    with open_ledger(to) as ledger:
        ledger.append(kept[: max(2, len(kept) * percent // 100)])
    return to


def _stopped(ops: list[Any], folder: Path, how: str, when: int) -> None:
    """Lets the body live for a while."""
    if how == "goal":
        run(ops, folder, goal=when)
        return
    try:
        run(ops, folder, dies=when)
    except GeneratorError as error:
        if not isinstance(error.__cause__, Crash):
            raise


def _polls_are_merged(folder: Path) -> None:
    """Checks that a body that was told of nothing twice in a row did something in between, or died."""
    with open_reader(folder) as reader:
        said = [event for _, event in reader.read() if type(event).__name__ not in ("Started", "Finished")]
    for one, two in itertools.pairwise(said):
        both = isinstance(one, Told) and isinstance(two, Told)
        assert not (both and not one.trials and not two.trials)


@pytest.mark.parametrize("polls", [1, 50])
def test_polls_in_a_row_are_one_event(polls: int, tmp_path):
    def asks(steer):
        for _ in range(polls):
            steer.receive(at_least=0)
        return steer.evaluate([{"x": 1}])[0]["f"]

    generator = co.persistent(asks, problem=PROBLEM)
    for _ in range(2):
        co.Campaign(generator, co.simulator(simulate, version="1"), co.inline(), run=tmp_path / "r").run()
    assert [(event.trials, event.times) for event in events(tmp_path / "r", Told)] == [((), polls), ((0,), 1)]
