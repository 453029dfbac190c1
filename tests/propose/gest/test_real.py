"""The generators of libEnsemble, Xopt and Optimas run here, unchanged, and ours run there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ENVIRONMENT = Path(os.environ.get("COHOBATE_GEST_ENV", ROOT / ".venv" / "gest"))
PYTHON = ENVIRONMENT / "bin" / "python"

EXPECTED = {
    "UniformSample": (60, -0.6),
    "APOSMM": (80, -1.031),
    "Random": (60, -0.5),
    "NelderMead": (60, -1.0),
    "ExpectedImprovement": (14, -0.2),
    "Grid": (25, -0.75),
}
"""Evaluations made, and what the best must reach: the global minimum is -1.0316, Nelder-Mead may find any of six."""


def answer(program: str, *arguments: str | Path, ends: int = 0) -> dict[str, Any]:
    """Runs a program in the environment of these libraries until it ends so; returns what it printed last."""
    if not PYTHON.exists():
        pytest.fail(f"the generators of others are not installed in {ENVIRONMENT}: make .venv/gest.ok")
    # One thread: a test that shares its cores with others is slowed down a hundredfold by more.
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    ended = subprocess.run(
        [PYTHON, HERE / program, *arguments], env=environment, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == ends, ended.stderr[-3000:]
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", EXPECTED)
def test_it_runs_stops_and_goes_on(name: str, tmp_path: Path):
    evaluations, best = EXPECTED[name]
    found = answer("program.py", name, tmp_path / "run")
    assert found["evaluations"] == evaluations
    assert found["points"] >= evaluations - 2
    assert found["best"] <= best
    assert found["children"] == 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("end", ["goal", "simulator", "interrupt"])
def test_the_process_of_aposmm_ends_with_the_campaign(end: str, tmp_path: Path):
    found = answer("ends.py", end, tmp_path / "run")
    assert found["started"] == 1
    assert found["left"] == 0


@pytest.mark.timeout(120)
def test_the_process_of_aposmm_ends_with_a_killed_driver(tmp_path: Path):
    found = answer("ends.py", "kill", tmp_path / "run", ends=-signal.SIGKILL)
    [process] = found["processes"]
    deadline = time.monotonic() + 20
    while alive(process) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not alive(process)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text() if sys.platform == "linux" else True


@pytest.mark.timeout(120)
@pytest.mark.parametrize("runner", ["xopt", "libensemble"])
def test_ours_run_in_the_runners_of_others(runner: str):
    found = answer("lending.py", runner)
    assert found["evaluations"] == found["points"] >= 24
    assert found["off"] < 0.06
