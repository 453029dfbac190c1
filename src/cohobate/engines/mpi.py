"""MPI as an engine: the other processes of one ``mpiexec``."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Final, final

from cohobate.core.errors import UserError
from cohobate.core.needs import GPU
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carried import Supervise, carried
from cohobate.engines.resources import Resources
from cohobate.engines.sites import LOOPBACK
from cohobate.engines.workplace import Workplace
from cohobate.host.extras import require

PROGRAM: Final = "mpi4py.futures"
LOCAL: Final = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_TASKS_PER_NODE")
"""Where process managers say how many processes they started on this machine."""


def mpi(*, supervise: Supervise = "always", host: str | None = None, resources: Resources | None = None) -> Workplace:
    """Returns an engine of all the other processes of ``mpiexec -n N python -m mpi4py.futures SCRIPT``.

    The process with rank 0 runs the script, ``N - 1`` are workers. Calls have processes of their own
    beside them ("always", the default), so that a call that crashes or hangs ends alone: MPI itself
    ends the whole job when one of its processes dies. ``host`` is the address at which other nodes
    reach this one; by default loopback on one machine, else what the host name stands for.

    ``resources`` is what tasks may need beside the ``N - 1`` cores, see ``executor``. MPI has no terms of
    its own for it: what is free is counted in the script alone. On one machine a call sees the gpus
    it was given; with workers on other nodes, a task that needs gpus is refused.
    """
    MPI = require("mpi4py.MPI", extra="mpi")
    size = MPI.COMM_WORLD.Get_size()
    if size == 1 or PROGRAM not in sys.orig_argv:
        raise UserError(
            f"mpi: expected to be started as: mpiexec -n 3 python -m {PROGRAM} {sys.argv[0] or 'script.py'}"
        )
    return carried(Ranks(size - 1, host or _host(size)), supervise, resources=resources)


@final
class Ranks:
    """The executor of mpi4py."""

    shared = False
    latency = 0.005
    kinds = ()

    def __init__(self, workers: int, host: str) -> None:
        self.workers, self.host = workers, host
        self._executor = require(PROGRAM, extra="mpi").MPIPoolExecutor(main=False)

    def submit(self, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None) -> Future[Any]:
        """Hands a call on; MPI has no terms for what it needs."""
        made: Future[Any] = self._executor.submit(call, *args)
        return made

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Devices of other nodes: nobody there would show a call its own."""
        if needs.get(GPU) and self.host != LOOPBACK:
            return "needs: gpu cannot be had over MPI from other nodes; parsl() shows calls their devices"
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
        """The processes stay, for the next engine, until the script ends."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def __repr__(self) -> str:
        return f"mpi({self.workers})"


def _host(size: int) -> str:
    if str(size) in {os.environ.get(name) for name in LOCAL}:
        return LOOPBACK
    return socket.gethostbyname(socket.gethostname())
