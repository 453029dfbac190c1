"""How many cores we may use, and how to keep numerical libraries from using more."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""What numerical libraries read, once, when they are loaded."""


def usable() -> int:
    """Returns the number of cores this process may use: its affinity, and the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, math.floor(min(count, quota())))


def physical() -> int:
    """Returns the number of cores this process may use, the hardware threads of one core counted once."""
    count = _whole_linux() if sys.platform == "linux" else _whole_darwin()
    return max(1, min(count or usable(), usable()))


def thread_limits(threads: int) -> dict[str, str]:
    """Returns the environment that holds each process to ``threads`` threads; what the user has set stays."""
    return {name: os.environ.get(name, str(max(1, threads))) for name in THREAD_VARIABLES}


def numbers() -> list[int]:
    """Returns the numbers of the cores this process may use; none where a process cannot be tied to cores."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


@contextmanager
def pinned(cores: Collection[int]) -> Iterator[None]:
    """Has what this thread starts inside use these cores only; none means all, as does a system that cannot do it."""
    if not cores or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)  # that of the calling thread, which its children inherit
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def quota(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> float:
    """Returns the cores that the control groups (version 1 or 2) we are in grant, the tightest of them."""
    return min((limit for folder in _folders(root, membership) for limit in _limits(folder)), default=math.inf)


def _whole_linux(root: Path = Path("/sys/devices/system/cpu")) -> int:
    places = (root / f"cpu{number}" / "topology" for number in os.sched_getaffinity(0))
    with suppress(OSError):
        return len(
            {tuple((place / name).read_text() for name in ("physical_package_id", "core_id")) for place in places}
        )
    return 0


def _whole_darwin() -> int:
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(["/usr/sbin/sysctl", "-n", "hw.physicalcpu"], capture_output=True, text=True, timeout=5)
        return int(told.stdout)
    return 0


def _folders(root: Path, membership: Path) -> Iterator[Path]:
    try:
        lines = membership.read_text(errors="replace").splitlines()
    except OSError:
        return
    for _number, controllers, path in (line.split(":", 2) for line in lines if line.count(":") > 1):
        top = root / "cpu" if "cpu" in controllers.split(",") else root
        own = top / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _limits(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):
        yield from _cores((folder / "cpu.max").read_text().split())
    with suppress(OSError, ValueError, ZeroDivisionError):
        yield from _cores((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))


def _cores(fields: Iterable[str]) -> Iterator[float]:
    granted, period = fields
    if granted not in {"max", "-1"}:
        yield max(1.0, int(granted) / int(period))
