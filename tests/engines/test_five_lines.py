"""The same five lines on every engine: a simulation that is killed once and hangs in native code once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cohobate.ledger.reader import open_reader
from cohobate.ledger.views import table

SIMULATOR = """
import ctypes, os, signal
from pathlib import Path

HERE = Path(__file__).parent

def once(what):
    try:
        os.close(os.open(HERE / what, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

def square(x):
    with open(HERE / "starts", "a") as file:
        file.write(f"{x}\\n")
    if x == 3 and once("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 5 and once("hung"):
        while True:
            ctypes.CDLL(None).pause()
    return x * x
"""
LINES = """
import cohobate as co
from simulator import square
engine = ENGINE
sampler = co.Grid({"x": co.Integer(0, 9)}, minimize="y")
campaign = co.Campaign(sampler, square, engine, run="run", deadline=0.7, grace=0.1, retries=co.Retries(timeout=1))
print(campaign.run().best(1))
"""
ENGINES = {
    "processes": "co.processes(2)",
    "process pool": "__import__('concurrent.futures').futures.ProcessPoolExecutor(2)",
    "thread pool": "__import__('concurrent.futures').futures.ThreadPoolExecutor(2)",
    "loky": "__import__('loky').get_reusable_executor(2)",
    "parsl threads": "co.engines.parsl('threads', workers=2)",
    "parsl": "co.engines.parsl('local', workers=2)",
    "dask": "co.engines.dask(workers=2)",
    "mpi": "co.engines.mpi()",
}
TABLES = {
    "processes": 'kind = "processes"\nworkers = 2',
    "loky": 'kind = "loky"\nworkers = 2',
    "parsl threads": 'kind = "parsl"\nsite = "threads"\nworkers = 2',
    "parsl": 'kind = "parsl"\nsite = "local"\nworkers_per_node = 2\npin = false',
    "dask": 'kind = "dask"\nworkers = 2',
    "mpi": 'kind = "mpi"',
}
TOML = """
[campaign]
goal = { evaluations = 10 }
deadline = 0.7
grace = 0.1
retries = { worker_lost = 1, timeout = 1 }
[generator]
kind = "grid"
minimize = "y"
[variables]
x = { kind = "integer", lo = 0, hi = 9 }
[simulator]
use = "simulator:square"
[engine]
TABLE
"""


def launched(name: str, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Runs a program as a user would, with nothing of this test in it."""
    start = [sys.executable]
    if name == "mpi":
        start = [str(Path(sys.executable).with_name("mpiexec")), "-n", "3", sys.executable, "-m", "mpi4py.futures"]
    child = subprocess.Popen(
        [*start, *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=45)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(argv, child.returncode, said)


def check(folder: Path) -> None:
    """Ten values, and of all candidates only the two unlucky ones were started twice."""
    with open_reader(folder / "run") as reader:
        rows = {row["x"]: row["y"] for row in table(reader)}
    assert rows == {x: x * x for x in range(10)}
    starts = sorted(map(int, (folder / "starts").read_text().split()))
    assert starts == sorted([*range(10), 3, 5])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"engine {name}")) for name in ENGINES]
)
def test_only_the_engine_differs(name: str, tmp_path: Path):
    (tmp_path / "simulator.py").write_text(SIMULATOR)
    (tmp_path / "script.py").write_text(LINES.replace("ENGINE", ENGINES[name]))
    done = launched(name, tmp_path, "script.py")
    assert done.returncode == 0, done.stdout
    check(tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"engine {name}")) for name in TABLES]
)
def test_only_its_table_differs(name: str, tmp_path: Path):
    (tmp_path / "simulator.py").write_text(SIMULATOR)
    (tmp_path / "campaign.toml").write_text(TOML.replace("TABLE", TABLES[name]))
    done = launched(name, tmp_path, "-m", "cohobate.cli", "run")
    assert done.returncode == 0, done.stdout
    check(tmp_path)
