"""What every engine promises, proved on each of them; a new one is one more line in ``CASES``."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import (
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from tempfile import mkdtemp
from typing import Any

import pytest

from cohobate.core.context import cancelled
from cohobate.core.errors import (
    DeadlineExceeded,
    DependencyFailed,
    EngineClosed,
    TaskRaised,
    Unsendable,
    UserError,
    WorkerLost,
)
from cohobate.core.protocols import Engine, Packs
from cohobate.core.task import Task
from cohobate.engines.coroutines import coroutines
from cohobate.engines.dask import dask
from cohobate.engines.executor import as_engine, executor
from cohobate.engines.inline import Inline, inline
from cohobate.engines.mpi import mpi
from cohobate.engines.parsl import parsl
from cohobate.engines.processes import processes
from cohobate.engines.threads import threads
from cohobate.engines.workplace import Workplace
from cohobate.host.census import census
from cohobate.simulate.warm import warm
from cohobate.worker.settling import traceback_of
from faults.harness import wait_until

AnyEngine = Workplace | Inline


@contextmanager
def thread_pool(**more: Any) -> Iterator[AnyEngine]:
    with ThreadPoolExecutor(2) as pool, executor(pool, **more) as engine:
        yield engine


class Shared:
    """What takes seconds to start is started once, and ended with the module."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}
        self.ends: list[Callable[[], Any]] = []

    def get(self, name: str, start: Callable[[], Any], end: Callable[[Any], Any]) -> Any:
        if name not in self.started:
            self.started[name] = thing = start()
            self.ends.append(lambda: end(thing))
        return self.started[name]


SHARED = Shared()


@pytest.fixture(autouse=True, scope="module")
def _end_of_what_is_shared() -> Iterator[None]:
    yield
    while SHARED.ends:
        SHARED.ends.pop()()
    SHARED.started.clear()


def process_pool(**more: Any) -> Workplace:
    def start() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(2, mp_context=get_context("spawn"))

    return executor(SHARED.get("pool", start, ProcessPoolExecutor.shutdown), **more)


def loky_pool(**more: Any) -> Workplace:
    import loky

    return executor(
        SHARED.get(
            "loky", lambda: loky.get_reusable_executor(2, timeout=600), lambda ex: ex.shutdown(kill_workers=True)
        ),
        **more,
    )


def parsl_kernel(name: str, **more: Any) -> Workplace:
    from parsl import DataFlowKernel

    from cohobate.engines.parsl_sites import configuration
    from cohobate.engines.sites import Local, Node, Threads

    def start() -> DataFlowKernel:
        site = Threads(workers=2) if name == "threads" else Local(node=Node(workers=2, pin=False))
        return DataFlowKernel(configuration(site, Path(mkdtemp(prefix="parsl-"))))

    return parsl(SHARED.get(name, start, DataFlowKernel.cleanup), workers=2, **more)


def dask_client(**more: Any) -> Workplace:
    from distributed import Client, LocalCluster

    def start() -> Client:
        quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, scheduler_kwargs=quiet)
        return Client(cluster, set_as_default=False)

    def end(client: Client) -> None:
        client.close()
        client.cluster.close()

    return dask(SHARED.get("dask", start, end), **more)


@dataclass(frozen=True)
class Case:
    """How to make an engine, and what differs: all else is the same for all."""

    make: Callable[..., Any]
    separate: bool = False  # tasks run in processes of their own
    flags: bool = True  # a cancel can be seen by what runs
    counts: bool = False  # cores are counted without being asked for it
    ties: bool = False  # a task that needs cores is tied to them
    workers: int = 2


CASES: Mapping[str, Case] = {
    "inline": Case(inline, workers=1, counts=True),
    "threads": Case(lambda **more: threads(2, **more), counts=True),
    "processes": Case(lambda **more: processes(2, **more), separate=True, counts=True, ties=True),
    "thread pool": Case(thread_pool),
    "process pool": Case(process_pool, separate=True),
    "loky": Case(loky_pool, separate=True),
    "parsl threads": Case(lambda **more: parsl_kernel("threads", **more)),
    "parsl": Case(lambda **more: parsl_kernel("local", **more), separate=True),
    "dask": Case(dask_client, separate=True),
}
UNDER_MPI = "mpi4py.futures" in sys.orig_argv
if UNDER_MPI:
    CASES = {"mpi": Case(mpi, separate=True)}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(f"engine {name}")) for name in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def engine(case: Case) -> Iterator[AnyEngine]:
    with case.make() as made:
        yield made
        # Leaving the block would wait for what a failed test left hanging.
        made.close()


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Reading it waits until a task writes to it."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def add(x: int, y: int = 0) -> int:
    return x + y


def fail(message: str) -> None:
    raise ValueError(message)


def linger(fifo: Path | None = None, until: Path | None = None) -> str:
    """Says that it has begun, then goes on until asked to stop, or until a file is there."""
    if fifo is not None:
        fifo.write_text("begun")
    while not cancelled() and not (until is not None and until.exists()):
        threading.Event().wait(0.002)
    return "stopped" if cancelled() else "done"


def ignore(fifo: Path | None = None, seconds: float = 3.0) -> str:
    """Says that it has begun, then takes no notice of anything."""
    if fifo is not None:
        fifo.write_text("begun")
    threading.Event().wait(seconds)
    return "late"


# Results.


def test_a_call_returns_its_value(engine: AnyEngine):
    assert engine.call(add, 1, y=2).result(20) == 3


def test_it_is_an_engine(engine: AnyEngine, case: Case):
    assert isinstance(engine, Engine)
    assert as_engine(engine) is engine
    assert (engine.workers, engine.room()) == (case.workers, case.workers)
    assert repr(engine) in engine.describe() or "inline" in engine.describe()


def test_results_come_in_any_order_and_all_of_them(engine: AnyEngine):
    futures = {engine.call(add, i, i): 2 * i for i in range(100)}
    assert {future: future.result() for future in as_completed(futures, 20)} == futures


def test_a_decorated_function_returns_futures(engine: AnyEngine):
    @engine.task
    def double(x: int) -> int:
        return 2 * x

    assert double(double(4)).result(20) == 16
    assert double.__name__ == "double"


def test_asyncio_can_wait_for_it(engine: AnyEngine):
    async def main() -> list[int]:
        return await asyncio.gather(*(asyncio.wrap_future(engine.call(add, i)) for i in range(5)))

    assert asyncio.run(main()) == list(range(5))


def test_wait_returns_when_the_first_is_done(engine: AnyEngine, tmp_path: Path):
    quick = engine.call(add, 1)
    slow = engine.call(linger, until=tmp_path / "go")
    done, rest = wait([quick, slow], 20, return_when="FIRST_COMPLETED")
    assert (done, rest) == ({quick}, {slow})
    (tmp_path / "go").touch()
    assert slow.result(20) == "done"


def test_coroutine_functions_are_run_to_their_end(engine: AnyEngine):
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    assert engine.call(later, 1).result(20) == 2


def test_a_megabyte_there_and_back(engine: AnyEngine):
    data = os.urandom(1 << 20)
    assert engine.call(bytes, data).result(20) == data


def test_a_hundred_megabytes_as_arguments(engine: AnyEngine):
    data = bytes(100 << 20)
    sizes = [engine.call(lambda a, b: len(a) + len(b["data"]), data, {"data": data[:i]}) for i in range(4)]
    assert [size.result(40) for size in sizes] == [(100 << 20) + i for i in range(4)]


def test_nobody_asked_it_to_stop(engine: AnyEngine):
    assert engine.call(cancelled).result(20) is False


# Errors.


def test_an_exception_comes_back_with_its_traceback(engine: AnyEngine):
    error = engine.call(fail, "so and so").exception(20)
    assert isinstance(error, ValueError)
    assert str(error) == "so and so"
    assert "raise ValueError(message)" in traceback_of(error)
    assert "in fail" in traceback_of(error)


@pytest.mark.parametrize("stop", [sys.exit, lambda _: (_ for _ in ()).throw(KeyboardInterrupt())])
def test_what_would_end_the_caller_is_an_error(engine: AnyEngine, stop: Callable[[int], Any]):
    error = engine.call(stop, 3).exception(20)
    assert isinstance(error, TaskRaised)
    assert type(error.__cause__).__name__ == "RemoteTraceback"
    assert engine.call(add, 1).result(20) == 1


def test_an_exception_that_cannot_be_read(engine: AnyEngine):
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    def mute() -> None:
        raise Mute

    error = engine.call(mute).exception(20)
    assert isinstance(error, (Mute, TaskRaised))
    assert "in mute" in traceback_of(error)
    assert engine.call(add, 1).result(20) == 1


def test_an_exception_that_cannot_be_sent(engine: AnyEngine, case: Case):
    class Locked(Exception):
        def __init__(self) -> None:
            super().__init__("locked up")
            self.lock = threading.Lock()

    def locked() -> None:
        raise Locked

    error = engine.call(locked).exception(20)
    assert isinstance(error, TaskRaised if case.separate else Locked)
    assert "locked up" in str(error)
    assert "in locked" in traceback_of(error)


def test_a_result_that_cannot_be_sent(engine: AnyEngine, case: Case):
    future = engine.call(threading.Lock)
    if case.separate:
        with pytest.raises(Unsendable, match="result, of type lock,"):
            future.result(20)
    else:
        assert future.result(20).acquire()
    assert engine.call(add, 1).result(20) == 1


def test_an_argument_that_cannot_be_sent(engine: AnyEngine, case: Case):
    future = engine.call(isinstance, 1, threading.Lock())
    with pytest.raises(Unsendable if case.separate else TypeError, match=r"arg(ument)? 2") as caught:
        future.result(20)
    assert not case.separate or "argument 2 (lock) of isinstance" in str(caught.value)
    assert engine.call(add, 1).result(20) == 1


def test_only_the_task_that_killed_its_worker_fails(case: Case):
    if not case.separate:
        pytest.skip("it would kill us")
    with case.make() as engine, pytest.raises(WorkerLost):
        engine.call(os._exit, 0).result(20)


# Futures as arguments.


def test_futures_anywhere_in_arguments(engine: AnyEngine):
    one, two = engine.call(add, 1), engine.call(add, 2)
    together = engine.call(lambda *a, **k: (a, k), one, [one, (two, {"x": [two]})], k={"deep": (one,)})
    assert together.result(20) == ((1, [1, (2, {"x": [2]})]), {"k": {"deep": (1,)}})


def test_a_failed_parent_fails_all_that_depend_on_it(engine: AnyEngine):
    parent = engine.call(fail, "so and so")
    child = engine.call(add, parent, 1)
    grandchild = engine.call(sum, [child, 1])
    for future, name in ((child, "add"), (grandchild, "sum")):
        error = future.exception(20)
        assert isinstance(error, DependencyFailed)
        assert f"{name} was not run" in str(error)
        assert "ValueError: so and so" in str(error)
        assert isinstance(error.__cause__, ValueError)


def test_a_cancelled_parent_fails_its_dependents(engine: AnyEngine):
    parent: Future[int] = Future()
    child = engine.call(add, parent)
    parent.cancel()
    with pytest.raises(DependencyFailed, match="was cancelled"):
        child.result(20)


def test_a_waiting_dependent_can_be_cancelled(engine: AnyEngine):
    parent: Future[int] = Future()
    child = engine.call(add, parent)
    engine.cancel(child)
    assert wait([child], 20).done
    parent.set_result(1)
    assert child.cancelled()


def test_long_chains(engine: AnyEngine):
    good, bad = engine.call(add, 0), engine.call(fail, "at the root")
    for _ in range(300):
        good, bad = engine.call(add, good, 1), engine.call(add, [bad])
    assert good.result(30) == 300
    assert "ValueError: at the root" in str(bad.exception(30))


# Room.


def test_room_counts_down_and_up(engine: AnyEngine, case: Case, tmp_path: Path):
    futures = [engine.call(linger, until=tmp_path / "go") for _ in range(case.workers + 1)]
    assert engine.room() == -1
    (tmp_path / "go").touch()
    assert wait(futures, 20).not_done == set()
    assert engine.room() >= case.workers


def test_there_is_room_again_when_a_future_is_done(engine: AnyEngine, case: Case):
    seen: SimpleQueue[int] = SimpleQueue()
    future = engine.call(add, 1)
    future.add_done_callback(lambda _: seen.put(engine.room()))
    assert seen.get(timeout=20) >= case.workers


def test_submit_never_blocks(engine: AnyEngine, tmp_path: Path):
    began = time.perf_counter()
    futures = [engine.submit(Task(linger, kwargs={"until": tmp_path / "go"})) for _ in range(200)]
    assert time.perf_counter() - began < 2.0
    assert not all(future.done() for future in futures)
    (tmp_path / "go").touch()
    assert {future.result(20) for future in futures} == {"done"}


# Cancelling.


def test_what_has_not_started_never_runs(engine: AnyEngine, case: Case, tmp_path: Path):
    # More than enough ahead of it: pools of processes start one more than they have workers.
    ahead = [engine.call(linger, until=tmp_path / "go") for _ in range(case.workers + 3)]
    never = engine.call((tmp_path / "ran").touch)
    after = engine.call(add, 1)
    engine.cancel(never)
    (tmp_path / "go").touch()
    assert after.result(20) == 1
    assert wait([*ahead, never], 20).not_done == set()
    assert never.cancelled()
    assert not (tmp_path / "ran").exists()


def test_a_future_cancelled_by_its_owner_never_runs(engine: AnyEngine, case: Case, tmp_path: Path):
    ahead = [engine.call(linger, until=tmp_path / "go") for _ in range(case.workers + 3)]
    never = engine.call((tmp_path / "ran").touch)
    assert never.cancel()
    (tmp_path / "go").touch()
    assert wait([*ahead, never], 20).not_done == set()
    assert not (tmp_path / "ran").exists()


def test_running_work_is_asked_to_stop_when_its_owner_cancels_the_future(engine: AnyEngine, case: Case, fifo: Path):
    if not case.flags:
        pytest.skip("a cancel cannot be seen there")
    future = engine.call(linger, fifo)
    assert fifo.read_text() == "begun"
    assert future.cancel()
    assert future.cancelled()
    futures = [engine.call(add, i) for i in range(case.workers)]
    assert [future.result(20) for future in futures] == list(range(case.workers))


def test_running_work_that_stops_when_asked_keeps_its_value(engine: AnyEngine, case: Case, fifo: Path):
    if not case.flags:
        pytest.skip("a cancel cannot be seen there")
    future = engine.submit(Task(linger, (fifo,), grace=20))
    assert fifo.read_text() == "begun"
    engine.cancel(future)
    assert future.result(20) == "stopped"
    assert engine.call(add, 1).result(20) == 1


def test_running_work_that_does_not_stop_ends_as_cancelled(engine: AnyEngine, fifo: Path):
    future = engine.submit(Task(ignore, (fifo, 0.4), grace=0.05))
    assert fifo.read_text() == "begun"
    engine.cancel(future)
    assert wait([future], 20).not_done == set()
    assert future.cancelled()
    assert engine.call(add, 1).result(20) == 1


def test_what_is_over_within_its_grace_keeps_its_value(engine: AnyEngine, fifo: Path):
    future = engine.submit(Task(ignore, (fifo, 0.2), grace=20))
    assert fifo.read_text() == "begun"
    engine.cancel(future)
    assert future.result(20) == "late"


def test_what_does_not_stop_is_killed_before_its_future_ends(engine: AnyEngine, case: Case, fifo: Path, tmp_path: Path):
    if not case.separate:
        pytest.skip("a thread cannot be killed")

    def stay() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        ignore(fifo, 600)

    future = engine.submit(Task(stay, grace=0.05))
    assert fifo.read_text() == "begun"
    engine.cancel(future)
    assert wait([future], 20).not_done == set()
    assert future.cancelled()
    assert int((tmp_path / "pid").read_text()) not in {process.pid for process in census()}


def test_what_was_sent_ahead_and_has_not_started_never_runs(engine: AnyEngine, case: Case, tmp_path: Path):
    for _ in range(5):  # so short that several are sent at once
        wait([engine.call(add, i) for i in range(100)], 20)
    ahead = [engine.call(linger, until=tmp_path / "go") for _ in range(case.workers + 3)]
    behind = [engine.call((tmp_path / f"ran{i}").touch) for i in range(20)]
    for future in behind[::2]:
        engine.cancel(future)
    (tmp_path / "go").touch()
    assert wait([*ahead, *behind], 20).not_done == set()
    assert [future.cancelled() for future in behind] == [True, False] * 10
    assert [(tmp_path / f"ran{i}").exists() for i in range(20)] == [False, True] * 10


def test_cancelling_what_is_over_changes_nothing(engine: AnyEngine):
    future = engine.call(add, 1)
    assert future.result(20) == 1
    engine.cancel(future)
    assert future.result() == 1
    assert not future.cancelled()


# Deadlines.


def test_a_deadline_is_seen_and_a_value_in_time_is_kept(engine: AnyEngine):
    began = time.perf_counter()
    assert engine.submit(Task(linger, deadline=0.05, grace=20)).result(20) == "stopped"
    assert time.perf_counter() - began >= 0.05


def test_what_is_over_before_its_deadline_is_untouched(engine: AnyEngine):
    futures = [engine.submit(Task(add, (i,), deadline=20)) for i in range(50)]
    assert [future.result(20) for future in futures] == list(range(50))


def test_after_deadline_and_grace_it_is_over(engine: AnyEngine):
    began = time.perf_counter()
    future = engine.submit(Task(ignore, (None, 3.0), deadline=0.1, grace=0.05))
    with pytest.raises(DeadlineExceeded, match=r"ignore ran longer than its deadline of 0.1 s \+ 0.05 s"):
        future.result(20)
    assert 0.14 <= time.perf_counter() - began < 2.5
    assert engine.call(add, 1).result(20) == 1


# What is kept between calls.


class Instance:
    """Tells itself apart from others, and counts its calls."""

    def __init__(self) -> None:
        self.name, self.calls = os.urandom(8).hex(), 0

    def __call__(self, x: int) -> tuple[str, int, int]:
        self.calls += 1
        return self.name, self.calls, os.getpid()


def test_what_is_warm_is_made_once_where_calls_are_made(engine: AnyEngine, case: Case):
    simulator = warm(Instance)
    calls = [engine.call(simulator, i).result(20) for i in range(3)]
    calls += [future.result(20) for future in [engine.call(simulator, i) for i in range(40)]]
    counts: dict[str, list[int]] = {}
    for name, count, _ in calls:
        counts.setdefault(name, []).append(count)
    assert len(counts) <= case.workers
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in counts.values())
    assert all((pid != os.getpid()) >= case.separate for _, _, pid in calls)


def test_what_is_warm_goes_with_a_worker_that_is_killed(case: Case, engine: AnyEngine):
    if not case.separate:
        pytest.skip("threads are not killed")

    class Sleeper:
        def __init__(self) -> None:
            self.child = subprocess.Popen(["sleep", "600"])

        def __call__(self, seconds: float) -> int:
            threading.Event().wait(seconds)
            return self.child.pid

    simulator = warm(Sleeper)
    known = {engine.call(simulator, 0.0).result(20) for _ in range(6)}
    lost = [engine.submit(Task(simulator, (60.0,), deadline=0.1, grace=0.0)) for _ in range(case.workers)]
    assert {type(future.exception(20)) for future in lost} == {DeadlineExceeded}
    wait_until(lambda: not known & {process.pid for process in census()})
    assert engine.call(simulator, 0.0).result(20) not in known


# Needs.


def sharing(case: Case, **resources: Any) -> Any:
    return case.make(resources=resources)


def grip(folder: Path, **much: int) -> list[int]:
    """Takes so many pieces of everything, each a locked file; fails where another holds too many of them."""
    held = []
    for name, number in much.items():
        for piece in range(number):
            held += _free_piece(sorted(folder.glob(f"{name}-*")), f"no {name} left for piece {piece}")
    return held


def _free_piece(files: list[Path], complaint: str) -> list[int]:
    for file in files:
        descriptor = os.open(file, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return [descriptor]
    raise AssertionError(complaint)


def use(folder: Path, **much: int) -> str:
    """Uses so many pieces for a moment."""
    held = grip(folder, **much)
    note(folder / "log", "used")
    for descriptor in held:
        os.close(descriptor)
    return "used"


def meet(folder: Path, me: str, other: str) -> str | None:
    """Goes on only while the other one runs, too; returns which devices are seen here."""
    (folder / me).touch()
    while not (folder / other).exists():
        threading.Event().wait(0.002)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def note(file: Path, word: str) -> None:
    with file.open("a") as out:
        out.write(word + "\n")


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    """A folder with a file for each piece: two cores and two licences, of which a task may take one or both."""
    for name in ("core-0", "core-1", "licence-0", "licence-1"):
        (tmp_path / name).touch()
    return tmp_path


def test_no_more_is_in_use_than_there_is(case: Case, pieces: Path):
    with sharing(case, licence=2) as engine:
        futures = []
        for i in range(40):
            cores, licences = 1 + (i % 5 == 3 and case.workers > 1), i % 3
            task = partial(use, pieces, core=cores, licence=licences)
            futures.append(engine.submit(Task(task, needs={"cores": cores, "licence": licences})))
        futures += [engine.call(use, pieces, core=1) for _ in range(20)]
        assert {future.result(30) for future in futures} == {"used"}
        assert engine.free() == engine.has()
    assert (pieces / "log").read_text().split() == 60 * ["used"]


def test_all_that_fits_runs(case: Case, tmp_path: Path):
    if case.workers < 2:
        pytest.skip("one at a time")
    with sharing(case, licence=1, oven=1) as engine:
        blocked = engine.submit(Task(linger, kwargs={"until": tmp_path / "go"}, needs={"licence": 0.6}))
        waiting = engine.submit(Task(add, (1,), needs={"licence": 0.6}))
        for needs in ({}, {"cores": 1}, {"oven": 1}):
            assert engine.submit(Task(add, (2,), needs=needs)).result(20) == 2
        assert not blocked.done()
        assert not waiting.done()
        assert engine.free() == {"cores": 0, "licence": 0, "oven": 1}
        (tmp_path / "go").touch()
        assert waiting.result(20) == 1


def test_two_share_what_is_enough_for_two(case: Case, tmp_path: Path):
    if case.workers < 2:
        pytest.skip("one at a time")
    with sharing(case, licence=1) as engine:
        pairs = [("a", "b"), ("b", "a")]
        both = [engine.submit(Task(meet, (tmp_path, *pair), needs={"licence": 0.5})) for pair in pairs]
        assert wait(both, 20).not_done == set()


def test_one_that_waits_for_much_is_not_passed_over(case: Case, tmp_path: Path):
    if case.workers < 2:
        pytest.skip("there is one core")
    with sharing(case, licence=1) as engine:
        first = engine.call(linger, until=tmp_path / "go")
        wide = engine.submit(Task(note, (tmp_path / "order", "wide"), needs={"cores": 2}))
        others = [engine.call(note, tmp_path / "order", "later") for _ in range(5)]
        assert engine.room() == 2 - 1 - 2 - 5
        (tmp_path / "go").touch()
        wait([first, wide, *others], 20)
    assert (tmp_path / "order").read_text().split() == ["wide"] + 5 * ["later"]


def test_cores_are_counted_from_the_first_task_that_needs_some(case: Case, pieces: Path):
    with case.make() as engine:
        if not case.counts:
            assert (engine.has(), engine.free()) == ({}, {})
            with pytest.raises(UserError, match="was asked of an engine that counts none: open it with resources"):
                engine.submit(Task(add, (1,), needs={"cores": 1}))
            return
        before = [engine.call(use, pieces, core=1) for _ in range(20)]
        whole = {"cores": case.workers}
        futures = [engine.submit(Task(partial(use, pieces, core=case.workers), needs=whole)) for _ in range(3)]
        futures += [engine.call(use, pieces, core=1) for _ in range(20)]
        assert {future.result(20) for future in (*before, *futures)} == {"used"}
        assert engine.free() == engine.has() == whole
        assert engine.room() == case.workers


def test_what_fails_gives_back_what_it_held(case: Case):
    with sharing(case, licence=1) as engine:
        bad: list[Task] = [Task(fail, ("so and so",)), Task(isinstance, (1, threading.Lock()))]
        bad += [Task(ignore, (None, 0.5), deadline=0.05, grace=0.05)] + [Task(os._exit, (3,))] * case.separate
        futures = [engine.submit(replace(task, needs={"licence": 1})) for task in bad]
        assert all(future.exception(30) for future in futures)
        assert engine.submit(Task(add, (1,), needs={"licence": 1})).result(20) == 1
        assert engine.free() == engine.has() == {"cores": case.workers, "licence": 1}


def test_what_is_to_be_killed_holds_what_it_has_until_it_is_dead(case: Case, pieces: Path, fifo: Path):
    if not case.separate:
        pytest.skip("a thread cannot be killed")

    def keep() -> None:
        grip(pieces, licence=2)
        ignore(fifo, 600)

    with sharing(case, licence=2) as engine:
        future = engine.submit(Task(keep, grace=0.05, needs={"licence": 2}))
        assert fifo.read_text() == "begun"
        assert future.cancel()  # over for its owner, not for the engine
        assert engine.submit(Task(partial(use, pieces, licence=2), needs={"licence": 2})).result(20) == "used"


def test_one_that_waits_is_cancelled_and_lets_the_others_go(case: Case, tmp_path: Path):
    with sharing(case, licence=2) as engine:
        first = engine.submit(Task(linger, kwargs={"until": tmp_path / "go"}, needs={"licence": 1}))
        never = engine.submit(Task((tmp_path / "ran").touch, needs={"licence": 2}))
        gone = engine.submit(Task((tmp_path / "ran").touch, needs={"licence": 2}))
        after = engine.submit(Task(add, (1,), needs={"licence": 1}))
        engine.cancel(never)
        assert gone.cancel()
        assert wait([never, gone], 20).not_done == set()
        assert case.workers == 1 or after.result(20) == 1
        (tmp_path / "go").touch()
        assert (first.result(20), after.result(20)) == ("done", 1)
        assert engine.free() == engine.has()
    assert never.cancelled()
    assert not (tmp_path / "ran").exists()


def test_what_waits_for_its_arguments_holds_nothing(case: Case):
    parent: Future[int] = Future()
    with sharing(case, licence=1) as engine:
        child = engine.submit(Task(add, (parent, 1), needs={"licence": 1}))
        assert engine.submit(Task(add, (2,), needs={"licence": 1})).result(20) == 2
        parent.set_result(1)
        assert child.result(20) == 2


def test_what_waits_ends_with_the_engine(case: Case, fifo: Path):
    with sharing(case, licence=1) as engine:
        running = engine.submit(Task(ignore, (fifo, 0.4), grace=0.05, needs={"licence": 1}))
        assert fifo.read_text() == "begun"
        waiting = [engine.submit(Task(add, (1,), needs={"licence": 1})) for _ in range(5)]
        engine.close()
        assert running.done()
        assert all(future.cancelled() for future in waiting)


def test_what_waits_is_done_before_the_block_is_left_and_without_anybody_holding_the_engine(case: Case):
    with sharing(case, licence=1) as engine:
        last = [engine.submit(Task(add, (i,), needs={"licence": 1})) for i in range(5)][-1]
    assert last.result(0) == 4
    if case.make is not thread_pool:
        made = sharing(case, licence=1)
        last = [made.submit(Task(add, (i,), needs={"licence": 1})) for i in range(5)][-1]
        del made
        gc.collect()
        assert last.result(20) == 4


def test_tasks_see_the_devices_they_were_given(case: Case, tmp_path: Path):
    if not case.separate:
        with pytest.raises(UserError, match="cannot be shown certain devices here, only counted: gpu is a number"):
            sharing(case, gpu=["3", "7"]).__enter__()
        return
    with sharing(case, gpu=["3", "7"]) as engine:
        seen = partial(os.getenv, "CUDA_VISIBLE_DEVICES")
        assert engine.call(seen).result(20) == ""
        assert engine.submit(Task(seen, needs={"gpu": 2})).result(20) in ("3,7", "7,3")
        pairs = [("a", "b"), ("b", "a")]
        both = [engine.submit(Task(meet, (tmp_path, *pair), needs={"gpu": 1})) for pair in pairs]
        assert {future.result(20) for future in both} == {"3", "7"}
        assert engine.has() == engine.free() == {"cores": 2, "gpu": 2}


def test_tasks_have_the_threads_of_the_cores_they_were_given(case: Case, tmp_path: Path):
    if not case.separate:
        pytest.skip("threads are those of the driver")
    with sharing(case, licence=1) as engine:
        threads_of = partial(os.getenv, "OMP_NUM_THREADS")
        told = [engine.submit(Task(threads_of, needs={"cores": n})).result(20) for n in (1, 2, 1)]
        assert told == ["1", "2", "1"]
        if case.ties:
            here = os.sched_getaffinity(0)
            tied = [engine.submit(Task(os.sched_getaffinity, (0,), needs={"cores": n})) for n in (1, 2)]
            assert [len(future.result(20)) for future in tied] == [1, min(2, len(here))]
            assert engine.call(os.sched_getaffinity, 0).result(20) == here


def test_two_at_once_are_tied_to_different_cores(case: Case, tmp_path: Path):
    if not case.ties or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("nothing to tie to")

    def tied(me: str, other: str) -> set[int]:
        meet(tmp_path, me, other)
        return os.sched_getaffinity(0)

    with case.make() as engine:
        both = [engine.submit(Task(tied, pair, needs={"cores": 1})) for pair in (("a", "b"), ("b", "a"))]
        one, other = (future.result(20) for future in both)
        assert (len(one), len(other), one & other) == (1, 1, set())


def test_what_can_never_be_met_is_refused_at_once(case: Case):
    wrong: list[tuple[Mapping[str, Any], str]] = [
        ({"licnce": 1}, "there is no 'licnce'; did you mean 'licence'"),
        ({"licence": 3}, "licence 3 can never be had: there is cores"),
        ({"licence": -1}, "expected a number of 'licence' from 0 up, got -1"),
        ({"licence": float("nan")}, "from 0 up, got nan"),
        ({"licence": "1"}, "expected a number of 'licence', got '1'"),
        ({"cores": 1.5}, "expected a whole number of 'cores', got 1.5"),
    ]
    with sharing(case, licence=2) as engine:
        for needs, line in wrong:
            assert line in engine.refuse(needs)
            with pytest.raises(UserError, match=re.escape(line)):
                engine.submit(Task(add, (1,), needs=needs))
        assert engine.refuse({"licence": 2}) is None
        assert isinstance(engine, Packs)
        assert engine.free() == engine.has() == {"cores": case.workers, "licence": 2}
        assert "licence 2" in engine.describe() or "inline" in engine.describe()


# The end.


def test_closing_ends_everything(case: Case, fifo: Path, tmp_path: Path):
    with case.make() as engine:
        running = engine.submit(Task(ignore, (fifo, 1.0), grace=0.05))
        assert fifo.read_text() == "begun"
        waiting = [engine.call(linger, until=tmp_path / "go") for _ in range(10)]
        dependent = engine.call(add, waiting[0])
        began = time.perf_counter()
        engine.close()
        assert time.perf_counter() - began < 2.9
        engine.close()
        assert all(future.done() for future in (running, dependent, *waiting))
        assert dependent.cancelled()
        with pytest.raises(CancelledError):
            waiting[-1].result()
        with pytest.raises(EngineClosed):
            engine.call(add, 1)
        (tmp_path / "go").touch()


def test_leaving_the_block_waits_for_what_was_submitted(case: Case):
    with case.make() as engine:
        first = engine.call(add, 1)
        last = engine.call(add, first, 1)
    assert last.done()
    assert last.result() == 2


def test_leaving_it_by_an_exception_does_not(case: Case, fifo: Path):
    def leave() -> None:
        with case.make() as engine:
            futures.append(engine.submit(Task(ignore, (fifo, 0.4), grace=0.05)))
            assert fifo.read_text() == "begun"
            raise LookupError

    futures: list[Future[str]] = []
    with pytest.raises(LookupError):
        leave()
    assert futures[0].done()


def test_an_engine_nobody_holds_still_does_its_work(case: Case):
    if case.make is thread_pool:
        pytest.skip("its pool ends with the block")
    future = case.make().call(add, 1)
    gc.collect()
    assert future.result(20) == 1


def test_nothing_is_left_running(case: Case):
    with case.make() as first:  # what is shared by all these tests stays
        assert first.call(add, 1).result(20) == 1
    before = {process.pid for process in census() if process.parent == os.getpid()}
    threads_before = threading.active_count()
    with case.make() as engine:
        assert engine.call(add, 1).result(20) == 1
    after = {process.pid for process in census() if process.parent == os.getpid()} - before
    # The guardian stays, and so does the tracker of multiprocessing.
    names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in after]
    assert [name for name in names if b"watch.py" not in name and b"resource_tracker" not in name] == []
    wait_until(lambda: threading.active_count() <= threads_before)  # its threads end by themselves


def test_coroutines_run_at_most_ntasks_at_once():
    running = most = 0

    async def work(x: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return x

    with coroutines(ntasks=5) as engine:
        assert sorted(future.result() for future in [engine.call(work, i) for i in range(50)]) == list(range(50))
    assert most == 5
