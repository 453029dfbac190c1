"""Campaigns over a running batch: what is recorded is what became of each structure."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import EngineClosed
from cohobate.core.outcome import Failure, Value
from cohobate.core.protocols import Exhausted
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster

SEEDS = co.Problem({"seed": co.Integer(0, 10**6)}, outputs=(co.Output("energy", "minimize"),))


def relax(**given: Any):
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)
    return FIRE(potential, until=Convergence.from_fmax(0.01), n_steps=400, **given)


def build(seed: int) -> AtomicData:
    if seed % 10 == 3:
        raise co.Rejected("no such cluster")
    if seed % 10 == 5:
        raise ValueError("cannot be built")
    if seed % 10 == 7:
        return AtomicData({"numbers": [99], "positions": [[0.0, 0.0, 0.0]]})
    return cluster(4 + seed % 5, seed=seed)


class Count:
    """Proposes one seed after the other."""

    problem = SEEDS

    def __init__(self, n: int) -> None:
        self.n, self.at, self.results = n, 0, []

    def suggest(self, n: int) -> Any:
        rows = [{"seed": self.at + i} for i in range(min(n, self.n - self.at))]
        self.at += len(rows)
        return rows or Exhausted()

    def ingest(self, results: Any) -> None:
        self.results += results
        self.at = max(self.at, *(result.trial.inputs["seed"] + 1 for result in results))

    def finalize(self) -> None: ...


def test_a_campaign_learns_from_each_structure_as_it_leaves(tmp_path: Path):
    generator = Count(30)
    with InFlight(relax(), max_atoms=40) as engine:
        co.Campaign(generator, build, engine, run=tmp_path / "run").run(co.evaluations(100))
        assert engine.room() > 0
    told = {result.trial.inputs["seed"]: result.outcome for result in generator.results}
    assert sorted(told) == list(range(30))
    for seed, outcome in told.items():
        match seed % 10:
            case 3:
                assert isinstance(outcome, Failure)
                assert (outcome.kind, outcome.message) == ("rejected", "no such cluster")
            case 5:
                assert isinstance(outcome, Failure)
                assert outcome.kind == "raised"
                assert "in build" in outcome.traceback
            case 7:
                assert isinstance(outcome, Failure)
                assert "failed after 0 steps: atomic number 99" in outcome.message
            case _:
                assert isinstance(outcome, Value)
                batch = relax().run(batch_of([cluster(4 + seed % 5, seed=seed)]))
                assert outcome.outputs["energy"] == float(batch["energy"][0])
                assert np.array_equal(outcome.outputs["positions"], batch["positions"].numpy())
                assert outcome.outputs["status"] in ("converged", "budget used")


def test_outputs_that_are_missing_are_failures():
    problem = co.Problem({"seed": co.Integer(0, 9)}, outputs=(co.Output("gap", "minimize"),))
    generator = Count(1)
    generator.problem = problem
    with InFlight(relax(), max_atoms=40) as engine:
        co.Campaign(generator, build, engine).run(co.evaluations(1))
    (result,) = generator.results
    assert isinstance(result.outcome, Failure)
    assert result.outcome.kind == "bad_output"
    assert "'gap'" in result.outcome.message


def test_a_campaign_goes_on_with_the_systems_that_were_under_way(tmp_path: Path):
    built: list[int] = []

    def counted(seed: int) -> AtomicData:
        built.append(seed)
        return cluster(4 + seed % 5, seed=seed)

    class Wait:
        frequency = 1
        stage = HookStage.BEFORE_STEP

        def __call__(self, batch: Batch, moment: Moment) -> None:
            if batch.n_systems >= 3:
                there.set()
                while not engine._closed:
                    threading.Event().wait(0.001)

    there = threading.Event()
    progress, run = tmp_path / "progress", tmp_path / "run"
    engine = InFlight(relax(hooks=[Wait()]), max_atoms=40, progress=progress)
    handle = co.Campaign(Count(12), counted, engine, run=run).start(co.evaluations(12))
    assert there.wait(20)
    engine.close()
    with pytest.raises(EngineClosed):
        handle.result()
    second, first = Count(12), len(built)
    with InFlight.resume(progress, relax(), max_atoms=40) as engine:
        under_way = len(engine.restored)
        co.Campaign(second, counted, engine, run=run, accept_new_code=True).run(co.evaluations(12))
    assert under_way > 1
    assert len(built) <= first + 12 - under_way
    for result in second.results:
        seed = result.trial.inputs["seed"]
        batch = relax().run(batch_of([cluster(4 + seed % 5, seed=seed)]))
        assert result.outcome.outputs["energy"] == float(batch["energy"][0])
    assert len(second.results) == 12


def test_what_was_recorded_is_not_run_again(tmp_path: Path):
    first, second = Count(40), Count(40)
    with InFlight(relax(), max_atoms=40) as engine:
        co.Campaign(first, build, engine, run=tmp_path / "run").run(co.evaluations(10))
        co.Campaign(second, build, engine, run=tmp_path / "run").run(co.evaluations(100))
    energies = {
        result.trial.id: result.outcome.outputs["energy"]
        for result in second.results
        if isinstance(result.outcome, Value)
    }
    assert len(second.results) == 40
    for result in first.results:
        if isinstance(result.outcome, Value):
            assert energies[result.trial.id] == pytest.approx(result.outcome.outputs["energy"], abs=0)
