"""CMA-ES against the package itself, and without generations."""

from __future__ import annotations

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import CallFailed, UserError
from cohobate.ledger import codec
from propose.optimisers.bench import Again, Bench
from propose.optimisers.clock import Clock

cma = pytest.importorskip("cma")
PROBLEM = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2), "z": co.Real(0, 5)}, (co.Output("f", "minimize"),))


def f(x, y, z):
    return 10 * (y - x * x) ** 2 + (1 - x) ** 2 + (z - 3) ** 2


def plainly(seed, **options):
    lo, width = np.array([-3, -2, 0]), np.array([6.0, 4.0, 5.0])
    rng = np.random.default_rng([seed, 0])
    ours = {"bounds": [0, 1], "randn": lambda *shape: rng.standard_normal(shape), "seed": np.nan, "verbose": -9}
    strategy, points = cma.CMAEvolutionStrategy([0.5] * 3, 0.25, {**ours, **options}), []
    while not strategy.stop():
        asked = strategy.ask()
        points += [lo * (1 - u) + (lo + width) * u for u in asked]
        strategy.tell(asked, [f(*at) for at in points[-len(asked) :]])
    return points


def test_generations_are_those_of_cma():
    bench = Bench(f)
    value = co.optimisers.cma(PROBLEM, seed=2, options={"maxfevals": 140}).steer(bench, 0)
    points = plainly(2, maxfevals=140)
    assert np.array(bench.points) == pytest.approx(np.array(points), abs=1e-12)
    assert value["nfev"] == len(points)
    assert value["fun"] == min(f(*at) for at in bench.points)
    assert codec.loads(codec.dumps(value)) == value


@pytest.mark.parametrize("at_once", [None, 4, 12])
def test_the_optimum_is_found_and_the_same_log_gives_the_same_end(at_once):
    bench = Bench(f, slots=4, seed=1)
    body = co.optimisers.cma(PROBLEM, at_once=at_once, options={"tolfun": 1e-9, "maxfevals": 4000})
    value = body.steer(bench, 0)
    assert value["x"] == pytest.approx([1, 1, 3], abs=1e-3)
    np.random.seed(7)
    assert body.steer(Again(bench), 0) == value


def test_without_generations_so_many_are_always_handed_in():
    waiting = []
    bench = Bench(lambda x, y, z: waiting.append(len(bench.queue) + 1) or f(x, y, z), slots=5, seed=3, limit=200)
    value = co.optimisers.cma(PROBLEM, at_once=5).steer(bench, 0)
    assert set(waiting) == {5}
    assert not value["success"]
    assert value["message"].startswith("the campaign stopped")


def test_failures_and_maximize():
    def holed(x, y, z):
        if x < 0:
            raise ArithmeticError("no convergence")
        return -f(x, y, z)

    problem = co.Problem(PROBLEM.variables, (co.Output("f", "maximize"),))
    value = co.optimisers.cma(problem, options={"tolfun": 1e-9}).steer(Bench(holed), 0)
    assert value["x"] == pytest.approx([1, 1, 3], abs=1e-3)
    assert value["fun"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(CallFailed, match="ArithmeticError: no convergence"):
        co.optimisers.cma(problem, failed="raise").steer(Bench(holed), 0)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"sigma0": 2}, "cma: sigma0 must be within (0, 1], a share of the bounds, got 2"),
        ({"popsize": 2}, "cma: popsize must be a whole number of at least 3, got 2"),
        ({"options": {"seed": 1}}, "cma: leave out the option seed: it is filled in from the arguments"),
        ({"x0": [0, 0, 9]}, "cma: x0 must be within the bounds, got z=9.0 of [0, 5]"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.cma(PROBLEM, **asked)
    assert str(raised.value) == line


@pytest.mark.parametrize("at_once", [None, 5])
def test_failures_before_any_value_are_no_end(at_once):
    calls = iter(range(10_000))

    def late(x, y, z):
        if next(calls) < 12:
            raise ArithmeticError("no convergence")
        return f(x, y, z)

    body = co.optimisers.cma(PROBLEM, at_once=at_once, options={"tolfun": 1e-9})
    value = body.steer(bench := Bench(late, slots=3, seed=1), 0)
    assert value["x"] == pytest.approx([1, 1, 3], abs=1e-3)
    assert value["nfev"] == len([one for one in bench.trials if one not in bench.queue])


@pytest.mark.parametrize("workers", [4, 16])
def test_none_waits_for_the_slowest(workers):
    clock = Clock(f, workers=workers, limit=300)
    co.optimisers.cma(PROBLEM, at_once=workers).steer(clock, 0)
    assert clock.utilisation > 0.99
