"""All minima of functions whose minima are known, and the same end from the same log."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy import optimize

import cohobate as co
from cohobate.core.errors import UserError
from cohobate.core.steering import Closed
from cohobate.ledger import codec
from cohobate.propose.optimisers.runs import Manner
from cohobate.propose.optimisers.search import BESIDE, Minimum, Search
from propose.optimisers.bench import Again, Bench

CAMEL = co.Problem({"x": co.Real(-3, 3), "y": co.Real(-2, 2)}, (co.Output("f", "minimize"),))
NEAR = [(0.09, -0.71), (-0.09, 0.71), (1.7, -0.8), (-1.7, 0.8), (1.6, 0.57), (-1.6, -0.57)]


def camel(x, y):
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + 4 * (y * y - 1) * y * y


MINIMA = [optimize.minimize(lambda at: camel(*at), at, tol=1e-10).x for at in NEAR]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "cohobate-inverted"] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_six_minima_of_the_camel_function(seed):
    bench = Bench(camel, slots=4, seed=seed, limit=900)
    value = co.optimisers.aposmm(CAMEL, minima=6, seed=seed).steer(bench, 0)
    found = np.array([one["x"] for one in value["minima"]])
    for at in MINIMA:
        assert np.linalg.norm(found - at, axis=1).min() < 1e-3
    assert [one["fun"] for one in value["minima"]] == sorted(one["fun"] for one in value["minima"])
    assert value["message"] == "6 minima were found"
    assert codec.loads(codec.dumps(value)) == value


@pytest.mark.parametrize("make", [co.optimisers.aposmm, co.optimisers.multistart])
def test_the_same_log_gives_the_same_end(make):
    bench = Bench(camel, slots=3, seed=5, limit=250)
    body = make(CAMEL, seed=1)
    value = body.steer(bench, 0)
    assert body.steer(Again(bench), 0) == value


def test_another_order_of_results_is_another_search_with_the_same_first_points():
    first, second = Bench(camel, slots=4, seed=1, limit=200), Bench(camel, slots=4, seed=2, limit=200)
    for bench in (first, second):
        co.optimisers.aposmm(CAMEL, seed=1).steer(bench, 0)
    assert first.points[:20] == second.points[:20]
    assert first.points != second.points


def test_pending_points_of_a_run_that_comes_to_a_known_minimum_are_cancelled():
    bench = Bench(camel)
    search = Search(bench, CAMEL, Manner("slsqp", 1e-9, {}), 0.5, "aposmm")
    search.sample([{"x": 0.1, "y": -0.7}])
    search.begin(search.take(bench.receive()[0]))
    search.send()
    waiting = [trial.id for trial in bench.pending()]
    assert len(waiting) == 2
    search.minima.append(Minimum(search.cloud.at(0), -1.0316, 20))
    search.judge()
    assert bench.cancelled == set(waiting)
    assert (search.alive, search.waiting) == ([], 2)
    for result in bench.receive():
        search.take(result)
    assert search.waiting == 0


def test_failures_are_not_starts_and_do_not_end_it():
    def holed(x, y):
        if y > 1 or (x < 0 < y):
            raise ArithmeticError("no convergence")
        return camel(x, y)

    bench = Bench(holed, slots=4, seed=1, limit=500)
    value = co.optimisers.aposmm(CAMEL, seed=1).steer(bench, 0)
    found = np.array([one["x"] for one in value["minima"]])
    assert np.linalg.norm(found - MINIMA[0], axis=1).min() < 1e-3


def test_the_largest_are_found_where_these_are_wanted():
    problem = co.Problem(CAMEL.variables, (co.Output("f", "maximize"),))
    bench = Bench(lambda x, y: -camel(x, y), slots=4, seed=1, limit=400)
    value = co.optimisers.aposmm(problem, minima=2, seed=1).steer(bench, 0)
    assert max(one["fun"] for one in value["minima"]) == pytest.approx(1.0316, abs=1e-3)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", BESIDE)
def test_every_start_comes_to_its_minimum(method):
    bench = Bench(camel, slots=4, seed=1)
    value = co.optimisers.multistart(CAMEL, 6, method=method).steer(bench, 0)
    assert sum(one["runs"] for one in value["minima"]) == 6
    for one in value["minima"]:
        x, y = one["x"]
        plain = optimize.minimize(lambda at: camel(*at), one["x"], method="nelder-mead", tol=1e-8)
        early = 0.03 if method == "powell" else 1e-4  # scipy's Powell ends some runs of this function early
        assert camel(x, y) == pytest.approx(plain.fun, abs=early)


def test_what_a_body_raises_ends_all_runs():
    bench = Bench(camel, slots=4, seed=1)
    count = iter(range(10_000))

    def receive(at_least=1, timeout=None, inner=bench.receive):
        if next(count) == 60:
            raise RuntimeError("from the campaign")
        return inner(at_least, timeout)

    bench.receive = receive
    with pytest.raises(RuntimeError, match="from the campaign"):
        co.optimisers.aposmm(CAMEL, seed=1).steer(bench, 0)


def test_a_campaign_that_stops_at_once_has_no_minima():
    class Stopped(Bench):
        def receive(self, at_least=1, timeout=None):
            raise Closed

    value = co.optimisers.aposmm(CAMEL).steer(Stopped(camel), 0)
    assert value["minima"] == []


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"method": "cobyqa"}, "aposmm: method 'cobyqa' cannot run beside others; expected one of ['cobyla'"),
        ({"method": "bfgs"}, "aposmm: method 'bfgs' keeps to no bounds; expected one of ['cobyla'"),
        ({"method": "best"}, "aposmm: method 'best' is unknown; expected one of ['cobyla'"),
        ({"minima": 0}, "aposmm: minima must be a whole number of at least 1, got 0"),
        ({"at_once": 2.5}, "aposmm: at_once must be a whole number of at least 1, got 2.5"),
        ({"sigma": 0}, "aposmm: sigma must be above 0, got 0"),
    ],
)
def test_mistakes_are_one_line(asked, line):
    with pytest.raises(UserError) as raised:
        co.optimisers.aposmm(CAMEL, **asked)
    assert str(raised.value).startswith(line)
