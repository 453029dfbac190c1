"""How long a run goes on, where it goes on from, and where it computes."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace

import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage
from cohobate.dynamics.making import FIRE, LBFGS, NVE, GradientDescent, NVTLangevin, NVTNoseHoover, fused
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, FAILED, RUNNING, Stage
from dynamics.springs import Seen, Springs, atoms, batch
from dynamics.systems import CUTOFF, EPSILON, SIGMA, crystal


def nve(**given):
    return NVE(Springs(), dt=1.0, **given)


def langevin(**given):
    return NVTLangevin(Springs(), dt=1.0, temperature=300.0, friction=0.1, **given)


def relax(threshold=0.05, **given):
    return FIRE(Springs(), until=Convergence.from_forces(threshold), **given)


def equal(one: Batch, other: Batch) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


# how long


def test_the_steps_of_the_argument_win():
    assert nve(n_steps=5).run(batch())["steps"].tolist() == [5] * 3
    assert nve(n_steps=5).run(batch(), 3)["steps"].tolist() == [3] * 3
    longer = nve(n_steps=5).run(batch(), 8)
    assert longer["steps"].tolist() == [8] * 3
    assert longer["end"].tolist() == [RUNNING] * 3
    whole = fused([(0, nve())], n_steps=4)
    assert whole.run(batch())["steps"].tolist() == [4] * 3
    assert whole.run(batch(), 6)["steps"].tolist() == [6] * 3


@pytest.mark.parametrize("n", [-1, 2.5, True])
def test_steps_that_are_no_number_are_refused(n: object):
    with pytest.raises(UserError, match="n_steps"):
        nve().run(batch(), n)


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_budgets_that_are_no_number_are_refused(n: object):
    with pytest.raises(UserError, match="n_steps must be"):
        nve(n_steps=n)
    with pytest.raises(UserError, match="frequency must be"):
        Rule(0, 1, lambda batch: batch["ok"], frequency=n)


def test_no_steps_at_all_prime_only():
    found = nve().run(batch(), 0)
    assert found["steps"].tolist() == [0] * 3
    assert (found["forces"] == -found["positions"]).all()


def test_a_run_without_an_end_is_refused_before_anything_is_done():
    found = batch()
    with pytest.raises(UserError, match=r"\['nve'\] never end"):
        (relax() + nve()).run(found)
    assert "status" not in found


def test_a_run_ends_when_all_have_left():
    run = relax(n_steps=10**9)
    found = run.run(batch(atoms(0.01), atoms(3.0)), 10**9)
    assert found["end"].tolist() == [CONVERGED] * 2
    assert run.step_count == int(found["steps"].max())


# where from


@pytest.mark.parametrize("make", [nve, langevin, lambda: relax(1e-6)])
def test_two_runs_are_one_of_all_their_steps(make):
    run = make()
    twice = batch()
    run.run(twice, 7)
    run.run(twice, 5)
    assert equal(twice, make().run(batch(), 12))
    again = batch()
    make().run(again, 7)
    make().run(again, 5)
    assert equal(twice, again), "equal dynamics go on, too, as after a restart"


def test_two_runs_of_pairs_are_one():
    def make():
        return NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=2.0)

    run, twice = make(), batch_of([crystal(2), crystal(2, seed=1)])
    run.run(twice, 20)
    run.run(twice, 20)
    once = make().run(batch_of([crystal(2), crystal(2, seed=1)]), 40)
    assert all(torch.equal(twice[name], once[name]) for name in ("positions", "velocities", "forces", "energy"))


def test_a_budget_that_is_used_up_goes_on_with_more():
    run = langevin(n_steps=5)
    found = run.run(batch())
    assert found["end"].tolist() == [BUDGET_USED] * 3
    run.run(found, 3)
    once = langevin().run(batch(), 8)
    assert all(torch.equal(found[name], once[name]) for name in ("positions", "velocities", "steps", "langevin.draws"))


def test_what_has_left_stays_as_it_is_while_others_go_on():
    run = relax(0.5)
    found = batch(atoms(0.01), atoms(5.0))
    run.run(found, 3)
    assert found["end"].tolist() == [CONVERGED, RUNNING]
    first = found.select([0])
    run.run(found)
    assert equal(first, found.select([0]))
    assert found["end"].tolist() == [CONVERGED] * 2


def test_frozen_systems_are_untouched_the_thermostat_too():
    run = langevin(n_steps=2) + langevin(n_steps=9)
    found = batch()
    run.begin(found)
    found["status"][1] = run.exit_status
    before = found.select([1])
    for _ in range(5):
        run.step(found)
    assert equal(before, found.select([1]))
    assert found["langevin.draws"][0] > 0


def test_a_system_that_joins_is_begun_and_the_others_go_on():
    run = langevin()
    found = run.run(batch(atoms(1.0, id=[0])), 4)
    found = found.append(batch(atoms(2.0, id=[7])))
    run.run(found, 3)
    assert found["steps"].tolist() == [7, 3]
    assert equal(found.select([1]), langevin().run(batch(atoms(2.0, id=[7])), 3))


def test_all_that_have_left_are_begun_by_others_and_the_same_warn():
    run, found = nve(n_steps=3), batch()
    run.run(found)
    with pytest.warns(UserWarning, match="begin"):
        run.run(found)
    assert found["steps"].tolist() == [3] * 3
    nve(n_steps=2).run(found)
    assert found["steps"].tolist() == [2] * 3
    relax(10.0).run(found)
    assert found["end"].tolist() == [CONVERGED] * 3
    assert run.run(run.begin(found))["steps"].tolist() == [3] * 3


def test_positions_changed_between_runs_have_their_own_forces():
    run = nve()
    found = run.run(batch(), 3)
    found["positions"].mul_(2.0)
    moved = found.copy()
    run.run(found, 1)
    fresh = nve().run(Batch({n: moved[n] for n in ("id", "numbers", "positions", "velocities", "masses")},
                            {n: moved.kind(n) for n in moved}, moved.atoms), 1)  # fmt: skip
    assert torch.equal(found["velocities"], fresh["velocities"])


def test_systems_that_begin_are_shown_to_on_admit_and_no_others():
    shown = []

    def admit(batch):
        shown.append(batch["id"].tolist())
        batch["velocities"].fill_(0.5)

    run = fused([(0, nve())], on_admit=admit)
    found = run.run(batch(atoms(1.0)), 1)
    found = found.append(batch(atoms(2.0, id=[4]), atoms(2.0, id=[5])))
    before = found["velocities"][0].clone()
    run.run(found, 0)
    assert shown == [[0], [4, 5]]
    assert torch.equal(found["velocities"][0], before)
    assert (found["velocities"][1:] == 0.5).all()


def test_steps_begin_systems_that_were_never_begun():
    run = langevin()
    found = batch(atoms(1.0, id=[0]))
    for _ in range(4):
        run.step(found)
    found = found.append(batch(atoms(2.0, id=[7])))
    for _ in range(3):
        run.step(found)
    assert equal(found.select([0]), langevin().run(batch(atoms(1.0, id=[0])), 7))
    assert equal(found.select([1]), langevin().run(batch(atoms(2.0, id=[7])), 3))


def test_a_batch_without_systems_is_done_at_once():
    for make in (nve, langevin, relax):
        run = make(n_steps=2)
        found = run.run(batch().select([]))
        assert (found.n_systems, run.step_count) == (0, 0)
        assert run.step(found).tolist() == []
        assert run.run(found.append(batch()))["steps"].tolist() == [2] * 3


# what is missing, what is wrong


def test_what_a_criterion_names_is_asked_of_the_potential():
    until = Convergence({"key": "stress", "threshold": 1e3}, {"key": "fmax", "threshold": 1e3})
    found = FIRE(lennard_jones(EPSILON, SIGMA, CUTOFF), until=until).run(batch_of([crystal(2)]), 3)
    assert found["end"].tolist() == [CONVERGED]
    with pytest.raises(UserError, match="no field 'stress'"):
        FIRE(Springs(), until=until).run(batch(), 1)


def test_settings_that_nobody_has_are_named():
    with pytest.raises(UserError, match=r"FIRE has no setting 'n_step'.* 'n_steps'"):
        relax(n_step=4)
    with pytest.raises(TypeError, match="n_step"):
        nve(n_step=4)


@pytest.mark.parametrize("make", [NVE, NVTLangevin, NVTNoseHoover, FIRE, LBFGS, GradientDescent])
def test_all_runs_take_the_same_about_themselves(make):
    relaxes = make in (FIRE, LBFGS, GradientDescent)
    own = {} if relaxes else {"dt": 1.0} if make is NVE else {"dt": 1.0, "temperature": 300.0}
    seen, shown = Seen(HookStage.BEFORE_STEP), []
    run = make(
        Springs(), **own, until=Convergence.from_forces(1e-9), n_steps=2, hooks=[seen], name="mine", device="cpu",
        on_admit=lambda batch: shown.append(batch.n_systems),
    )  # fmt: skip
    assert run["mine"].n_steps == 2
    assert run.run(batch())["end"].tolist() == [BUDGET_USED] * 3
    assert (seen.steps, shown, run.device.type) == ([0, 1], [3], "cpu")


def test_outputs_that_a_potential_does_not_have_are_named():
    with pytest.raises(UserError, match=r"'md' needs \['forces'\].*\['energy'\]"):
        Stage("md", 0, VelocityVerlet(1.0), Springs(provides=("energy",)))
    with pytest.raises(UserError, match=r"Springs says that it provides \['forces'\], but gave \['energy'\]"):
        NVE(Springs(gives=("energy",)), dt=1.0).run(batch(), 1)


def test_masses_that_are_not_there_are_named():
    plain = {"numbers": [18], "positions": [[1.0, 0, 0]]}
    with pytest.raises(UserError, match="masses"):
        nve().run(batch(plain), 1)
    run = nve(n_steps=2)
    light = batch(atoms(1.0), atoms(1.0), atoms(1.0))
    light["masses"][1] = 0.0
    found = run.run(light)
    assert found["end"].tolist() == [BUDGET_USED, FAILED, BUDGET_USED]
    assert "masses" in run.reasons[1]


def test_a_system_that_cannot_be_computed_fails_with_its_reason():
    run = nve(n_steps=3)
    bad = batch()
    bad["positions"][1, 0] = torch.nan
    found = run.run(bad)
    assert found["end"].tolist() == [BUDGET_USED, FAILED, BUDGET_USED]
    assert found["steps"].tolist() == [3, 0, 3]
    assert "finite" in run.reasons[1]
    assert run.stages[0].potential.asked[1:] == [[0, 2]] * 3, "nobody asks for it again"


# where


def test_without_a_device_the_best_that_all_can_use_is_chosen():
    assert nve().device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert NVE(Springs(devices=("cpu",)), dt=1.0).device.type == "cpu"
    assert nve(device="cpu").device == torch.device("cpu")


def test_mixed_devices_are_named():
    with pytest.raises(UserError, match=r"'nve \(0\)' on cpu"):
        NVE(Springs(devices=("cpu",)), dt=1.0, device="cuda")
    a, b = (NVE(Springs(devices=(one,)), dt=1.0, name=one) for one in ("cpu", "meta"))
    with pytest.raises(UserError, match=r"'cpu \(0\)' on cpu, 'meta \(1\)' on meta"):
        a + b
    with pytest.raises(UserError, match=r"on cpu.* on meta"):
        fused([(0, a), (1, b)])
    with pytest.raises(UserError, match=r"batch is on cpu, the dynamics on meta; move it by batch.to\('meta'\)"):
        NVE(Springs(devices=("meta",)), dt=1.0, device="meta").begin(batch())


def test_a_with_block_may_be_nested_and_left_by_an_error():
    run = nve()
    with run, run as inner:
        assert inner is run
        assert (run.stream is None) == (run.device.type != "cuda")
        run.run(batch(), 1)
    with pytest.raises(KeyError), run:
        raise KeyError
    assert run.stream is None


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_with_block_computes_on_one_stream_of_its_own():
    run, outside = nve(device="cuda"), torch.cuda.current_stream()
    with run:
        assert torch.cuda.current_stream() == run.stream != outside
        found = run.run(batch().to("cuda"), 3)
    assert torch.cuda.current_stream() == outside
    assert found["positions"].cpu().numpy() == pytest.approx(nve().run(batch(), 3)["positions"].numpy(), rel=1e-12)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_small_tensors_have_one_thread_and_large_potentials_theirs():
    counts = {}

    class Looking(Seen):
        def __call__(self, batch, moment):
            counts["hook"] = torch.get_num_threads()

    class Large(Springs):
        def __init__(self):
            super().__init__()
            self.traits = replace(self.traits, exact=False)

        def compute(self, batch, want):
            counts["potential"] = torch.get_num_threads()
            return super().compute(batch, want)

    run = NVE(Large(), dt=1.0, hooks=[Looking()])
    found = run.run(batch(), 1)
    assert counts == {"hook": 1, "potential": 2}
    assert torch.get_num_threads() == 2
    run.step(found)
    assert torch.get_num_threads() == 2
    with pytest.raises(UserError):
        NVE(Springs(gives=()), dt=1.0).run(batch(), 1)
    assert torch.get_num_threads() == 2


def test_dynamics_do_not_share_what_they_count():
    runs = [nve(n_steps=4) for _ in range(2)]
    workers = [threading.Thread(target=one.run, args=(batch(),)) for one in runs]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert [one.step_count for one in runs] == [4, 4]


def test_a_potential_that_has_travelled_makes_its_own_lists():
    """Lists in one store are never taken for those of another."""
    one = lennard_jones(EPSILON, SIGMA, CUTOFF)
    found = batch_of([crystal(2), crystal(2, seed=1)])
    want = frozenset({"energy", "forces"})
    first = one.compute(found, want)
    for other in (pickle.loads(pickle.dumps(one)), lennard_jones(EPSILON, SIGMA, CUTOFF)):
        other.compute(batch_of([crystal(2, seed=5), crystal(1), crystal(2, seed=6)]), want)
        assert torch.equal(other.compute(found, want).values["forces"], first.values["forces"])


def test_moments_of_a_run_are_counted_over_runs():
    seen = Seen(HookStage.BEFORE_STEP)
    run = nve(hooks=[seen])
    found = run.run(batch(), 2)
    run.run(found, 2)
    assert seen.steps == [0, 1, 2, 3]
