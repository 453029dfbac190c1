"""Several stages in one batch: each system as if it went through them alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.hooks.converging import ConvergenceHook
from cohobate.dynamics.hooks.hook import HookStage
from cohobate.dynamics.hooks.measures import kinetic_energy
from cohobate.dynamics.making import (
    FIRE,
    LBFGS,
    NVE,
    FusedStage,
    GradientDescent,
    NVTLangevin,
    NVTNoseHoover,
    fused,
)
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, FAILED, RUNNING
from dynamics.springs import Seen, Springs, atoms, batch
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster

COMPILER = shutil.which("g++") or shutil.which("clang++")
MOVING = ("positions", "velocities", "forces", "energy")
ALWAYS = Convergence({"key": "energy", "threshold": 1e9})


HEAT = {"dt": 1.0, "temperature": 300.0}


def relax(potential, threshold=0.05, **given):
    return FIRE(potential, until=Convergence.from_forces(threshold), **given)


def equal(one, other, names=MOVING):
    return all(torch.equal(one[name], other[name]) for name in names)


def test_a_fused_run_is_one_stage_after_the_other():
    potential = Springs()
    a, b = relax(potential), NVTLangevin(potential, dt=1.0, temperature=300.0, n_steps=20)
    both, turns = (a + b).run(batch(atoms(0.3), atoms(4.0, 2.0))), batch(atoms(0.3), atoms(4.0, 2.0))
    a.run(turns)
    b.run(turns)
    assert equal(both, turns)
    assert both["end"].tolist() == [BUDGET_USED] * 2


def test_one_forward_pass_for_all_stages():
    potential = Springs()
    both = relax(potential, 0.3) + NVE(potential, dt=1.0, n_steps=30)
    found = both.begin(batch(atoms(0.1), atoms(4.0)))
    for _ in range(5):
        both.step(found)
    assert found["status"].tolist() == [1, 0]
    assert potential.asked == [[0, 1]] * 6


def test_each_potential_is_asked_for_its_own_systems_only():
    soft, hard = Springs(1.0), Springs(5.0)
    both = relax(soft, 0.3) + NVE(hard, dt=1.0, n_steps=3)
    found = both.begin(batch(atoms(0.1), atoms(4.0)))
    for _ in range(6):
        both.step(found)
    assert soft.asked == [[0, 1], [0, 1], *[[1]] * 5]
    assert hard.asked == [[0]] * 4, "its forces are there before the first half step"
    assert both.exit_status == int(found["status"][0])


def test_other_potentials_give_each_system_what_it_would_have_alone():
    def pair(epsilon):
        return lennard_jones(epsilon, SIGMA, CUTOFF)

    def both():
        warm = NVTLangevin(pair(EPSILON / 2), dt=2.0, temperature=20.0, n_steps=15)
        return relax(pair(EPSILON), 0.05, n_steps=30) + warm + NVE(pair(EPSILON), dt=2.0, n_steps=5)

    systems = [cluster(n, seed=n) for n in (3, 5, 4, 7)]
    together = both().run(batch_of(systems))
    for i, one in enumerate(systems):
        alone = batch_of([dict(one) | {"id": [i]}])
        both().run(alone)
        assert equal(together.select([i]), alone)


def test_a_fused_run_of_other_potentials_is_one_run_after_the_other():
    a, b = NVE(Springs(1.0), dt=2.0, n_steps=7), NVE(Springs(5.0), dt=2.0, n_steps=7)
    both, turns = (a + b).run(batch()), batch()
    a.run(turns)
    b.run(turns)
    assert equal(both, turns)


def test_composing_changes_neither_operand_and_keeps_what_they_were_given():
    def admit(batch):
        batch["velocities"].fill_(0.1)

    potential = Springs()
    whole, own, more = (Seen(HookStage.AFTER_STEP) for _ in range(3))
    a = fused([(0, NVE(potential, dt=1.0, n_steps=2, hooks=[own]))], hooks=[whole], n_steps=9, on_admit=admit)
    b = NVE(potential, dt=1.0, n_steps=3, hooks=[more])
    before = a.stages, a.hooks, b.stages, b.hooks, a.exit_status
    three = a + b + relax(potential)
    assert (a.stages, a.hooks, b.stages, b.hooks, a.exit_status) == before
    assert [stage.code for stage in three.stages] == [0, 1, 2]
    assert [stage.exit for stage in three.stages] == [1, 2, 3]
    assert three.hooks == (whole,)
    assert [stage.hooks for stage in three.stages] == [(own,), (more,), ()]
    assert three.on_admit is admit
    three.run(batch(), 4)
    assert own.systems == [[0, 1, 2]] * 2 + [[]] * 2
    assert more.systems == [[]] * 2 + [[0, 1, 2]] * 2
    assert whole.systems == [[0, 1, 2]] * 4
    assert (a.step_count, b.step_count, three.step_count) == (0, 0, 4)


def test_it_does_not_matter_which_two_are_composed_first():
    """Codes, exits, rules, statuses of hooks, and what is done to those that come: all follow from the order."""

    def never(batch):
        return batch["id"] < 0

    def admit(batch):
        batch["velocities"].fill_(0.1)

    potential = Springs()
    a = fused(
        [(2, NVE(potential, dt=2.0, n_steps=3, name="early")), (4, NVE(potential, dt=1.0, n_steps=2, name="late"))],
        entry=2, exit=77, rules=[Rule(2, 4, lambda batch: batch["id"] == 1), Rule(4, None, never)],
        hooks=[ConvergenceHook({"key": "energy", "threshold": 0.1}, 2, 77)],
    )  # fmt: skip
    b = fused(
        [(9, relax(potential, n_steps=4)), (-3, NVE(potential, dt=3.0, n_steps=2))],
        entry=9, on_admit=admit, rules=[Rule(9, -3, lambda batch: batch["id"] == 2), Rule(-3, None, never)],
    )  # fmt: skip
    c = fused([(1, NVTLangevin(potential, dt=1.0, temperature=300.0, n_steps=3))], exit=-1, on_admit=admit)
    left, right = (a + b) + c, a + (b + c)
    assert left.stages == right.stages
    assert [(rule.source, rule.target) for rule in left.rules] == [(rule.source, rule.target) for rule in right.rules]
    assert (left.entry, left.exit_status, left.mark) == (right.entry, right.exit_status, right.mark)
    one, other = left.run(batch()), right.run(batch())
    assert equal(one, other, tuple(one))
    assert one["end"].tolist() == [BUDGET_USED] * 3


def test_adding_what_is_no_dynamics_is_a_type_error():
    with pytest.raises(TypeError):
        NVE(Springs(), dt=1.0) + Springs()


def test_budgets_and_convergence_are_those_of_each_stage():
    potential = Springs()
    three = NVE(potential, dt=1.0, n_steps=4) + relax(potential, 1e-9, n_steps=3) + NVE(potential, dt=1.0, n_steps=2)
    found = three.run(batch())
    assert three.step_count == 9
    assert found["end"].tolist() == [BUDGET_USED] * 3
    assert found["steps"].tolist() == [2] * 3
    assert three.run(three.begin(batch()), 4)["status"].tolist() == [1] * 3


def test_stages_are_found_by_name():
    potential = Springs()
    run = (
        NVE(potential, dt=1.0, name="heat") + NVE(potential, dt=2.0, name="hold") + NVE(potential, dt=3.0, name="hold")
    )
    assert run["heat"].code == 0
    with pytest.raises(UserError, match=r"0 stages are called 'heta'.*heat"):
        run["heta"]
    with pytest.raises(UserError, match="2 stages"):
        run["hold"]
    assert "0: heat, 1: hold, 2: hold; entry 0, exit 3" in repr(run)


@pytest.mark.parametrize("make", ["fused", "FusedStage"])
def test_codes_entry_and_exit_may_be_given(make: str):
    potential = Springs()
    stages = [(7, NVE(potential, dt=1.0, n_steps=2)), (3, NVE(potential, dt=1.0, n_steps=3))]
    if make == "fused":
        run, skip = fused(stages, exit=42), fused(stages, entry=3)
    else:
        run, skip = FusedStage(stages, exit_status=42), FusedStage(stages, entry_status=3)
    assert (run.entry, run.exit_status, skip.entry, skip.exit_status) == (7, 42, 3, 8)
    assert run.run(batch())["status"].tolist() == [42] * 3
    assert run.step_count == 5
    assert skip.run(batch())["status"].tolist() == [8] * 3
    assert skip.step_count == 3


def test_codes_that_clash_are_refused():
    one = NVE(Springs(), dt=1.0)
    with pytest.raises(UserError, match="codes of their own"):
        fused([(1, one), (1, one)])
    with pytest.raises(UserError, match="exit status"):
        fused([(1, one), (2, one)], exit=1)
    with pytest.raises(UserError, match="entry"):
        fused([(1, one)], entry=5)
    with pytest.raises(UserError, match="one stage"):
        fused([(1, one + one)])
    with pytest.raises(UserError, match="at least one"):
        fused([])


def test_what_runs_were_given_stays_with_their_stages():
    done = []
    run = Dynamics(
        [replace(NVE(Springs(), dt=1.0, n_steps=1).stages[0], on_admit=lambda batch: done.append("stage"))],
        on_admit=lambda batch: done.append("run"),
        compiled={"backend": "eager"},
    )
    both = fused([(3, run), (5, NVE(run.stages[0].potential, dt=1.0, n_steps=1))])
    assert both.plan.compiled == {"backend": "eager"}
    assert fused([(3, run)], compiled={"backend": "aot_eager"}).plan.compiled["backend"] == "aot_eager"
    for one in (both, run, run + run):
        done.clear()
        one.begin(batch())
        assert done == ["run", "stage"]


@pytest.mark.parametrize("leaving", [-1, -7, 0, 3])
def test_an_exit_below_the_codes_is_no_stage_of_what_comes_before(leaving: int):
    """It was that of another stage once the codes were counted on, and the run went round and round."""
    potential = Springs()
    last = fused([(5, NVE(potential, dt=1.0, n_steps=2))], exit=leaving)
    both = fused([(code, NVE(potential, dt=1.0, n_steps=1)) for code in (0, 4, 6)]) + last
    assert both.exit_status not in [stage.code for stage in both.stages]
    assert both.run(batch(), 20)["end"].tolist() == [BUDGET_USED] * 3
    assert both.step_count == 5


# rules


def hot(batch):
    return kinetic_energy(batch) > 0.5 * batch["energy"]


def test_rules_move_systems_between_any_two_stages_and_back():
    potential = Springs()
    stages = [(0, NVE(potential, dt=5.0, name="a")), (1, NVE(potential, dt=2.0, name="b"))]
    rules = [Rule("a", "b", hot), Rule(1, 0, lambda batch: ~hot(batch))]
    run = fused(stages, rules=rules)
    found = run.begin(batch())
    statuses = []
    for _ in range(60):
        run.step(found)
        statuses.append(found["status"].tolist())
    assert {tuple(sorted(set(column))) for column in zip(*statuses, strict=True)} == {(0, 1)}
    turns = [sum(a != b for a, b in pairwise(column)) for column in zip(*statuses, strict=True)]
    assert min(turns) >= 2


def test_all_moves_of_a_step_are_decided_on_the_statuses_as_they_were():
    """A system that everything would move on makes one move in each step, and no more."""
    potential = Springs()
    stages = [(code, NVE(potential, dt=1.0, name=str(code), until=ALWAYS)) for code in range(3)]
    rules = [Rule(code, 0, lambda batch: torch.ones(batch.n_systems, dtype=torch.bool)) for code in (1, 2)]
    run = fused(stages, rules=rules)
    found = run.begin(batch())
    for expected in (1, 2, 3):
        left = run.step(found)
        assert found["status"].tolist() == [expected] * 3
        assert bool(left.all()) == (expected == 3)
    assert found["end"].tolist() == [CONVERGED] * 3


def test_convergence_comes_before_rules_and_those_before_budgets():
    potential = Springs()

    def stage(**given):
        return NVE(potential, dt=1.0, n_steps=1, **given)

    def first_is_odd(batch):
        return batch["id"] % 2 == 1

    until = Convergence({"key": "id", "threshold": 0})
    stages = [(0, stage(until=until, name="a")), (1, stage(name="b")), (2, stage(name="c"))]
    run = fused(stages, rules=[Rule("a", None, first_is_odd)])
    found = run.begin(batch())
    run.step(found)
    assert found["status"].tolist() == [1, run.exit_status, 1]
    assert found["end"].tolist() == [RUNNING, CONVERGED, RUNNING]


def test_how_often_a_rule_is_looked_at_is_counted_by_each_system():
    potential = Springs()
    rules = [Rule(0, 1, lambda batch: batch["steps"] >= 2, frequency=3)]
    run = fused([(0, NVE(potential, dt=1.0)), (1, NVE(potential, dt=1.0, n_steps=2))], rules=rules)
    running = run.begin(batch(atoms(1.0)))
    run.step(running)
    running = running.append(run.begin(batch(atoms(1.0, id=[1]))))
    seen = []
    for _ in range(5):
        run.step(running)
        seen.append(running["status"].tolist())
    assert seen == [[0, 0], [0, 0], [1, 0], [1, 1], [2, 1]]


def test_rules_go_along_when_stages_are_renumbered():
    potential = Springs()
    first = fused([(0, NVE(potential, dt=1.0, n_steps=5))], rules=[Rule(0, None, lambda b: b["id"] == 0)])
    second = fused(
        [(0, NVE(potential, dt=1.0, n_steps=4)), (1, NVE(potential, dt=1.0, n_steps=4))],
        rules=[Rule(0, 1, lambda b: b["id"] == 0), Rule(1, None, lambda b: b["id"] == 0)],
    )
    both = first + second
    found = both.begin(batch())
    seen = []
    for _ in range(7):
        both.step(found)
        seen.append(found["status"].tolist())
    assert seen == [[1, 0, 0], [2, 0, 0], [3, 0, 0], [3, 0, 0], [3, 1, 1], [3, 1, 1], [3, 1, 1]]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule("aa", "b", hot), "'aa'"),
        (Rule("a", 7, hot), "no stage has the code 7"),
        (Rule("a", "b", lambda batch: True), "booleans"),
        (Rule("a", 0, hot), "from one stage to another"),
    ],
)
def test_rules_that_lead_nowhere_are_named(rule: Rule, told: str):
    potential = Springs()
    with pytest.raises(UserError, match=told):
        fused([(0, NVE(potential, dt=1.0, name="a")), (1, NVE(potential, dt=1.0, name="b"))], rules=[rule]).run(
            batch(), 1
        )


# entering a stage


def test_on_admit_of_a_stage_is_for_those_that_enter_it():
    shown = []

    def admit(batch):
        shown.append(batch["id"].tolist())
        batch["velocities"].fill_(0.5)

    potential = Springs()
    both = relax(potential, 0.3) + NVE(potential, dt=1.0, n_steps=1, on_admit=admit)
    found = both.begin(batch(atoms(0.1), atoms(4.0)))
    both.step(found)
    assert shown == [[0]]
    assert found["velocities"].tolist() == [[0.5] * 3, [0.0] * 3]


def test_a_system_that_on_admit_raises_for_fails_and_the_others_go_on():
    def admit(batch):
        batch["velocities"].add_(0.1)
        if bool((batch["id"] == 1).any()):
            raise ValueError("not this one")

    potential = Springs()

    def runs(**given):
        return relax(potential, 9.0) + NVE(potential, dt=1.0, n_steps=3, **given)

    for run in (runs(on_admit=admit), fused([(0, NVE(potential, dt=1.0, n_steps=3))], on_admit=admit)):
        found, without = run.run(batch()), run.run(batch().select([0, 2]))
        assert found["end"].tolist() == [BUDGET_USED, FAILED, BUDGET_USED]
        assert run.reasons == {1: "on_admit raised ValueError: not this one"}
        assert equal(found.select([0, 2]), without)
        assert not found["velocities"][1:3].any(), "what it did until then does not count"


def test_steps_of_a_stage_begin_anew_and_those_of_the_last_are_kept():
    potential = Springs()
    both = NVE(potential, dt=1.0, n_steps=4) + NVE(potential, dt=1.0, n_steps=3)
    found = both.begin(batch())
    steps = []
    for _ in range(7):
        both.step(found)
        steps.append(int(found["steps"][0]))
    assert steps == [1, 2, 3, 0, 1, 2, 3]


# compiled


def test_nothing_is_compiled_unless_asked_for_and_asking_is_kept(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda fn, **given: asked.append(given) or fn)
    potential = Springs()
    a, b = NVE(potential, dt=1.0, n_steps=2), NVE(potential, dt=1.0, n_steps=3)
    plain = (a + b).run(batch())
    assert asked == []
    compiled = a.compile(mode="reduce-overhead")
    assert compiled.plan.compiled == {"mode": "reduce-overhead"}
    assert a.plan.compiled is None
    for both in (
        compiled + b,
        b + compiled,
        (compiled + b).compile(dynamic=True),
        FusedStage([(0, a)], compile_step=True),
    ):
        assert both.plan.compiled is not None
    assert (compiled + b).compile(dynamic=True).plan.compiled == {"mode": "reduce-overhead", "dynamic": True}
    assert equal((compiled + b).run(batch()), plain)
    assert "compiled" in repr(compiled + b)
    assert {"mode": "reduce-overhead"} in asked


@pytest.mark.timeout(240)
@pytest.mark.parametrize("make", [NVE, NVTLangevin, NVTNoseHoover, FIRE, LBFGS, GradientDescent])
def test_compiled_updates_agree_within_rounding(make):
    about = {NVE: {"dt": 1.0}, NVTLangevin: HEAT, NVTNoseHoover: HEAT}
    run = make(Springs(), **about.get(make, {"until": Convergence.from_forces(1e-3)}), n_steps=20)
    compiled = run.compile(backend="aot_eager")
    plain, other = run.run(batch()), compiled.run(batch())
    for field in MOVING:
        assert other[field].numpy() == pytest.approx(plain[field].numpy(), abs=1e-12)


@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.skipif(COMPILER is None, reason="torch.compile needs a C++ compiler")
def test_code_that_was_really_compiled_agrees_within_rounding():
    potential = Springs()
    run = relax(potential, 1e-3, n_steps=5)
    plain, other = run.run(batch()), run.compile().run(batch())
    for field in MOVING:
        assert other[field].numpy() == pytest.approx(plain[field].numpy(), abs=1e-12)
