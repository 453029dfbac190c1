"""Whole campaigns on real engines: run, start, arun, resume, stop, failures as rows."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import (
    AlreadyOpen,
    BudgetExceeded,
    EngineClosed,
    GeneratorError,
    GoalError,
    ProblemError,
    ResumeRefused,
    SimulatorError,
    UserError,
)
from cohobate.core.protocols import Answer, Exhausted, Later
from cohobate.core.trial import Result
from cohobate.ledger.reader import open_reader
from cohobate.propose.learners.sequence import SequenceLearner

SPACE = {"x": co.Real(0.0, 1.0)}


def square(x: float) -> float:
    return x * x


def sampler(seed: int = 0) -> co.RandomSampler:
    return co.RandomSampler(SPACE, minimize="f", seed=seed)


def campaign(fn: Callable[..., Any] = square, **settings: Any) -> co.Campaign:
    return co.Campaign(sampler(), fn, settings.pop("engine", None) or co.inline(), **settings)


class Scripted:
    """A generator that answers what it is told to, and notes what it hears."""

    problem = co.Problem(SPACE, (co.Output("f", "minimize"),))

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.heard: list[Result] = []
        self.finalized = 0

    def suggest(self, n: int) -> Answer:
        answer = self.answers.pop(0) if self.answers else Exhausted("script over")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ingest(self, results: tuple[Result, ...]) -> None:
        self.heard += results

    def finalize(self) -> None:
        self.finalized += 1


def test_runs_to_the_goal_and_keeps_every_value():
    result = campaign().run(co.evaluations(50))
    table = result.table()
    assert len(table) == 50
    assert all(row["f"] == row["x"] ** 2 for row in table)
    assert result.reason == "50 evaluations"
    assert result.best()[0]["f"] == min(row["f"] for row in table)


@pytest.mark.parametrize("make", [lambda: co.threads(3), lambda: co.processes(2)])
def test_the_goal_is_never_exceeded_on_a_parallel_engine(make: Callable[[], Any]):
    with make() as engine:
        result = campaign(engine=engine).run(co.evaluations(37))
    assert len(result.table()) == 37


def test_a_run_folder_continues_with_the_same_points(tmp_path: Path):
    whole = [row["x"] for row in campaign().run(co.evaluations(30)).table()]
    campaign(run=tmp_path / "r").run(co.evaluations(11))
    assert len(campaign(run=tmp_path / "r").run(co.evaluations(11)).table()) == 11
    result = campaign(run=tmp_path / "r").run(co.evaluations(30))
    assert [row["x"] for row in result.table()] == whole
    assert result.tally.epoch == 3


def test_failures_are_rows_and_the_campaign_goes_on():
    def picky(x: float) -> Any:
        if x < 0.2:
            raise ValueError("too small <b>&")
        if x < 0.4:
            return math.nan
        if x < 0.5:
            raise co.Rejected("not this one")
        if x < 0.6:
            return {"g": 1.0}
        return x

    result = campaign(picky, failure_budget=None).run(co.evaluations(60))
    tally = result.tally
    assert tally.counted == 60
    assert tally.failures["raised"] > 0
    assert tally.failures["bad_output"] > 0
    assert tally.rejected > 0
    rows = {row["status"] for row in result.table()}
    assert {"raised", "bad_output", "rejected"} <= rows
    assert any("too small <b>&" in str(group) for group in result.failures)
    assert not any(row.get("f") == 0.0 for row in result.table())


@pytest.mark.parametrize(
    ("raise_it", "says"),
    [
        (lambda: SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
        (lambda: Exception("a\x00b"), r"a\\0b"),
    ],
)
def test_whatever_a_simulator_raises_is_its_failure(raise_it: Callable[[], BaseException], says: str):
    def evil(x: float) -> float:
        raise raise_it()

    result = campaign(evil, failure_budget=None).run(co.evaluations(2))
    assert result.tally.failures["raised"] == 2
    assert says in str(result.failures)


def test_the_failure_budget_ends_with_one_clear_line():
    def broken(x: float) -> float:
        raise RuntimeError("no licence")

    with pytest.raises(BudgetExceeded, match="4 evaluations failed, the budget is 3; the last: RuntimeError: no lic"):
        campaign(broken, failure_budget=3).run(co.evaluations(100))


def test_retries_give_flaky_evaluations_another_chance():
    seen: set[float] = set()

    def flaky(x: float) -> float:
        if x not in seen:
            seen.add(x)
            raise ConnectionError("once")
        return x

    result = campaign(flaky, retries=co.Retries(raised=1, first=0.001)).run(co.evaluations(5))
    assert (result.tally.values, result.tally.failed, result.tally.retried) == (5, 0, 5)


def test_the_generator_hears_of_everything_once():
    rows = [{"x": 0.1}, {"x": 0.2}, {"x": 0.3}]
    script = Scripted(rows[:2], rows[2:])
    co.Campaign(script, square, co.inline()).run(co.evaluations(10))
    assert [r.trial.inputs["x"] for r in script.heard] == [0.1, 0.2, 0.3]
    assert script.finalized == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (([{"x": 2.0}],), r"Scripted.suggest\(1\): row 0: x: 2.0 is not within"),
        (([{"y": 0.5}],), r"expected the variables \['x'\], got \['y'\]"),
        (([{"x": math.nan}],), "x: nan is not within"),
        ((["x"],), "expected a mapping of variables"),
        ((5,), "expected rows, Later or Exhausted, got a int"),
        ((ValueError("no idea"),), r"Scripted.suggest\(1\) raised ValueError: no idea"),
        ((Later(),), "answered Later, but nothing runs"),
    ],
)
def test_a_generator_that_answers_nonsense_ends_the_campaign(answers: tuple[Any, ...], message: str):
    with pytest.raises(GeneratorError, match=message):
        co.Campaign(Scripted(*answers), square, co.inline()).run(co.evaluations(3))


def test_run_needs_a_goal_unless_the_generator_ends():
    with pytest.raises(GoalError, match="never ends by itself"):
        campaign().run()
    result = co.Campaign(co.Grid(SPACE, 5, minimize="f"), square, co.inline()).run()
    assert [row["x"] for row in result.table()] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_misfit_is_refused_before_anything_runs(tmp_path: Path):
    def two(x: float, temperature: float) -> float:
        return x

    with pytest.raises(SimulatorError, match="temperature"):
        campaign(two, run=tmp_path / "r")
    assert not (tmp_path / "r").exists()
    with pytest.raises(UserError, match="deadline"):
        campaign(deadline=-1)
    with pytest.raises(GoalError, match="did you mean 'f'"):
        campaign(run=tmp_path / "r").run(co.below("ff", 1.0))


def test_a_changed_problem_seed_or_simulator_is_refused_and_named(tmp_path: Path):
    folder = tmp_path / "r"
    campaign(run=folder).run(co.evaluations(3))
    wider = co.RandomSampler({"x": co.Real(0.0, 2.0)}, minimize="f")
    with pytest.raises(ResumeRefused, match=r"problem\.variables\[0\]\[1\]\.hi = 1\.0, now it is 2\.0"):
        co.Campaign(wider, square, co.inline(), run=folder).run(co.evaluations(5))
    with pytest.raises(ResumeRefused, match="seed"):
        co.Campaign(sampler(seed=1), square, co.inline(), run=folder).run(co.evaluations(5))

    def cube(x: float) -> float:
        return x**3

    with pytest.raises(ResumeRefused, match="accept"):
        campaign(cube, run=folder).run(co.evaluations(5))
    assert campaign(cube, run=folder, accept_new_code=True).run(co.evaluations(5)).tally.counted == 5
    assert campaign(cube, run=folder).run(co.evaluations(6)).tally.counted == 6


def test_a_deterministic_simulator_is_not_run_twice_for_the_same_inputs(tmp_path: Path):
    calls: list[float] = []

    @co.simulator(version="1", deterministic=True)
    def counted(x: float) -> float:
        calls.append(x)
        return x

    rows = [[{"x": 0.1}], [{"x": 0.1}], [{"x": 0.2}], [{"x": 0.1}]]
    result = co.Campaign(Scripted(*rows), counted, co.inline(), run=tmp_path / "r").run(co.evaluations(9))
    assert calls == [0.1, 0.2]
    assert (result.tally.values, result.tally.counted) == (4, 2)
    co.Campaign(Scripted([{"x": 0.2}]), counted, co.inline(), run=tmp_path / "r").run(co.evaluations(9))
    assert calls == [0.1, 0.2]


def test_start_returns_a_handle_that_can_be_asked_and_cancelled():
    gate, going = threading.Event(), threading.Event()

    def wait(x: float) -> float:
        going.set()
        assert gate.wait(20)
        return x

    with co.threads(2) as engine:
        handle = campaign(wait, engine=engine).start()
        assert going.wait(20)
        assert not handle.done()
        assert handle.status().state == "running"
        handle.cancel()
        gate.set()
        result = handle.result(20)
    assert result.reason == "cancelled"
    assert handle.exception() is None
    assert handle.status().state == "done"
    assert handle.elapsed_time() > 0
    assert 1 <= result.tally.values <= 4


def test_tracebacks_of_a_handle(tmp_path: Path):
    def bad(x: float) -> float:
        raise ValueError(f"at {x}")

    handle = campaign(bad, failure_budget=None, run=tmp_path / "r").start(co.evaluations(2))
    handle.result(20)
    assert [trial for trial, _ in handle.tracebacks] == [0, 1]
    assert all("raise ValueError" in text for _, text in handle.tracebacks)


def test_arun_works_in_a_running_loop_beside_other_work():
    async def main() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(tick())
        result = await campaign(engine=co.threads(1)).arun(co.evaluations(20))
        other.cancel()
        return result.tally.values, ticks

    values, ticks = asyncio.run(main())
    assert values == 20
    assert ticks > 0


def test_coroutine_simulators_run_on_the_callers_loop_at_most_ntasks_at_once():
    running = most = 0

    async def main() -> int:
        loop = asyncio.get_running_loop()

        async def slow(x: float) -> float:
            nonlocal running, most
            assert asyncio.get_running_loop() is loop
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.002)
            running -= 1
            return x

        result = await co.Campaign(sampler(), slow, ntasks=4).arun(co.evaluations(40))
        return result.tally.values

    assert asyncio.run(main()) == 40
    assert most == 4


def test_coroutine_simulators_run_on_a_private_loop_too():
    async def slow(x: float) -> float:
        await asyncio.sleep(0.001)
        return x

    assert co.Campaign(sampler(), slow, ntasks=4).run(co.evaluations(10)).tally.values == 10


def test_a_hung_evaluation_ends_at_its_deadline_and_costs_nothing_else():
    def hang(x: float) -> float:
        import time

        if x < 0.3:
            time.sleep(1000)
        return x

    with co.processes(2) as engine:
        result = campaign(hang, engine=engine, deadline=0.3, grace=0.1, failure_budget=None).run(co.evaluations(12))
    table = result.table()
    assert all((row["status"] == "timeout") == (row["x"] < 0.3) for row in table)
    assert 0 < result.tally.failures["timeout"] < 12


def test_attempts_have_a_directory_of_their_own(tmp_path: Path):
    def writes(x: float) -> float:
        (co.attempt_dir() / "out.txt").write_text(str(x))
        return x

    result = campaign(writes, run=tmp_path / "r").run(co.evaluations(3))
    for row in result.table():
        (found,) = (tmp_path / "r" / "work").glob(f"{row['id']:06d}-*/out.txt")
        assert found.read_text() == str(row["x"])


def test_numbers_of_numpy_count_like_plain_ones():
    result = campaign(lambda x: {"f": np.float32(x), "n": np.int64(3)}).run(co.evaluations(5))
    assert {type(row["n"]) for row in result.table()} == {int}
    assert result.tally.lowest["f"].value == min(row["f"] for row in result.table())


@pytest.mark.parametrize("pool", [False, True])
def test_an_engine_that_is_closed_under_a_campaign_costs_no_trial(tmp_path: Path, pool: bool):
    going = threading.Event()

    def wait(x: float) -> float:
        going.set()
        while not co.cancelled():
            threading.Event().wait(0.01)
        return x

    threads = ThreadPoolExecutor(2)
    engine = co.executor(threads) if pool else co.threads(2)
    handle = campaign(wait, engine=engine, run=tmp_path / "r").start(co.evaluations(6))
    assert going.wait(20)
    engine.close()
    with pytest.raises(EngineClosed, match="closed while the campaign ran"):
        handle.result(20)
    threads.shutdown()
    result = campaign(wait, engine=co.inline(), run=tmp_path / "r", deadline=0.01, accept_new_code=True)
    assert result.run(co.evaluations(6)).tally.values == 6


def test_a_generator_may_use_its_rows_again():
    class Reusing(Scripted):
        def __init__(self) -> None:
            Scripted.__init__(self)
            self.row = {"x": 0.0}

        def suggest(self, n: int) -> Answer:
            self.row["x"] += 0.125
            return [self.row]

    table = co.Campaign(Reusing(), square, co.inline()).run(co.evaluations(4)).table()
    assert [row["x"] for row in table] == [0.125, 0.25, 0.375, 0.5]


def test_what_breaks_a_constraint_is_never_the_best():
    outputs = (co.Output("a", "minimize"), co.Output("g", co.AtLeast(0.5)))
    grid = co.Grid(co.Problem(SPACE, outputs), 5)
    one = co.Campaign(grid, lambda x: {"a": x, "g": x}, co.inline())
    result = one.run(co.below("a", 0.3) | co.evaluations(5))
    assert result.reason == "5 evaluations"
    assert result.best()[0]["x"] == 0.5
    assert result.tally.lowest["a"].value == 0.5


def test_a_goal_that_raises_ends_the_campaign_in_good_order(tmp_path: Path):
    script = Scripted(*([{"x": 0.1}] for _ in range(9)))
    with pytest.raises(GoalError, match="ZeroDivisionError"):
        co.Campaign(script, square, co.inline(), run=tmp_path / "r").run(lambda view: 1 / (2 - view.tally.counted) < 0)
    assert script.finalized == 1
    with open_reader(tmp_path / "r") as reader:
        assert "ZeroDivisionError" in reader.tally.stopped
        assert reader.tally.counted == 2  # the result at which it raised is not lost


def test_what_cannot_be_recorded_is_refused_before_a_folder_is_made(tmp_path: Path):
    generator = co.RandomSampler({"x": co.Choice([object(), object()])}, minimize="f")
    with pytest.raises(ProblemError, match="cannot be stored"):
        co.Campaign(generator, square, co.inline(), run=tmp_path / "r").run(co.evaluations(1))
    assert not (tmp_path / "r").exists()


def test_a_status_does_not_change_under_who_holds_it():
    handle = campaign().start(co.evaluations(30))
    status = handle.status()
    before = status.tally.counted
    handle.result(20)
    assert status.tally.counted == before


def test_a_campaign_is_used_once():
    one = campaign()
    one.run(co.evaluations(1))
    with pytest.raises(UserError, match="make it again"):
        one.run(co.evaluations(2))


def wandering(x: float) -> float:
    os.chdir(co.attempt_dir())
    Path("seen.txt").write_text("here")
    return x


def test_a_simulator_may_change_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = campaign(wandering, run="runs/a").run(co.evaluations(3))
    assert len(result.table()) == 3
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("seen.txt")) == [
        f"runs/a/work/{trial:06d}-1/seen.txt" for trial in range(3)
    ]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"retries": 3}, "retries: expected Retries"),
        ({"deadline": True}, "deadline: expected"),
        ({"deadline": math.nan}, "deadline: expected"),
        ({"grace": "long"}, "grace: expected"),
        ({"durability": "fast"}, "durability: expected 'full' or 'normal', got 'fast'"),
        ({"ntasks": 0}, "ntasks: expected"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_runs(settings, named):
    with pytest.raises(UserError, match=named):
        campaign(**settings)


@pytest.mark.parametrize(
    "wrong", [{"raised": -1}, {"worker_lost": "twice"}, {"timeout": 1.5}, {"first": 5, "longest": 1}]
)
def test_retries_that_cannot_be_are_refused(wrong):
    with pytest.raises(UserError, match="Retries"):
        co.Retries(**wrong)


def test_a_cancelled_arun_has_let_go_of_its_run_folder(tmp_path):
    async def slow(x: float) -> float:
        await asyncio.sleep(0.05)
        return x

    async def twice() -> int:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(co.Campaign(sampler(), slow, run=tmp_path / "run").arun(co.evaluations(10_000)), 0.3)
        again = co.Campaign(sampler(), slow, run=tmp_path / "run", accept_new_code=True)
        return len((await again.arun(co.evaluations(1))).table())

    assert asyncio.run(twice()) > 1


def test_a_campaign_that_could_not_open_its_folder_may_try_again(tmp_path):
    second = campaign(run=tmp_path / "run")
    handle = campaign(run=tmp_path / "run").start()
    try:
        with pytest.raises(AlreadyOpen):
            second.run(co.evaluations(1))
    finally:
        handle.cancel()
        handle.result(10)
    assert second.run(co.evaluations(1)).tally.counted >= 1


def test_a_run_folder_has_a_possible_name():
    with pytest.raises(UserError, match="run: expected the name of a folder"):
        campaign(run="a\0b")


def test_large_arrays_come_back_in_the_table(tmp_path):
    def wide(x: float) -> dict[str, Any]:
        return {"f": x, "field": np.full((100, 100), x), "inner": [np.full(10_000, -x)]}

    result = campaign(wide, run=tmp_path / "run").run(co.evaluations(2))
    for row in result.table():
        assert np.array_equal(row["field"], np.full((100, 100), row["x"]))
        assert np.array_equal(row["inner"][0], np.full(10_000, -row["x"]))
    assert type(result.table(fetched=False)[0]["field"]).__name__ == "Kept"


def test_a_goal_on_the_loss_of_a_generator_without_one_is_refused():
    with pytest.raises(GoalError, match="has no loss"):
        campaign().run(co.evaluations(9) | co.loss_below(1e-3))


class Predicting(Scripted):
    """Says after its n-th result that it expects to be off by 1 / n; nothing before the third."""

    def loss(self) -> float:
        return 0.5

    def error(self) -> float:
        return 1 / len(self.heard) if len(self.heard) > 2 else math.nan


def rows(n: int) -> list[list[dict[str, float]]]:
    return [[{"x": i / n}] for i in range(n)]


@pytest.mark.parametrize("engine", [co.inline, lambda: co.threads(2)])
def test_a_campaign_stops_when_its_generator_is_rarely_wrong(engine):
    generator = Predicting(*rows(40))
    handle = co.Campaign(generator, square, engine()).start(co.error_below(0.1))
    assert handle.result(30).reason.startswith("error 0.")
    assert 10 <= len(generator.heard) <= 12  # two may run when the tenth is told
    status = handle.status()
    assert (status.loss, status.error) == (0.5, 1 / len(generator.heard))
    assert f"loss 0.5, error {status.error:.3g}" in str(status)
    assert ">error<" in handle._repr_html_()


class Sure(Predicting):
    """Is always as sure of itself as it was made to be."""

    def __init__(self, error: float) -> None:
        super().__init__(*rows(20))
        self.off = error

    def error(self) -> float:
        return self.off


@pytest.mark.parametrize(("errors", "reached"), [((0.1, 0.4), True), ((0.1, 0.9), False), ((math.nan, 0.4), False)])
def test_the_worst_of_several_errors_counts(errors: tuple[float, float], reached: bool):
    both = {"one": Sure(errors[0]), "other": Sure(errors[1])}
    result = co.Campaign(both, square, co.inline()).run(co.error_below(0.5) | co.evaluations(30))
    assert result.reason == ("error 0.4" if reached else "30 evaluations")


@pytest.mark.parametrize("goal", [co.loss_below(0.5), co.loss_below(0.5) & co.evaluations(3)])
def test_a_goal_on_the_loss_that_is_reached_stays_so(tmp_path: Path, goal: Any):
    def again() -> Any:
        return co.Campaign(SequenceLearner(range(40)), float, co.inline(), run=tmp_path / "run").run(goal)

    first, second = again(), again()
    assert second.reason.startswith("loss 0.")
    assert (second.tally.values, second.tally.proposed) == (first.tally.values, first.tally.proposed)
    assert 20 <= first.tally.values <= 22


def test_a_goal_on_the_error_of_a_generator_without_one_is_refused():
    with pytest.raises(GoalError, match="Sampler does not predict what comes"):
        campaign().run(co.evaluations(9) | co.error_below(1e-3))


def test_a_status_of_a_generator_that_tells_nothing_says_nothing():
    handle = campaign().start(co.evaluations(3))
    handle.result(30)
    status = handle.status()
    assert math.isnan(status.loss)
    assert math.isnan(status.error)
    assert status.told() == []
    assert "loss" not in str(status)


def test_a_misspelt_output_stops_before_the_night_is_spent(tmp_path):
    evaluated = []

    def bowl(x):
        evaluated.append(x)
        return {"gap": x**2}

    campaign = co.Campaign(
        co.RandomSampler({"x": co.Real(0, 1)}, maximize="gpa"), bowl, co.inline(), run=tmp_path / "r"
    )
    with pytest.raises(co.CohobateError, match=r"the first 3 evaluations failed: .*did you mean 'gap'.*new run folder"):
        campaign.run(co.evaluations(100))
    assert len(evaluated) <= 4  # one is on its way when the third is judged


def test_first_values_that_are_not_finite_are_no_reason_to_stop():
    sampler = co.Grid({"x": co.Integer(0, 9)}, maximize="f")
    result = co.Campaign(sampler, lambda x: {"f": float("nan") if x < 5 else 1.0}, co.inline()).run()
    assert (result.tally.values, result.tally.failed) == (5, 5)
