"""Any ``concurrent.futures`` executor as an engine: its own limit holds, and it is never closed here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.engines.abroad.carried import Supervise, carried
from cohobate.engines.dask import dask
from cohobate.engines.resources import Resources
from cohobate.engines.sites import LOOPBACK
from cohobate.engines.workplace import Workplace


def executor(
    ex: Executor,
    workers: int | None = None,
    *,
    supervise: Supervise | None = None,
    resources: Resources | None = None,
) -> Workplace:
    """Returns an engine that gives its tasks to ``ex``, ``workers`` at a time.

    By default as many as ``ex`` says it has workers, one where it does not say. ``supervise`` says
    which calls are made in a process of their own, started and kept by its workers: only these can be
    killed, and only these can die without breaking the pool. By default that is "always", and
    "deadline" in a pool of threads, where other functions are called as they are.

    ``resources`` is what tasks may need beside the ``workers`` cores, see ``processes``: they are counted
    here, so that no more is in use than there is. A call in a process of its own also sees the gpus
    it was given, and is told its number of threads; it is not tied to cores.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool, executor(pool) as engine:
    ...     engine.call(pow, 2, 5).result()
    32
    """
    own = int(getattr(ex, "_max_workers", 1))
    carrier = Pool(ex, own if workers is None else workers)
    chosen = supervise or ("deadline" if carrier.shared else "always")
    return carried(carrier, chosen, resources=resources, workers=carrier.workers)


def as_engine(x: Engine | Executor | Payload) -> Engine:
    """Returns an engine as it is, an executor or a dask client as one; raises ``UserError`` for anything else."""
    match x:
        case Executor():
            return executor(x)
        case Engine():
            return x
    distributed = sys.modules.get("distributed")  # whoever has a client has imported it
    if distributed is not None and isinstance(x, distributed.Client):
        return dask(x)
    raise UserError(
        f"expected an engine, a concurrent.futures executor or a dask client, not {x!r}; use for example processes(4)"
    )


@final
class Pool:
    """An executor that belongs to somebody else."""

    host = LOOPBACK
    latency = 0.005
    kinds = ()

    def __init__(self, ex: Executor, workers: int) -> None:
        self.workers = workers
        # One of the interpreter pools of Python 3.14 is a pool of threads that share nothing.
        self.shared = isinstance(ex, ThreadPoolExecutor) and type(ex).__name__ == "ThreadPoolExecutor"
        self._executor = ex

    def submit(self, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None) -> Future[Any]:
        """Hands a call on; an executor has no terms for what it needs."""
        return self._executor.submit(call, *args)

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Nothing that can be counted."""
        return None

    def recall(self, inner: Future[Any]) -> bool:
        """Only what has not been sent to a worker."""
        return inner.cancel()

    def broken(self, error: BaseException) -> bool:
        """A pool that lost a worker is lost as a whole."""
        return isinstance(error, BrokenExecutor)

    def forget(self, inner: Future[Any]) -> None:
        """Nothing else can be done."""
        inner.cancel()

    def knows(self, future: Payload) -> bool:
        """None."""
        return False

    def close(self) -> None:
        """Nothing here is ours to end."""

    def __repr__(self) -> str:
        return f"executor({type(self._executor).__name__}, {self.workers})"
