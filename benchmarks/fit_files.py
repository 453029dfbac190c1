"""An external program by files: what an evaluation costs over a bare ``subprocess.run`` of the same program.

    python benchmarks/fit_files.py [--repetitions 300]

ours: a fresh directory, one input written, the program, one output read and checked, the directory removed.
bare: the program alone, in a directory where its input lies already; its output is not read.
late: a program whose output appears 50 ms late (ChemFit looks once a second).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rows import short, show, verdict

import cohobate as co

MOST = 1.0
"""Milliseconds over the bare program."""
CHEMFIT = {"sh": 1.9, "late by 50 ms": 1_000.0}
"""Milliseconds that ChemFit 3.1.1 takes over it, recorded."""
COPY = 'read x < in; echo "y = $x" > out'
SCRIPTS = {"sh": COPY, "late by 50 ms": f"sleep 0.05; {COPY}"}
Call = Callable[[], object]


def contenders(script: str, folder: Path) -> tuple[Call, Call]:
    """Returns what evaluates with our command, and the bare program."""
    argv = ["/bin/sh", "-c", script]
    read = {"y": co.read.regex("out", r"y = (\S+)")}
    command = co.Command(argv, files={"in": "{x}\n"}, read=read)
    (folder / "in").write_text("0.25\n")

    def ours() -> None:
        assert command(x=0.25) == {"y": 0.25}

    return ours, lambda: subprocess.run(argv, cwd=folder, check=True)


def milliseconds(call: Call) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def beside(ours: Call, bare: Call, repetitions: int) -> tuple[float, float]:
    """Returns the medians of two contenders that take turns (ms)."""
    ours(), bare()
    pairs = [(milliseconds(ours), milliseconds(bare)) for _ in range(repetitions)]
    first, second = zip(*pairs, strict=True)
    return median(first), median(second)


def row(name: str, ours: float, bare: float) -> tuple[str, ...]:
    """Returns the cells of a row."""
    over = ours - bare
    chemfit = f"{CHEMFIT[name]:,g} (recorded)"
    return name, short(ours), short(bare), short(over), f"<= {MOST:g}", chemfit, verdict(over <= MOST)


def files(repetitions: int) -> bool:
    """Measures all, prints a row each, and returns whether what is wanted was reached."""
    with TemporaryDirectory() as folder:
        sh, late = (contenders(script, Path(folder)) for script in SCRIPTS.values())
        rows = [
            row("sh", *beside(*sh, repetitions)),
            row("late by 50 ms", *beside(*late, repetitions // 5)),
        ]
    header = ("program by files", "ours", "bare", "over it", "wanted", "ChemFit, over it", "")
    show("milliseconds per evaluation by files", header, rows)
    return all(cells[-1] == "ok" for cells in rows)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=300)
    return 0 if files(parser.parse_args().repetitions) else 1


if __name__ == "__main__":
    sys.exit(main())
