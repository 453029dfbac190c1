"""How quantities are called: what the signature has, what is used, copies, coroutines."""

import asyncio
from functools import partial

import pytest

from cohobate.core.errors import UserError
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

PARAMS = {"epsilon": 2.0, "sigma": 3.0}
NESTED = {"Ar": {"epsilon": 0.01, "sigma": 3.4}, "cutoff": 8.5}


class Deck:
    """A quantity that says what it uses."""

    def __init__(self, *uses):
        self.uses = uses

    def __call__(self, **given):
        self.given = given
        return 1.0


def called(quantity, params=PARAMS, **settings):
    """Returns what an objective of one term gives, in the plain call and as a part."""
    objective = CombinedObjective([Term(quantity, 0.0, loss="value", name="t", **settings)])
    plain, part = objective(params), objective.evaluate(params).loss
    assert plain == part
    return plain


def by_name(epsilon, sigma):
    return epsilon + sigma


def test_by_name_or_as_one_mapping():
    assert called(by_name) == 5.0
    assert called(lambda sigma: sigma) == 3.0
    assert called(lambda *, sigma, other=1.0: sigma + other) == 4.0
    assert called(lambda **every: sum(every.values())) == 5.0
    assert called(lambda p: p["epsilon"]) == 2.0
    assert called(lambda p, /: p["epsilon"]) == 2.0
    assert called(lambda p=None: p["epsilon"]) == 2.0
    assert called(lambda p, *rest, scale=2.0: scale * p["sigma"]) == 6.0
    assert called(lambda: 7.0) == 7.0
    assert called(dict(PARAMS, value=1.0).__len__) == 3.0  # it takes nothing


def test_inputs_go_beside_the_parameters_and_before_them():
    assert called(lambda sigma, a: sigma * a, inputs={"a": 5.0}) == 15.0
    assert called(lambda p, a: p["sigma"] * a, inputs={"a": 5.0}) == 15.0
    assert called(by_name, inputs={"sigma": 100.0}) == 102.0
    assert called(partial(lambda sigma, a: sigma * a, a=5.0)) == 15.0
    assert called(lambda a, **rest: a + len(rest), inputs={"a": 5.0}) == 7.0


def test_what_cannot_be_called_is_refused_with_both_lists_of_names():
    def f(epsilon, sgima):
        return epsilon

    expected = r"term 't': f takes \['epsilon', 'sgima'\].*\['epsilon', 'sigma'\].*mean 'sigma'"
    with pytest.raises(UserError, match=expected):
        called(f)


def test_uses_picks_by_dotted_names():
    seen = []
    called(lambda p: seen.append(p) or 1.0, NESTED, uses=["Ar.epsilon", "cutoff"])
    assert seen[0] == {"Ar": {"epsilon": 0.01}, "cutoff": 8.5}
    called(lambda Ar: seen.append(Ar) or 1.0, NESTED, uses=["Ar.sigma"])
    assert seen[-1] == {"sigma": 3.4}
    with pytest.raises(UserError, match=r"term 't': no parameter 'Ar.sigm'; did you mean 'Ar.sigma'"):
        called(lambda p: 1.0, NESTED, uses=["Ar.sigm"])
    with pytest.raises(UserError, match="uses has 'sigma', which <lambda> does not take"):
        called(lambda epsilon: 1.0, uses=["epsilon", "sigma"])


def test_a_quantity_that_says_what_it_uses_is_given_just_that():
    deck = Deck("Ar.epsilon")
    called(deck, NESTED)
    assert deck.given == {"Ar": {"epsilon": 0.01}}
    with pytest.raises(UserError, match=r"no parameter 'Kr.epsilon'; did you mean 'Ar.epsilon'\?"):
        called(Deck("Kr.epsilon"), NESTED)


def test_parameters_of_other_names_are_called_anew():
    objective = CombinedObjective([Term(lambda p: float(len(p)), loss="value")])
    assert [objective({"a": 1.0}), objective({"a": 1.0, "b": 2.0}), objective({"b": 1.0})] == [1.0, 2.0, 1.0]


@pytest.mark.parametrize("wrong", [[1.0, 2.0], None, 3.0])
def test_parameters_without_names_are_refused(wrong):
    with pytest.raises(UserError, match="expected parameters by name"):
        CombinedObjective([Term(by_name, 1.0)])(wrong)


async def later(epsilon):
    await asyncio.sleep(0)
    return epsilon


def test_coroutine_functions_are_run_to_their_end_within_loops_too():
    objective = CombinedObjective([Term(later, 1.0)])
    assert objective(PARAMS) == 1.0

    async def main():
        return objective(PARAMS), await objective.acall(PARAMS)

    assert asyncio.run(main()) == (1.0, 1.0)


def test_what_a_coroutine_raises_within_a_loop_is_raised():
    async def wrong(epsilon):
        raise ValueError("no such thing")

    async def main():
        with pytest.raises(ValueError, match="no such thing"):
            CombinedObjective([Term(wrong, 1.0)])(PARAMS)

    asyncio.run(main())


def test_a_parameter_that_is_no_longer_nested_is_missed_by_name():
    objective = CombinedObjective([Term(lambda Ar: 1.0, 0.0, loss="value", name="t", uses=["Ar.epsilon"])])
    assert objective(NESTED) == 1.0
    for call in (objective, objective.evaluate):
        with pytest.raises(UserError, match=r"term 't': no parameter 'Ar.epsilon'"):
            call({"Ar": 3.4, "cutoff": 8.5})
