"""The contract of engines, under a real ``mpiexec``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohobate.core.errors import UserError
from cohobate.engines.mpi import mpi

MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(360)
@pytest.mark.xdist_group("engine mpi")
def test_it_keeps_the_contract_of_engines():
    pytest.importorskip("mpi4py")
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [MPIEXEC, "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "pytest", *options, "tests/contract"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=350,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout or "[100%]" in done.stdout


def test_it_says_how_it_is_to_be_started():
    pytest.importorskip("mpi4py")
    with pytest.raises(UserError, match=r"mpiexec -n 3 python -m mpi4py\.futures"):
        mpi()
