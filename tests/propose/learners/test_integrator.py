"""Integrals against closed forms, in any order and with any number of points out; what cannot be integrated says so."""

from __future__ import annotations

import math
import random
from math import atan, erf, pi, sqrt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.protocols import Exhausted, Later
from propose.learners.moves import moves, wander

scipy = pytest.importorskip("scipy")


def oscillating() -> float:
    """The integral of sin(1 / (x + 1e-3)) on [0, 1]: with u = 1 / (x + 1e-3), of sin(u) / u²."""
    from scipy.special import sici

    def primitive(u: float) -> float:
        return float(sici(u)[1]) - math.sin(u) / u

    return primitive(1e3) - primitive(1 / 1.001)


def beating(x: float) -> float:
    """The primitive of x sin(30 x) cos(5 x), which is x (sin 35x + sin 25x) / 2."""
    return sum(math.sin(k * x) / k**2 - x * math.cos(k * x) / k for k in (35, 25)) / 2


CASES = {
    "sin 1/x": (lambda x: math.sin(1 / (x + 1e-3)), (0, 1), oscillating()),
    "root": (lambda x: x**0.5, (0, 1), 2 / 3),
    "cusp": (lambda x: abs(x - 1 / 3) ** 0.1, (0, 1), ((1 / 3) ** 1.1 + (2 / 3) ** 1.1) / 1.1),
    "beats": (lambda x: x * math.sin(30 * x) * math.cos(5 * x), (0, 2 * pi), beating(2 * pi)),
    "step": (lambda x: float(x > 0.3), (0, 1), 0.7),
    "normal": (lambda x: math.exp(-x * x), (-100, 100), sqrt(pi) * erf(100)),
    "exponential": (math.exp, (0, 1), math.e - 1),
    "singular": (lambda x: x**-0.5, (0, 1), 2.0),
    "more singular": (lambda x: x**-0.9, (0, 1), 10.0),
    "logarithm": (math.log, (0, 1), -1.0),
    "peak": (lambda x: 1 / (1e-4 + (x - 0.4) ** 2), (-1, 1), 100 * (atan(60) + atan(140))),
    "bend": (lambda x: math.tanh(50 * x), (-1, 2), (math.log(math.cosh(100)) - math.log(math.cosh(50))) / 50),
    "Runge": (lambda x: 1 / (1 + 25 * x * x), (-1, 1), 2 * atan(5) / 5),
    "wave": (lambda x: math.cos(200 * x), (0, 1), math.sin(200) / 200),
    "inner": (lambda x: abs(x - 0.25) ** -0.1, (0, 1), (0.25**0.9 + 0.75**0.9) / 0.9),
    "nothing": (lambda x: 0.0, (0, 1), 0.0),
}
RECORDED = {
    "sin 1/x": {1e-3: 2127, 1e-8: 7083},
    "root": {1e-3: 101, 1e-8: 633},
    "cusp": {1e-3: 207, 1e-8: 1059},
    "beats": {1e-3: 1341, 1e-8: 2177},
    "step": {1e-3: 161, 1e-8: 395},
    "normal": {1e-3: 267, 1e-8: 471},
    "exponential": {1e-3: 33, 1e-8: 33},
    "singular": {1e-3: 249, 1e-8: 1161},
    "more singular": {1e-3: 1497, 1e-8: 6351},
    "peak": {1e-3: 201, 1e-8: 515},
    "logarithm": {1e-3: 281, 1e-8: 1103},
    "bend": {1e-3: 127, 1e-8: 261},
    "Runge": {1e-3: 95, 1e-8: 343},
    "wave": {1e-3: 1287, 1e-8: 1767},
}
"""Evaluations that adaptive 1.5.2 makes at these tolerances, one after the other."""


def value(f, x):
    try:
        y = f(x)
    except (ZeroDivisionError, ValueError):
        return None
    return y if math.isfinite(y) else None


def run(learner, f, width=1, order=None, most=30_000):
    """Tells an integrator what it asks for, with so many points out, in their order or a random one."""
    out: list[float] = []
    asked: set[float] = set()
    while not learner.done() and learner.npoints < most:
        points, _ = learner.ask(width - len(out))
        assert not asked & set(points)
        asked |= set(points)
        out += points
        assert out
        x = out.pop(order.randrange(len(out)) if order else 0)
        learner.tell(x, value(f, x))
    return learner


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tol", [1e-3, 1e-8])
def test_integrals_are_those_of_closed_forms(name, tol):
    f, bounds, truth = CASES[name]
    learner = run(co.IntegratorLearner(bounds, tol), f)
    estimate = learner.learned()
    assert learner.done()
    assert learner.method.why == ""
    assert learner.loss() <= 1
    assert estimate.error <= tol * (abs(estimate.value) or 1)
    assert abs(estimate.value - truth) <= estimate.error + 1e-15 * abs(truth)
    assert estimate.n == learner.npoints
    assert learner.ask(3) == ([], [])
    assert learner.npoints <= 1.1 * RECORDED.get(name, {}).get(tol, math.inf)


@pytest.mark.parametrize("name", ["sin 1/x", "root", "step", "singular", "peak", "inner"])
@pytest.mark.parametrize("width", [3, 17, 100])
def test_any_number_may_be_out_and_come_in_any_order(name, width):
    f, bounds, truth = CASES[name]
    learner = run(co.IntegratorLearner(bounds, 1e-6), f, width, random.Random(width))
    estimate = learner.learned()
    assert abs(estimate.value - truth) <= estimate.error <= 1e-6 * abs(estimate.value)
    alone = run(co.IntegratorLearner(bounds, 1e-6), f)
    assert learner.npoints <= 2 * alone.npoints + 3 * width


def test_polynomials_take_the_first_rule():
    learner = run(co.IntegratorLearner((-1, 3), 1e-10), lambda x: 5 * x**4 - 3 * x**2)
    assert learner.learned().value == pytest.approx(243 + 1 - 27 - 1, rel=1e-14)
    assert learner.npoints == 17


def test_the_integral_is_made_of_intervals_that_cover_it_once():
    f, bounds, _ = CASES["cusp"]
    learner = run(co.IntegratorLearner(bounds, 1e-9), f, 10, random.Random(1))
    partition, live = learner.method._partition, []
    todo = [partition.root]
    while todo:
        piece = todo.pop()
        if piece.live:
            live.append(piece)
        todo += piece.halves or ()
    live.sort(key=lambda piece: piece.lo)
    assert [live[0].lo, *(piece.hi for piece in live)] == [*(piece.lo for piece in live), live[-1].hi]
    assert (live[0].lo, live[-1].hi) == bounds
    assert partition.value.get() == pytest.approx(math.fsum(piece.value for piece in live), rel=1e-15)
    assert partition.error.get() == pytest.approx(math.fsum(piece.error for piece in live), rel=1e-12)


@pytest.mark.parametrize(
    ("f", "bounds"),
    [
        (lambda x: 1 / x, (0, 1)),
        (lambda x: 1 / x, (-1, 2)),
        (lambda x: x**-2, (0, 1)),
        (lambda x: 1 / abs(x - 1 / 3), (0, 1)),
    ],
)
@pytest.mark.parametrize("width", [1, 16])
def test_divergence_is_seen(f, bounds, width):
    learner = run(co.IntegratorLearner(bounds, 1e-6), f, width)
    assert learner.done()
    assert "the integral seems to diverge" in learner.method.why
    assert learner.learned().error == math.inf
    assert learner.npoints < 3000
    assert learner.ask(1) == ([], [])


def test_an_interval_without_values_ends_it():
    learner = run(co.IntegratorLearner((0, 1), 1e-6), lambda x: x if x < 0.5 else math.nan)
    assert learner.method.why == "there is no value between 0.5 and 1"
    assert learner.learned().error == math.inf
    learner = co.IntegratorLearner((0, 1))
    for x in learner.ask(17)[0]:
        learner.tell(x, None)
    assert learner.done()
    assert learner.suggest(1) == Exhausted("there is no value between 0 and 1")
    with pytest.raises(LearnerError, match="nothing is known yet"):
        learner.learned()


def test_single_holes_are_left_out():
    def failing(x):
        return None if random.Random(x).random() < 0.05 else math.exp(-x * x)

    learner = co.IntegratorLearner((-3, 3), 1e-10)
    while not learner.done():
        for x in learner.ask(1)[0]:
            learner.tell(x, failing(x))
    assert learner.holes
    assert learner.method.why == ""
    assert learner.learned().value == pytest.approx(sqrt(pi) * erf(3), rel=1e-10)


def test_rounding_ends_it():
    learner = run(co.IntegratorLearner((-1, 1), 1e-10), math.sin)
    assert learner.done()
    assert learner.method.why.startswith("rounding is in the way: the error is ")
    assert abs(learner.learned().value) <= learner.learned().error < 1e-14
    assert learner.suggest(1) == Exhausted(learner.method.why)
    assert learner.npoints < 200
    absolute = run(co.IntegratorLearner((-1, 1), 1e-10, atol=1e-12), math.sin)
    assert absolute.method.why == ""
    steep = run(co.IntegratorLearner((0, 1), 1e-9), lambda x: abs(x - 0.25) ** -0.5)
    assert "rounding" in steep.method.why
    assert steep.npoints < 3000
    assert abs(steep.learned().value - 1 - sqrt(3)) <= steep.learned().error < 1e-6
    wave = run(co.IntegratorLearner((0, 1), 1e-14), CASES["wave"][0])
    assert "rounding" in wave.method.why
    assert wave.learned().value == pytest.approx(CASES["wave"][2], abs=1e-15)


def test_it_waits_where_more_would_not_help():
    learner = co.IntegratorLearner((0, 1))
    assert len(learner.ask(100)[0]) == 17
    assert learner.suggest(5) == Later()
    assert learner.method.gain() == 0
    learner.tell_many(list(learner.pending_points), [1.0] * 17)
    assert learner.done()
    assert learner.learned().value == pytest.approx(1.0)
    assert learner.suggest(5) == Exhausted("nothing is left to learn")


def test_predictions_come_before_values():
    learner = run(co.IntegratorLearner((-1, 1), 1e-12), CASES["Runge"][0])
    assert 0 < learner.error(0.5) < learner.error(0.9) < 1e-2


def test_points_that_are_no_nodes_are_refused():
    learner = co.IntegratorLearner((0, 2))
    for point, why in {0.3: "no node", -1: "not within", math.nan: "finite", "a": "number", None: "number"}.items():
        with pytest.raises(LearnerError, match=why):
            learner.tell(point, 1.0)
    learner.tell(1, 5)
    assert dict(learner.data) == {1.0: 5.0}
    assert 1.0 not in learner.ask(17)[0]


@pytest.mark.parametrize("bad", [math.inf, "1", True, [1.0], 1j, 10**400])
def test_what_is_no_number_is_refused_and_changes_nothing(bad):
    learner = co.IntegratorLearner((0, 1))
    points, _ = learner.ask(2)
    with pytest.raises(LearnerError, match=r"the value at 0\.0: expected a"):
        learner.tell(points[0], bad)
    assert list(learner.pending_points) == points
    assert not learner.data


def test_the_unit_of_values_does_not_matter():
    f = CASES["cusp"][0]
    plain = run(co.IntegratorLearner((0, 1), 1e-6), f)
    for unit in (2.0**-900, 2.0**900):
        scaled = run(co.IntegratorLearner((0, 1), 1e-6), lambda x, unit=unit: unit * f(x))
        assert scaled.data == {x: unit * y for x, y in plain.data.items()}
        assert scaled.learned().value == unit * plain.learned().value
    with pytest.raises(LearnerError, match="too large to be integrated"):
        co.IntegratorLearner((0, 1)).tell(0, 1e300)
    with pytest.raises(LearnerError, match="too large to be integrated"):
        co.IntegratorLearner((0, 1e200)).tell(0, 1e100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1, 0),), "the lower bound must be below"),
        (((0, math.inf),), "finite bounds"),
        ((((0, 1), (0, 1)),), "expected one interval, got 2"),
        (((-1e308, 1e308),), "expected a plain interval"),
        (((1.0, 1.0 + 1e-15),), "expected a plain interval"),
        ((co.Real(1, 10, log=True),), "expected a plain interval"),
        (((0, 1), 0.0), "tol: expected a positive number, got 0.0"),
        (((0, 1), "a"), "tol: expected a number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(LearnerError, match=message):
        co.IntegratorLearner(*arguments)


@settings(deadline=None)
@given(moves, st.sampled_from(["root", "step", "Runge", "singular"]))
def test_random_ways(path, name):
    f, bounds, truth = CASES[name]
    learner = wander(lambda: co.IntegratorLearner(bounds, 1e-4), lambda x: value(f, x), path)
    learner.remove_unfinished()
    if not learner.done():
        run(learner, f, 4)
    if learner.method.why == "":
        assert abs(learner.learned().value - truth) <= 30 * learner.learned().error + 1e-12


def test_a_copy_knows_the_same_and_goes_on():
    f, bounds, _ = CASES["cusp"]
    whole = run(co.IntegratorLearner(bounds, 1e-6), f)
    half = run(co.IntegratorLearner(bounds, 1e-6), f, most=whole.npoints // 2)
    copy = half.new()
    copy.copy_from(half)
    assert copy.learned().value == half.learned().value
    assert copy.learned().error == pytest.approx(half.learned().error, rel=1e-12)
    run(copy, f)
    assert set(copy.data) == set(whole.data)
    assert copy.learned().value == pytest.approx(whole.learned().value, rel=1e-15)


def test_a_copy_of_what_was_done_in_parallel_is_as_good():
    f, bounds, truth = CASES["singular"]
    learner = run(co.IntegratorLearner(bounds, 1e-6), f, 16, random.Random(1))
    copy = learner.new()
    points = list(learner.data)
    random.Random(2).shuffle(points)
    for x in points:
        copy.tell(x, learner.data[x])
    copy.copy_from(learner)
    assert list(copy.holes) == [0.0]
    run(copy, f)
    assert copy.learned().value == pytest.approx(truth, rel=1e-6)
    assert copy.npoints <= learner.npoints + 64


@pytest.mark.parametrize("seed", range(5))
def test_nodes_may_be_told_before_they_are_asked_for(seed):
    f, bounds, truth = CASES["cusp"]
    given_ = list(run(co.IntegratorLearner(bounds, 1e-7), f).data.items())
    order = random.Random(seed)
    order.shuffle(given_)
    learner = co.IntegratorLearner(bounds, 1e-6)
    while not learner.done():
        if given_ and order.random() < 0.7:
            learner.tell(*given_.pop())
        for x in learner.ask(order.randrange(3))[0]:
            learner.tell(x, f(x))
    assert abs(learner.learned().value - truth) <= learner.learned().error <= 1e-6 * truth


def test_a_hole_may_get_a_value_later():
    learner = co.IntegratorLearner((0, 1), 1e-6)
    learner.tell(0.0, None)
    learner.tell(0.0, 1.0)
    assert not learner.holes
    assert run(learner, math.exp).learned().value == pytest.approx(math.e - 1, rel=1e-6)


def test_a_campaign_is_continued_as_if_it_had_not_stopped(tmp_path: Path):
    f, bounds, truth = CASES["singular"]

    def made():
        learner = co.IntegratorLearner({"r": bounds}, 1e-4, output="energy")
        return learner, co.Campaign(learner, co.simulator(lambda r: f(r), version="1"), co.inline(), run=tmp_path / "r")

    made()[1].run(co.evaluations(50))
    made()[1].run(co.evaluations(60))
    learner, campaign = made()
    campaign.run()
    alone = run(co.IntegratorLearner(bounds, 1e-4), f)
    assert learner.data == alone.data
    assert list(learner.holes) == [0.0]
    assert learner.learned() == alone.learned()
    assert learner.learned().value == pytest.approx(truth, rel=1e-4)


def test_a_campaign_with_several_workers_ends():
    f, bounds, truth = CASES["root"]
    learner = co.IntegratorLearner(bounds, 1e-6)
    co.Campaign(learner, f, co.threads(4)).run()
    assert learner.done()
    assert learner.learned().value == pytest.approx(truth, rel=1e-6)


def test_a_campaign_of_a_divergent_integral_says_so():
    result = co.Campaign(co.IntegratorLearner((0, 1)), lambda x: 1 / x, co.threads(2)).run()
    assert result.reason == "the values grow without bound near 0: the integral seems to diverge"
    assert result.tally.counted < 5000
