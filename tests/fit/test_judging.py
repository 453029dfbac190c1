"""From quantities to an outcome: in any order, up to a bound, with terms that fail."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import BadOutput, CallFailed
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from fit.objectives import largest, made, nested, params_of, run, term

ALL = ("sum", "mean", "root_mean", largest)


def judged(objective, params, order=None, bound=None):
    """Returns the outcome, and how many parts were taken in until it was decided."""
    parts = objective.parts(params)
    judge = objective.judge(params, bound)
    for n, part in enumerate(parts if order is None else [parts[i] for i in order], 1):
        outcome = judge.take(part.name, made(part.fn(*part.args)))
        if outcome is not None:
            return outcome, n
    raise AssertionError("not decided")


def same(one, other):
    """Whether two values have the same bits."""
    a, b = dict(one.outputs), dict(other.outputs)
    equal = np.array_equal(a.pop("residuals", None), b.pop("residuals", None))
    return equal and repr(a) == repr(b)


@given(st.data(), nested(ALL))
def test_the_order_in_which_terms_end_does_not_matter(data, made):
    objective, _ = made
    params = params_of(data.draw, objective)
    order = data.draw(st.permutations(range(len(objective.leaves))))
    assert same(judged(objective, params)[0], judged(objective, params, order)[0])


@given(st.data(), nested(ALL), st.floats(1.0, 3.0))
def test_a_bound_that_is_not_below_the_loss_changes_nothing(data, made, factor):
    objective, _ = made
    params = params_of(data.draw, objective)
    order = data.draw(st.permutations(range(len(objective.leaves))))
    free, _ = judged(objective, params, order)
    bound = factor * free.outputs["loss"]
    found, n = judged(objective, params, order, bound)
    assert same(found, free)
    assert n == len(objective.leaves)


@given(st.data(), nested(("sum", "mean", "root_mean")), st.floats(0.0, 0.99))
def test_beyond_a_bound_the_rest_is_not_waited_for(data, made, factor):
    objective, _ = made
    params = params_of(data.draw, objective)
    free, total = judged(objective, params)
    bound = factor * free.outputs["loss"]
    found, n = judged(objective, params, bound=bound)
    if n < total:
        assert isinstance(found, Cancelled)
    else:
        assert same(found, free)


def test_early_abort_says_so_and_only_where_the_reducers_allow_it():
    params = {"x0": 10.0, "x1": 1.0}
    terms = [term(0), term(1)]
    found, n = judged(CombinedObjective(terms), params, bound=50.0)
    assert (found, n) == (Cancelled("partial loss 100 over the bound 50"), 1)
    assert judged(CombinedObjective(terms, reduce="root_mean"), params, bound=5.0)[1] == 1
    assert judged(CombinedObjective(terms, reduce=min), params, bound=0.5)[0].outputs["loss"] == 1.0
    assert judged(CombinedObjective(terms), params, order=[1, 0], bound=50.0)[0].outputs["loss"] == 101.0


def test_a_term_that_fails_decides_at_once():
    objective = CombinedObjective([term(0), term(1)])
    judge = objective.judge({})
    failed = Failure("timeout", "ran longer than 3 s", "trace", 2)
    assert judge.take("t1", made(failed)) == Failure("timeout", "term 't1': ran longer than 3 s", "trace", 2)
    assert objective.judge({}).take("t0", made(Cancelled("on request"))) == Cancelled("on request")
    bad = objective.judge({}).take("t0", made({"value": float("nan")}))
    assert bad == Failure("bad_output", "term 't0': 'value' must be finite, got nan")


def test_what_a_loss_raises_is_a_failure_of_its_term():
    def wrong(quantities):
        raise KeyError("energy")

    outcome = run(CombinedObjective([Term(len, loss=wrong, name="t")]), {"a": 1.0})
    assert (outcome.kind, outcome.message) == ("raised", "term 't': KeyError: 'energy'")
    assert "in wrong" in outcome.traceback


# a failing term that counts as worse than it was ever seen


def at(x):
    """A quantity that cannot be computed beyond 10."""
    if x > 10:
        raise ArithmeticError("diverged")
    return x


def lenient(**settings):
    return CombinedObjective([Term(at, 0.0, name="a"), Term(lambda y: y, 0.0, name="b")], failed="worst", **settings)


def test_until_a_term_was_seen_its_failure_is_one_of_the_candidate():
    with pytest.raises(ArithmeticError, match="diverged"):
        lenient()({"x": 11.0, "y": 1.0})


@given(seen=st.lists(st.floats(-10, 10), min_size=1, max_size=5), y=st.floats(-5, 5))
def test_a_failing_term_is_worse_than_the_worst_seen_of_it_by_the_spread(seen, y):
    objective = lenient(weights=[3.0, 1.0])
    for x in seen:
        objective({"x": x, "y": 0.0})
    losses = [x * x for x in seen]
    spread = max(losses) - min(losses) or max(losses) or 1.0
    score = objective.evaluate({"x": 11.0, "y": y})
    assert score.terms["a"]["loss"] == pytest.approx(3 * (max(losses) + spread))
    assert score.terms["a"]["failed"] == "term 'a': ArithmeticError: diverged"
    assert score.terms["a"]["kind"] == "raised"
    assert "quantities" not in score.terms["a"]
    assert score.loss == pytest.approx(3 * (max(losses) + spread) + y * y)
    assert score.residuals @ score.residuals == pytest.approx(score.loss)
    assert "failed: term 'a'" in str(score)
    assert objective.evaluate({"x": 11.0, "y": y}).loss == score.loss  # what it counted is not a value seen


def test_all_terms_failing_is_a_failure():
    objective = CombinedObjective([Term(at, 0.0, name="a"), Term(at, 1.0, name="b")], failed="worst")
    objective({"x": 1.0})
    with pytest.raises(CallFailed, match=r"^all 2 terms failed; term 'a': ArithmeticError: diverged"):
        objective({"x": 11.0})


def test_what_was_seen_is_recalled_from_records():
    first, params = lenient(), {"x": 2.0, "y": 1.0}
    outputs = first.evaluate(params).outputs()
    failed = first.evaluate({"x": 11.0, "y": 1.0}).outputs()
    again = lenient()
    assert again.recall(params, outputs) == first.quantities(params)
    assert again.recall({"x": 11.0, "y": 1.0}, failed).keys() == {"b"}
    assert again.evaluate({"x": 11.0, "y": 1.0}).loss == failed["loss"]
    assert again.score(failed["terms"]).loss == failed["loss"]


def test_bad_output_is_a_failing_term_too():
    objective = CombinedObjective([Term(lambda x: x, 0.0, name="a"), term(1)], failed="worst")
    objective({"x": 1.0, "x1": 0.0})
    score = objective.evaluate({"x": float("nan"), "x1": 0.0})
    assert (score.loss, score.terms["a"]["kind"]) == (pytest.approx(2.0), "bad_output")
    with pytest.raises(BadOutput):
        CombinedObjective([Term(lambda x: x, 0.0)])({"x": float("nan")})


def test_the_policy_holds_for_what_is_within():
    inner = CombinedObjective([Term(at, 0.0, name="a")], failed="worst")
    whole = CombinedObjective([inner, Term(lambda x: x, 0.0, name="b")])
    whole({"x": 2.0})
    assert whole({"x": 11.0}) == 8.0 + 121.0
    strict = CombinedObjective([inner, Term(at, 0.0, name="b")])
    strict({"x": 2.0})
    with pytest.raises(ArithmeticError, match="diverged") as found:
        strict({"x": 11.0})
    assert found.value.__notes__ == ["in term 'b' of the objective"]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_failing_terms_in_any_order(order):
    objective = lenient()
    objective({"x": 2.0, "y": 1.0})
    parts = {"a": made(Failure("raised", "diverged")), "b": made({"value": 3.0})}
    judge = objective.judge({})
    outcomes = [judge.take("ab"[i], parts["ab"[i]]) for i in order]
    assert outcomes[0] is None
    assert isinstance(outcomes[1], Value)
    assert outcomes[1].outputs["loss"] == 8.0 + 9.0
