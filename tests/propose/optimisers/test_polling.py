"""Pattern search: where it ends, that all wait for none, and that what is hopeless is given up."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import CallFailed, UserError
from cohobate.core.protocols import Chosen
from cohobate.ledger import codec
from propose.optimisers.bench import Again, Bench
from propose.optimisers.clock import Clock

PROBLEM = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, (co.Output("f", "minimize"),))
SIX = co.Problem({name: co.Real(-3, 3) for name in "abcdef"}, (co.Output("f", "minimize"),))


def bowl(x, y):
    return (x - 1) ** 2 + 3 * (y + 0.5) ** 2 + 0.5 * x * y


MINIMUM = np.linalg.solve([[2, 0.5], [0.5, 6]], [2, -3])


def six(**at):
    return sum((k + 1) * (value - 0.1 * k) ** 2 for k, value in enumerate(at.values()))


@pytest.mark.parametrize("at_once", [None, 1, 3, 12])
def test_the_optimum_is_found_and_the_same_log_gives_the_same_end(at_once):
    bench = Bench(bowl, slots=3, seed=1)
    body = co.optimisers.pattern_search(PROBLEM, [-2, 1.5], at_once=at_once, tol=1e-5)
    value = body.steer(bench, 0)
    assert value["x"] == pytest.approx(MINIMUM, abs=1e-3)
    assert value["nfev"] == len(bench.rows)
    assert value["success"]
    assert codec.loads(codec.dumps(value)) == value
    assert body.steer(Again(bench), 0) == value


def test_all_directions_are_polled_at_once_with_the_value_to_beat():
    bench = Bench(bowl, limit=1)
    co.optimisers.pattern_search(PROBLEM, [0, 0]).steer(bench, 0)
    polls = bench.rows[1:]
    assert all(isinstance(one, Chosen) and one.bound == bowl(0, 0) for one in polls)
    assert sorted(tuple(one.inputs.values()) for one in polls) == [
        pytest.approx(at) for at in ((-0.6, 0), (0, -0.4), (0, 0.4), (0.6, 0))
    ]


def test_bounds_are_kept_and_a_corner_is_an_end():
    problem = co.Problem({"x": co.Real(1.5, 3), "y": co.Real(0, 2)}, PROBLEM.outputs)
    value = co.optimisers.pattern_search(problem, [2, 1.5]).steer(bench := Bench(bowl), 0)
    assert value["x"] == [1.5, 0.0]
    assert all(1.5 <= x <= 3 and 0 <= y <= 2 for x, y in bench.points)


def test_without_bounds_and_by_logarithms():
    problem = co.Problem({"x": co.Real(-inf, inf), "y": co.Real(-inf, inf, log=True)}, PROBLEM.outputs)
    search = co.optimisers.pattern_search(problem, [10.0, 5.0], tol=1e-5)
    value = search.steer(Bench(lambda x, y: (x - 30) ** 2 + np.log(y / 0.01) ** 2), 0)
    assert value["x"] == pytest.approx([30, 0.01], rel=1e-2)


def test_noise_does_not_lead_it_astray():
    rng = np.random.default_rng(3)
    search = co.optimisers.pattern_search(PROBLEM, [-2, 1.5], least=0.02, tol=1e-2)
    value = search.steer(Bench(lambda x, y: bowl(x, y) + 0.005 * rng.standard_normal()), 0)
    assert value["x"] == pytest.approx(MINIMUM, abs=0.2)


def test_failures_are_no_better_and_maximize():
    def holed(x, y):
        if x < 0.5:
            raise ArithmeticError("no convergence")
        return -bowl(x, y)

    problem = co.Problem(PROBLEM.variables, (co.Output("f", "maximize"),))
    value = co.optimisers.pattern_search(problem, [0.6, 1.5], tol=1e-5).steer(bench := Bench(holed), 0)
    assert value["x"] == pytest.approx(MINIMUM, abs=1e-3)
    assert bench.rows[1].bound == -bowl(0.6, 1.5)
    with pytest.raises(CallFailed, match="ArithmeticError: no convergence"):
        co.optimisers.pattern_search(problem, [0.6, 1.5], failed="raise").steer(Bench(holed), 0)
    with pytest.raises(CallFailed, match="there is no value yet"):
        co.optimisers.pattern_search(problem, [0, 0]).steer(Bench(holed), 0)


@pytest.mark.parametrize("workers", [4, 12, 16])
def test_none_waits_for_the_slowest(workers):
    clock = Clock(six, workers=workers, limit=300)
    co.optimisers.pattern_search(SIX, [2] * 6, at_once=workers, tol=1e-9).steer(clock, 0)
    assert clock.utilisation > 0.85


def test_giving_up_changes_no_step_and_saves_time():
    seconds, values = [], []
    for aborts in (False, True):
        clock = Clock(six, workers=1, limit=10_000, slow=0.0, aborts=aborts)
        values.append(co.optimisers.pattern_search(SIX, [2] * 6, at_once=1).steer(clock, 0))
        seconds.append(clock.now)
    assert values[0]["x"] == values[1]["x"]
    assert (values[0]["aborted"], values[1]["aborted"]) == (0, clock.cancelled)
    assert seconds[1] < 0.7 * seconds[0]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"tol": 1}, "pattern_search: expected 0 < tol <= step, got tol=1 and step=0.1"),
        ({"least": -1}, "pattern_search: least must be a finite number of at least 0, got -1"),
        ({"at_once": 0}, "pattern_search: at_once must be a whole number of at least 1, got 0"),
        ({"scale": False}, "pattern_search: its steps are in units of scale"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.pattern_search(PROBLEM, **asked)
    assert str(raised.value).startswith(line)
