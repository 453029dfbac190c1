"""Sums of terms: flattened and nested, as losses and residuals, plain and judged."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import BadOutput, CallFailed, UserError
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from fit.objectives import largest, nested, params_of, term

ALL = ("sum", "mean", "root_mean", largest)


@given(st.data(), nested(ALL))
def test_the_loss_is_that_of_the_nested_sums(data, made):
    objective, oracle = made
    params = params_of(data.draw, objective)
    assert objective(params) == pytest.approx(oracle(params), rel=1e-9)


@given(st.data(), nested(ALL))
def test_all_ways_give_the_same_bits(data, made):
    objective, _ = made
    params = params_of(data.draw, objective)
    score = objective.evaluate(params)
    assert score.loss == objective(params) == objective(dict(params)) == objective.score(score.terms).loss
    assert deepcopy(objective)(params) == pickle.loads(pickle.dumps(objective))(params) == score.loss


@given(st.data(), nested())
def test_squares_of_residuals_sum_up_to_the_loss(data, made):
    objective, _ = made
    params = params_of(data.draw, objective)
    residuals = objective.residuals(params)
    assert residuals.shape == (len(objective.leaves),)
    assert residuals @ residuals == pytest.approx(objective(params), rel=1e-9)
    terms = objective.evaluate(params).terms
    assert sum(told["loss"] for told in terms.values()) == pytest.approx(objective(params), rel=1e-9)


@given(st.data(), nested())
def test_a_flat_list_of_the_leaves_is_the_same(data, made):
    objective, _ = made
    params = params_of(data.draw, objective)
    leaves = objective.leaves
    flat = CombinedObjective(
        [Term(leaf.term.quantity, leaf.term.target, loss=leaf.term.loss) for leaf in leaves],
        [leaf.weight for leaf in leaves],
    )
    assert flat(params) == pytest.approx(objective(params), rel=1e-9)
    assert flat.residuals(params) == pytest.approx(objective.residuals(params), rel=1e-9)


def test_a_root_mean_outermost_has_the_residuals_of_its_mean():
    terms = [term(0), term(1)]
    root, mean = CombinedObjective(terms, reduce="root_mean"), CombinedObjective(terms, reduce="mean")
    params = {"x0": 1.0, "x1": 7.0}
    assert root(params) == 5.0
    assert mean(params) == 25.0
    assert root.residuals(params).tolist() == mean.residuals(params).tolist()


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (CombinedObjective([term(0)], reduce=largest, name="o"), "objective 'o' reduces by largest"),
        (CombinedObjective([CombinedObjective([term(0)], reduce=largest)]), "CombinedObjective reduces by largest"),
        (CombinedObjective([CombinedObjective([term(0)], reduce="root_mean")]), "is a root mean within another"),
    ],
)
def test_whoever_needs_residuals_that_there_are_not_is_told_why(objective, message):
    params = {"x0": 3.0}
    for needs in (objective.residuals, objective.jacobian):
        with pytest.raises(UserError, match=f"^there are no residuals: .*{message}.*no sum of squares"):
            needs(params)
    assert objective.evaluate(params).residuals is None
    assert "residuals" not in objective.evaluate(params).outputs()
    assert objective.evaluate(params).terms["t0"]["quantities"] == {"value": 3.0}


def test_composing_changes_nothing_of_what_is_composed():
    inner = CombinedObjective([term(0), term(1)], [1.0, 2.0], name="inner")
    whole = CombinedObjective([inner, term(2)], [10.0, 1.0])
    more = whole.add(term(3), inner, weights=[0.5, 1.0])
    assert [leaf.weight for leaf in inner.leaves] == [1.0, 2.0]
    assert [(leaf.term.name, leaf.weight) for leaf in whole.leaves] == [
        ("inner/t0", 10.0),
        ("inner/t1", 20.0),
        ("t2", 1),
    ]
    names = ["inner/t0", "inner/t1", "t2", "t3", "inner/t0 (2)", "inner/t1 (2)"]
    assert [leaf.term.name for leaf in more.leaves] == names
    assert more({f"x{i}": 1.0 for i in range(4)}) == 34.5


def test_equal_names_are_numbered():
    names = ["a", "a (2)", "a", "a"]
    objective = CombinedObjective([Term(len, 1.0, name=name) for name in names])
    assert [leaf.term.name for leaf in objective.leaves] == ["a", "a (2)", "a (3)", "a (4)"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CombinedObjective([]), "CombinedObjective needs at least one term, got none"),
        (lambda: CombinedObjective([term(0)], [1.0, 2.0]), "1 terms, but 2 weights"),
        (lambda: CombinedObjective([term(0)], [-1.0]), "weight of 't0': weight must be .* at least 0, got -1.0"),
        (lambda: CombinedObjective([term(0)], [float("nan")]), "weight must be .* at least 0, got nan"),
        (lambda: CombinedObjective([term(0)], [0.0], name="o"), "objective 'o': all weights are 0"),
        (lambda: CombinedObjective([term(0, weight=0.0)]), "all weights are 0"),
        (lambda: CombinedObjective([term(0)], reduce="men"), "reduce must be one of .*did you mean 'mean'"),
        (lambda: CombinedObjective([term(0)], failed="skip"), "failed must be 'fail' or 'worst', got 'skip'"),
        (lambda: CombinedObjective([len]), r"expected terms and objectives, got <built-in.*Term\(function, target\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("returned", [float("nan"), float("inf"), None, "text"])
def test_a_reducer_that_gives_no_number_is_a_failure(returned):
    objective = CombinedObjective([term(0)], reduce=lambda losses: returned)
    for call in (objective, objective.evaluate):
        with pytest.raises(BadOutput, match="reduce must return a"):
            call({"x0": 1.0})


def test_sums_that_are_too_large_are_a_failure():
    objective = CombinedObjective([term(0), term(1)], [1e300, 1e300])
    for call in (objective, objective.evaluate):
        with pytest.raises(BadOutput, match="the loss must be finite, got inf"):
            call({"x0": 1e10, "x1": 1e10})


def test_what_a_term_raises_is_raised_as_itself_and_names_the_term():
    error = ValueError("no such crystal")

    def broken(x):
        raise error

    later = []
    objective = CombinedObjective([Term(broken, 1.0, name="density"), Term(lambda x: later.append(x) or x, 1.0)])
    for call in (objective, objective.evaluate, objective.residuals, objective.quantities):
        with pytest.raises(ValueError, match="no such crystal") as found:
            call({"x": 1.0})
        assert found.value is error
        assert error.__notes__ == ["in term 'density' of the objective"]
    assert later == []  # at once


def test_what_cannot_be_used_names_the_term():
    objective = CombinedObjective([Term(lambda x: float("nan"), 1.0, name="density")])
    for call in (objective, objective.evaluate):
        with pytest.raises(BadOutput, match=r"^term 'density': 'value' must be finite, got nan$"):
            call({"x": 1.0})


def test_ctrl_c_is_no_failure_of_a_term():
    def interrupted(x):
        raise KeyboardInterrupt

    objective = CombinedObjective([Term(interrupted, 1.0), Term(lambda x: x, 1.0)], failed="worst")
    with pytest.raises(KeyboardInterrupt):
        objective({"x": 1.0})


def test_recorded_quantities_are_scored_with_other_weights_and_targets():
    calls = []

    def model(x):
        calls.append(x)
        return {"e": x, "f": [x, 2 * x]}

    first = CombinedObjective([Term(model, {"e": 1.0, "f": [0.0, 0.0]}, name="m")])
    score = first.evaluate({"x": 2.0})
    other = CombinedObjective([Term(model, {"f": [2.0, 2.0]}, name="m", sigma=0.5)], [3.0])
    for recorded in (score.terms, score.quantities):
        assert other.score(recorded).loss == 3.0 * 16.0
    assert other.score(score.terms).terms["m"]["seconds"] == score.terms["m"]["seconds"]
    assert calls == [2.0]
    with pytest.raises(UserError, match=r"nothing is recorded of term 'm'; got \['n'\]"):
        other.score({"n": {"e": 1.0}})


def test_numbers_alone_are_quantities_too():
    assert CombinedObjective([term(0), term(1)]).score({"t0": 2.0, "t1": 1}).loss == 5.0


def test_recall_gives_what_the_parts_gave():
    objective = CombinedObjective([term(0), term(1)])
    params = {"x0": 1.0, "x1": 2.0}
    outputs = objective.evaluate(params).outputs()
    assert objective.recall(params, outputs) == {part.name: part.fn(*part.args) for part in objective.parts(params)}


def test_a_score_is_printed_as_a_table():
    text = str(CombinedObjective([term(0), term(1)], [1.0, 3.0]).evaluate({"x0": 1.0, "x1": 1.0}))
    assert [line.split()[0] for line in text.splitlines()] == ["term", "t0", "t1", "loss"]
    assert "25.0%" in text
    assert "75.0%" in text


def test_nested_parameters_and_numpy_numbers():
    objective = CombinedObjective([Term(lambda Ar, cutoff: Ar["epsilon"] * cutoff, 1.0)])
    assert objective({"Ar": {"epsilon": np.float64(2.0)}, "cutoff": np.float32(1.0)}) == 1.0


@settings(max_examples=25)
@given(st.data(), nested(ALL))
def test_identities_tell_objectives_apart(data, made):
    objective, _ = made
    assert deepcopy(objective).identity() == objective.identity()
    heavier = CombinedObjective(objective.terms, [2 * w for w in objective.weights], reduce=objective.reduce)
    assert heavier.identity() != objective.identity()


def test_identities_know_targets_sigmas_losses_and_reducers():
    plain = CombinedObjective([term(0)])
    others = [
        CombinedObjective([term(0, 1.0)]),
        CombinedObjective([term(0, sigma=2.0)]),
        CombinedObjective([term(0, loss="huber")]),
        CombinedObjective([term(0)], reduce="mean"),
        CombinedObjective([term(0)], failed="worst"),
        CombinedObjective([term(1)]),
    ]
    assert len({one.identity() for one in [plain, *others]}) == 7


def test_a_failure_elsewhere_is_said_with_its_term():
    import cohobate as co

    def broken(x):
        raise TypeError("no number")

    with co.threads(2) as engine:
        objective = CombinedObjective([Term(broken, 1.0, name="density")], engine=engine)
        with pytest.raises(CallFailed, match=r"^term 'density': TypeError: no number") as found:
            objective({"x": 1.0})
    assert "in broken" in found.value.__notes__[0]
