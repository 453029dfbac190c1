"""Turns a site into a Parsl configuration that listens where it must, encrypts, and leaves retries to the campaign."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, assert_never

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.engines.sites import LOOPBACK, Allocation, Cluster, Local, Node, Site, Threads, many, seconds
from cohobate.host.cores import THREAD_VARIABLES
from cohobate.host.extras import require

IDLE = 120.0
"""Seconds after which a block without work is given back."""
FIT = re.compile(r"[\w/.,+@=~:-]+")
"""Paths that may stand in a submit script: Parsl writes them there without quotes."""
INTERCHANGE = """
import os, runpy, signal, threading, time

def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)

signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
runpy.run_module('parsl.executors.high_throughput.interchange', run_name='__main__')
"""
"""Parsl's interchange, deaf to the Ctrl-C of our terminal (what runs is to be drained through it), gone when we are.

It cannot be told by the mark of ours: it writes its title over its environment.
"""


def configuration(site: Site, folder: Path) -> Payload:
    """Returns the ``parsl.Config`` of a site; what Parsl writes goes to ``folder``, which all nodes must see.

    Starts and submits nothing. Raises ``UserError`` for what would fail or hang there, and
    ``MissingExtra`` without Parsl.
    """
    parsl = require("parsl", extra="parsl")
    check(site, folder)
    if isinstance(site, Threads):
        executor = parsl.ThreadPoolExecutor(label="cohobate", max_threads=site.workers)
    else:
        executor = parsl.HighThroughputExecutor(**_executor(site))
    return parsl.Config(
        executors=[executor],
        run_dir=str(folder),
        retries=0,  # the campaign repeats, and records it
        usage_tracking=0,
        initialize_logging=False,
        strategy="simple",
        strategy_period=5 if isinstance(site, Cluster) else 1,
        max_idletime=IDLE,
    )


def _executor(site: Local | Allocation | Cluster) -> Mapping[str, Any]:
    node, far = site.node, isinstance(site, Cluster)
    drain = {"drain_period": int(seconds(site.walltime) - site.drain)} if isinstance(site, Cluster) else {}
    return {
        "label": "cohobate",
        "provider": _provider(site),
        "address": node.address,
        "loopback_address": LOOPBACK,
        "encrypted": True,
        "interchange_launch_cmd": [sys.executable, "-c", INTERCHANGE],
        "launch_cmd": _launch_cmd(),
        "max_workers_per_node": node.room,
        "cores_per_worker": float(node.cores_per_worker),
        "cpu_affinity": "block" if node.pin else "none",
        "available_accelerators": list(node.accelerators),
        "prefetch_capacity": 0,
        "heartbeat_period": 15 if far else 5,
        "heartbeat_threshold": 90 if far else 30,
        **drain,
    }


def _launch_cmd() -> str:
    """Returns Parsl's command for a worker pool, by the very Python that we are: nothing need be on PATH."""
    default = require("parsl.executors.high_throughput.executor", extra="parsl").DEFAULT_LAUNCH_CMD
    python = shlex.quote(sys.executable).replace("{", "{{").replace("}", "}}")
    pool = f"{python} -m parsl.executors.high_throughput.process_worker_pool "
    return str(default).replace("process_worker_pool.py ", pool, 1)


def _provider(site: Local | Allocation | Cluster) -> Payload:
    providers = require("parsl.providers", extra="parsl")
    init = _worker_init(site.node)
    match site:
        case Local():
            return providers.LocalProvider(worker_init=init, init_blocks=1, min_blocks=1, max_blocks=1)
        case Allocation():
            return providers.LocalProvider(
                worker_init=init,
                nodes_per_block=site.nodes,
                launcher=_launcher(site, site.launcher),
                init_blocks=1,
                min_blocks=1,
                max_blocks=1,
            )
        case Cluster():
            common = {
                "account": site.account,
                "worker_init": init,
                "nodes_per_block": site.nodes,
                "init_blocks": 1,
                "min_blocks": 0,
                "max_blocks": site.blocks,
                "walltime": site.walltime,
            }
            if site.scheduler == "slurm":
                return providers.SlurmProvider(**common, **_slurm(site))
            return providers.PBSProProvider(**common, **_pbs(site))
    assert_never(site)


def _slurm(site: Cluster) -> dict[str, Any]:
    # A file system is what Slurm calls a licence.
    licences = [f"#SBATCH --licenses={','.join(site.filesystems)}"] if site.filesystems else []
    return {
        "partition": site.queue,
        "exclusive": site.exclusive,
        "cores_per_node": _cores(site.node),
        "gpus_per_node": len(set(site.node.accelerators)) or None,
        "scheduler_options": "\n".join([*licences, site.options.strip()]),
        "launcher": _launcher(site, "srun"),
    }


def _pbs(site: Cluster) -> dict[str, Any]:
    accelerators = len(set(site.node.accelerators))
    filesystems = [f"#PBS -l filesystems={':'.join(site.filesystems)}"] if site.filesystems else []
    exclusive = ["#PBS -l place=scatter:excl"] if site.exclusive else []
    return {
        "queue": site.queue,
        "cpus_per_node": _cores(site.node),
        "select_options": f"ngpus={accelerators}" if accelerators else "",
        "scheduler_options": "\n".join([*exclusive, *filesystems, site.options.strip()]),
        "launcher": _launcher(site, "mpiexec"),
    }


def _launcher(site: Allocation | Cluster, kind: Literal["srun", "mpiexec"] | None) -> Payload:
    """Returns what starts one pool of workers on each node of a job."""
    launchers = require("parsl.launchers", extra="parsl")
    match kind:
        case None:
            return launchers.SingleNodeLauncher(debug=False)
        case "srun":
            # srun has not taken over what sbatch was told of cores since Slurm 22.05.
            each = f"--nodes={site.nodes} --ntasks-per-node=1 --cpus-per-task={_cores(site.node)}"
            return launchers.SrunLauncher(debug=False, overrides=f"{each} {site.launch_options}".strip())
        case "mpiexec":
            return launchers.MpiExecLauncher(debug=False, bind_cmd=site.bind_flag, overrides=site.launch_options)
    assert_never(kind)


def _worker_init(node: Node) -> str:
    """Returns the bash lines before a worker: those given, then a thread for each core unless they said otherwise."""
    limits = [f"export {name}=${{{name}:-{node.cores_per_worker}}}" for name in THREAD_VARIABLES]
    # Parsl starts fewer workers where it counts fewer cores, and none, without a word, where that leaves none.
    cores = f"export PARSL_CORES={_cores(node)}"
    return "\n".join([node.worker_init.strip(), *limits, cores]).lstrip("\n")


def _cores(node: Node) -> int:
    return node.room * node.cores_per_worker


def check(site: Site, folder: Path) -> None:
    """Raises ``UserError`` for what would leave a campaign waiting for workers that can never start."""
    if isinstance(site, Threads):
        return
    if not FIT.fullmatch(str(folder)):
        raise UserError(f"{folder}: Parsl cannot work below a folder with such a name: use letters, digits and . _ + -")
    if isinstance(site, Cluster) and seconds(site.walltime) <= site.drain:
        raise UserError(
            f"walltime: {site.walltime} may be over before one evaluation is ({site.drain:g} s): ask for longer blocks"
        )
    if isinstance(site, Local | Allocation) and site.node.pin:
        _check_cores(site.node)


def _check_cores(node: Node) -> None:
    if sys.platform != "linux":
        raise UserError("pin: only Linux ties a process to cores; leave it out")
    here = len(os.sched_getaffinity(0))
    if node.room > here:
        raise UserError(f"workers_per_node: {node.room} cannot be pinned to {many(here, 'core')}; use pin = false")
