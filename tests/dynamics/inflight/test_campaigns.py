"""Campaigns over a running batch: what is recorded is what became of each structure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import EngineClosed, ResumeRefused, UserError
from cohobate.core.outcome import Failure, Value
from cohobate.core.protocols import Engine, Exhausted
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.guards import MaxForceClamp
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster

SEEDS = co.Problem({"seed": co.Integer(0, 10**6)}, outputs=(co.Output("energy", "minimize"),))


def relax(fmax: float = 0.01, **given: Any):
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)
    return FIRE(potential, until=Convergence.from_fmax(fmax), n_steps=400, **given)


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


CHANGED: dict[str, tuple[Callable[[], Engine], str]] = {
    "convergence": (
        lambda: InFlight(relax(0.02), max_atoms=40),
        r"dynamics\.stages\.fire \(0\)\.until\.criteria\[0\]\.threshold was 0\.01, now it is 0\.02",
    ),
    "hooks": (
        lambda: InFlight(relax(hooks=[MaxForceClamp(1.0)]), max_atoms=40),
        r"dynamics\.stages\.fire \(0\)\.hooks was \[\], now it is \[.*MaxForceClamp",
    ),
    "potential": (
        lambda: InFlight(FIRE(lennard_jones(0.02, SIGMA, CUTOFF), until=relax().stages[0].until), max_atoms=40),
        r"potential\.table",
    ),
    "steps": (
        lambda: InFlight(relax(), max_atoms=40, n_steps=7),
        r"dynamics\.n_steps was None",
    ),
    "engine": (lambda: co.inline(), r"dynamics was \{.*, now it is left out"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_other_dynamics_are_refused_on_resume_and_named(what: str, tmp_path: Path):
    make, told = CHANGED[what]
    with InFlight(relax(), max_atoms=40) as engine:
        co.Campaign(Count(40), build, engine, run=tmp_path / "run").run(co.evaluations(4))
    with make() as engine, pytest.raises(ResumeRefused, match=told) as caught:
        co.Campaign(Count(40), build, engine, run=tmp_path / "run").run(co.evaluations(8))
    assert len(str(caught.value).splitlines()) == 1
    if what != "engine":
        with make() as engine:
            co.Campaign(Count(40), build, engine, run=tmp_path / "run", accept_new_code=True).run(co.evaluations(8))


def test_another_size_of_the_batch_is_no_other_campaign(tmp_path: Path):
    for most, n in ((40, 4), (60, 8)):
        with InFlight(relax(), max_atoms=most, refill_frequency=n, max_systems=n) as engine:
            co.Campaign(Count(40), build, engine, run=tmp_path / "run").run(co.evaluations(n))


def energy_of(seed: int) -> float:
    return float(relax().run(batch_of([cluster(4 + seed % 5, seed=seed)]))["energy"][0])


@co.simulator(vectorised=3)
def several(seed: Any) -> list[AtomicData]:
    return [cluster(4 + int(one) % 5, seed=int(one)) for one in seed]


async def later(seed: int) -> AtomicData:
    return cluster(4 + seed % 5, seed=seed)


@pytest.mark.parametrize("simulator", [several, later])
def test_structures_come_from_functions_of_every_kind(simulator: Any):
    generator = Count(8)
    with InFlight(relax(), max_atoms=40) as engine:
        co.Campaign(generator, simulator, engine).run(co.evaluations(8))
    for result in generator.results:
        assert result.outcome.outputs["energy"] == energy_of(result.trial.inputs["seed"])
    assert len(generator.results) == 8


def test_a_body_steers_a_batch_and_calls_for_further_systems():
    @co.persistent
    def body(steer: Any, problem: Any, rng: Any) -> Any:
        results = steer.evaluate([{"seed": seed} for seed in (0, 1, 2)])
        further = steer.call(cluster, 6, seed=9)
        return [result.outcome.outputs["energy"] for result in results], further.result()["status"]

    with InFlight(relax(), max_atoms=40) as engine:
        energies, status = co.Campaign(body, build, engine, problem=SEEDS).run().value
    assert energies == [energy_of(seed) for seed in (0, 1, 2)]
    assert status == "converged"


def test_what_is_made_of_parts_is_refused_before_anything_runs():
    parts = co.CombinedObjective([co.Term(lambda seed: 1.0 * seed, loss="value")])
    with InFlight(relax(), max_atoms=40) as engine, pytest.raises(UserError, match="made of parts"):
        co.Campaign(Count(3), parts, engine)
