"""Defects that were found in other programs of this kind, each as what has to hold here instead.

What buffers lost, and atoms that arrived as others, is in ``data/test_buffer.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from time import process_time

import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.hooks.guards import NaNDetector
from cohobate.dynamics.hooks.hook import HookStage
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.inflight.sinks import Memory
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin, fused
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.masking import ACCELERATION
from dynamics.springs import Seen, Springs, atoms, batch
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

MOVING = ("positions", "velocities", "forces", "energy")


def relax(threshold=0.05, potential=None, **given):
    return FIRE(potential or Springs(), until=Convergence.from_forces(threshold), **given)


def velocity_after_one_step(x: float, dt: float, mass: float = 10.0, k: float = 1.0) -> float:
    """Returns what velocity Verlet gives from rest on a spring."""
    a = -k * x / mass * ACCELERATION
    moved = x + 0.5 * a * dt * dt
    return 0.5 * (a - k * moved / mass * ACCELERATION) * dt


def test_what_is_done_is_not_done_again():
    """Results went where systems waited that did not fit, and were taken in again from there."""
    potential, sinks = Springs(), [Memory(5), Memory()]
    systems = [atoms(1.0 + i) for i in range(12)]
    run_all(NVE(potential, dt=1.0, n_steps=3), systems, max_atoms=4, sinks=sinks)
    assert Counter(i for ids in potential.asked for i in ids) == dict.fromkeys(range(12), 3 + 1)
    assert [len(sink) for sink in sinks] == [5, 7]


def test_results_of_systems_with_different_numbers_of_neighbours_are_read():
    """They lay in arrays of different widths, which could not be joined."""
    sink = Memory()
    systems = [cluster(n, seed=n) for n in (2, 13, 5, 9, 1, 7)]
    run_all(NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=1.0, n_steps=3), systems, max_atoms=20, sinks=[sink])
    found = sink.drain()
    assert found is not None
    assert {int(one["id"][0]): one.n_atoms for one in found.split()} == {0: 2, 1: 13, 2: 5, 3: 9, 4: 1, 5: 7}


def test_neighbours_in_single_precision_are_not_looked_for_among_all():
    """On CPUs it was the square of the number of atoms, and 34 times as slow as double precision."""

    def seconds(n: int) -> float:
        potential, system = (
            lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1),
            batch_of([crystal(n)]).to(dtype=torch.float32),
        )
        taken = []
        for _ in range(3):
            moved = system.copy()
            moved["positions"].add_(1.0)  # makes new lists
            start = process_time()
            potential.compute(moved, frozenset({"energy", "forces"}))
            taken.append(process_time() - start)
        return min(taken)

    assert seconds(10) / seconds(5) < 25, "8 times as many atoms"


def test_systems_that_others_have_finished_enter_at_the_entry():
    """A stage took over the status of the one before, which was none of its own, and never ended."""
    found = relax().run(batch())
    both = fused([(5, NVE(Springs(), dt=1.0, n_steps=2)), (6, NVE(Springs(), dt=1.0, n_steps=3))], entry=6)
    both.run(found)
    assert both.step_count == 3
    assert found["status"].tolist() == [both.exit_status] * 3


@pytest.mark.parametrize("how", ["run", "step", "fused", "refill"])
def test_the_first_half_step_has_forces(how: str):
    """The first kick had none: the velocity was half of what it ought to be."""
    potential, found = Springs(), batch(atoms(2.0))
    run = NVE(potential, dt=3.0, n_steps=5)
    if how == "run":
        run.run(found, 1)
    elif how == "step":
        run.step(run.begin(found))
    elif how == "fused":
        (run + NVE(potential, dt=1.0, n_steps=1)).run(found, 1)
    else:
        other = run.run(batch(atoms(1.0, id=[8])), 2)
        found = run.begin(found).append(other)
        run.step(found)
    assert float(found["velocities"][0, 0]) == pytest.approx(velocity_after_one_step(2.0, 3.0), rel=1e-14)


def test_forces_are_primed_with_the_potential_of_the_stage_that_is_entered():
    both = NVE(Springs(1.0), dt=3.0, n_steps=1) + NVE(Springs(7.0), dt=3.0, n_steps=1)
    found = both.begin(batch(atoms(2.0)))
    both.step(found)
    x, v = float(found["positions"][0, 0]), float(found["velocities"][0, 0])
    both.step(found)
    gained = -7.0 / 10.0 * ACCELERATION
    moved = x + 3.0 * (v + 1.5 * gained * x)
    assert float(found["positions"][0, 0]) == pytest.approx(moved, rel=1e-14)


@pytest.mark.parametrize("fused_run", [False, True])
def test_the_moment_of_convergence_is_an_edge(fused_run: bool):
    """One that had converged was told of in every step from then on."""
    seen = Seen(HookStage.ON_CONVERGE)
    run = relax(hooks=[seen])
    if fused_run:
        run = run + NVE(Springs(), dt=1.0, n_steps=20)
    run.run(batch(atoms(0.05), atoms(5.0)))
    assert sorted(i for ids in seen.systems for i in ids) == [0, 1]


def test_forces_of_one_sign_have_not_converged():
    """The largest component counted with its sign, and so all of a system whose forces were negative."""
    found = NVE(Springs(), dt=1.0).begin(batch(atoms(2.0, 3.0), atoms(1e-3)))
    assert (found["forces"] <= 0).all()
    assert Convergence({"key": "forces", "threshold": 0.3}).evaluate(found).tolist() == [1]


def test_each_stage_has_its_own_potential():
    """One forward pass of the first model served the stages of both."""
    soft, hard = Springs(1.0), Springs(4.0)
    both = relax(0.5, soft) + NVE(hard, dt=1.0, n_steps=4)
    found = both.run(batch(atoms(1.0), atoms(3.0)))
    energies = [float(2.0 * (found["positions"][i] ** 2).sum()) for i in range(2)]
    assert found["energy"].tolist() == pytest.approx(energies)


def test_a_third_stage_takes_nothing_away():
    """Hooks, the exit status, and what was to be done with new systems were dropped."""
    seen, admitted = Seen(HookStage.AFTER_STEP), []
    potential = Springs()
    two = fused(
        [(0, NVE(potential, dt=1.0, n_steps=1)), (1, NVE(potential, dt=1.0, n_steps=1))],
        hooks=[seen],
        exit=11,
        on_admit=lambda batch: admitted.append(batch.n_systems),
    )
    three = two + NVE(potential, dt=1.0, n_steps=1)
    found = three.run(batch())
    assert len(seen.calls) == 3
    assert admitted == [3]
    assert found["status"].tolist() == [three.exit_status] * 3


def test_nothing_of_one_run_is_left_in_the_class_or_in_other_runs():
    """Counters of steps were registered with the class, and so with every later run of the process."""
    before = dict(vars(Dynamics)), dict(STANDARD)
    (NVE(Springs(), dt=1.0, n_steps=2) + NVTLangevin(Springs(), dt=1.0, temperature=10.0, n_steps=2)).run(batch())
    assert (dict(vars(Dynamics)), dict(STANDARD)) == before
    plain = relax().run(batch())
    assert not [name for name in plain if "langevin" in name or "counter" in name]


def test_noise_does_not_depend_on_the_place_in_the_batch():
    def run(*systems):
        return NVTLangevin(Springs(), dt=5.0, temperature=300.0, friction=0.1, n_steps=20).run(batch(*systems))

    mine = atoms(1.0, 2.0, id=[7])
    alone, second = run(mine), run(atoms(3.0, id=[2]), mine, atoms(1.0, id=[3]))
    assert torch.equal(alone["positions"], second.select([1])["positions"])


def test_all_that_leave_are_reported_by_the_step_in_which_they_do():
    """They were only where a hook had changed their status meanwhile."""
    potential = Springs()
    both = relax(0.3, potential) + NVE(potential, dt=1.0, n_steps=3)
    found = both.begin(batch(atoms(0.1), atoms(5.0), atoms(1.0)))
    left = torch.zeros(3, dtype=torch.int64)
    while bool((found["status"] != both.exit_status).any()):
        gone = both.step(found)
        assert torch.equal(gone & (found["status"] == both.exit_status), gone)
        left += gone.to(torch.int64)
    assert left.tolist() == [1, 1, 1]
    assert not both.step(found).any()


def test_failures_are_reported_too():
    run = NVE(Springs(), dt=1.0, n_steps=5)
    found = run.begin(batch())
    found["positions"][0] = torch.nan
    assert run.step(found).tolist() == [True, False, False]


def test_the_last_stage_has_an_exit():
    both = NVE(Springs(), dt=1.0, n_steps=2) + relax(0.3)
    assert both.run(batch(atoms(0.1), atoms(2.0)))["status"].tolist() == [2, 2]


def test_a_criterion_on_fmax_is_a_number_that_somebody_computes():
    """The field was made, filled with infinity, and never written."""
    run = FIRE(Springs(), until=Convergence.from_fmax(0.05))
    assert torch.isfinite(run.run(batch())["fmax"]).all()


def test_the_thermostat_of_a_frozen_system_stands_still():
    potential = Springs()
    first = NVTLangevin(potential, dt=1.0, temperature=300.0, n_steps=3)
    both = first + NVTLangevin(potential, dt=1.0, temperature=300.0, n_steps=9)
    found = both.run(batch(), 2)
    found["status"][1] = both.exit_status
    before = found.select([1])
    both.run(found)
    after = found.select([1])
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_stages_that_were_given_steps_only_do_not_converge():
    """Each stage had a criterion on forces whether one was wanted or not, and left early when they were small."""
    both = NVE(Springs(), dt=1.0, n_steps=6) + NVE(Springs(), dt=1.0, n_steps=6)
    both.run(batch(atoms(1e-6)))
    assert both.step_count == 12


@pytest.mark.parametrize("status", [-1, 99])
def test_a_status_that_no_stage_has_neither_moves_nor_keeps_a_run_going(status: int):
    """The end was tested by equality in one place, and by order in another."""
    run = NVE(Springs(), dt=1.0, n_steps=4)
    found = run.begin(batch())
    found["status"][0] = status
    before = found.select([0])
    run.run(found)
    assert run.step_count == 4
    after = found.select([0])
    assert all(torch.equal(before[name], after[name]) for name in MOVING)


def test_a_batch_of_single_atoms_is_not_ambiguous():
    """Fields of atoms were taken for those of systems where all systems were single atoms."""
    found = relax(0.05).run(batch(atoms(5.0), atoms(0.01), atoms(1.0)))
    norms = torch.linalg.vector_norm(found["forces"], dim=1)
    assert (norms <= 0.05).all()


def test_one_failure_is_not_that_of_all():
    """A detector of NaN raised for the whole batch."""
    found = batch()
    run = NVE(Springs(), dt=1.0, n_steps=4, hooks=[NaNDetector()])
    run.begin(found)
    found["velocities"][0, 1] = torch.inf
    run.run(found)
    clean = NVE(Springs(), dt=1.0, n_steps=4).run(batch())
    assert found["end"].tolist() == [3, 2, 2]
    assert all(torch.equal(found.select([1, 2])[name], clean.select([1, 2])[name]) for name in MOVING)


def test_what_potentials_give_keeps_no_graph():
    """Outputs that carried their graph along held on to the memory of all steps."""

    class Graph(Springs):
        def compute(self, batch, want):
            found = super().compute(batch, want)
            one = torch.ones((), dtype=torch.float64, requires_grad=True)
            return replace(found, values={name: value * one for name, value in found.values.items()})

    found = NVE(Graph(), dt=1.0).run(batch(), 3)
    assert not any(found[name].requires_grad for name in found)


def test_steps_per_system_do_not_leak_into_the_next_one_in_its_slot():
    run = NVE(Springs(), dt=1.0, n_steps=4)
    found = run.begin(batch(atoms(1.0)))
    for _ in range(3):
        run.step(found)
    fresh = run.begin(batch(atoms(2.0, id=[9])))
    found = fresh.append(found)
    run.step(found)
    assert found["status"].tolist() == [0, run.exit_status]
    assert found["steps"].tolist() == [1, 4]


def test_a_run_that_would_never_end_is_refused():
    with pytest.raises(UserError, match="never end"):
        (relax() + NVE(Springs(), dt=1.0)).run(batch())


def test_a_batch_is_advanced_in_place_and_keeps_every_field():
    found = batch(atoms(1.0), atoms(2.0))
    found.add("tag", STANDARD["id"], torch.tensor([4, 5]))
    same = NVE(Springs(), dt=1.0).run(found, 2)
    assert same is found
    assert isinstance(same, Batch)
    assert same["tag"].tolist() == [4, 5]
