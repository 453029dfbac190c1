"""A running batch goes on, bit for bit, from where its progress was written: also after ``kill -9``."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cohobate.core.errors import Damaged, Foreign, ResumeRefused
from cohobate.core.task import Task
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.making import FIRE, NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.models.potential import Results
from cohobate.dynamics.stages.dynamics import Dynamics
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

SYSTEMS = [crystal(2, seed=1), cluster(13, seed=2), crystal(1, seed=3), cluster(7, seed=4)]
ROOT = Path(__file__).parents[3]

SCRIPT = """
import sys
import threading

from dynamics.inflight.test_progress import Hold, both, submitted
from cohobate.dynamics.inflight.engine import InFlight

with InFlight(both(hooks=[Hold(120)]), max_atoms=1000) as engine:
    submitted(engine)
    while engine.steps < 70:
        threading.Event().wait(0.001)
    engine.checkpoint(sys.argv[1])
    print("written", flush=True)
"""


class Hold:
    """A hook that lets nothing go on from some step."""

    frequency = 1
    stage = HookStage.BEFORE_STEP

    def __init__(self, step: int) -> None:
        self.step, self.gate = step, threading.Event()

    def __call__(self, batch: Batch, moment: Moment) -> None:
        if moment.step >= self.step:
            assert self.gate.wait(60)


def submitted(engine: InFlight) -> list[Future[Any]]:
    return [engine.submit(Task(lambda s=system: s, key=str(i))) for i, system in enumerate(SYSTEMS)]


def both(**given: Any) -> Dynamics:
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)
    relax = FIRE(potential, until=Convergence.from_fmax(0.02), n_steps=60)
    return relax + NVTLangevin(potential, dt=4.0, temperature=60, n_steps=200, **given)


def never() -> None:
    raise AssertionError("its system is there already")


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


def test_it_goes_on_after_kill_9(tmp_path: Path):
    path = tmp_path / "progress"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    script = [sys.executable, "-c", SCRIPT, str(path)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    whole = run_all(both(), SYSTEMS, max_atoms=1000)
    with InFlight.resume(path, both(), max_atoms=40) as engine:  # a smaller batch, too
        restored = engine.restored
        assert sorted(restored) == ["0", "1", "2", "3"]
        assert engine.submit(Task(never, key="1")) is restored["1"]
        fresh = engine.submit(Task(lambda: SYSTEMS[1], key="1"))
    for i in range(4):
        assert_same(restored[str(i)].result(), whole[i])
    assert_same(fresh.result(), whole[1])
    assert all(200 < one["steps"] <= 260 for one in whole)


class Small:
    """Argon for which there is no memory any more from some call on, for more than 40 atoms."""

    def __init__(self, call: int) -> None:
        self.inner, self.left = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1), call
        self.traits = self.inner.traits

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        self.left -= 1
        if self.left < 0 and batch.n_atoms > 40:
            raise torch.OutOfMemoryError("no room")
        return self.inner.compute(batch, want)


def test_systems_put_back_for_want_of_memory_are_part_of_it(tmp_path: Path):
    def heat(potential: Any, **given: Any) -> Dynamics:
        return NVTLangevin(potential, dt=4.0, temperature=60, n_steps=100, **given)

    path, hold = tmp_path / "progress", Hold(45)
    with InFlight(heat(Small(40), hooks=[hold]), max_atoms=1000) as engine:
        submitted(engine)
        while engine.steps < 45:
            threading.Event().wait(0.001)
        hold.step = 10**9
        hold.gate.set()
        engine.checkpoint(path)
        engine.close()
    plain = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)
    with pytest.raises(ResumeRefused, match=r"stages\.langevin \(0\)\.potential"):
        InFlight.resume(path, heat(plain), max_atoms=1000)
    with InFlight.resume(path, heat(plain), max_atoms=1000, accept_new_code=True) as engine:
        futures = dict(engine.restored)
    for i, one in enumerate(run_all(heat(plain), SYSTEMS, max_atoms=1000)):
        assert_same(futures[str(i)].result(), one)


def test_progress_is_written_by_itself(tmp_path: Path):
    path = tmp_path / "progress"
    with InFlight(both(), max_atoms=1000, progress=path, progress_every=0.0) as engine:
        futures = submitted(engine)
        while engine.steps < 30:
            threading.Event().wait(0.001)
        shutil.copy(path, tmp_path / "under way")
        wait(futures, 20)
    with InFlight.resume(tmp_path / "under way", both(), max_atoms=1000) as engine:
        restored = dict(engine.restored)
        assert restored
    for key, future in restored.items():
        assert_same(future.result(), futures[int(key)].result())
    with InFlight.resume(path, both(), max_atoms=1000) as engine:
        assert not engine.restored  # all had left
    assert sorted(os.listdir(tmp_path)) == ["progress", "under way"]


def test_closing_an_engine_leaves_its_last_progress(tmp_path: Path):
    path = tmp_path / "progress"
    with InFlight(both(), max_atoms=1000, progress=path) as engine:
        submitted(engine)
        while engine.steps < 30:
            threading.Event().wait(0.001)
        engine.close()
    with InFlight.resume(path, both(), max_atoms=1000) as engine:
        restored = dict(engine.restored)
    for i, one in enumerate(run_all(both(), SYSTEMS, max_atoms=1000)):
        assert_same(restored[str(i)].result(), one)


def interrupted(tmp_path: Path, steps: int) -> Path:
    path = tmp_path / "progress"
    with InFlight(both(), max_atoms=1000) as engine:
        submitted(engine)
        while engine.steps < steps:
            threading.Event().wait(0.001)
        engine.checkpoint(path)
        engine.close()
    return path


def test_other_dynamics_are_refused(tmp_path: Path):
    path = interrupted(tmp_path, 5)
    changed = {
        "fire (2) was left out": both() + both(),
        "fire (0).n_steps was 60, now it is 61": both().replaced(stages=[replace(both().stages[0], n_steps=61)]),
    }
    for told, dynamics in changed.items():
        with pytest.raises(ResumeRefused, match=f"other dynamics: .*{re.escape(told)}"):
            InFlight.resume(path, dynamics, max_atoms=1000)


def test_systems_of_the_same_key_are_all_restored(tmp_path: Path):
    hold = Hold(5)
    with InFlight(both(hooks=[hold]), max_atoms=1000, progress=tmp_path / "progress") as engine:
        for i in range(3):
            engine.submit(Task(lambda i=i: SYSTEMS[i], key="same"))
        while engine.steps < 5:
            threading.Event().wait(0.001)
        hold.step = 10**9
        hold.gate.set()
        engine.close()
    with InFlight.resume(tmp_path / "progress", both(), max_atoms=1000) as engine:
        assert sorted(engine.restored) == ["same", "same#1", "same#2"]


def test_a_file_that_is_something_else_is_refused(tmp_path: Path):
    path = interrupted(tmp_path, 5)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-700])
    with pytest.raises(Damaged):
        InFlight.resume(tmp_path / "cut", both(), max_atoms=1000)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for data in (b"", (tmp_path / "other.npz").read_bytes()):
        (tmp_path / "other").write_bytes(data)
        with pytest.raises(Foreign, match="does not hold the progress"):
            InFlight.resume(tmp_path / "other", both(), max_atoms=1000)
