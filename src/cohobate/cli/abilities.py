"""What each engine can do and what it cannot, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cohobate.cli.findings import Finding
from cohobate.cli.surroundings import installed

SUPERVISED = "each evaluation has a process of its own, which can be killed"
ENGINES: Mapping[str, tuple[str | None, str]] = {
    "processes": (None, "worker processes of this machine; what does not stop is killed, in native code too"),
    "threads": (None, "threads of this process; what runs cannot be killed, after its deadline it is left behind"),
    "inline": (
        None,
        "one evaluation at a time in the driver itself; what runs cannot be killed, and holds up everything",
    ),
    "coroutines": (None, "async simulators on one event loop; one that does not await cannot be stopped"),
    "loky": ("loky", f"a process pool of this machine; {SUPERVISED}"),
    "dask": ("distributed", f"a Dask cluster, or one of our own; {SUPERVISED}"),
    "mpi": ("mpi4py", f"the ranks of one mpiexec; {SUPERVISED}; a rank that dies ends them all"),
    "parsl": (
        "parsl",
        f"this machine, a job's nodes, Slurm, PBS; {SUPERVISED}; a lost node costs what ran on it",
    ),
}
"""Each kind of engine: the library that it needs, and what is to be known of it."""


def engines() -> Iterator[Finding]:
    """Returns a line for each engine that can be used here."""
    for kind, (library, says) in ENGINES.items():
        missing = library is not None and installed(library) is None
        yield Finding(f"engine {kind}", f"not usable: {library} is not installed" if missing else says)


def pictures() -> Iterator[Finding]:
    """Returns what can be shown of a campaign here: reports, plots and exports."""
    drawn = "molecules drawn" if installed("rdkit") else "molecules as SMILES only: drawing needs rdkit"
    yield Finding("report", f"cohobate report writes one HTML file; {drawn}")
    plots = "cohobate plot draws png, svg and pdf" if installed("matplotlib") else _lacking("matplotlib", "plot")
    yield Finding("plots", plots)
    needs = {".parquet": ("pyarrow", "tables"), ".sdf": ("rdkit", "chem")}
    ready = [".csv", ".jsonl", ".extxyz", *(suffix for suffix, (library, _) in needs.items() if installed(library))]
    lacking = [f"{suffix} {_lacking(*need)}" for suffix, need in needs.items() if not installed(need[0])]
    yield Finding("export", "; ".join([f"to {', '.join(ready)}", *lacking]))


def _lacking(library: str, extra: str) -> str:
    return f"needs {library}, which is not installed: pip install 'cohobate[{extra}]'"
