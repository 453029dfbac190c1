"""Learning by a Gaussian process: against what uniform points give, with gradients, noise, holes and in a campaign."""

from __future__ import annotations

import pickle
from math import inf, isnan

import numpy as np
import pytest

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import evaluations
from cohobate.core.errors import LearnerError
from cohobate.engines import inline
from cohobate.learn.interpolants import Interpolant
from cohobate.propose.learners.gaussian import GPLearner
from cohobate.propose.sampling import sobol

DOMAIN = {"x": (-5.0, 10.0), "y": (0.0, 15.0)}
ASKED = np.random.default_rng(0).uniform([-5, 0], [10, 15], (2000, 2))


def branin(point):
    """The test function of Dixon & Szegö 1978, and its gradient."""
    x, y = point
    valley = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    along = 2 * valley * (-5.1 / (2 * np.pi**2) * x + 5 / np.pi) - 10 * (1 - 1 / (8 * np.pi)) * np.sin(x)
    return np.array([valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10, along, 2 * valley])


TRUE = branin(ASKED.T)[0]


def rms(learner):
    """The error of what was learned, relative to the range of the function."""
    return float(np.sqrt(((learner.learned()(ASKED) - TRUE) ** 2).mean()) / np.ptp(TRUE))


def taught(n, *, gradients=False, seed=0, points=None):
    """A learner that was told values at ``points``, or of its own choice."""
    learner = GPLearner(DOMAIN, gradients=gradients, seed=seed)
    for i in range(n):
        point = learner.ask(1)[0][0] if points is None else tuple(points[i])
        learner.tell(point, branin(point) if gradients else float(branin(point)[0]))
    return learner


def test_it_needs_fewer_points_than_uniform_ones():
    uniform = sobol(2, 3, 0, 64) * 15 + [-5, 0]
    assert rms(taught(36)) < 0.6 * rms(taught(36, points=uniform))


def test_gradients_need_fewer_points():
    assert rms(taught(14, gradients=True)) < 0.2 * rms(taught(14))
    assert rms(taught(14, gradients=True)) < 0.01


def test_what_it_says_of_itself_is_true():
    learner = taught(40)
    process = learner.learned()
    off = np.abs(process(ASKED) - TRUE)
    assert off.max() / np.ptp(TRUE) < 2 * process.error
    assert (off < 3 * process.std(ASKED) + 1e-3 * np.ptp(TRUE)).mean() > 0.95
    assert learner.loss() == pytest.approx(process.std(ASKED).max() / np.ptp(TRUE), rel=1.0)
    assert 0 < learner.error() < 1
    slopes = process.derivative(ASKED) - branin(ASKED.T)[1:].T
    assert np.median(np.abs(slopes)) < 1


def test_loss_falls():
    learner = GPLearner(DOMAIN)
    assert learner.loss() == inf
    losses = []
    for n in (10, 20, 40):
        while learner.npoints < n:
            point = learner.ask(1)[0][0]
            learner.tell(point, branin(point)[0])
        losses.append(learner.loss())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("gradients", [False, True])
def test_noise_is_found(gradients):
    rng = np.random.default_rng(5)
    learner = GPLearner((0, 3), noise="estimate", gradients=gradients)
    for _ in range(50):
        (point,), _ = learner.ask(1)
        value = np.array([np.sin(3 * point), 3 * np.cos(3 * point)]) + rng.normal(0, [0.1, 0.2])
        learner.tell(point, value if gradients else value[0])
    process = learner.learned()
    assert 0.07 < process.noise < 0.14
    x = np.linspace(0, 3, 100)
    assert np.abs(process(x) - np.sin(3 * x)).max() < 0.15
    assert f"noise {process.noise:.2g}" in repr(process)


def test_known_noise_is_not_fitted():
    learner = GPLearner((0, 3), noise=0.1)
    rng = np.random.default_rng(6)
    for _ in range(30):
        (point,), _ = learner.ask(1)
        learner.tell(point, np.sin(3 * point) + rng.normal(0, 0.1))
    assert learner.learned().noise == pytest.approx(0.1)


def test_the_same_calls_lead_to_the_same_points():
    first, second, other = taught(16), taught(16), taught(16, seed=1)
    assert list(first.data) == list(second.data) != list(other.data)
    assert first.ask(3) == pickle.loads(pickle.dumps(second)).ask(3)


def test_looking_changes_nothing():
    looked, plain = taught(14), taught(14)
    for learner in (looked, plain):
        learner.ask(2)
    for _ in range(3):
        looked.loss(), looked.loss(real=False), looked.learned(), looked.method.gain()
        looked.ask(4, tell_pending=False)
    assert looked.loss() == plain.loss()
    assert looked.method.gain() == plain.method.gain()
    assert looked.ask(5) == plain.ask(5)


def test_what_is_pending_counts():
    learner = taught(14)
    points, gains = learner.ask(6)
    assert len(set(points)) == 6
    assert gains[0] >= gains[-1]
    assert np.linalg.norm(np.subtract(points[0], points[1])) > 1
    assert learner.loss(real=False) < learner.loss()
    learner.remove_unfinished()
    assert learner.ask(6) == (points, gains)


def test_the_order_of_results_does_not_matter_for_what_is_asked():
    ahead, back = taught(14), taught(14)
    for learner, turn in ((ahead, 1), (back, -1)):
        for point in learner.ask(4)[0][::turn]:
            learner.tell(point, branin(point)[0])
    assert ahead.ask(2)[0] == back.ask(2)[0]


def test_holes_are_left_alone():
    learner = GPLearner({"x": (0, 1), "y": (0, 1)})
    for _ in range(40):
        (point,), _ = learner.ask(1)
        learner.tell(point, None if point[0] > 0.7 and point[1] > 0.7 else point[0] ** 2)
    assert 1 <= len(learner.holes) <= 8
    assert learner.npoints == 40 - len(learner.holes)
    assert learner.loss() < 0.5


def test_a_hole_may_be_told_after_all():
    learner = taught(12)
    (point,), _ = learner.ask(1)
    learner.tell(point, None)
    learner.tell(point, branin(point)[0])
    assert point in learner.data
    assert not learner.holes
    assert np.isfinite(learner.loss())


@pytest.mark.parametrize("axes", [1, 4, 8])
def test_any_number_of_axes(axes):
    learner = GPLearner([(0.0, 1.0)] * axes if axes > 1 else (0.0, 1.0))
    while learner.npoints < 26:
        for point in learner.ask(4)[0]:
            learner.tell(point, float(np.sum(point)))
    middle = [0.5] * axes if axes > 1 else 0.5
    assert learner.learned()(middle) == pytest.approx(0.5 * axes, abs=0.1)


def test_axes_may_be_logarithms():
    from cohobate.core.problem import Real

    learner = GPLearner({"k": Real(1e-3, 1e3, log=True)}, gradients=True)
    for _ in range(12):
        (point,), _ = learner.ask(1)
        learner.tell(point, [np.log(point) ** 2, 2 * np.log(point) / point])
    process = learner.learned()
    assert process(10.0) == pytest.approx(np.log(10) ** 2, abs=0.1)
    assert process.derivative(10.0) == pytest.approx(2 * np.log(10) / 10, abs=0.02)


def test_values_that_are_all_the_same_leave_nothing_to_learn():
    learner = GPLearner((0, 1))
    for point in learner.ask(8)[0]:
        learner.tell(point, 3.0)
    assert learner.loss() == 0
    assert learner.learned()(0.5) == pytest.approx(3.0)
    assert len(learner.ask(2)[0]) == 2


def test_other_interpolants_of_what_is_known():
    learner = GPLearner((0, 3))
    for point in learner.ask(20)[0]:
        learner.tell(point, np.sin(point))
    curve = learner.learned("best")
    assert isinstance(curve, Interpolant)
    assert curve(1.0) == pytest.approx(np.sin(1.0), abs=1e-3)
    assert taught(20).learned("linear").npoints == 20


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"noise": -1.0}, "standard deviation or 'estimate', got -1.0"),
        ({"noise": "estimated"}, "'estimate', got 'estimated'"),
        ({"initial": 1}, "2 to 1000 initial points, got 1"),
        ({"domain": [(0, 1)] * 13}, "1 to 12 axes, got 13"),
        ({"domain": (1, 0)}, "lower bound"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(LearnerError, match=says):
        GPLearner(settings.pop("domain", (0, 1)), **settings)


@pytest.mark.parametrize("value", [[1.0, 2.0], 1.0, [1.0, 2.0, inf], "x", [[1.0, 2.0, 3.0]]])
def test_values_that_make_no_sense_are_refused_and_change_nothing(value):
    learner = GPLearner(DOMAIN, gradients=True)
    (point,), _ = learner.ask(1)
    with pytest.raises(LearnerError, match="expected 3 numbers: the value and its derivative along each axis"):
        learner.tell(point, value)
    assert learner.npoints == 0
    assert list(learner.pending_points) == [point]


@pytest.mark.parametrize("point", [(0.0,), (0.0, 20.0), 1.0, ("a", "b"), (0.0, float("nan"))])
def test_points_outside_are_refused(point):
    with pytest.raises(LearnerError, match="GPLearner: "):
        GPLearner(DOMAIN).tell(point, 1.0)


def test_too_little_is_said():
    with pytest.raises(LearnerError, match="at least 2 values, got 0"):
        GPLearner(DOMAIN).learned()
    assert isnan(GPLearner(DOMAIN).error())


def test_a_resumed_campaign_asks_the_same(tmp_path):
    def f(x, y):
        if x > 9:
            raise ValueError("no")
        return branin((x, y))

    def run(folder, *goals):
        for n in goals:
            learner = GPLearner(DOMAIN, gradients=True)
            Campaign(learner, f, inline(), run=folder).run(evaluations(n))
        return learner

    once, twice = run(tmp_path / "once", 16), run(tmp_path / "twice", 9, 16)
    assert list(once.data) == list(twice.data)
    assert list(once.holes) == list(twice.holes)
    assert once.loss() == twice.loss()
