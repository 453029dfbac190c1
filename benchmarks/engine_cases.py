"""Measures one engine in a fresh process: its own loop and our campaigns take turns over the same workers.

python benchmarks/engine_cases.py CASE N REPETITIONS RESULT
mpiexec -n 3 python -m mpi4py.futures benchmarks/engine_cases.py mpi N REPETITIONS RESULT

Writes to the file RESULT, as JSON: how the engine's own loop was run, and each turn's microseconds per task.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from loop_cases import SCRATCH, WORKERS, rate, trivial

from cohobate.engines.abroad.carried import Supervise
from cohobate.engines.dask import dask
from cohobate.engines.executor import executor
from cohobate.engines.mpi import mpi
from cohobate.engines.parsl import parsl
from cohobate.engines.parsl_sites import configuration
from cohobate.engines.sites import Local, Node, Threads
from cohobate.engines.threads import threads
from cohobate.engines.workplace import Workplace

WINDOWS = (2, 4, 8, 16, 32, 64)
"""Tasks in flight in an engine's own loop: the best of these is taken."""
OWN, BARE, SUPERVISED = "own loop", "bare", "supervised"
MODES: dict[str, Supervise] = {BARE: "never", SUPERVISED: "always"}


class Loop(Protocol):
    """Calls ``trivial`` ``n`` times, with up to ``window`` calls in flight."""

    def __call__(self, n: int, window: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Contender:
    """The ways to loop over an engine without us, and our engines on top of it."""

    loops: Mapping[str, Loop]
    ours: Mapping[str, Callable[[], Workplace]]


def in_order(submit: Callable[[float], Any], n: int, window: int) -> None:
    """Waits for the oldest call before it makes another."""
    flying: deque[Any] = deque()
    for i in range(n):
        if len(flying) >= window:
            flying.popleft().result()
        flying.append(submit(i / n))
    for future in flying:
        future.result()


def as_they_end(submit: Callable[[float], Future[float]], n: int, window: int) -> None:
    """Makes another call for each that has ended."""
    xs = iter([i / n for i in range(n)])
    flying = {submit(x) for x in islice(xs, window)}
    while flying:
        done, flying = wait(flying, return_when="FIRST_COMPLETED")
        for future in done:
            future.result()
        flying |= {submit(x) for x in islice(xs, len(done))}


def loops(submit: Callable[[float], Future[float]]) -> dict[str, Loop]:
    """The two ways to keep calls in flight that futures allow."""
    return {"in order": partial(in_order, submit), "as they end": partial(as_they_end, submit)}


def of_executor(pool: Executor) -> Contender:
    """An executor, and that executor as an engine."""
    ours = {mode: partial(executor, pool, supervise=how) for mode, how in MODES.items()}
    return Contender(loops(partial(pool.submit, trivial)), ours)


@contextmanager
def our_threads() -> Iterator[Contender]:
    """Our threads, beside the pool of threads of the standard library."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield Contender(loops(partial(pool.submit, trivial)), {BARE: partial(threads, WORKERS)})


@contextmanager
def thread_pool() -> Iterator[Contender]:
    """The threads of the standard library."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield of_executor(pool)


@contextmanager
def process_pool() -> Iterator[Contender]:
    """The processes of the standard library."""
    with ProcessPoolExecutor(WORKERS) as pool:
        yield of_executor(pool)


@contextmanager
def loky_pool() -> Iterator[Contender]:
    """The processes of loky."""
    import loky

    pool = loky.get_reusable_executor(WORKERS, timeout=600)
    yield of_executor(pool)
    pool.shutdown(kill_workers=True)


@contextmanager
def parsl_kernel(site: Threads | Local, prefetch: int = 0) -> Iterator[Contender]:
    """Parsl, as we configure it but for how many tasks a pool of workers takes ahead."""
    from parsl import DataFlowKernel

    with TemporaryDirectory(prefix="parsl-") as folder:
        config = configuration(site, Path(folder))
        if isinstance(site, Local):
            config.executors[0].prefetch_capacity = prefetch
        kernel = DataFlowKernel(config)
        terms = {"executors": ["cohobate"], "cache": False, "ignore_for_cache": None, "app_kwargs": {}}
        ours = {mode: partial(parsl, kernel, workers=WORKERS, supervise=how) for mode, how in MODES.items()}
        yield Contender(loops(lambda x: kernel.submit(trivial, (x,), **terms)), ours)
        kernel.cleanup()


@contextmanager
def dask_cluster() -> Iterator[Contender]:
    """Two processes of dask on this machine."""
    from distributed import Client, LocalCluster, as_completed

    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, scheduler_kwargs=quiet) as cluster,
        Client(cluster) as client,
    ):
        submit = partial(client.submit, trivial, pure=False)

        def completed(n: int, window: int) -> None:
            xs = iter([i / n for i in range(n)])
            ended = as_completed([submit(x) for x in islice(xs, window)], with_results=True)
            for batch in ended.batches():
                ended.update([submit(x) for x in islice(xs, len(batch))])

        ways: dict[str, Loop] = {"in order": partial(in_order, submit), "as_completed": completed}
        yield Contender(ways, {mode: partial(dask, client, supervise=how) for mode, how in MODES.items()})


@contextmanager
def ranks() -> Iterator[Contender]:
    """The other processes of this ``mpiexec``."""
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor(main=False) as pool:
        ours = {mode: partial(mpi, supervise=how) for mode, how in MODES.items()}
        yield Contender(loops(partial(pool.submit, trivial)), ours)


HTEX = Local(node=Node(workers=WORKERS, pin=False))
CASES: dict[str, Callable[[], AbstractContextManager[Contender]]] = {
    "threads": our_threads,
    "ThreadPool": thread_pool,
    "ProcessPool": process_pool,
    "loky": loky_pool,
    "Parsl threads": partial(parsl_kernel, Threads(workers=WORKERS)),
    "HTEX, prefetch 0": partial(parsl_kernel, HTEX),
    "HTEX, prefetch 16": partial(parsl_kernel, HTEX, 16),
    "dask": dask_cluster,
    "mpi": ranks,
}


def timed(loop: Callable[[int], None], n: int) -> float:
    """Returns microseconds per task."""
    began = time.perf_counter()
    loop(n)
    return (time.perf_counter() - began) / n * 1e6


def durable(engine: Workplace, n: int) -> float:
    """Returns microseconds per trial of a whole campaign in a run folder."""
    with TemporaryDirectory(dir=SCRATCH) as folder:
        return 1e6 / rate(n, engine, Path(folder) / "run")


def best(ways: Mapping[str, Loop], n: int) -> tuple[str, Callable[[int], None]]:
    """Returns the fastest way to loop, and its name; each has two tries, after one that warms it."""
    tried: dict[str, float] = {}
    found: dict[str, Callable[[int], None]] = {}
    for name, loop in ways.items():
        loop(min(n, 200), WINDOWS[-1])
        for window in WINDOWS:
            label = f"{name}, {window} in flight"
            found[label] = partial(loop, window=window)
            tried[label] = min(timed(found[label], n) for _ in range(2))
    label = min(tried, key=tried.__getitem__)
    return label, found[label]


def turns(contender: Contender, n: int, repetitions: int) -> tuple[str, list[dict[str, float]]]:
    """Returns how the engine's own loop was run, and what each took at each turn."""
    label, own = best(contender.loops, max(50, n // 5))
    engines = {mode: make() for mode, make in contender.ours.items()}
    for engine in engines.values():
        wait([engine.call(trivial, 0.5) for _ in range(100)])
    taken = []
    for _ in range(repetitions):
        figures = {OWN: timed(own, n)}
        figures |= {mode: durable(engine, n) for mode, engine in engines.items()}
        taken.append(figures)
    for engine in engines.values():
        engine.close()
    return label, taken


if __name__ == "__main__":
    case, n, repetitions, result = sys.argv[1:]
    SCRATCH.mkdir(exist_ok=True)
    with CASES[case]() as contender:
        label, taken = turns(contender, int(n), int(repetitions))
    Path(result).write_text(json.dumps({"own": label, "turns": taken}))
