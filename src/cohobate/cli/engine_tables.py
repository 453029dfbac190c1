"""What ``[engine]`` of campaign.toml may say."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from cohobate.cli.tables import Names, Table
from cohobate.core.payload import Plain

PINNED = sys.platform == "linux"


def _fitting(pattern: str, expected: str) -> AfterValidator:
    """Returns a check that says in words what was expected; pydantic would show the pattern."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise PydanticCustomError("unfit", "{expected}", {"expected": expected})
        return text

    return AfterValidator(check)


Word = Annotated[str, _fitting(r"[\w.@:+/-]{1,100}", "a name without spaces")]
Walltime = Annotated[
    str, _fitting(r"(?!0+:00:)\d{1,4}:[0-5]\d:[0-5]\d", '"HH:MM:SS" of at least a minute, such as "04:00:00"')
]
Address = Annotated[
    str, _fitting(r"(tcp|tls|ws|wss|ucx)://\S+", 'the address of a scheduler, such as "tcp://host:8786"')
]
Few = Annotated[int, Field(ge=1, le=100_000)]  # each is a name, a process or a thread in the end
Script = Annotated[str, Field(max_length=20_000)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Device = Annotated[int, Field(ge=0)]
Resources = dict[Word, Amount | list[Device | Word]]
"""What tasks may need beside cores; only of gpu may there be a list, which the engine checks."""


class Processes(Table):
    """Worker processes of this machine; ``workers`` left out means all cores."""

    kind: Literal["processes"] = "processes"
    workers: Few | None = None
    resources: Resources | None = None


class Threads(Table):
    """Threads of this process."""

    kind: Literal["threads"]
    workers: Few | None = None
    resources: Resources | None = None


class Inline(Table):
    """One evaluation at a time in this thread."""

    kind: Literal["inline"]
    workers: Few | None = None
    resources: Resources | None = None


class Coroutines(Table):
    """Coroutines on one event loop; ``workers`` left out means 100."""

    kind: Literal["coroutines"]
    workers: Few | None = None


class Loky(Table):
    """The process pool of loky."""

    kind: Literal["loky"]
    workers: Few | None = None
    resources: Resources | None = None


class Dask(Table):
    """A Dask cluster: that of a scheduler at ``address``, else one of our own on this machine."""

    kind: Literal["dask"]
    address: Address | None = None
    workers: Few | None = None
    resources: Resources | None = None


class Mpi(Table):
    """The other ranks of ``mpiexec -n N python -m mpi4py.futures -m cohobate.cli run``."""

    kind: Literal["mpi"]
    resources: Resources | None = None


class ParslThreads(Table):
    """Parsl's threads of this process."""

    kind: Literal["parsl"]
    site: Literal["threads"]
    workers: Few | None = None
    resources: Resources | None = None


class Nodes(Table):
    """What runs on each node; ``workers_per_node`` left out means a worker for each accelerator, else physical core."""

    kind: Literal["parsl"]
    workers_per_node: Few | None = None
    cores_per_worker: Few = 1
    pin: bool = PINNED
    accelerators: Few | list[Word] | None = None
    worker_init: Script = ""
    resources: Resources | None = None


class Local(Nodes):
    """Workers on this machine."""

    site: Literal["local"]


class Allocation(Nodes):
    """Workers on the nodes of the job that ``cohobate run`` is part of; ``nodes`` left out means all of them."""

    site: Literal["allocation"]
    nodes: Few | None = None
    interface: Word | None = None
    launch_options: Script = ""
    bind_flag: Word = "--bind-to"


class Cluster(Nodes):
    """Up to ``blocks`` jobs of ``nodes`` nodes, submitted by ``cohobate run`` as there is work for them."""

    walltime: Walltime
    nodes: Few = 1
    blocks: Few = 1
    queue: Annotated[Word | None, Field(validation_alias=AliasChoices("queue", "partition"))] = None
    account: Word | None = None
    filesystems: Names | None = None
    scheduler_options: Script = ""
    exclusive: bool = True
    interface: Word | None = None
    launch_options: Script = ""
    bind_flag: Word = "--bind-to"


class Slurm(Cluster):
    """Jobs of Slurm."""

    site: Literal["slurm"]


class Pbs(Cluster):
    """Jobs of PBS."""

    site: Literal["pbs"]


def _usual(data: Plain) -> Plain:
    """Adds the kind that a table without one is of."""
    return {"kind": "processes", **data} if isinstance(data, Mapping) else data


Parsl = ParslThreads | Local | Allocation | Slurm | Pbs
PARSL = (ParslThreads, Local, Allocation, Slurm, Pbs)
Engine = Processes | Threads | Inline | Coroutines | Loky | Dask | Mpi | Parsl
EngineTable = Annotated[
    Annotated[
        Processes | Threads | Inline | Coroutines | Loky | Dask | Mpi | Annotated[Parsl, Field(discriminator="site")],
        Field(discriminator="kind"),
    ],
    BeforeValidator(_usual),
]
