"""Global methods against plain scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import cohobate as co
from cohobate.core.errors import UserError
from propose.optimisers.bench import Bench

LO, HI = (-3.0, -2.0), (3.0, 2.0)
BOUNDS = list(zip(LO, HI, strict=True))
PROBLEM = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, (co.Output("f", "minimize"),))


def f(x, y):
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + 4 * (y * y - 1) * y * y


def plainly(run, *asked, **named):
    points = []

    def fun(at):
        points.append(tuple(np.clip(at, LO, HI)))
        return f(*at)

    return run(fun, *asked, **named), points


def test_generations_of_differential_evolution_are_evaluated_at_once():
    asked = {"popsize": 6, "maxiter": 5}
    at_once = {"updating": "deferred", "workers": map}
    rng = np.random.default_rng([3, 0])
    wanted, points = plainly(optimize.differential_evolution, BOUNDS, rng=rng, **at_once, **asked)
    bench = Bench(f)
    value = co.optimisers.differential_evolution(PROBLEM, seed=3, **asked).steer(bench, 0)
    assert bench.points == points
    assert (value["x"], value["fun"], value["nit"]) == (wanted.x.tolist(), wanted.fun, wanted.nit)
    assert bench.batches[:6] == [12] * 6


def test_dual_annealing():
    wanted, points = plainly(optimize.dual_annealing, BOUNDS, rng=np.random.default_rng([1, 0]), maxiter=20)
    bench = Bench(f)
    value = co.optimisers.dual_annealing(PROBLEM, seed=1, maxiter=20).steer(bench, 0)
    assert bench.points == points
    assert (value["x"], value["fun"]) == (wanted.x.tolist(), wanted.fun)


def test_basinhopping():
    local = {"method": "L-BFGS-B", "bounds": BOUNDS}
    asked = {"niter": 8, "stepsize": 2.5}
    rng = np.random.default_rng([0, 0])
    wanted, points = plainly(optimize.basinhopping, [2.5, 1.5], rng=rng, minimizer_kwargs=local, **asked)
    bench = Bench(f)
    value = co.optimisers.basinhopping(PROBLEM, [2.5, 1.5], **asked).steer(bench, 0)
    assert bench.points == points
    assert (value["x"], value["fun"]) == (wanted.x.tolist(), wanted.fun)


def test_what_is_filled_in_may_not_be_given():
    with pytest.raises(UserError, match="differential_evolution: leave out workers: it is filled in"):
        co.optimisers.differential_evolution(PROBLEM, workers=2)


def test_closed_gives_the_best_so_far():
    bench = Bench(f, limit=40)
    value = co.optimisers.differential_evolution(PROBLEM).steer(bench, 0)
    assert value["fun"] == min(f(*at) for at in bench.points[:30])
