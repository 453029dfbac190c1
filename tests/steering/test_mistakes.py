"""Mistakes in what bodies and other generators say: one clear line that names generator, call and row."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import CallFailed, GeneratorError, UserError
from cohobate.core.events import Finished, Proposed, Returned
from cohobate.core.protocols import Exhausted, Later
from steering.doing import LONG, PROBLEM, Counted, body, events, told, whole, xs


def error_of(*steps: Callable[[Any], Any], run=None) -> str:
    """The one line with which a campaign ends whose body does this."""

    @body
    def erring(steer):
        for step in steps:
            step(steer)

    with pytest.raises(GeneratorError) as caught:
        co.Campaign(erring, Counted(), co.inline(), run=run).run()
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("erring: ") or "erring raised" in said or ".erring" in said, said
    return said


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"x": 1, "y": 2}, ("y",)),
        ({}, ("x",)),
        ({"x": 2000}, ("x", "2000", "[-1000, 1000]")),
        ({"x": math.nan}, ("x", "nan")),
        ({"x": math.inf}, ("x", "inf")),
        ({"x": "one"}, ("x", "one")),
        ("x", ("mapping",)),
        (None, ("mapping",)),
    ],
)
@pytest.mark.parametrize("call", ["suggest", "evaluate"])
def test_a_row_that_the_problem_forbids_is_named(call: str, row: object, words: tuple[str, ...], tmp_path):
    said = error_of(
        lambda steer: steer.evaluate(xs(1)),
        lambda steer: getattr(steer, call)([{"x": 0.5}, row]),
        run=tmp_path / "r",
    )
    assert "steer.suggest: row 1: " in said
    assert all(word in said for word in words), said
    assert len(events(tmp_path / "r", Proposed)) == len(events(tmp_path / "r", Finished)) == 1
    assert whole(tmp_path / "r")


@pytest.mark.parametrize("priority", [math.nan, math.inf, "high"])
def test_priorities_must_be_numbers(priority: object):
    said = error_of(lambda steer: steer.suggest(xs(1), priority=priority))
    assert "priority" in said
    assert str(priority) in said


@pytest.mark.parametrize("needs", [{"cores": -1}, {"cores": math.nan}, {3: 1}, {"cores": "two"}, 5])
def test_needs_must_be_numbers_by_name(needs: object):
    said = error_of(lambda steer: steer.suggest(xs(1), needs=needs))
    assert "needs" in said


@pytest.mark.parametrize("id", [7, -1, "one", None, 0.5, [0]])
@pytest.mark.parametrize("call", ["cancel", "revise"])
def test_trials_that_are_not_there_are_named(call: str, id: object):
    step = (lambda steer: steer.cancel([id])) if call == "cancel" else lambda steer: steer.revise(id, x=1.0)
    said = error_of(lambda steer: steer.evaluate(xs(1)), step)
    assert f"steer.{call}: no trial {id!r} " in said


@pytest.mark.parametrize("call", ["cancel", "revise"])
def test_the_trials_of_another_generator_are_not_ones_own(call: str):
    there = threading.Event()

    @body
    def owner(steer):
        steer.evaluate(xs(1))
        there.set()

    @body
    def thief(steer):
        assert there.wait(LONG)
        steer.cancel([0]) if call == "cancel" else steer.revise(0, x=3.0)

    members = {"owner": co.Member(owner, on_return="others"), "thief": thief}
    with co.threads(1) as engine, pytest.raises(GeneratorError, match=rf"thief.*steer.{call}: no trial 0 "):
        co.Campaign(members, Counted(), engine).run()


@pytest.mark.parametrize("at_least", [-1, 0.5, "two", None, True])
def test_receive_takes_a_whole_number(at_least: object):
    said = error_of(lambda steer: steer.suggest(xs(1)), lambda steer: steer.receive(at_least=at_least))
    assert "steer.receive: expected a whole number of at least 0" in said
    assert repr(at_least) in said


@pytest.mark.parametrize("timeout", [-1, math.nan, "soon"])
def test_receive_takes_seconds(timeout: object):
    said = error_of(lambda steer: steer.suggest(xs(1)), lambda steer: steer.receive(timeout=timeout))
    assert "steer.receive: expected a timeout" in said


# waiting for nothing


def test_to_wait_for_nothing_is_one_clear_error(tmp_path):
    said = error_of(
        lambda steer: steer.evaluate(xs(1)),
        lambda steer: steer.receive(),
        run=tmp_path / "r",
    )
    assert "steer.receive: nothing is pending" in said
    assert whole(tmp_path / "r")


def test_who_caught_that_error_is_told_the_same_when_it_is_resumed(tmp_path):
    def stubborn_until(last: float):
        @body
        def stubborn(steer):
            steer.evaluate(xs(1))
            try:
                steer.receive()
            except GeneratorError:
                steer.evaluate(xs(2))
            steer.evaluate(xs(3))
            if last == 3:
                raise RuntimeError("crash")
            return "done"

        return stubborn

    with pytest.raises(GeneratorError, match="crash"):
        co.Campaign(stubborn_until(3), Counted().counted(), co.inline(), run=tmp_path / "r").run()
    result = co.Campaign(stubborn_until(4), Counted().counted(), co.inline(), run=tmp_path / "r").run()
    assert result.value == "done"
    assert [row[1] for row in told(result)] == [1, 2, 3]


def test_fewer_come_where_no_more_can_and_those_that_evaluate_set_aside_count():
    @body
    def asks_for_too_many(steer):
        aside = steer.suggest(xs(1))
        steer.evaluate(xs(2))
        got = steer.receive(at_least=2)
        return [result.trial.id for result in got] == [aside[0].id]

    assert co.Campaign(asks_for_too_many, Counted(), co.inline()).run().value is True


def test_what_evaluate_set_aside_is_delivered_before_closed():
    @body
    def sets_aside(steer):
        got = []
        steer.suggest(xs(1))
        try:
            steer.evaluate(xs(2, 3))
            steer.suggest(xs(4))
            while True:
                got += steer.receive(at_least=2)
        except co.Closed:
            got += steer.receive(0)
            return sorted(result.trial.id for result in got)

    assert co.Campaign(sets_aside, Counted(), co.inline()).run(co.evaluations(3)).value == [0]


def test_who_asks_for_nothing_for_ever_is_stuck_and_says_so():
    class Waits:
        problem = PROBLEM

        def suggest(self, n: int):
            return Later()

        def ingest(self, results) -> None:
            """Hears nothing."""

        def finalize(self) -> None:
            """Nothing to let go of."""

    for given in (Waits(), {"one": Waits(), "two": Waits()}):
        with pytest.raises(GeneratorError, match="Later, but nothing runs"):
            co.Campaign(given, Counted(), co.inline()).run(co.evaluations(3))


# bodies that raise


def test_a_body_that_raises_ends_the_campaign_with_its_traceback_and_a_mended_one_goes_on(tmp_path):
    def asking(wrong: bool):
        @body
        def asks(steer):
            results = steer.evaluate(xs(1, 2))
            steer.suggest(xs(3))
            if wrong:
                raise ZeroDivisionError("at the third")
            return len(results + steer.receive())

        return asks

    simulate = Counted()
    with pytest.raises(GeneratorError, match="asks raised ZeroDivisionError: at the third") as caught:
        co.Campaign(asking(wrong=True), simulate.counted(), co.inline(), run=tmp_path / "r").run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.__cause__.__traceback__ is not None
    assert whole(tmp_path / "r")
    result = co.Campaign(asking(wrong=False), simulate.counted(), co.inline(), run=tmp_path / "r").run()
    assert result.value == 3
    assert simulate.calls == [1, 2, 3]
    assert whole(tmp_path / "r")


def test_a_generator_that_raises_in_ingest_is_named():
    class Raises:
        problem = PROBLEM

        def suggest(self, n: int):
            return xs(1)

        def ingest(self, results) -> None:
            raise ValueError("cannot learn")

        def finalize(self) -> None:
            """Nothing to let go of."""

    @body
    def waits(steer):
        try:
            steer.receive(timeout=LONG)
        except co.Closed:
            return "closed"

    with pytest.raises(GeneratorError, match=r"other: Raises.ingest\(1 results\) raised ValueError: cannot learn"):
        co.Campaign({"other": Raises(), "waits": waits}, Counted(), co.inline()).run(co.evaluations(9))


def test_a_value_that_cannot_be_recorded_is_refused(tmp_path):
    @body
    def returns(steer):
        steer.evaluate(xs(1))
        return object()

    with pytest.raises(GeneratorError, match=r"what it returned cannot be recorded .*: return plain data"):
        co.Campaign(returns, Counted(), co.inline(), run=tmp_path / "r").run()
    assert events(tmp_path / "r", Returned) == []
    assert whole(tmp_path / "r")


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("name", ["x", "column"])
def test_a_revision_that_cannot_be_recorded_is_refused(early: bool, name: str, tmp_path):
    def revise(steer):
        trial = steer.suggest(xs(1))[0] if early else steer.evaluate(xs(1))[0].trial
        steer.revise(trial, **{name: object()})

    said = error_of(revise, run=tmp_path / "r")
    assert "steer.revise: " in said
    assert name in said
    assert whole(tmp_path / "r")


@pytest.mark.parametrize("early", [True, False])
def test_a_revision_that_the_problem_forbids_is_refused(early: bool, tmp_path):
    def revise(steer):
        trial = steer.suggest(xs(1))[0] if early else steer.evaluate(xs(1))[0].trial
        steer.revise(trial, x=1e9)

    if early:
        assert "steer.revise: x: 1000000000.0 is not within" in error_of(revise, run=tmp_path / "r")
    else:
        co.Campaign(body(revise), Counted(), co.inline(), run=tmp_path / "r").run()  # only a column
    assert whole(tmp_path / "r")


def test_a_revised_priority_must_be_a_number():
    assert "priority" in error_of(lambda steer: steer.revise(steer.suggest(xs(1))[0], priority="high"))


def test_a_call_that_raises_says_so_in_the_body_and_may_be_caught():
    def fails(x):
        raise ValueError(f"not {x}")

    @body
    def copes(steer):
        said = []
        for make in (lambda: steer.once(fails, 1), lambda: steer.call(fails, 2).result()):
            try:
                make()
            except CallFailed as error:
                said.append(str(error))
        return said

    first, second = co.Campaign(copes, Counted(), co.inline()).run().value
    assert "steer.once(" in first
    assert "ValueError: not 1" in first
    assert "steer.call(" in second
    assert "ValueError: not 2" in second


# bodies that differ from their log

STEPS: dict[str, Callable[[Any], Any]] = {
    "suggest 1": lambda steer: steer.suggest(xs(1)),
    "suggest 2": lambda steer: steer.suggest(xs(2)),
    "suggest 1, 2": lambda steer: steer.suggest(xs(1, 2)),
    "evaluate": lambda steer: steer.evaluate(xs(1)),
    "receive": lambda steer: steer.receive(),
    "poll": lambda steer: steer.receive(at_least=0),
    "cancel": lambda steer: steer.cancel([0], "why"),
    "cancel else": lambda steer: steer.cancel([0], "other"),
    "revise": lambda steer: steer.revise(0, note=1),
    "revise else": lambda steer: steer.revise(0, note=2),
    "once": lambda steer: steer.once(len, "abc"),
    "call": lambda steer: steer.call(len, "abc").result(),
}
CHANGES = [
    (("suggest 1",), ("suggest 2",), "row 0"),
    (("suggest 1",), ("suggest 1, 2",), "suggest of 2 rows"),
    (("suggest 1, 2",), ("suggest 1",), "suggest of 1 rows"),
    (("suggest 1", "receive"), ("suggest 1", "suggest 1"), "receive of trials [1]"),
    (("suggest 1", "receive"), ("suggest 1", "cancel"), "cancel of [0]"),
    (("suggest 1", "receive"), ("suggest 1", "once"), "call number 0"),
    (("suggest 1", "cancel"), ("suggest 1", "cancel else"), "'other'"),
    (("suggest 1", "cancel"), ("suggest 1", "receive"), "cancel of [0]"),
    (("suggest 1", "revise"), ("suggest 1", "revise else"), "'note': 2"),
    (("once",), ("suggest 1",), "call number 0"),
    (("call",), ("evaluate",), "call number 0"),
    (("evaluate", "suggest 1"), ("evaluate",), "the body returns"),
    (("poll", "suggest 1"), ("suggest 2",), "suggest of 1 rows"),
]


def steps(names: tuple[str, ...], end: str = "return"):
    @body
    def follows(steer):
        steer.evaluate(xs(7))
        for name in names:
            STEPS[name](steer)
        if end == "raise":
            raise RuntimeError("mend me")
        return list(names)

    return follows


@pytest.mark.parametrize(("was", "now", "words"), CHANGES)
def test_a_body_that_differs_from_its_log_is_refused_and_the_true_one_goes_on(was, now, words: str, tmp_path):
    folder = tmp_path / "r"

    def run(names: tuple[str, ...], end: str = "return") -> Any:
        return co.Campaign(steps(names, end), Counted().counted(), co.inline(), run=folder).run()

    with pytest.raises(GeneratorError, match="mend me"):
        run((*was, "once"), "raise")
    said = len(events(folder, Proposed))
    with pytest.raises(GeneratorError) as caught:
        run(now)
    message = str(caught.value)
    assert "follows: " in message
    assert "of the body differs from its log" in message
    assert "restore the body" in message
    assert words in message
    assert "\n" not in message
    assert whole(folder)
    assert len(events(folder, Proposed)) == said
    result = run((*was, "once"))
    assert result.value == [*was, "once"]
    assert whole(folder)


def test_a_body_that_differs_and_catches_the_error_does_not_get_away_with_it(tmp_path):
    def saying(x: float, end: str):
        @body
        def says(steer):
            for point in (1, x, 3):
                try:
                    steer.evaluate(xs(point))
                except Exception:  # noqa: BLE001 what careless bodies do
                    continue
            if end:
                raise RuntimeError(end)
            return "done"

        return says

    def run(x: float, end: str = "") -> Any:
        return co.Campaign(saying(x, end), Counted().counted(), co.inline(), run=tmp_path / "r").run()

    with pytest.raises(GeneratorError, match="mend me"):
        run(2, "mend me")
    with pytest.raises(GeneratorError, match=r"differs from its log: the log has trial 1 .*, now row 0 "):
        run(99)
    assert [trial.inputs["x"] for event in events(tmp_path / "r", Proposed) for trial in event.trials] == [1, 2, 3]
    assert run(2).value == "done"
    assert whole(tmp_path / "r")


def test_what_a_body_does_to_its_trials_changes_nothing_that_runs():
    @body
    def scribbles(steer):
        (trial,) = steer.suggest(xs(1))
        trial.inputs["x"] = 99.0
        (pending,) = steer.pending()
        pending.inputs["x"] = 98.0
        return steer.receive()[0]["f"]

    assert co.Campaign(scribbles, Counted(), co.inline()).run().value == 1.0


def test_rows_may_be_numpy_and_are_taken_as_they_were_when_they_were_said():
    row = {"x": np.float64(2)}

    @body
    def reuses(steer):
        steer.suggest([row])
        row["x"] = np.float64(3)
        return steer.receive()[0]["f"]

    assert co.Campaign(reuses, Counted(), co.inline()).run().value == 4.0


# bodies that do not let go


def test_a_body_that_ignores_closed_is_left_behind_after_its_grace(tmp_path):
    go = threading.Event()

    def ignores(steer):
        steer.evaluate(xs(1))
        while not go.is_set():
            try:
                steer.evaluate(xs(2))
            except co.Closed:
                go.wait(0.001)

    generator = co.persistent(ignores, problem=PROBLEM, grace=0.1)
    result = co.Campaign(generator, Counted(), co.inline(), run=tmp_path / "r").run(co.evaluations(2))
    go.set()
    assert result.tally.counted == 2
    assert result.value is None
    assert events(tmp_path / "r", Returned) == []
    assert whole(tmp_path / "r")


def test_a_body_that_computes_for_ever_is_left_behind_after_its_grace():
    go = threading.Event()

    def computes(steer):
        steer.suggest(xs(1, 2))
        go.wait(LONG)

    generator = co.persistent(computes, problem=PROBLEM, grace=0.1)
    with co.threads(1) as engine:
        result = co.Campaign(generator, Counted(), engine).run(co.evaluations(2))
    go.set()
    assert result.tally.counted == 2


def test_closed_is_not_caught_as_an_exception_and_what_is_raised_on_the_way_out_is_told():
    @body
    def cleans_up(steer):
        while True:
            try:
                steer.evaluate(xs(1))
            except Exception:  # noqa: BLE001 must not catch Closed
                raise AssertionError("caught") from None
            except co.Closed:
                raise OSError("disk gone") from None

    with pytest.raises(GeneratorError, match="OSError: disk gone"):
        co.Campaign(cleans_up, Counted(), co.inline()).run(co.evaluations(2))


# what makes no sense from the beginning


def test_what_cannot_work_is_refused_before_anything_runs():
    @body
    def fine(steer):
        return None

    for wrong, words in (
        (lambda: co.persistent(3), "persistent: expected a function of steer"),
        (lambda: fine(seeds=3), "no parameter 'seeds'"),
        (lambda: co.persistent(lambda steer: None, problem=PROBLEM)(seed=-1), "seed must be"),
        (lambda: co.Member(fine, on_return="stops"), "on_return: expected one of"),
        (lambda: co.Member(fine, hears="everybody"), "hears: expected"),
        (lambda: co.Member(fine, proposes=False), "proposes=False"),
        (lambda: co.Campaign({}, Counted()), "needs a generator"),
        (lambda: co.Campaign({"a": co.Member(fine, hears=("b",))}, Counted()), "hears 'b'"),
        (lambda: co.Campaign(co.persistent(lambda steer: None), Counted()), "problem"),
    ):
        with pytest.raises(UserError, match=words):
            wrong()


def test_a_body_that_takes_nothing_is_refused_before_anything_runs():
    with pytest.raises(UserError, match="steer"):
        co.persistent(lambda: None, problem=PROBLEM)


class Ends:
    """Says that it is over, and says it again."""

    problem = PROBLEM
    finite = True

    def suggest(self, n: int):
        return Exhausted("nothing to say")

    def ingest(self, results) -> None:
        """Hears nothing."""

    def finalize(self) -> None:
        """Nothing to let go of."""


def test_who_has_nothing_to_say_ends_the_campaign_and_a_hearing_body_with_it():
    @body
    def hears(steer):
        try:
            steer.receive()
        except co.Closed:
            return "closed"

    result = co.Campaign({"ends": Ends(), "hears": co.Member(hears, hears="all")}, Counted(), co.inline()).run()
    assert result.values == {"hears": "closed"}


def test_on_a_cooperative_engine_too_a_body_that_computes_for_ever_is_left_behind():
    go = threading.Event()

    def computes(steer):
        steer.suggest(xs(1, 2))
        go.wait(LONG)

    generator = co.persistent(computes, problem=PROBLEM, grace=0.1)
    result = co.Campaign(generator, Counted(), co.inline()).run(co.seconds(0.2))
    go.set()
    assert result.tally.counted <= 1


def test_other_threads_of_a_body_may_compute_and_not_steer():
    @body
    def spreads(steer):
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(steer.evaluate, xs(x)) for x in (1, 2)]
            said = [str(future.exception()) for future in futures]
        return [said, steer.evaluate(xs(3))[0]["f"]]

    result = co.Campaign(spreads, Counted(), co.inline()).run()
    assert result.value[1] == 9.0
    assert all(line.startswith("steer.suggest: only in the thread of the body") for line in result.value[0])
    assert result.tally.proposed == 1
