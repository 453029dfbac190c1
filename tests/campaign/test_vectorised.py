"""Campaigns whose simulator takes many candidates in one call, on every kind of engine."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import SimulatorError

ENGINES: dict[str, Callable[[], Any]] = {
    "inline": co.inline,
    "threads": lambda: co.threads(2),
    "processes": lambda: co.processes(2),
}
SPACE = {"x": co.Real(0, 1), "n": co.Integer(1, 3), "kind": co.Choice(["a", "b"])}


@co.simulator(vectorised=50)
def energy(x: Any, n: Any, kind: Any) -> dict[str, Any]:
    return {"f": x**n + (kind == "b"), "size": np.full(len(x), len(x)), "row": np.stack([x, n], axis=1)}


def table(simulator: Any, engine: Any, n: int = 200, **settings: Any) -> list[dict[str, Any]]:
    grid = co.Grid(co.Pool(list(range(n)), name="x"), minimize="f")
    result = co.Campaign(grid, simulator, engine, failure_budget=None, **settings).run()
    return result.table()


class Nothing:
    """Proposes nothing."""

    def suggest(self, n: int) -> Any:
        return co.Exhausted()

    def ingest(self, results: Any) -> None:
        """Nothing is learned."""

    def finalize(self) -> None:
        """Nothing is left."""


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Any:
    with ENGINES[request.param]() as made:
        yield made


class TestOnEveryEngine:
    def test_each_candidate_has_its_own_value(self, engine: Any, tmp_path: Path):
        sampler = co.RandomSampler(SPACE, minimize="f", seed=3)
        result = co.Campaign(sampler, energy, engine, run=tmp_path / "run").run(co.evaluations(430))
        rows = result.table()
        assert len(rows) == 430
        for row in rows:
            assert row["f"] == pytest.approx(row["x"] ** row["n"] + (row["kind"] == "b"))
            np.testing.assert_array_equal(row["row"], [row["x"], row["n"]])
            assert 1 <= row["size"] <= 50
        assert max(row["size"] for row in rows) == 50

    def test_a_row_that_is_not_finite_fails_alone(self, engine: Any):
        @co.simulator(vectorised=True)
        def holed(x: Any) -> Any:
            return np.where(x == 7, np.nan, 2.0 * x)

        rows = table(holed, engine)
        assert [row["x"] for row in rows if row["status"] == "bad_output"] == [7]
        assert all(row["f"] == 2.0 * row["x"] for row in rows if row["status"] == "done")

    def test_another_number_of_values_is_one_error_for_all(self, engine: Any):
        @co.simulator(vectorised=True)
        def short(x: Any) -> Any:
            return x[:-1]

        rows = table(short, engine, 20)
        assert {row["status"] for row in rows} == {"bad_output"}
        assert all("must return a value for each candidate: expected" in row["message"] for row in rows)

    def test_who_makes_a_call_raise_is_found(self, engine: Any):
        @co.simulator(vectorised=True)
        def picky(x: Any) -> Any:
            if (x == 7).any():
                raise ValueError(f"7 is among {len(x)}")
            return 2.0 * x

        rows = table(picky, engine)
        assert [(row["x"], row["message"]) for row in rows if row["status"] != "done"] == [
            (7, "ValueError: 7 is among 1")
        ]
        assert all(row["attempts"] == 1 for row in rows)


def test_inline_makes_as_few_calls_as_can_be():
    sizes: list[int] = []

    @co.simulator(vectorised=64)
    def counted(x: Any) -> Any:
        sizes.append(len(x))
        assert threading.current_thread() is threading.main_thread()
        return x

    with co.inline() as engine:
        table(counted, engine, 200)
    assert sizes == [64, 64, 64, 8]


def test_only_the_one_that_kills_workers_is_lost():
    @co.simulator(vectorised=100)
    def poison(x: Any) -> Any:
        if (x == 7).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return 2.0 * x

    with co.processes(2) as engine:
        rows = table(poison, engine, 100, retries=co.Retries(worker_lost=0))
    assert [(row["x"], row["status"]) for row in rows if row["status"] != "done"] == [(7, "worker_lost")]


def test_time_is_shared_and_the_deadline_is_that_of_a_call():
    @co.simulator(vectorised=100)
    def late(x: Any) -> Any:
        while (x == 7).any() and not co.cancelled():
            pass
        if (x == 7).any():
            raise RuntimeError("stopped")
        return 2.0 * x

    with co.processes(2) as engine:
        rows = table(late, engine, 100, deadline=0.2, grace=5.0)
    assert [(row["x"], row["status"]) for row in rows if row["status"] != "done"] == [(7, "timeout")]
    assert math.fsum(row["seconds"] for row in rows) < 5.0


def test_structured_candidates_are_refused_before_anything_is_evaluated():
    crystal = co.Structured("crystal", lambda value: value, lambda value: value)
    problem = co.Problem({"x": crystal}, (co.Output("f", "minimize"),))
    with pytest.raises(SimulatorError, match="structured"):
        co.Campaign(Nothing(), co.simulator(abs, vectorised=True), problem=problem)
