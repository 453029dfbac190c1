"""When systems are done: criteria beside what numpy says, all at once, system by system."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence, Criterion, fmax
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.hooks.converging import ConvergenceHook
from cohobate.dynamics.hooks.hook import At, HookStage
from cohobate.dynamics.hooks.logs import LogCSV
from cohobate.dynamics.making import FIRE, NVE, fused
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.stage import CONVERGED, RUNNING, Stage
from dynamics.springs import Seen, Springs, atoms, batch

SIZES = (1, 3, 2)
OPS = {
    "min": np.min,
    "max": np.max,
    "mean": np.mean,
    "sum": np.sum,
    "norm": lambda x, axis: np.sqrt(np.sum(np.square(x), axis)),
}


def held(value, scope="atom", name="x", sizes=SIZES):
    found = batch(*(atoms(*[1.0] * n) for n in sizes))
    value = torch.as_tensor(np.asarray(value))
    found.add(name, Field(scope, tuple(value.shape[1:]), None if value.is_floating_point() else value.dtype), value)
    return found


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(OPS)), st.sampled_from([None, 1, 2, -1, -2, (1, 2), [-1]]))
@settings(deadline=None, max_examples=60)
def test_reductions_over_dimensions_are_those_of_numpy(seed: int, op: str, dims: object):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(sum(SIZES), 3, 2))
    axis = (
        {None: (1, 2)}.get(dims, tuple(dims) if isinstance(dims, list) else dims) if not isinstance(dims, list) else -1
    )
    reduced = OPS[op](value, axis=axis).reshape(len(value), -1).max(1)
    worst = np.array([reduced[a:b].max() for a, b in ((0, 1), (1, 4), (4, 6))])
    threshold = float(rng.choice(worst)) + rng.choice([-1e-9, 1e-9])
    found = Criterion("x", threshold, op, dims).holds(held(value))
    assert found.tolist() == (worst <= threshold).tolist()


def test_a_vector_counts_by_its_norm_and_a_number_by_its_sign():
    forces = -np.ones((6, 3))
    assert Criterion("x", 1.8).holds(held(forces)).all()
    assert not Criterion("x", 1.7).holds(held(forces)).any()
    assert Criterion("x", 0.0).holds(held([-1.0, 2, -3], "system")).tolist() == [True, False, True]
    assert Criterion("x", 1.5, "norm").holds(held([-1.0, 2, -3], "system")).tolist() == [True, False, False]
    assert Criterion("x", 2).holds(held([1, 2, 3], "system")).tolist() == [True, True, False]


def test_one_atom_systems_are_not_taken_for_fields_of_systems():
    value = np.array([[3.0, 4, 0], [0.3, 0.4, 0]])
    assert Criterion("x", 1.0).holds(held(value, sizes=(1, 1))).tolist() == [False, True]
    assert Criterion("x", 1.0).holds(held(value, "system", sizes=(1, 1))).tolist() == [False, True]
    assert Criterion("x", 1.0).holds(held(value[:, 0], sizes=(1, 1))).tolist() == [False, True]


def test_a_custom_operation_decides_alone():
    found = held([1.0, 2, 3], "system")
    criterion = Criterion("x", threshold=-5, reduce_op="min", custom_op=lambda x: x > 1.5)
    assert criterion.holds(found).tolist() == [False, True, True]
    with pytest.raises(UserError, match="3 booleans"):
        Criterion("x", custom_op=lambda x: x).holds(found)
    with pytest.raises(UserError, match="3 booleans"):
        Criterion("x", custom_op=lambda x: True).holds(found)


def test_all_criteria_must_hold():
    found = held([1.0, 2, 3], "system")
    found.add("y", Field("system"), torch.tensor([3.0, 2, 1], dtype=torch.float64))
    until = Convergence([{"key": "x", "threshold": 2}, {"key": "y", "threshold": 2}])
    assert until.evaluate(found).tolist() == [1]
    assert Convergence({"key": "x", "threshold": 0}).evaluate(found) is None
    assert Convergence(Criterion("x", 9), [Criterion("y", 9)]).evaluate(found).tolist() == [0, 1, 2]


def test_a_key_that_is_not_there_is_named_with_what_is():
    with pytest.raises(UserError, match=r"no field 'energi'.*energy"):
        FIRE(Springs(), until=Convergence({"key": "energi", "threshold": 1})).run(batch())


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"key": "x", "threshold": 1, "reduce_op": "median"}, "no reduce_op 'median'"),
        ({"key": "x", "treshold": 1}, "treshold.*threshold"),
        ({"key": "x"}, "needs a key, and a threshold"),
        ({"threshold": 1}, "needs a key"),
        ({"key": "x", "threshold": float("nan")}, "threshold must be a number, got nan"),
        ({"key": "x", "threshold": "0.05"}, "threshold must be a number, got '0.05'"),
        (3, "expected criteria or dictionaries"),
        ([], "at least one"),
    ],
)
def test_criteria_that_are_none_are_refused(given_: object, told: str):
    with pytest.raises(UserError, match=told):
        Convergence(given_)


@pytest.mark.parametrize("dims", [0, 3, -3, (), (0, 1)])
def test_dimensions_that_an_entry_does_not_have_are_refused(dims: object):
    with pytest.raises(UserError, match="reduce_dims must be of 1 to 2"):
        Criterion("x", 1, "max", dims).holds(held(np.zeros((6, 3, 2))))


def test_complex_numbers_have_no_order():
    found = held(np.array([1j, 2j, 3j]), "system")
    with pytest.raises(UserError, match=r"complex.*custom_op"):
        Criterion("x", 1.5).holds(found)
    assert Criterion("x", custom_op=lambda z: z.abs() < 1.5).holds(found).tolist() == [True, False, False]


def test_a_batch_without_systems_has_none_that_converged():
    empty = FIRE(Springs(), until=Convergence.from_fmax()).begin(batch()).select([])
    for until in (
        Convergence.from_fmax(),
        Convergence.from_forces(1.0),
        Convergence({"key": "energy", "threshold": 1}),
    ):
        assert until.evaluate(empty) is None


@pytest.mark.parametrize("frequency", [0, -2, 1.0, True])
def test_a_frequency_below_1_is_refused(frequency: object):
    with pytest.raises(UserError, match="frequency"):
        Convergence({"key": "x", "threshold": 1}, frequency=frequency)


def test_what_is_no_number_has_not_converged():
    value = np.zeros((6, 3))
    value[2, 1] = np.nan
    assert Criterion("x", 1.0).holds(held(value)).tolist() == [True, False, True]
    assert Criterion("x", 1.0).holds(held([np.nan, 0, 0], "system")).tolist() == [False, True, True]


def test_forces_of_fixed_atoms_do_not_count():
    found = NVE(Springs(), dt=1.0).begin(batch(atoms(9.0, 0.1, fixed=[True, False]), atoms(9.0, fixed=[True])))
    for until in (Convergence.from_forces(1.0), Convergence.from_fmax(1.0)):
        assert until.evaluate(found).tolist() == [0, 1]


def test_both_ways_of_naming_forces_converge_at_the_same_step():
    ends = []
    for until in (Convergence.from_forces(0.01), Convergence.from_fmax(0.01)):
        found = FIRE(Springs(), until=until, n_steps=500).run(batch())
        assert found["end"].tolist() == [CONVERGED] * 3
        ends.append(found)
    assert torch.equal(ends[0]["positions"], ends[1]["positions"])
    norms = torch.linalg.vector_norm(ends[1]["forces"], dim=1)
    assert ends[1]["fmax"].tolist() == [float(norms[0]), float(norms[1:3].max()), float(norms[3:].max())]


def test_the_change_of_the_energy_is_that_of_the_last_step_and_infinite_at_first():
    run = NVE(Springs(), dt=1.0, until=Convergence({"key": "energy_change", "threshold": 0.0}))
    found = run.begin(batch())
    assert torch.isinf(found["energy_change"]).all()
    before = found["energy"].clone()
    run.step(found)
    assert torch.equal(found["energy_change"], (found["energy"] - before).abs())


def test_what_is_derived_of_a_finished_system_stays():
    until = Convergence.from_fmax(0.05), Convergence({"key": "energy_change", "threshold": 1e-3})
    for one in until:
        run = FIRE(Springs(), until=one, n_steps=500)
        found = run.begin(batch(atoms(0.1), atoms(5.0)))
        while not bool(found["status"][0] == run.exit_status):
            run.step(found)
        first = found.select([0])
        run.run(found)
        assert all(torch.equal(found.select([0])[name], first[name]) for name in first)


def test_how_often_is_counted_by_the_steps_of_each_system():
    """A system ends after the same number of its own steps, whenever it came."""

    def run():
        return FIRE(Springs(), until=Convergence.from_forces(0.05, frequency=7), n_steps=500)

    alone = run().run(batch(atoms(5.0)))
    late = run()
    running = late.begin(batch(atoms(1.0, id=[9])))
    for _ in range(3):
        late.step(running)
    running = running.append(late.begin(batch(atoms(5.0))))
    while not bool(running["status"][1] == late.exit_status):
        late.step(running)
    assert torch.equal(running["positions"][1], alone["positions"][0])
    assert running["steps"][1] == alone["steps"][0]
    assert int(alone["steps"][0]) % 7 == 1


def test_the_moment_of_convergence_comes_once_for_each_system():
    seen = Seen(HookStage.ON_CONVERGE)
    run = FIRE(Springs(), until=Convergence.from_forces(0.05), n_steps=500, hooks=[seen])
    run.run(batch(atoms(5.0), atoms(0.01), atoms(0.01), atoms(1.0)))
    assert sorted(i for ids in seen.systems for i in ids) == [0, 1, 2, 3]
    assert seen.systems[0] == [1, 2]


def test_hooks_are_made_in_the_order_of_nvalchemi():
    fmax_, forces = ConvergenceHook.from_fmax(0.1, 0, 1, 5), ConvergenceHook.from_forces(0.2, 5, 0, 1)
    for hook, key in ((fmax_, "fmax"), (forces, "forces")):
        assert (hook.source_status, hook.target_status, hook.frequency, hook.criteria[0].key) == (0, 1, 5, key)


@pytest.mark.parametrize("make", [ConvergenceHook.from_forces, ConvergenceHook.from_fmax])
def test_a_hook_moves_systems_between_the_statuses_it_is_given(make):
    potential = Springs()
    relax, hold = (
        FIRE(potential, until=Convergence({"key": "energy", "threshold": -1})),
        NVE(potential, dt=1.0, n_steps=3),
    )
    hook = make(0.05, source_status=4, target_status=8)
    both = fused([(4, relax), (8, hold)], hooks=[hook])
    found = both.run(batch(atoms(0.01), atoms(3.0)))
    assert found["status"].tolist() == [9, 9]
    alone = fused([(4, FIRE(potential, until=Convergence.from_forces(0.05))), (8, hold)]).run(
        batch(atoms(0.01), atoms(3.0))
    )
    assert torch.equal(found["positions"], alone["positions"])


def test_a_hook_without_statuses_only_evaluates():
    hook = ConvergenceHook({"key": "energy", "threshold": 1e9}, frequency=2)
    found = NVE(Springs(), dt=1.0, hooks=[hook]).run(batch(), 3)
    assert found["status"].tolist() == [RUNNING] * 3
    assert hook.evaluate(found).tolist() == [0, 1, 2]
    assert hook.frequency == 2
    with pytest.raises(UserError, match="both"):
        ConvergenceHook({"key": "energy", "threshold": 1}, source_status=1)


def test_hooks_that_move_do_not_move_a_system_twice_in_a_step():
    always = {"key": "energy", "threshold": 1e9}
    hooks = [ConvergenceHook(always, 0, 1), ConvergenceHook(always, 1, 2)]
    potential = Springs()
    run = fused([(code, NVE(potential, dt=1.0, n_steps=5)) for code in (0, 1, 2)], hooks=hooks)
    found = run.begin(batch())
    seen = []
    for _ in range(3):
        run.step(found)
        seen.append(found["status"].tolist())
    assert seen == [[1] * 3, [2] * 3, [2] * 3]
    assert found["steps"].tolist() == [1] * 3


NAMED = {"key": "fmax", "threshold": 0.05}


@pytest.mark.parametrize("until", [NAMED, [NAMED], Criterion(**NAMED), ConvergenceHook(NAMED), ConvergenceHook()])
def test_criteria_are_enough_to_say_until_when(until: object):
    usual = FIRE(Springs(), until=Convergence.from_fmax(0.05)).run(batch())
    found = FIRE(Springs(), until=until).run(batch())
    assert torch.equal(found["positions"], usual["positions"])
    assert found["end"].tolist() == [CONVERGED] * 3


def test_a_stage_is_told_by_what_it_cannot_end():
    with pytest.raises(UserError, match=r"stage 'a': until must be a Convergence, got 0.05"):
        Stage("a", 0, VelocityVerlet(1.0), Springs(), until=0.05)


def test_the_frequency_of_a_hook_wins_over_that_of_its_convergence():
    until = Convergence(NAMED, frequency=3)
    assert [ConvergenceHook(until).frequency, ConvergenceHook(until, frequency=5).frequency] == [3, 5]
    assert ConvergenceHook(until, frequency=5).until.frequency == 5
    assert until.frequency == 3


def test_a_hook_that_moves_systems_to_nowhere_is_refused():
    run = NVE(Springs(), dt=1.0, n_steps=2, hooks=[ConvergenceHook(NAMED, 0, 7)])
    with pytest.raises(UserError, match=r"no stage has the status 7; the stages have \[0\].* leave have 1"):
        run.run(batch())
    assert len(fused([(0, run), (7, NVE(Springs(), dt=1.0, n_steps=2))]).run(batch())) == 3


def test_those_that_a_hook_has_moved_have_their_moment_of_convergence():
    stage, whole = Seen(HookStage.ON_CONVERGE), Seen(HookStage.ON_CONVERGE)
    until = Convergence({"key": "energy", "threshold": -1})
    relax = FIRE(Springs(), until=until, n_steps=500, hooks=[ConvergenceHook.from_forces(0.05, **MOVE), stage])
    relax.replaced(hooks=(whole,)).run(batch(atoms(5.0), atoms(0.01), atoms(0.01), atoms(1.0)))
    for seen in (stage, whole):
        assert sorted(i for ids in seen.systems for i in ids) == [0, 1, 2, 3]
        assert seen.systems[0] == [1, 2]


MOVE = {"source_status": 0, "target_status": 1}


def test_the_change_of_the_energy_is_not_that_between_two_potentials():
    """The first step of a stage with another potential, or with a bias, is compared with its own start."""
    until = Convergence({"key": "energy_change", "threshold": -1.0})
    seen = []
    hook = At(HookStage.AFTER_STEP, lambda found, moment: seen.append(float(found["energy_change"])))
    soft, hard = NVE(Springs(1.0), dt=1.0, n_steps=2), NVE(Springs(9.0), dt=1.0, n_steps=2, until=until)
    fused([(0, soft), (1, hard)], hooks=[hook]).run(batch(atoms(1.0)))
    went = []
    first = soft.run(batch(atoms(1.0)))
    found = hard.begin(first)
    for _ in range(2):
        before = float(found["energy"])
        hard.step(found)
        went.append(abs(float(found["energy"]) - before))
    assert seen[2:] == went


def test_the_largest_force_has_the_same_bits_wherever_its_system_is():
    rng = np.random.default_rng(5)
    many = held(rng.normal(size=(301, 3)), sizes=(1,) * 301, name="forces")
    worst = fmax(many)
    alone = [float(fmax(many.select([i]))) for i in range(301)]
    assert worst.tolist() == alone
    rightly = np.sqrt((many["forces"].numpy() ** 2) @ np.ones(3))
    assert np.abs(worst.numpy() - rightly).max() <= np.spacing(rightly.max())


def test_a_stage_ends_by_a_hook_that_moves_its_systems_and_by_no_other():
    potential = Springs()
    for hook in (ConvergenceHook(NAMED), ConvergenceHook(NAMED, 5, 1)):
        with pytest.raises(UserError, match="never end"):
            NVE(potential, dt=1.0, hooks=[hook]).run(batch())
    found = NVE(potential, dt=1.0, hooks=[ConvergenceHook(Criterion("energy", 1e9), 0, 1)]).run(batch())
    assert found["end"].tolist() == [CONVERGED] * 3


def test_what_was_derived_once_is_kept_up_to_date(tmp_path):
    """A run that looks at other things leaves no largest force behind that was that of other positions."""
    found = FIRE(Springs(), until=ConvergenceHook(NAMED)).run(batch())
    found["velocities"] += 0.1
    log = LogCSV(tmp_path / "log.csv", ["fmax"])
    NVE(Springs(), dt=2.0, n_steps=20, hooks=[log]).run(found)
    assert torch.equal(found["fmax"], fmax(found))
    assert Convergence.from_fmax(0.05).evaluate(found) is None
    column = [row.split(",")[-1] for row in log.path.read_text().splitlines()[-3:]]
    assert column == [str(float(one)) for one in fmax(found)]


def test_entries_of_edges_count_for_the_system_of_the_edge():
    start = [atoms(1.0, 2.0) | {"edge_index": [[0, 1], [1, 0]], "stretch": far} for far in ([0.1, 0.9], [0.2, 0.3])]
    found = batch(*start, scopes={"stretch": "edge", "edge_index": "edge"})
    assert Criterion("stretch", 0.5).holds(found).tolist() == [False, True]
