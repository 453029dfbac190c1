"""Several generators of all kinds in one campaign, whose log is cut anywhere: nothing lost, nothing told twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import GeneratorError
from cohobate.core.events import Computed, Event, Finished, Proposed, Returned, Told
from cohobate.ledger.ledger import open_ledger
from steering.doing import LONG, PROBLEM, body, events, whole, xs

CUTS = 16


@co.simulator(version="1")
def simulate(x: float) -> dict[str, float]:
    """Fails now and then."""
    if x == 3:
        raise ValueError("not three")
    return {"f": 2 * x}


class Learner:
    """Asked for points that follow from what it was told, of its own and of others."""

    problem = PROBLEM
    finite = True

    def __init__(self, n: int) -> None:
        self.left, self.known = n, 0

    def suggest(self, n: int):
        n = min(n, self.left)
        self.left -= n
        return xs(*(100 + self.known + i for i in range(n)))

    def ingest(self, results) -> None:
        self.known += len(results)

    def recall(self, rows) -> None:
        self.left -= len(rows)

    def finalize(self) -> None:
        """Nothing to let go of."""


@body
def steady(steer):
    """Takes what it hears of everybody, until there is nothing more to come."""
    heard = []
    steer.suggest(xs(1, 2, 3), priority=1)
    try:
        while True:
            heard += [result.trial.id for result in steer.receive()]
    except co.Closed:
        return heard


@body
def once(steer):
    """Returns early, and leaves a trial."""
    trials = steer.suggest(xs(*range(20, 26)))
    steer.cancel(trials[-1:], "one too many")
    return [len(steer.receive(at_least=4)) >= 4, steer.once(max, 3, 4), steer.call(max, 5, 6).result()]


def campaign(folder: Path, engine: Any) -> co.Campaign:
    members = {
        "steady": co.Member(steady, hears="all", on_return="others"),
        "once": co.Member(once, on_return="others"),
        "asked": co.Member(Learner(7), hears=("once",)),
        "listens": co.Member(Learner(0), proposes=False, hears="all"),
    }
    initial = co.LatinHypercube({"x": co.Real(-1, 1)}, 5, minimize="f")
    return co.Campaign(
        members,
        simulate,
        engine,
        run=folder,
        initial=initial,
        problem=PROBLEM,
        failure_budget=None,
        durability="normal",
    )


HEARING = {
    "initial": {"initial"},
    "steady": {"initial", "steady", "once", "asked"},
    "once": {"initial", "once"},
    "asked": {"initial", "asked", "once"},
    "listens": {"initial", "steady", "once", "asked"},
}


def check(folder: Path) -> None:
    """Checks that all is there once, and that everybody was told of what it hears, and of nothing twice."""
    assert whole(folder)
    proposed = {trial.id: trial.generator for event in events(folder, Proposed) for trial in event.trials}
    assert Counter(proposed.values()) == {"initial": 5, "steady": 3, "once": 6, "asked": 7}
    finals = [event.trial for event in events(folder, Finished)]
    assert sorted(finals) == sorted(proposed) == list(range(21))
    for name, hears in HEARING.items():
        told = [id for event in events(folder, Told) if event.generator == name for id in event.heard + event.trials]
        assert len(told) == len(set(told))
        concerned = {id for id, generator in proposed.items() if generator in hears}
        assert set(told) <= concerned
        if name != "once":
            assert set(told) == concerned
    assert [event.call for event in events(folder, Computed)] == [0, 1]
    assert [event.generator for event in events(folder, Returned) if not event.closing] == ["once"]


def first_life(folder: Path) -> list[Event]:
    with co.threads(2) as engine:
        result = campaign(folder, engine).run()
    assert result.values["once"] == [True, 4, 6]
    assert sorted(result.values["steady"]) == list(range(21))
    check(folder)
    return events(folder)


def test_wherever_the_log_ends_everybody_goes_on(tmp_path):
    log = first_life(tmp_path / "r")
    for number in range(CUTS):
        folder = tmp_path / f"{number}"
        with open_ledger(folder) as ledger:
            ledger.append(log[: 2 + (len(log) - 2) * number // CUTS])
        with co.threads(2) as engine:
            result = campaign(folder, engine).run()
        assert result.values["once"] == [True, 4, 6]
        assert sorted(result.values["steady"]) == list(range(21))
        check(folder)


def test_a_body_that_is_started_again_goes_on_in_the_life_in_which_it_was(tmp_path):
    lives: list[int] = []

    def again(steer, rng):
        lives.append(1)
        points = [float(rng.integers(50, 60)) for _ in range(2)]
        return [result["f"] for result in steer.evaluate(xs(*points))]

    def run(folder: Path, goal: int):
        member = co.Member(co.persistent(again, problem=PROBLEM), on_return="restart")
        return co.Campaign({"again": member}, simulate, co.inline(), run=folder, durability="normal").run(
            co.evaluations(goal)
        )

    whole_life = [row["x"] for row in run(tmp_path / "r", 12).table()][:12]
    assert len(set(whole_life)) > 3
    log = events(tmp_path / "r")
    for number in range(8):
        folder = tmp_path / f"{number}"
        with open_ledger(folder) as ledger:
            ledger.append(log[: 2 + (len(log) - 2) * number // 8])
        result = run(folder, 12)
        assert [row["x"] for row in result.table()][:12] == whole_life
        assert whole(folder)


VALUES = [
    (1, 2),
    [1.5, None, "text"],
    {"a": {"b": [1, 2]}},
    np.float64(2.5),
    np.arange(6.0).reshape(2, 3),
    float("inf"),
    b"bytes",
    True,
    10**30,
]


def test_what_was_computed_once_is_the_same_to_the_bit_and_type_when_it_is_resumed(tmp_path):
    def looks(steer, end=""):
        seen = [steer.once(lambda value=value: value) for value in VALUES]
        seen += [steer.call(_itself, value).result() for value in VALUES]
        if end:
            raise RuntimeError(end)
        return [[type(value).__name__, repr(value)] for value in seen]

    def run(end: str, folder: Path | None):
        generator = co.persistent(lambda steer: looks(steer, end), problem=PROBLEM)
        return co.Campaign(generator, simulate, co.inline(), run=folder).run()

    fresh = run("", None).value
    with pytest.raises(GeneratorError, match="crash"):
        run("crash", tmp_path / "r")
    assert run("", tmp_path / "r").value == fresh


def _itself(value: Any) -> Any:
    return value


def test_what_is_said_within_once_is_refused_at_once(tmp_path):
    """Else its log could not be followed: the call has no end yet when what is within it is recorded."""

    @body
    def nests(steer):
        return steer.once(lambda: len(steer.evaluate(xs(1))))

    with pytest.raises(GeneratorError, match=r"nests: steer.suggest: not within the function that steer.once calls"):
        co.Campaign(nests, simulate, co.inline(), run=tmp_path / "r").run()
    assert events(tmp_path / "r", Proposed) == []
    assert whole(tmp_path / "r")


def test_more_than_two_threads_may_wait_for_one_campaign():
    @body
    def many(steer):
        return len(steer.evaluate(xs(*range(10, 200))))

    with co.threads(4) as engine:
        handles = [co.Campaign(many, simulate, engine).start() for _ in range(3)]
        assert [handle.result(LONG).value for handle in handles] == [190] * 3
