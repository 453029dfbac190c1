"""Parsl as an engine: from threads of this process to the blocks of a cluster."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from math import isinf
from pathlib import Path
from typing import Any, final

from cohobate.core.capture import capture
from cohobate.core.errors import UserError
from cohobate.core.needs import GPU
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carried import Supervise, carried
from cohobate.engines.parsl_needs import specification, specified
from cohobate.engines.parsl_sites import INTERCHANGE, configuration
from cohobate.engines.resources import Resources
from cohobate.engines.sites import LOOPBACK, Allocation, Cluster, Local, Node, Site, Threads, capacity
from cohobate.engines.workplace import Workplace
from cohobate.host.census import MARK
from cohobate.host.cores import usable
from cohobate.host.extras import require
from cohobate.host.groups import Group, end, marking
from cohobate.host.guardian import dismiss, guard


def parsl(
    where: Payload = "local",
    *,
    workers: int | None = None,
    supervise: Supervise | None = None,
    folder: str | Path | None = None,
    resources: Resources | None = None,
) -> Workplace:
    """Returns an engine of the workers of Parsl.

    ``where`` is "local" (processes of this machine) or "threads", a ``Site``, a ``parsl.Config`` of
    your own, or a ``DataFlowKernel`` that runs already; only that last one is not ended by ``close``.
    ``workers`` is how many there are, where Parsl cannot tell. What Parsl writes for a name or a site
    goes to ``folder``, by default a temporary one, which on a cluster all nodes must see.

    Parsl itself can neither cancel nor kill: here each call has a process of its own where its
    workers are ("always", the default but for threads, where it is "deadline"), so that deadline,
    cancel and kill work as everywhere. An ``AppFuture`` of Parsl may be an argument.

    ``resources`` is what tasks may need beside the ``workers`` cores, see ``executor``. What an executor
    of Parsl takes as a resource specification is passed on: ``cores``, ``gpu``, ``memory`` (MB) and
    ``disk`` (MB) to Work Queue (the first and the last two only together) and TaskVine; ``num_nodes``,
    ``num_ranks`` and ``ranks_per_node`` to the ``MPIExecutor``. The high-throughput executor takes
    none: on other nodes, where it shows each worker one of its accelerators, a task may need one gpu.

    >>> with parsl("threads", workers=2) as engine:
    ...     engine.call(pow, 2, 10).result()
    1024
    """
    kernel, group, known = _kernel(where, workers, folder)
    carrier = Kernel(kernel, group, workers=workers or known)
    chosen = supervise or ("deadline" if carrier.shared else "always")
    return carried(carrier, chosen, resources=resources, workers=workers or known)


def _kernel(where: Payload, workers: int | None, folder: str | Path | None) -> tuple[Any, Group | None, int | None]:
    """Returns a running kernel, its processes where it is ours to end, how many workers it has where that is known."""
    module = require("parsl", extra="parsl")
    if isinstance(where, module.DataFlowKernel):
        return where, None, None
    if isinstance(where, module.Config):
        return *_started(where), None
    site = _site(where, workers or usable())
    place = Path(tempfile.mkdtemp(prefix="cohobate-parsl-")) if folder is None else Path(folder).resolve()
    return *_started(configuration(site, place)), capacity(site)


def _site(where: Payload, workers: int) -> Site:
    match where:
        case Threads() | Local() | Allocation() | Cluster():
            return where
        case "threads":
            return Threads(workers=workers)
        case "local":
            return Local(node=Node(workers=workers, pin=False))
    raise UserError(f'parsl: expected "local", "threads", a Site, a Config or a DataFlowKernel, got {where!r:.80}')


def _started(config: Payload) -> tuple[Any, Group]:
    """Starts Parsl such that whatever it starts on this machine ends with us."""
    with marking() as group:
        guard(group)
        for each in config.executors:
            if getattr(each, "interchange_launch_cmd", None) == ["interchange.py"]:  # what it is by default
                each.interchange_launch_cmd = [sys.executable, "-c", INTERCHANGE]
            provider: Payload = getattr(each, "provider", None)
            if type(provider).__name__ == "LocalProvider":
                # Blocks are started later, by a thread of Parsl.
                provider.worker_init = f"export {MARK}={os.environ[MARK]}\n{provider.worker_init}"
        return require("parsl", extra="parsl").DataFlowKernel(config), group


@final
class Kernel:
    """A data-flow kernel of Parsl."""

    latency = 0.02

    def __init__(self, kernel: Payload, group: Group | None, *, workers: int | None) -> None:
        self._kernel, self._group = kernel, group
        atexit.register(self.close)
        self._executors = [each for label, each in kernel.executors.items() if label != "_parsl_internal"]
        self.shared = all(type(each).__name__ == "ThreadPoolExecutor" for each in self._executors)
        self.workers = workers or max(1, sum(map(_workers, self._executors)))
        self.kinds = () if self.shared else (require("parsl", extra="parsl").dataflow.futures.AppFuture,)
        self.host = next((each.address for each in self._executors if getattr(each, "address", None)), LOOPBACK)

    def submit(self, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None) -> Future[Any]:
        """Hands a call on, with a resource specification where its executor takes one."""
        labels = [each.label for each in self._executors]
        wanted = specification(self._executors, needs or {})
        if wanted:
            call, args = specified, (call, *args)
        made: Future[Any] = self._kernel.submit(
            call,
            args,
            executors=labels,
            cache=False,
            ignore_for_cache=None,
            app_kwargs={"parsl_resource_specification": wanted} if wanted else {},
        )
        return made

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Gpus of other nodes, where a worker is not shown as many."""
        far = needs.get(GPU) and self.host != LOOPBACK and "gpus" not in specification(self._executors, needs)
        shown = all(getattr(each, "available_accelerators", ()) for each in self._executors)
        if not far or (shown and needs[GPU] == 1):
            return None
        each = "each sees one of its accelerators" if shown else "they are shown none; give the site accelerators"
        return f"needs: gpu {needs[GPU]:g} cannot be had of workers on other nodes: {each}"

    def recall(self, inner: Future[Any]) -> bool:
        """Parsl takes nothing back."""
        return False

    def broken(self, error: BaseException) -> bool:
        """Too many of its blocks did not start."""
        return all(getattr(each, "bad_state_is_set", False) for each in self._executors)

    def forget(self, inner: Future[Any]) -> None:
        """Parsl takes nothing back."""

    def knows(self, future: Payload) -> bool:
        """Those of this kernel."""
        return future.task_record["dfk"] is self._kernel

    def close(self) -> None:
        """Ends Parsl, where it was started for us."""
        atexit.unregister(self.close)
        group, self._group = self._group, None
        if group is not None:
            capture(self._kernel.cleanup)
            end([group], grace=0)
            dismiss(group)

    def __repr__(self) -> str:
        return f"parsl({', '.join(type(each).__name__ for each in self._executors)}, {self.workers})"


def _workers(executor: Payload) -> int:
    """How many calls an executor of Parsl makes at once, when all its blocks are there."""
    if type(executor).__name__ == "ThreadPoolExecutor":
        return int(executor.max_threads)
    provider, each = executor.provider, getattr(executor, "max_workers_per_node", float("inf"))
    return int(provider.max_blocks * provider.nodes_per_block * (usable() if isinf(each) else each))
