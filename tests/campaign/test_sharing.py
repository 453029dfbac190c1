"""Partial results are computed once for equal arguments, by all workers of a campaign together."""

from __future__ import annotations

import asyncio
import functools
import math
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.campaign.sharing import cached
from cohobate.core.context import working_in
from cohobate.core.errors import NotStorable, UserError


def counting(log: Path) -> tuple[Callable[[float], float], Callable[[], Counter[str]]]:
    """A simulator of a shared and an own part, and how often the shared one was computed."""

    @co.cached(version=str(log))
    def g(n: int) -> int:
        with log.open("a") as file:
            file.write(f"{n}\n")
        return n**2

    def f(x: float) -> float:
        return g(int(x)) + (x % 1) ** 3

    return f, lambda: Counter(log.read_text().split())


def campaign(f: Any, engine: Any, **more: Any) -> co.Campaign:
    return co.Campaign(co.Grid({"x": co.Real(-3.5, 3.5)}, 50, minimize="f"), f, engine, **more)


@pytest.mark.parametrize("engine", [co.inline, lambda: co.threads(4), lambda: co.processes(2)])
@pytest.mark.parametrize("folder", [True, False])
def test_each_value_is_computed_once(tmp_path: Path, engine: Callable[[], Any], folder: bool):
    f, counted = counting(tmp_path / "log")
    with engine() as place:
        result = campaign(f, place, run=tmp_path / "run" if folder else None).run()
    assert result.tally.values == 50
    assert counted() == Counter({str(n): 1 for n in range(-3, 4)})
    assert all(row["f"] == int(row["x"]) ** 2 + (row["x"] % 1) ** 3 for row in result.table())


def test_a_later_session_looks_up_what_an_earlier_one_computed(tmp_path: Path):
    f, counted = counting(tmp_path / "log")
    campaign(f, co.inline(), run=tmp_path / "run").run(co.evaluations(20))
    campaign(f, co.inline(), run=tmp_path / "run").run(co.evaluations(50))
    assert set(counted().values()) == {1}
    assert len(counted()) == 7


def test_without_a_run_folder_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    f, counted = counting(tmp_path / "log")
    for sessions in (1, 2):
        campaign(f, co.inline()).run()
        assert set(counted().values()) == {sessions}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_worker_that_is_killed_while_it_computes_lets_another_do_it(tmp_path: Path):
    tried, log = tmp_path / "tried", tmp_path / "log"

    @co.cached(version="1")
    def g(n: int) -> int:
        try:
            tried.open("x").close()
        except FileExistsError:
            with log.open("a") as file:
                file.write(f"{n}\n")
            return n**2
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with co.processes(2) as engine:
        result = campaign(lambda x: g(0) + x, engine).run()
    assert (result.tally.values, result.tally.failed) == (50, 0)
    assert log.read_text() == "0\n"


def test_functions_of_a_module_are_shared_by_workers_that_import_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "parts.py").write_text(
        dedent(f"""
        import cohobate as co

        @co.cached
        def slow(n):
            with open({str(tmp_path / "log")!r}, "a") as file:
                file.write(f"{{n}}\\n")
            return n**2

        def whole(x):
            return slow(int(x)) + x % 1
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    with co.processes(2) as engine:
        result = campaign(import_module("parts").whole, engine).run()
    assert result.tally.values == 50
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(-3, 4))


def test_coroutines_share_too():
    asked = []

    @co.cached(version="1")
    async def g(n: int) -> int:
        asked.append(n)
        await asyncio.sleep(0.002)
        return n**2

    async def f(x: float) -> float:
        return await g(int(x)) + (x % 1) ** 3

    made = co.Campaign(co.Grid({"x": co.Real(-3.5, 3.5)}, 50, minimize="f"), f, ntasks=20)
    result = asyncio.run(made.arun())
    assert result.tally.values == 50
    assert sorted(asked) == list(range(-3, 4))


def test_coroutines_in_worker_processes_share_as_well(tmp_path: Path):
    log = tmp_path / "log"

    @co.cached(version="1")
    async def g(n: int) -> int:
        with log.open("a") as file:
            file.write(f"{n}\n")
        await asyncio.sleep(0.002)
        return n**2

    async def f(x: float) -> float:
        return await g(int(x)) + (x % 1) ** 3

    with co.processes(2) as engine:
        assert campaign(f, engine).run().tally.values == 50
    assert sorted(map(int, log.read_text().split())) == list(range(-3, 4))


def test_outside_an_evaluation_it_is_the_function_itself():
    called = []

    @co.cached(version="1")
    def g(n: int) -> object:
        """Squares."""
        called.append(n)
        return called

    assert g(1) is called
    assert g(1) is called
    assert called == [1, 1]
    assert g.__doc__ == "Squares."


class Calls:
    """A cached function inside an evaluation, and with what it was called."""

    def __init__(self, folder: Path, fn: Callable[..., Any] | None = None) -> None:
        self.folder, self.seen = folder, []

        @cached(version="1")
        def g(*args: Any, **kwargs: Any) -> Any:
            self.seen.append((args, kwargs))
            return fn(*args, **kwargs) if fn else None

        self.g = g

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with working_in(shared=self.folder):
            return self.g(*args, **kwargs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, 1.0),
        (1, True),
        (0.0, None),
        ((1, 2), [1, 2]),
        ([1, [2]], [[1], 2]),
        ("ab", b"ab"),
        ({"a": 1}, {"a": 1.0}),
        ({"$float": "nan"}, math.nan),
        (np.arange(2000.0), np.where(np.arange(2000) == 1000, -1.0, np.arange(2000.0))),
        (np.arange(4), np.arange(4.0)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (0.1 + 0.2, 0.3),
    ],
)
def test_what_differs_is_computed_apart(tmp_path: Path, one: Any, other: Any):
    calls = Calls(tmp_path)
    for value in (one, other, one, other):
        calls(value)
    assert len(calls.seen) == 2


@pytest.mark.parametrize(
    ("one", "other"), [(1.5, np.float64(1.5)), (2, np.int32(2)), (math.nan, np.nan), (np.arange(3), np.arange(3))]
)
def test_what_is_equal_is_computed_once(tmp_path: Path, one: Any, other: Any):
    calls = Calls(tmp_path)
    calls(one)
    calls(other)
    assert len(calls.seen) == 1


def test_arguments_count_by_name_and_with_their_defaults(tmp_path: Path):
    seen = []

    @cached(version="1")
    def g(a: int, b: int = 2, *, c: int = 3) -> int:
        seen.append((a, b, c))
        return a + b + c

    with working_in(shared=tmp_path):
        assert g(1) == g(1, 2) == g(b=2, a=1) == g(1, c=3) == 6
        assert seen == [(1, 2, 3)]
        assert g(1, c=4) == 7
        with pytest.raises(TypeError, match="missing a required argument: 'a'"):
            g()


@pytest.mark.parametrize("value", [(1, [2.5, None]), {"a": np.arange(3)}, "é", b"\0", math.inf, 1 + 2j])
def test_the_value_is_the_same_for_whoever_computes_and_looks_up(tmp_path: Path, value: Any):
    calls = Calls(tmp_path, lambda: value)
    first, second = calls(), calls()
    assert repr(first) == repr(second) == repr(value)


def test_who_changes_a_value_changes_that_of_nobody_else(tmp_path: Path):
    calls = Calls(tmp_path, lambda: np.arange(3))
    calls()[0] = 7
    assert calls().tolist() == [0, 1, 2]


def test_what_raises_is_not_kept_and_the_next_tries_again(tmp_path: Path):
    tries = []

    def fail_first(n: int) -> int:
        tries.append(n)
        if len(tries) == 1:
            raise RuntimeError("a busy licence server")
        return n

    calls = Calls(tmp_path, fail_first)
    with pytest.raises(RuntimeError, match="licence"):
        calls(5)
    assert calls(5) == calls(5) == 5
    assert tries == [5, 5]


def test_what_cannot_be_stored_is_named(tmp_path: Path):
    with pytest.raises(NotStorable, match=r"g, which is cached: its value is a lock, which cannot be stored"):
        Calls(tmp_path, lambda: __import__("threading").Lock())()
    with pytest.raises(NotStorable, match=r"g, which is cached: arguments\.args\[0\] is a set, which cannot be stored"):
        Calls(tmp_path)({1})


def test_a_value_that_needs_itself_is_told_and_does_not_wait_for_ever(tmp_path: Path):
    @cached(version="1")
    def g(n: int) -> int:
        return g(n)

    @cached(version="1")
    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    with working_in(shared=tmp_path):
        with pytest.raises(UserError, match="calls itself with the arguments"):
            g(1)
        assert factorial(5) == 120


def made_by(scale: Any) -> Callable[[int], Any]:
    def g(n: int) -> Any:
        return n * scale

    return g


def test_two_functions_of_one_source_do_not_meet(tmp_path: Path):
    with working_in(shared=tmp_path):
        assert cached(made_by(2))(3) == 6
        assert cached(made_by(5))(3) == 15
        assert cached(made_by((1, 2)))(2) == (1, 2, 1, 2)


def nested(scale: int) -> Callable[[int], int]:
    @cached
    def inner(n: int) -> int:
        return n * scale

    @cached
    def outer(n: int) -> int:
        return inner(n) + 1

    return outer


def test_cached_functions_may_call_each_other(tmp_path: Path):
    with working_in(shared=tmp_path):
        assert [nested(2)(3), nested(5)(3), nested(2)(3)] == [7, 16, 7]
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 4


@pytest.mark.parametrize("fn", [made_by([1]), made_by(np.ones(2)), functools.partial(made_by, 2), Path("x").joinpath])
def test_what_a_value_depends_on_must_be_known_or_said(fn: Callable[..., Any]):
    with pytest.raises(UserError, match="version='1'"):
        cached(fn)
    assert callable(cached(fn, version="1"))


def test_functions_of_c_can_be_cached(tmp_path: Path):
    with working_in(shared=tmp_path):
        assert cached(math.hypot)(3, 4) == 5


def test_what_is_no_function_is_refused():
    with pytest.raises(UserError, match="expected a function, got the int 5"):
        cached(5)
