"""What was seen to go wrong in objectives elsewhere: none of it does here."""

import asyncio
import math
import threading
import time
from timeit import repeat

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import BadOutput, CallFailed
from cohobate.core.outcome import Failure
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from cohobate.ledger.codec import dumps, loads
from fit.objectives import run


def crashes_beyond_3(x):
    if x > 3:
        raise RuntimeError("crashed")
    return x


def test_where_all_terms_fail_there_is_no_perfect_loss():
    terms = [Term(crashes_beyond_3, 1.0, name="a"), Term(crashes_beyond_3, 3.0, name="b")]
    for objective in (CombinedObjective(terms), CombinedObjective(terms, failed="worst")):
        assert objective({"x": 2.0}) == 2.0
        for reduce in ("sum", "mean", "root_mean"):
            other = CombinedObjective([objective], reduce=reduce, failed=objective.failed)
            other({"x": 2.0})
            assert isinstance(run(other, {"x": 3.5}), Failure)
            with pytest.raises((RuntimeError, CallFailed)):
                other({"x": 3.5})


def test_a_failing_term_is_never_left_out():
    other = Term(lambda x: 0.0, 1.0, name="other")
    objective = CombinedObjective([Term(crashes_beyond_3, 1.0, name="a"), other], failed="worst")
    seen = [objective({"x": x}) for x in (0.0, 2.0, 3.0)]
    assert objective({"x": 3.5}) > max(seen)


def test_nan_is_no_number_whatever_the_size_of_real_losses():
    objective = CombinedObjective([Term(lambda x: math.sqrt(x) * 1e3 if x >= 0 else math.nan, 1e6)])
    assert objective({"x": 4.0}) > 1e5
    with pytest.raises(BadOutput, match="must be finite, got nan"):
        objective({"x": -1.0})
    for returned in (math.inf, -math.inf, "text", None):
        with pytest.raises(BadOutput):
            CombinedObjective([Term(lambda x, returned=returned: returned, 1.0)])({"x": 1.0})


def test_one_bad_term_does_not_make_the_whole_nan():
    objective = CombinedObjective(
        [Term(lambda x: x, 0.0, name="a"), Term(lambda x: 1.0, 0.0, name="b")], failed="worst"
    )
    objective({"x": 2.0})
    assert objective({"x": math.nan}) == pytest.approx(8.0 + 1.0)


def test_an_error_in_the_last_term_is_seen_while_the_first_ones_run():
    gate = threading.Event()

    def slow(x):
        for _ in range(1000):
            if gate.is_set() or co.cancelled():
                return x
            time.sleep(0.01)
        raise AssertionError("nobody cancelled it")

    def broken(x):
        raise ValueError("third")

    with co.threads(4) as engine:
        terms = [*[Term(slow, 0.0, name=f"slow{i}") for i in range(3)], Term(broken, 0.0, name="broken")]
        objective = CombinedObjective(terms, engine=engine)
        with pytest.raises(CallFailed, match="term 'broken': ValueError: third"):
            objective({"x": 1.0})
        gate.set()


def test_it_can_be_called_where_a_loop_runs():
    with co.threads(2) as engine:
        objective = CombinedObjective([Term(lambda x: x, 0.0)], engine=engine)

        async def main():
            return objective({"x": 2.0})

        assert asyncio.run(main()) == 4.0


def test_nested_objectives_at_one_small_engine_end():
    with co.threads(2) as engine:
        inner = [
            CombinedObjective([Term(lambda x: x, float(i), name=f"{k}{i}") for i in range(3)], engine=engine)
            for k in "abcd"
        ]
        objective = CombinedObjective(inner, engine=engine)
        assert objective({"x": 0.0}) == 4 * 5.0


def test_arrays_of_terms_can_be_recorded():
    objective = CombinedObjective([Term(lambda x: {"f": np.full((2, 3), x)}, {"f": np.zeros((2, 3))})])
    outputs = objective.evaluate({"x": 2.0}).outputs()
    recorded = loads(dumps(outputs))
    assert objective.score(recorded["terms"]).loss == outputs["loss"] == 24.0


@pytest.mark.parametrize("where", ["loss", "quantity", "residual", "reduce"])
def test_a_type_error_of_the_users_is_raised_as_it_is_and_nothing_runs_twice(where):
    calls = []

    def wrong(*args, **kwargs):
        calls.append(args)
        return 1 + "one"

    def fine(x):
        return x

    objective = {
        "loss": lambda: CombinedObjective([Term(fine, loss=wrong)]),
        "quantity": lambda: CombinedObjective([Term(lambda x: wrong(x), 1.0)]),
        "residual": lambda: CombinedObjective([Term(fine, residual=wrong)]),
        "reduce": lambda: CombinedObjective([Term(fine, 1.0)], reduce=wrong),
    }[where]()
    for n, call in enumerate([objective, objective.evaluate], 1):
        with pytest.raises(TypeError, match="unsupported operand"):
            call({"x": 1.0})
        assert len(calls) == n


@pytest.mark.parametrize("engine", [False, True])
def test_a_term_that_changes_what_it_is_given_changes_nothing_else(engine):
    def greedy(p, table):
        p["Ar"]["epsilon"] = p["grid"][0] = p["cutoff"] = table["a"][0] = -1.0
        return 0.0

    def takes_one(Ar):
        Ar.clear()
        return 0.0

    def honest(p, table):
        return p["Ar"]["epsilon"] + p["grid"][0] + p["cutoff"] + table["a"][0]

    params = {"Ar": {"epsilon": 1.0}, "grid": [2.0], "cutoff": 3.0}
    inputs = {"table": {"a": np.array([4.0])}}
    objective = CombinedObjective(
        [
            Term(greedy, 0.0, inputs=inputs),
            Term(takes_one, 0.0),
            Term(honest, 10.0, inputs=inputs),
            Term(greedy, 0.0, inputs=inputs),
        ]
    )
    with co.threads(1) as place:
        for _ in range(2):
            assert (objective.on(place) if engine else objective)(params) == 0.0
    assert params == {"Ar": {"epsilon": 1.0}, "grid": [2.0], "cutoff": 3.0}
    assert inputs["table"]["a"] == [4.0]


def test_what_losses_are_given_is_a_copy():
    def greedy(quantities):
        quantities["f"][0] = quantities["new"] = 0.0
        return 1.0

    objective = CombinedObjective([Term(lambda x: {"f": [x]}, loss=greedy)])
    assert objective.quantities({"x": 2.0}) == {"<lambda>": {"f": [2.0]}}


def test_deterministic_terms_are_never_run_twice_at_an_engine():
    calls = []

    def counted(x):
        calls.append(x)
        return x

    with co.threads(2) as engine:
        objective = CombinedObjective([Term(counted, 0.0, deterministic=True)], engine=engine)
        assert [objective({"x": 2.0, "other": float(i)}) for i in range(5)] == [4.0] * 5
    assert calls == [2.0]


def test_a_plain_call_costs_little():
    params = {"x": 1.0}
    terms = [Term(lambda p: p["x"], 0.0, name=str(i)) for i in range(64)]
    objective = CombinedObjective(terms)
    objective(params)
    assert min(repeat(lambda: objective(params), number=1, repeat=200)) < 168e-6  # s: what it was elsewhere
