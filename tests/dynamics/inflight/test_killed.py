"""A batch that is killed again and again, at any moment, comes to the same end: nothing is lost, or there twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.running import run_all
from dynamics.inflight.test_progress import SYSTEMS, assert_same, both

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}


@pytest.mark.parametrize(("name", "how"), [("FIRE + Langevin", "alone"), ("Langevin", "campaign")])
def test_it_ends_as_if_nothing_had_been(name: str, how: str, tmp_path: Path):
    run = [sys.executable, "-m", "dynamics.inflight.killed", name, how, str(tmp_path), "7", "5"]
    ended = subprocess.run(run, env=ENVIRONMENT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("ended after")


SCRIPT = """
import os
import signal
import sys
import time

from dynamics.inflight.killed import Brake
from dynamics.inflight.test_progress import both, submitted
from cohobate.dynamics.inflight.engine import InFlight

engine = InFlight(both(hooks=[Brake()]), max_atoms=1000, progress=sys.argv[2])
futures = submitted(engine)
while engine.steps < 20:
    time.sleep(0.001)
if sys.argv[1] == "with":
    with engine:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
if sys.argv[1] == "interrupt":
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["interrupt", "with"])
def test_a_program_that_ends_meanwhile_leaves_the_progress(how: str, tmp_path: Path):
    path = tmp_path / "progress"
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(path)], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert "KeyboardInterrupt" in ended.stderr
    told = f"was not closed: 4 systems were stopped, to go on with InFlight.resume('{path}', ...)"
    assert (told in ended.stderr) == (how != "with")
    with InFlight.resume(path, both(), max_atoms=1000) as engine:
        restored = dict(engine.restored)
    for i, one in enumerate(run_all(both(), SYSTEMS, max_atoms=1000)):
        assert_same(restored[str(i)].result(), one)
