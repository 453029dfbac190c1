"""Somebody else's worker dies while it looks after a call of ours."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.errors import EngineClosed, WorkerLost
from cohobate.engines.dask import dask
from cohobate.engines.executor import executor
from cohobate.engines.parsl import parsl
from cohobate.engines.workplace import Workplace
from faults.harness import wait_until


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


@contextmanager
def spawned() -> Iterator[Workplace]:
    with pool() as ex, executor(ex) as engine:
        yield engine


@contextmanager
def loky_pool() -> Iterator[Workplace]:
    import loky

    with loky.get_reusable_executor(1) as ex, executor(ex) as engine:
        yield engine


@contextmanager
def dask_cluster(workers: int = 1) -> Iterator[Workplace]:
    from distributed import Client, LocalCluster

    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, scheduler_kwargs=quiet, silence_logs="ERROR") as cluster,
        Client(cluster, set_as_default=False) as client,
        dask(client) as engine,
    ):
        yield engine


MAKE: dict[str, Callable[[], AbstractContextManager[Workplace]]] = {
    "spawn": spawned,
    "loky": loky_pool,
    "dask": dask_cluster,
    "parsl": lambda: parsl(workers=1),
}
NEEDS = {"loky": "loky", "parsl": "parsl", "dask": "distributed"}
LASTING = ("dask", "parsl")
"""Those that replace a worker."""


@pytest.fixture(params=list(MAKE))
def kind(request: pytest.FixtureRequest) -> str:
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    return request.param


@pytest.fixture
def engine(kind: str) -> Iterator[Workplace]:
    with MAKE[kind]() as made:
        yield made
        made.close()


def hang(fifo: Path) -> None:
    """Says who it is and who looks after it, and never ends."""
    fifo.write_text(f"{os.getpid()} {os.getppid()}")
    signal.pause()


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_its_call_is_lost_soon_and_leaves_nothing(engine: Workplace, kind: str, fifo: Path):
    running = engine.call(hang, fifo)
    child, outpost = map(int, fifo.read_text().split())
    assert outpost != os.getpid()
    waiting: list[Future[int]] = [engine.call(abs, -i) for i in range(3)]
    os.kill(outpost, signal.SIGKILL)
    with pytest.raises(WorkerLost, match=r"the worker that ran hang (went away|was lost|stopped working for us)"):
        running.result(5)
    wait_until(lambda: not Path(f"/proc/{child}").exists(), 5)
    if kind in LASTING:
        assert [future.result(20) for future in waiting] == [0, 1, 2]
    else:
        assert wait(waiting, 5).not_done == set()
        assert {type(future.exception()) for future in waiting} == {EngineClosed}


@pytest.mark.timeout(40)
def test_dask_does_not_run_it_once_more(fifo: Path):
    pytest.importorskip("distributed")
    with dask_cluster(2) as engine:
        running = engine.call(hang, fifo)
        _, outpost = map(int, fifo.read_text().split())
        os.kill(outpost, signal.SIGKILL)
        with pytest.raises(WorkerLost):
            running.result(5)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        both = [engine.call(time.sleep, 0.3) for _ in range(6)]
        assert wait(both, 20).not_done == set()
        assert os.read(reader, 100) == b""
        os.close(reader)
        engine.close()


def murder(x: int, flag: Path) -> dict[str, float]:
    """Kills the worker that looks after it, once."""
    if x == 3 and not flag.exists():
        flag.touch()
        wait([Future()], 0.1)
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    return {"f": float(x)}


def test_a_campaign_ends_with_its_pool_and_goes_on_with_another(tmp_path: Path):
    def campaign(ex: ProcessPoolExecutor) -> co.Campaign:
        simulate = co.simulator(partial(murder, flag=tmp_path / "flag"), version="1")
        return co.Campaign(co.Grid({"x": co.Integer(0, 9)}, 10, minimize="f"), simulate, ex, run=tmp_path / "run")

    with (
        pool() as ex,
        pytest.raises(EngineClosed, match=r"executor\(Process.*Broken.*by the next session") as said,
    ):
        campaign(ex).run(co.evaluations(10))
    assert "\n" not in str(said.value)
    with pool() as ex:
        result = campaign(ex).run(co.evaluations(10))
    assert (result.tally.values, result.tally.failed) == (10, 0)


def test_an_engine_whose_blocks_do_not_start_is_broken(tmp_path: Path):
    pytest.importorskip("parsl")
    from parsl import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    provider = LocalProvider(init_blocks=1, max_blocks=1, worker_init="exit 3")
    site = HighThroughputExecutor(address="127.0.0.1", loopback_address="127.0.0.1", provider=provider)
    with parsl(
        Config(executors=[site], run_dir=str(tmp_path), strategy_period=0.2, initialize_logging=False), workers=1
    ) as engine:
        for _ in range(2):
            with pytest.raises(EngineClosed, match=r"^parsl\(.*is broken: .*EXIT CODE"):
                engine.call(abs, -1).result(30)


def test_a_client_that_is_closed_takes_nothing_more():
    pytest.importorskip("distributed")
    from distributed import Client

    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with Client(processes=False, n_workers=1, scheduler_kwargs=quiet, set_as_default=False) as client:
        engine = dask(client)
        forever = engine.call(signal.pause)
        assert engine.call(abs, -1).done() is False
        client.close()
        with pytest.raises(CancelledError):
            forever.result(10)
        with pytest.raises(EngineClosed, match="its client is closed"):
            engine.call(abs, -1).result(10)
        assert "dask(" in engine.describe()
        engine.close()
