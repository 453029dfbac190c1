"""Opens the engine that campaign.toml asks for."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, assert_never

from pydantic import TypeAdapter

import cohobate.cli.engine_tables as toml
from cohobate.cli.allocation import allocation
from cohobate.cli.tables import Table
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.engines import coroutines, dask, executor, inline, mpi, parsl, processes, sites, threads
from cohobate.engines.inline import Inline
from cohobate.engines.parsl_sites import check
from cohobate.engines.workplace import Workplace
from cohobate.host.cores import physical, usable
from cohobate.host.extras import require

INSTEAD: Mapping[str, type[Table]] = {
    "processes": toml.Processes,
    "threads": toml.Threads,
    "inline": toml.Inline,
    "coroutines": toml.Coroutines,
    "loky": toml.Loky,
    "dask": toml.Dask,
    "mpi": toml.Mpi,
    "local": toml.Local,
    "allocation": toml.Allocation,
}
"""What may be asked for on the command line: kinds of engines, and sites of Parsl that need nothing else said."""
SUBMIT = {"slurm": "sbatch", "pbs": "qsub"}
"""By which program each scheduler takes jobs."""
FOLDER = Path(".parsl")
"""Where Parsl keeps its scripts, logs and keys, in the run folder; hidden, so that this is still a new one."""


@contextmanager
def opened(wish: toml.Engine, run: Path, longest: float) -> Iterator[Workplace | Inline]:
    """Opens an engine for a run folder and closes it in the end, with all that was opened for it.

    Nothing is started within ``longest`` seconds of the end of a job submitted for it.
    """
    with ExitStack() as stack:
        engine = _make(wish, run, longest, stack)
        stack.callback(engine.close)
        yield engine


def instead(wish: toml.Engine, name: str) -> toml.Engine:
    """Returns the table of another engine, with what it understands of the given one.

    Raises ``ConfigError`` for an unknown name.
    """
    if name not in INSTEAD:
        raise ConfigError(f"--engine: no {name!r:.60}; there is {', '.join(INSTEAD)}{did_you_mean(name, INSTEAD)}")
    table = INSTEAD[name]
    who = {"kind": "parsl", "site": name} if "site" in table.model_fields else {"kind": name}
    given = wish.model_dump(exclude_unset=True)
    # The nodes of a block to be submitted say nothing of the job that we run in.
    kept = {key: given[key] for key in table.model_fields if key in given and key not in (*who, "nodes")}
    made: toml.Engine = TypeAdapter(toml.EngineTable).validate_python({**who, **kept})
    return made


def says(wish: toml.Engine, run: Path, longest: float) -> Iterator[str]:
    """Returns the line that says what is asked of a site, walltime included; none for the engines of this process.

    Raises ``UserError`` for what could never start.
    """
    if isinstance(wish, toml.PARSL):
        where = site(wish, longest)
        check(where, _folder(run))
        yield f"engine: {sites.spoken(where)}"


def site(wish: toml.Parsl, longest: float) -> sites.Site:
    """Returns the site of a table; raises ``UserError`` where this machine is not found by its workers."""
    match wish:
        case toml.ParslThreads():
            return sites.Threads(workers=wish.workers or usable())
        case toml.Local():
            return sites.Local(node=_node(wish, sites.LOOPBACK))
        case toml.Allocation():
            return _allocation(wish)
        case toml.Slurm() | toml.Pbs():
            _check_scheduler(wish.site)
            return sites.Cluster(
                node=_node(wish, sites.address_of(wish.interface)),
                scheduler=wish.site,
                walltime=wish.walltime,
                nodes=wish.nodes,
                blocks=wish.blocks,
                queue=wish.queue,
                account=wish.account,
                filesystems=tuple([wish.filesystems] if isinstance(wish.filesystems, str) else wish.filesystems or ()),
                options=wish.scheduler_options,
                exclusive=wish.exclusive,
                launch_options=wish.launch_options,
                bind_flag=wish.bind_flag,
                drain=longest,
            )
    assert_never(wish)


def _check_scheduler(name: Literal["slurm", "pbs"]) -> None:
    if shutil.which(SUBMIT[name]) is None:
        raise ConfigError(
            f"no {SUBMIT[name]} on PATH, so this machine cannot submit to {name}; "
            "to use this machine alone: cohobate run --engine processes"
        )


def _make(wish: toml.Engine, run: Path, longest: float, stack: ExitStack) -> Workplace | Inline:
    match wish:
        case toml.Processes():
            return processes(wish.workers, resources=wish.resources)
        case toml.Threads():
            return threads(wish.workers, resources=wish.resources)
        case toml.Inline():
            return _inline(wish)
        case toml.Coroutines():
            return coroutines(ntasks=wish.workers or 100)
    return _borrowed(wish, run, longest, stack)


def _borrowed(
    wish: toml.Loky | toml.Dask | toml.Mpi | toml.Parsl, run: Path, longest: float, stack: ExitStack
) -> Workplace:
    match wish:
        case toml.Loky():
            return _loky(wish, stack)
        case toml.Dask():
            return dask(wish.address, workers=wish.workers, resources=wish.resources)
        case toml.Mpi():
            return mpi(resources=wish.resources)
    return _parsl(wish, run, longest)


def _inline(wish: toml.Inline) -> Inline:
    if wish.workers not in (None, 1):
        raise ConfigError(f"inline runs one evaluation at a time, got workers = {wish.workers}")
    return inline(resources=wish.resources)


def _loky(wish: toml.Loky, stack: ExitStack) -> Workplace:
    workers = wish.workers or usable()
    # Ctrl-C on our terminal reaches its processes too, and what they run is to be drained.
    deaf = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
    pool = require("loky", extra="loky").ProcessPoolExecutor(workers, **deaf)
    stack.callback(pool.shutdown, kill_workers=True)  # nobody waits for what hangs
    return executor(pool, workers, resources=wish.resources)


def _parsl(wish: toml.Parsl, run: Path, longest: float) -> Workplace:
    return parsl(site(wish, longest), folder=_folder(run), resources=wish.resources)


def _folder(run: Path) -> Path:
    return (run / FOLDER).absolute()


def _allocation(wish: toml.Allocation) -> sites.Allocation:
    job = allocation(os.environ)
    nodes = wish.nodes or (job.nodes if job else 1)
    launcher: Literal["srun", "mpiexec"] | None = None
    if nodes > 1:
        launcher = "srun" if job and job.scheduler == "slurm" else "mpiexec"
    address = sites.LOOPBACK if nodes == 1 else sites.address_of(wish.interface)
    return sites.Allocation(
        node=_node(wish, address),
        nodes=nodes,
        launcher=launcher,
        launch_options=wish.launch_options,
        bind_flag=wish.bind_flag,
    )


def _node(wish: toml.Nodes, address: str) -> sites.Node:
    shown = wish.accelerators or ()
    accelerators = tuple(map(str, range(shown))) if isinstance(shown, int) else tuple(shown)
    workers = wish.workers_per_node or len(accelerators) or max(1, physical() // wish.cores_per_worker)
    return sites.Node(
        workers=workers,
        cores_per_worker=wish.cores_per_worker,
        pin=wish.pin,
        accelerators=accelerators,
        worker_init=wish.worker_init,
        address=address,
    )
