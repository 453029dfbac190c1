"""When an evaluation is the same: the quantity, its inputs, the parameters it uses; and is then made once."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import cohobate as co
from cohobate.core.errors import UserError
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

PARAMS = {"epsilon": 0.01, "sigma": 3.4, "other": 1.0}


def energy(epsilon, a=1.0):
    return {"e": epsilon * a, "p": -epsilon}


def twin(epsilon, a=1.0):
    return {"e": epsilon * a + 1, "p": -epsilon}


def key(params=PARAMS, quantity=energy, target=1.0, read="e", **settings):
    term = Term(quantity, target, read=read, deterministic=True, **settings)
    [part] = CombinedObjective([term]).parts(params)
    return part.key


def test_a_key_knows_quantity_inputs_and_the_parameters_used():
    others = [
        key(quantity=twin),
        key({**PARAMS, "epsilon": 0.02}),
        key(inputs={"a": 2.0}),
        key(version="1"),
        key(version="2"),
        key(quantity=lambda p: {"e": p["epsilon"]}),
    ]
    assert len({key(), *others}) == 7
    assert all(others)


def test_a_key_knows_nothing_of_other_parameters_targets_and_weights():
    same = [
        key({**PARAMS, "sigma": 5.0, "new": 1.0}),
        key({"epsilon": np.float64(0.01)}),
        key(target=7.0, sigma=2.0),
        key(weight=3.0, loss="huber", name="other", read="p"),
        key({"Ar": {"epsilon": 0.01, "sigma": 1.0}, "epsilon": 0.01}, uses=["epsilon"]),
    ]
    assert {key(), *same} == {key()}


def test_nested_parameters_by_dotted_names():
    def taking(p):
        return p["Ar"]["epsilon"]

    def made(sigma, uses):
        return key({"Ar": {"epsilon": 0.01, "sigma": sigma}}, taking, read=None, uses=uses)

    assert made(1.0, ["Ar.epsilon"]) == made(2.0, ["Ar.epsilon"])
    assert made(1.0, None) != made(2.0, None)


def test_nothing_has_a_key_that_is_not_deterministic():
    [part] = CombinedObjective([Term(energy, 1.0, read="e")]).parts(PARAMS)
    assert part.key == ""


def test_inputs_that_can_be_told_apart():
    def read(epsilon, **inputs):
        return epsilon

    def made(**inputs):
        return key(quantity=read, read=None, inputs=inputs)

    atoms = bulk("Ar", a=5.26)
    keys = {
        made(atoms=atoms),
        made(atoms=bulk("Ar", a=5.3)),
        made(path=Path("a")),
        made(path=Path("b")),
        made(path="a"),
        made(grid=np.arange(3.0)),
        made(grid=np.arange(4.0)),
        made(of=energy),
        made(of=twin),
    }
    assert len(keys) == 9
    assert made(atoms=bulk("Ar", a=5.26)) == made(atoms=atoms)
    with pytest.raises(UserError, match="deterministic needs plain parameters, but a object has no canonical form"):
        key({"epsilon": object()})


@pytest.mark.parametrize("engine", [None, "threads"])
def test_terms_that_share_a_quantity_share_the_evaluation(engine):
    calls = []

    def counted(epsilon, sigma):
        calls.append(epsilon)
        return {"e": epsilon, "p": sigma}

    terms = [Term(counted, 1.0, read=name, name=name, deterministic=True) for name in ("e", "p")]
    objective = CombinedObjective(terms)
    if engine is None:
        assert objective(PARAMS) == objective.evaluate(PARAMS).loss
        assert calls == [0.01, 0.01]
        return
    with co.threads(2) as place:
        score = objective.on(place).evaluate(PARAMS)
    assert calls == [0.01]
    assert sorted(told.get("reused", False) for told in score.terms.values()) == [False, True]
    assert score.loss == objective(PARAMS)


def test_what_is_not_deterministic_is_called_for_each_term():
    calls = []

    def counted(epsilon):
        calls.append(epsilon)
        return {"e": epsilon, "p": epsilon}

    objective = CombinedObjective([Term(counted, 1.0, read=name, name=name) for name in ("e", "p")])
    objective(PARAMS)
    assert len(calls) == 2


def test_a_simulator_says_itself_what_it_is():
    made = co.simulator(energy, version="7", deterministic=True)
    [part] = CombinedObjective([Term(made, 1.0, read="e", name="t")]).parts(PARAMS)
    assert part.key == key(version="7")
    assert part.fn(*part.args) == {"e": 0.01, "p": -0.01}
    [part] = CombinedObjective([Term(made, 1.0, read="e", deterministic=False)]).parts(PARAMS)
    assert part.key == ""


def test_one_version_of_several_quantities_does_not_make_them_one():
    def shifted(by):
        return lambda epsilon: {"e": epsilon + by}

    keys = [
        key(version="1"),
        key(quantity=twin, version="1"),
        key(quantity=shifted(1.0), version="1"),
        key(quantity=shifted(2.0), version="1"),
        key(quantity=shifted(2.0), version="2"),
    ]
    assert len(set(keys)) == 5


def test_inputs_are_those_of_when_the_term_was_made():
    atoms = bulk("Ar", a=5.26)
    term = Term(lambda epsilon, atoms: atoms.cell[0, 1], 1.0, inputs={"atoms": atoms}, deterministic=True)
    objective = CombinedObjective([term])
    before = objective.parts(PARAMS)[0].key
    atoms.set_cell([9, 9, 9])
    assert objective.parts(PARAMS)[0].key == before
    assert objective(PARAMS) == pytest.approx((5.26 / 2 - 1) ** 2)
