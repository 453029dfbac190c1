"""A driver that keeps an engine busy until somebody kills it: ``doomed.py ENGINE FOLDER``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from threading import Semaphore

from cohobate.engines.dask import dask
from cohobate.engines.executor import executor
from cohobate.engines.mpi import mpi
from cohobate.engines.parsl import parsl
from cohobate.engines.workplace import Workplace


def start(kind: str) -> Workplace:
    """Makes an engine of two workers."""
    match kind:
        case "fork" | "spawn" | "forkserver":
            return executor(ProcessPoolExecutor(2, mp_context=get_context(kind)))
        case "loky":
            import loky

            return executor(loky.get_reusable_executor(2))
        case "parsl":
            return parsl(workers=2)
        case "dask":
            return dask(workers=2)
        case "dask cluster":
            from distributed import Client, LocalCluster

            return dask(Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)))
    return mpi()


def note(folder: Path, what: str) -> None:
    """Appends who does what, and when."""
    with open(folder / "truth", "a") as file:
        file.write(f"{what} {os.getpid()} {time.monotonic()}\n")


def on_and_on(folder: Path) -> None:
    """Works for ever, and so does a program of its own."""
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    while True:
        note(folder, "long")
        time.sleep(0.02)


def soon_over(folder: Path) -> None:
    """Works for 20 ms."""
    note(folder, "short")
    time.sleep(0.02)


def main() -> None:
    """Submits for ever."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    note(folder, "driver")
    engine, room = start(kind), Semaphore(4)
    engine.call(partial(on_and_on, folder))
    for _ in count():
        room.acquire()
        engine.call(partial(soon_over, folder)).add_done_callback(lambda _: room.release())


if __name__ == "__main__":
    main()
