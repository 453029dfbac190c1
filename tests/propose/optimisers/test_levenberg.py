"""Our least squares: few evaluations, several at once, bounds, failures, noise, losses and given slopes."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from scipy import optimize

import cohobate as co
from cohobate.core.errors import CallFailed, UserError
from cohobate.ledger import codec
from fit.lattice import ARGON, CONSTANTS, distances, energies
from fit.nist.problems import read
from propose.optimisers.bench import Again, Bench

OUTPUTS = (co.Output("loss", "minimize"), co.Output("residuals", shape=None))
TIMES = np.linspace(0, 3, 8)
DATA = 2.5 * np.exp(-1.3 * TIMES) + 0.01 * np.cos(9 * TIMES)
DECAY = co.Problem({"a": co.Real(-inf, inf), "k": co.Real(-inf, inf)}, (co.Output("r", shape=None),))


def decay(a, k):
    return {"r": a * np.exp(-k * TIMES) - DATA}


def slopes(at):
    a, k = at
    return np.stack([np.exp(-k * TIMES), -a * TIMES * np.exp(-k * TIMES)], axis=1)


def fit(problem, x0, f, name="r", *, bench=None, **options):
    bench = bench or Bench(f)
    body = co.optimisers.least_squares(problem, x0, name, method="levenberg-marquardt", **options)
    return body.steer(bench, 0), bench


def argon(constants):
    shells = [distances(a) for a in constants]
    target = energies(*ARGON, shells)

    def evaluate(epsilon, sigma):
        r = energies(epsilon, sigma, shells) - target
        return {"loss": float(r @ r), "residuals": r}

    return evaluate


def space(*, log=False, bounded=True):
    lo, hi = ((1e-4, 2.0), (1.0, 5.0)) if bounded else ((-inf, -inf), (inf, inf))
    return co.Problem({"epsilon": co.Real(lo[0], hi[0], log=log), "sigma": co.Real(lo[1], hi[1], log=log)}, OUTPUTS)


def until(evaluate, bench, loss):
    """Returns how many evaluations it took to a loss."""
    losses = [evaluate(*at)["loss"] for at in bench.points]
    return 1 + next(i for i, one in enumerate(losses) if one < loss)


def test_the_lattice_sum_is_that_of_lammps():
    assert energies(*ARGON, [distances(5.26)])[0] == pytest.approx(-0.0842061149449, abs=1e-12)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(
    "constants", [CONSTANTS, np.linspace(5.0, 5.6, 12), np.linspace(5.1, 5.5, 12), 5.26 * np.linspace(0.95, 1.05, 12)]
)
def test_argon_takes_at_most_eighteen_evaluations(constants, bounded, log):
    evaluate = argon(constants)
    value, bench = fit(space(log=log, bounded=bounded), [0.02, 3.0], evaluate, "residuals")
    assert value["x"] == pytest.approx(ARGON, rel=1e-7)
    assert until(evaluate, bench, 1e-12) <= 18
    assert value["success"]


def test_free_workers_save_rounds():
    evaluate = argon(CONSTANTS)
    rounds = [fit(space(), [0.02, 3.0], evaluate, "residuals", at_once=n)[0]["rounds"] for n in (1, 4, 16)]
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[1] <= 0.8 * rounds[0]


def test_what_is_evaluated_is_counted_and_repeated():
    value, bench = fit(DECAY, [1, 1], decay, at_once=3)
    assert value["nfev"] == len(bench.rows)
    assert value["rounds"] == len(bench.batches)
    assert codec.loads(codec.dumps(value)) == value
    assert fit(DECAY, [1, 1], decay, bench=Again(bench), at_once=3)[0] == value


@pytest.mark.parametrize("jac", ["2-point", "3-point", "2-3-point"])
def test_the_end_is_that_of_scipy(jac):
    wanted = optimize.least_squares(lambda at: decay(*at)["r"], [1.0, 1.0], jac=slopes, xtol=1e-15)
    value, _ = fit(DECAY, [1, 1], decay, jac=jac, tol=1e-14)
    assert value["x"] == pytest.approx(wanted.x, rel=1e-6)
    assert value["cost"] == pytest.approx(wanted.cost, rel=1e-12)
    assert np.array(value["jac"]) == pytest.approx(slopes(value["x"]), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("known", ["function", "output"])
def test_slopes_may_be_given(known, log):
    variables = {"a": co.Real(0, inf), "k": co.Real(0, inf)}
    if log:
        variables = {name: co.Real(1e-3, inf, log=True) for name in variables}
    problem = co.Problem(variables, (*DECAY.outputs, co.Output("j", shape=(8, 2))))
    jac = slopes if known == "function" else "j"
    value, bench = fit(problem, [1, 1], lambda a, k: {**decay(a, k), "j": slopes((a, k))}, "r", jac=jac)
    differences, _ = fit(co.Problem(variables, DECAY.outputs), [1, 1], decay)
    assert value["x"] == pytest.approx(differences["x"], rel=1e-5)
    assert set(bench.batches) == {1}
    assert value["nfev"] < differences["nfev"]
    assert np.array(value["jac"]) == pytest.approx(slopes(value["x"]))


@pytest.mark.parametrize("upper", [1.0, 1.3, 2.0])
def test_bounds_are_kept(upper):
    problem = co.Problem({"a": co.Real(0, 2), "k": co.Real(0, upper)}, DECAY.outputs)
    wanted = optimize.least_squares(lambda at: decay(*at)["r"], [1.0, 0.5], bounds=([0, 0], [2, upper]), xtol=1e-14)
    value, bench = fit(problem, [1, 0.5], decay)
    assert value["x"] == pytest.approx(wanted.x, abs=1e-5)
    assert value["cost"] <= wanted.cost * (1 + 1e-8)
    assert all(0 <= a <= 2 and 0 <= k <= upper for a, k in bench.points)


def test_a_start_at_a_bound_leaves_it():
    problem = co.Problem({"a": co.Real(1, 10), "k": co.Real(0, 1)}, DECAY.outputs)
    value, _ = fit(problem, [10, 1], decay)
    wanted = optimize.least_squares(lambda at: decay(*at)["r"], [2.0, 0.5], bounds=([1, 0], [10, 1]), xtol=1e-14)
    assert value["x"] == pytest.approx(wanted.x, abs=1e-5)


@pytest.mark.parametrize("at_once", [1, 6])
def test_a_failed_step_is_a_step_too_far(at_once):
    evaluate = argon(CONSTANTS)

    def holed(epsilon, sigma):
        if sigma > 3.41 or epsilon < 0:
            raise ArithmeticError("no convergence")
        return evaluate(epsilon, sigma)

    value, bench = fit(space(bounded=False), [0.02, 3.0], holed, "residuals", at_once=at_once)
    assert value["x"] == pytest.approx(ARGON, rel=1e-7)
    assert any(sigma > 3.41 or epsilon < 0 for epsilon, sigma in bench.points)


def test_a_failed_difference_is_made_the_other_way():
    def cliff(a, k):
        if 1 < a < 1 + 1e-6:
            raise ArithmeticError("no convergence")
        return decay(a, k)

    value, bench = fit(DECAY, [1, 1], cliff)
    assert value["success"]
    assert [round((a - 1) * 1e8, 1) for a, k in bench.points[1:4]] == [1.5, 0, -1.5]


def test_what_always_fails_beside_a_point_is_left_as_it_is():
    def lone(a, k):
        if a != 1:
            raise ArithmeticError("no convergence")
        return decay(a, k)

    value, _ = fit(DECAY, [1, 1], lone, tol=1e-14)
    wanted = optimize.least_squares(lambda at: decay(1, *at)["r"], [1.0], ftol=1e-15, xtol=1e-15, gtol=1e-15)
    assert value["x"] == pytest.approx([1, wanted.x[0]], rel=1e-5)


@pytest.mark.parametrize("failed", ["worst", "raise"])
def test_where_the_start_fails_there_is_nothing_to_go_on_from(failed):
    with pytest.raises(CallFailed, match=r"trial 0 failed \(raised\): ZeroDivisionError"):
        fit(DECAY, [1, 1], lambda a, k: 1 / 0, failed=failed)


@pytest.mark.parametrize(("name", "most"), [("Misra1a", 0.1), ("Chwirut2", 0.1), ("Gauss1", 0.1), ("Rat43", 0.1)])
def test_noise_makes_differences_as_large_as_they_must_be(name, most):
    problem, rng = read(name), np.random.default_rng(0)
    size = 1e-6 * np.abs(problem.data[:, 0])
    names = [f"b{i}" for i in range(len(problem.certified))]
    wanted = co.Problem({one: co.Real(-inf, inf) for one in names}, (co.Output("r", shape=None),))

    def noisy(**b):
        return {"r": problem.residuals(np.array(list(b.values()))) + size * rng.standard_normal(len(size))}

    value, _ = fit(wanted, problem.starts[1], noisy, noise=1e-6, tol=1e-8, max_nfev=500)
    off = np.abs(np.array(value["x"]) - problem.certified) / problem.errors
    assert off.max() < most


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_losses_are_those_of_scipy(loss):
    spoilt = DATA + np.where(np.arange(8) == 3, 1.0, 0.0)

    def outlying(a, k):
        return a * np.exp(-k * TIMES) - spoilt

    asked = {"loss": loss, "f_scale": 0.1}
    wanted = optimize.least_squares(lambda at: outlying(*at), [2.0, 1.0], ftol=1e-14, xtol=1e-14, **asked)
    value, _ = fit(DECAY, [2, 1], lambda a, k: {"r": outlying(a, k)}, tol=1e-14, **asked)
    assert value["x"] == pytest.approx(wanted.x, rel=1e-5)
    assert value["cost"] == pytest.approx(wanted.cost, rel=1e-8)


def test_a_coordinate_without_effect_stays():
    problem = co.Problem({**DECAY.variables, "idle": co.Real(-1, 1)}, DECAY.outputs)
    value, _ = fit(problem, [1, 1, 0.25], lambda a, k, idle: decay(a, k))
    plain, _ = fit(DECAY, [1, 1], decay)
    assert value["x"] == pytest.approx([*plain["x"], 0.25], rel=1e-6)


def test_closed_and_max_nfev_give_the_best_so_far():
    value, bench = fit(DECAY, [1, 1], decay, bench=Bench(decay, limit=7))
    costs = [0.5 * float(np.sum(decay(*at)["r"] ** 2)) for at in bench.points]
    assert (value["cost"], value["success"]) == (pytest.approx(min(costs[:7])), False)
    value, bench = fit(DECAY, [1, 1], decay, max_nfev=6)
    assert (value["success"], value["message"]) == (False, "max_nfev evaluations were made")
    assert value["nfev"] <= 6 + 2


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"toll": 1e-3}, "least_squares: levenberg-marquardt has no option 'toll'; did you mean 'tol'?; expected"),
        ({"xtol": -1}, "least_squares: xtol must be a finite number above 0, got -1"),
        ({"jac": "4-point"}, "least_squares: jac='4-point'; did you mean '3-point'?; expected a function or one of"),
        ({"loss": "hubert"}, "least_squares: loss must be one of ['linear', "),
        ({"tol": 0}, "least_squares: tol must be a finite number above 0, got 0"),
        ({"at_once": 0}, "least_squares: at_once must be a whole number of at least 1, got 0"),
        ({"max_nfev": 2.5}, "least_squares: max_nfev must be a whole number of at least 1, got 2.5"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.least_squares(DECAY, [1, 1], "r", method="levenberg-marquardt", **asked)
    assert str(raised.value).startswith(line)
