"""Dask as an engine: a cluster of its own on this machine, or one that runs somewhere."""

from __future__ import annotations

import atexit
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, final
from urllib.parse import urlsplit

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed, UserError
from cohobate.core.needs import GPU, stated
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carried import Supervise, carried
from cohobate.engines.resources import Resources
from cohobate.engines.sites import LOOPBACK
from cohobate.engines.workplace import Workplace
from cohobate.host.cores import usable
from cohobate.host.extras import require

NOWHERE: Final = f"{LOOPBACK}:0"
"""Where the web servers of dask listen, with no dashboard on them."""
COUNTING: Final = 5.0
"""Seconds for which the number of workers is taken for unchanged."""


def dask(
    where: Payload = None,
    *,
    workers: int | None = None,
    supervise: Supervise = "always",
    resources: Resources | None = None,
) -> Workplace:
    """Returns an engine of dask workers.

    ``where`` is a ``distributed.Client``, which is not closed here, or the address of a scheduler
    ("tcp://..."). Left out, a scheduler and a worker of ``workers`` threads are started within this
    process: they need no network, and since each call has a process of its own, all cores are used.

    Dask itself cannot stop what runs: here each call has a process of its own beside its dask worker
    ("always", the default), so that deadline, cancel and kill work as everywhere. A
    ``distributed.Future`` may be an argument, and is not fetched to this process.

    ``resources`` is what tasks may need beside the cores (``workers`` of them, else the threads that all
    dask workers have now), see ``executor``; arguments of tasks that are counted so do pass through
    this process. What dask workers declare under the same name is asked of dask, too, so a call goes to
    a worker that has it. Gpus of other machines must be declared so.
    """
    client, own = _client(where, workers or usable())
    return carried(Scheduler(client, own, workers=workers), supervise, resources=resources, workers=workers)


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
        self._counted, self._when = 1, 0.0
        self._declared: list[Mapping[str, float]] = []
        self._address = str(client.scheduler.address)
        self.host = _reached_from(self._address)
        self.kinds = (require("distributed", extra="dask").Future,)

    @property
    def workers(self) -> int:
        """The threads of all workers there are now, or were when the client was closed."""
        if self._given is not None:
            return self._given
        self._look()
        return self._counted

    def submit(self, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None) -> Payload:
        """Hands a call on, and asks for those of its needs that dask workers declare."""
        if self._client.status != "running":
            raise EngineClosed(f"{self!r} takes no more tasks: its client is {self._client.status}")
        return self._client.submit(call, *args, pure=False, retries=0, resources=self._terms(needs or {}) or None)

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """What no dask worker declares enough of: dask would wait for ever. Gpus elsewhere must be declared."""
        terms = self._terms(needs)
        if needs.get(GPU) and GPU not in terms and self.host != LOOPBACK:
            return f"needs: gpu cannot be had: no dask worker declares any; start them with --resources '{GPU}=1'"
        if terms and not any(all(each.get(name, 0) >= much for name, much in terms.items()) for each in self._declared):
            return f"needs: {stated(terms)} can never be had: no dask worker declares so much"
        return None

    def _terms(self, needs: Mapping[str, float]) -> dict[str, float]:
        self._look()
        return {name: much for name, much in needs.items() if much and any(name in each for each in self._declared)}

    def _look(self) -> None:
        """Sees which workers there are, unless that was done just now."""
        if time.monotonic() - self._when > COUNTING and self._client.status == "running":
            known = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self._counted = max(1, sum(worker["nthreads"] for worker in known))
            self._declared = [worker.get("resources") or {} for worker in known]
            self._when = time.monotonic()

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
