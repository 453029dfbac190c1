"""Dask as an engine: a cluster of its own on this machine, or one that runs somewhere."""

from __future__ import annotations

import atexit
import socket
import time
from collections.abc import Callable
from typing import Any, Final, final
from urllib.parse import urlsplit

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed, UserError
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carried import Carried, Supervise
from cohobate.engines.sites import LOOPBACK
from cohobate.engines.workplace import Workplace
from cohobate.host.cores import usable
from cohobate.host.extras import require

NOWHERE: Final = f"{LOOPBACK}:0"
"""Where the web servers of dask listen, with no dashboard on them."""
COUNTING: Final = 5.0
"""Seconds for which the number of workers is taken for unchanged."""


def dask(where: Payload = None, *, workers: int | None = None, supervise: Supervise = "always") -> Workplace:
    """Returns an engine of dask workers.

    ``where`` is a ``distributed.Client``, which is not closed here, or the address of a scheduler
    ("tcp://..."). Left out, a scheduler and a worker of ``workers`` threads are started within this
    process: they need no network, and since each call has a process of its own, all cores are used.

    Dask itself cannot stop what runs: here each call has a process of its own beside its dask worker
    ("always", the default), so that deadline, cancel and kill work as everywhere. A
    ``distributed.Future`` may be an argument, and is not fetched to this process.
    """
    client, own = _client(where, workers or usable())
    return Workplace(Carried(Scheduler(client, own, workers=workers), supervise))


def _client(where: Payload, workers: int) -> tuple[Any, list[Any]]:
    """Returns a client, and what is ours to close."""
    distributed = require("distributed", extra="dask")
    if isinstance(where, distributed.Client):
        if where.asynchronous:
            raise UserError("dask: expected a client that is not asynchronous: Client(..., asynchronous=False)")
        return where, []
    if isinstance(where, str):
        match capture(distributed.Client, where, set_as_default=False):
            case Raised(_, message, _):
                raise UserError(f"dask: no scheduler answers at {where}: {message}")
            case Returned(client):
                return client, [client]
    if where is not None:
        raise UserError(f"dask: expected a distributed.Client or the address of a scheduler, got {where!r:.80}")
    cluster = distributed.LocalCluster(
        processes=False,
        n_workers=1,
        threads_per_worker=workers,
        scheduler_kwargs={"dashboard": False, "dashboard_address": NOWHERE},
        worker_dashboard_address=NOWHERE,
        memory_limit=None,
    )
    client = distributed.Client(cluster, set_as_default=False)
    return client, [client, cluster]


@final
class Scheduler:
    """A client of a dask scheduler."""

    shared = False
    latency = 0.02

    def __init__(self, client: Payload, own: list[Any], *, workers: int | None) -> None:
        self._client, self._own, self._given = client, own, workers
        atexit.register(self.close)
        self._counted, self._when = 0, 0.0
        self._address = str(client.scheduler.address)
        self.host = _reached_from(self._address)
        self.kinds = (require("distributed", extra="dask").Future,)

    @property
    def workers(self) -> int:
        """The threads of all workers there are now, or were when the client was closed."""
        if self._given is not None:
            return self._given
        if time.monotonic() - self._when > COUNTING and self._client.status == "running":
            known = self._client.scheduler_info(n_workers=-1)["workers"]
            self._counted = max(1, sum(worker["nthreads"] for worker in known.values()))
            self._when = time.monotonic()
        return self._counted

    def submit(self, call: Callable[..., Any], *args: Payload) -> Payload:
        """Hands a call on."""
        if self._client.status != "running":
            raise EngineClosed(f"{self!r} takes no more tasks: its client is {self._client.status}")
        return self._client.submit(call, *args, pure=False, retries=0)

    def recall(self, inner: Payload) -> bool:
        """Dask does not tell what it has taken back in time."""
        return False

    def broken(self, error: BaseException) -> bool:
        """A client that was closed, or lost its scheduler."""
        return bool(self._client.status != "running")

    def forget(self, inner: Payload) -> None:
        """Takes it out of the scheduler."""
        capture(inner.cancel)

    def knows(self, future: Payload) -> bool:
        """Those of this client."""
        return bool(future.client is self._client)

    def close(self) -> None:
        """Ends the cluster that was started for us."""
        atexit.unregister(self.close)
        while self._own:
            capture(self._own.pop(0).close)

    def __repr__(self) -> str:
        return f"dask({self._address}, {self.workers})"


def _reached_from(address: str) -> str:
    """Returns our own address as the host of a scheduler sees it."""
    host = urlsplit(address).hostname
    if host is None or address.startswith("inproc"):
        return LOOPBACK
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # a datagram socket sends nothing for this
        return str(probe.getsockname()[0])
