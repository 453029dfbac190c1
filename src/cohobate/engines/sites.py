"""Where Parsl is to find workers: threads, this machine, the nodes of a running job, a Slurm or PBS cluster."""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
from dataclasses import dataclass
from typing import Literal, assert_never

from cohobate.core.errors import UserError
from cohobate.host.extras import require

LOOPBACK = "127.0.0.1"
"""Where everything listens that talks to this machine alone."""
WALLTIME = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What runs on each node, and at which address of this machine its workers find us.

    ``accelerators`` are names; each worker is shown one of them, and there are no more workers than
    names. ``pin`` ties each worker to its own cores. ``worker_init`` is text of bash, run before.
    """

    workers: int
    cores_per_worker: int = 1
    pin: bool = sys.platform == "linux"
    accelerators: tuple[str, ...] = ()
    worker_init: str = ""
    address: str = LOOPBACK

    @property
    def room(self) -> int:
        """How many workers there really are."""
        return min(self.workers, len(self.accelerators) or self.workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """Threads of this process: Parsl's own, and nothing is started."""

    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Workers on this machine."""

    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Workers on the nodes of the job that we run in, started by ``srun``, by ``mpiexec``, or (one node) by nobody."""

    node: Node
    nodes: int
    launcher: Literal["srun", "mpiexec"] | None = None
    launch_options: str = ""
    bind_flag: str = "--bind-to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Up to ``blocks`` jobs of ``nodes`` nodes each, submitted when there is work for them.

    ``walltime`` ("HH:MM:SS") is that of one job; ``drain`` seconds before it ends its workers take
    nothing more. ``options`` are further lines for the scheduler, such as ``#SBATCH --constraint=gpu``.
    """

    node: Node
    scheduler: Literal["slurm", "pbs"]
    walltime: str
    nodes: int = 1
    blocks: int = 1
    queue: str | None = None
    account: str | None = None
    filesystems: tuple[str, ...] = ()
    options: str = ""
    exclusive: bool = True
    launch_options: str = ""
    bind_flag: str = "--bind-to"
    drain: float = 60.0


Site = Threads | Local | Allocation | Cluster


def capacity(site: Site) -> int:
    """Returns how many tasks a site runs at once when all of it is there."""
    match site:
        case Threads(workers=workers):
            return workers
        case Local(node=node):
            return node.room
        case Allocation(node=node, nodes=nodes):
            return nodes * node.room
        case Cluster(node=node, nodes=nodes, blocks=blocks):
            return blocks * nodes * node.room
    assert_never(site)


def spoken(site: Site) -> str:
    """Returns a site as one line for people, with all that is asked of a scheduler.

    >>> spoken(Cluster(node=Node(workers=32), scheduler="slurm", walltime="04:00:00", nodes=2, queue="debug"))
    'slurm: up to 1 block of 2 nodes, on each node 32 workers; walltime 04:00:00, queue debug'
    """
    match site:
        case Threads(workers=workers):
            return f"{many(workers, 'thread')} of this process"
        case Local(node=node):
            return f"this machine: {_crew(node)}, reached at {node.address}"
        case Allocation(node=node, nodes=nodes):
            return f"this job: {many(nodes, 'node')}, on each {_crew(node)}, reached at {node.address}"
        case Cluster():
            asked = [f"walltime {site.walltime}"]
            asked += [f"{name} {value}" for name, value in (("queue", site.queue), ("account", site.account)) if value]
            blocks = f"up to {many(site.blocks, 'block')} of {many(site.nodes, 'node')}"
            return f"{site.scheduler}: {blocks}, on each node {_crew(site.node)}; {', '.join(asked)}"
    assert_never(site)


def seconds(walltime: str) -> int:
    """Returns the seconds of a walltime ``"HH:MM:SS"``.

    >>> seconds("01:30:00")
    5400
    """
    found = WALLTIME.fullmatch(walltime)
    total = sum(int(part) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0
    if total < 60:
        raise UserError(f'walltime: expected "HH:MM:SS" of at least a minute, for example "04:00:00", got {walltime!r}')
    return total


def address_of(interface: str | None) -> str:
    """Returns our IPv4 address on a network interface; by default the one that our host name stands for.

    Raises ``UserError`` where there is no such interface, or where other nodes cannot reach the address.
    """
    known = _addresses()
    others = ", ".join(name for name, address in known.items() if not _is_loopback(address)) or "none but loopback"
    if interface is not None:
        if interface not in known:
            raise UserError(f"interface: no {interface!r} with an IPv4 address on this machine; there is {others}")
        return known[interface]
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        address = LOOPBACK
    if _is_loopback(address):
        raise UserError(
            f"interface: the name of this machine ({name}) leads other nodes nowhere; "
            f"say through which interface they reach it: there is {others}"
        )
    return address


def _addresses() -> dict[str, str]:
    interfaces = require("psutil", extra="parsl").net_if_addrs()
    return {
        name: found.address for name, all_ in interfaces.items() for found in all_ if found.family == socket.AF_INET
    }


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _crew(node: Node) -> str:
    cores = f" of {node.cores_per_worker} cores" if node.cores_per_worker > 1 else ""
    shown = f" with one of {many(len(set(node.accelerators)), 'accelerator')}" if node.accelerators else ""
    return f"{many(node.room, 'worker')}{cores}{shown}"


def many(n: int, what: str) -> str:
    """Returns a number of things.

    >>> many(1, "node"), many(2, "node")
    ('1 node', '2 nodes')
    """
    return f"{n} {what}{'s' * (n != 1)}"
