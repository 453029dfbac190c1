"""Simulators that misbehave in every way we know: each is a row with its reason, and nothing else happens."""

from __future__ import annotations

import ctypes
import math
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cohobate as co

ROWS = 4
"""Evaluations of each campaign; the second candidate is the bad one."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unpicklable(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__("two arguments make one message")


def nan() -> Any:
    return math.nan


def infinite() -> Any:
    return {"f": -math.inf}


def wrong_key() -> Any:
    return {"ff": 1.0}


def wrong_shape() -> Any:
    return np.ones(3)


def nothing() -> Any:
    return None


def text() -> Any:
    return "1.0"


def unpicklable() -> Any:
    return {"f": 1.0, "lock": threading.Lock()}


def raises() -> Any:
    raise ValueError("<script>alert(1)</script>")


def unspeakable() -> Any:
    raise Unspeakable


def unpicklable_error() -> Any:
    raise Unpicklable(1, 2)


def sys_exit() -> Any:
    sys.exit(3)


def os_exit() -> Any:
    os._exit(0)


def segfault() -> Any:
    ctypes.string_at(0)


def abort() -> Any:
    os.abort()


def closes_its_outputs() -> Any:
    os.close(1)
    os.close(2)
    raise ValueError("closed")


def deep_recursion() -> Any:
    return deep_recursion()


def native_hang() -> Any:
    re.match(r"(a+)+$", "a" * 40 + "b")


BAD: list[tuple[Callable[[], Any], str, str]] = [
    (nan, "bad_output", "'f': expected a finite real number, got nan"),
    (infinite, "bad_output", "not finite"),
    (wrong_key, "bad_output", "did you mean 'ff'"),
    (wrong_shape, "bad_output", r"got shape \(3,\)"),
    (nothing, "bad_output", "got None"),
    (text, "bad_output", "got '1.0'"),
    (unpicklable, "bad_output", "outputs.lock is a lock"),
    (raises, "raised", "ValueError: <script>"),
    (unspeakable, "raised", "Unspeakable"),
    (unpicklable_error, "raised", "two arguments"),
    (sys_exit, "raised", "SystemExit: 3"),
    (os_exit, "worker_lost", "quarantined after 3 lost workers"),
    (segfault, "worker_lost", "SIGSEGV"),
    (abort, "worker_lost", "SIGABRT"),
    (closes_its_outputs, "raised", "closed"),
    (deep_recursion, "raised", "RecursionError"),
    (native_hang, "timeout", "deadline"),
]


@pytest.mark.parametrize(("bad", "kind", "says"), BAD, ids=[bad.__name__ for bad, *_ in BAD])
def test_one_bad_candidate_is_one_row_and_the_others_are_fine(bad: Callable[[], Any], kind: str, says: str):
    def simulate(x: float) -> Any:
        return bad() if x == 1.0 else x * 2

    grid = co.Grid({"x": co.Integer(0, ROWS - 1)}, ROWS, minimize="f")
    retries = co.Retries(worker_lost=2, first=0.001)
    with co.processes(2) as engine:
        table = co.Campaign(grid, simulate, engine, deadline=3.0, grace=0.1, retries=retries).run().table()
    assert [row["status"] for row in table] == ["done" if row["x"] != 1 else kind for row in table]
    assert [row["f"] for row in table if row["x"] != 1] == [0.0, 4.0, 6.0]
    (row,) = [row for row in table if row["x"] == 1]
    assert row.get("f") is None
    assert re.search(says, row["message"])


def test_a_simulator_that_prints_a_hundred_megabytes_fills_nothing(capfd: pytest.CaptureFixture[str]):
    def shouts(x: float) -> float:
        for _ in range(100):
            print("x" * 1_000_000)  # noqa: T201 what this test is about
        return x

    grid = co.Grid({"x": co.Real(0, 1)}, 2, minimize="f")
    with co.processes(2) as engine:
        assert co.Campaign(grid, shouts, engine).run().tally.values == 2
    assert capfd.readouterr() == ("", "")
