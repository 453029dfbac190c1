"""Learning a function in one call, with what comes back as a function."""

from __future__ import annotations

import signal
import sys

import numpy as np
import pytest

import cohobate as co
from cohobate.campaign import campaign
from cohobate.campaign.learned import Learned
from cohobate.campaign.learning import learn
from cohobate.core.errors import LearnerError, MissingExtra, SimulatorError
from cohobate.propose.learners import SequenceLearner
from cohobate.propose.learners.line import method


def peak(x):
    return x + 0.01**2 / (0.01**2 + (x - 0.1234) ** 2)


def test_a_peak_as_in_the_design():
    learned = co.learn(peak, (-1, 1), until=co.loss_below(1e-3))
    x = np.linspace(-1, 1, 1001)
    assert isinstance(learned, Learned)
    assert learned(0.3) == pytest.approx(peak(0.3))
    assert learned(x) == pytest.approx(peak(x), abs=1e-9)
    assert learned.loss <= 1e-3
    assert learned.error < 1e-6
    assert learned.derivative(0.5) == pytest.approx(1, abs=1e-2)
    assert peak(learned.points) == pytest.approx(learned.values)
    assert learned.names == ("x",)
    assert "rational interpolant" in repr(learned)
    assert "of the range" in learned._repr_html_()


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: np.sin(x) * y,
        lambda point: np.sin(point[0]) * point[1],
        lambda **at: np.sin(at["x"]) * at["y"],
        lambda x, y, scale=1.0: scale * np.sin(x) * y,
    ],
    ids=["by name", "a point", "keywords", "with a default"],
)
def test_functions_of_two_variables_are_called_as_they_are_written(f):
    learned = learn(f, [(0, 2), (-1, 1)], co.evaluations(60))
    assert learned.names == ("x", "y")
    assert learned.points.shape == (60, 2)
    x, y = np.meshgrid([0.3, 1.1], [-0.5, 0.7])
    assert learned(x, y) == pytest.approx(np.sin(x) * y, abs=0.05)
    assert learned((0.3, -0.5)) == learned(0.3, -0.5)


def test_axes_are_called_as_the_parameters_unless_the_domain_says():
    assert learn(lambda r, theta: r * theta, [(0, 1), (0, 1)], co.evaluations(8)).names == ("r", "theta")
    assert learn(lambda r: r, (0, 1)).names == ("r",)
    assert learn(lambda r: r, {"x": (0, 1)}).names == ("x",)
    with pytest.raises(SimulatorError, match=r"variables are \['x', 'y'\], but it takes \['r', 'theta'\]"):
        learn(lambda r, theta: r, {"x": (0, 1), "y": (0, 1)})


def test_over_a_hull():
    from scipy.spatial import ConvexHull

    hull = ConvexHull([(0, 0), (1, 0), (0, 1)])
    learned = learn(lambda u, v: u + v, hull, co.evaluations(12))
    assert learned.names == ("u", "v")
    assert learned(0.2, 0.3) == pytest.approx(0.5)


def test_a_given_learner_is_taken_as_it_is():
    learner = co.GPLearner({"x": (0, 1), "y": (0, 1)})
    learned = learn(lambda x, y: np.sin(3 * x) * y, learner, co.evaluations(25))
    assert learned.learner is learner
    assert learned(0.5, 0.5) == pytest.approx(np.sin(1.5) / 2, abs=0.02)
    assert learned.function.std(0.5, 0.5) < 0.05
    with pytest.raises(LearnerError, match="no loss where a learner is given"):
        learn(peak, co.Learner1D((-1, 1)), loss=co.losses.uniform_loss())


def test_what_is_no_function_is_kept_and_said():
    learned = learn(lambda item: item * 2, SequenceLearner([1, 2, 3]))
    assert learned.function == [2, 4, 6]
    with pytest.raises(LearnerError, match=r"no function but \[2, 4, 6\]"):
        learned(1)


def test_vectors_and_a_kind():
    learned = learn(lambda x: np.array([x, x**2]), (0, 1), kind="cubic")
    assert learned(0.37) == pytest.approx([0.37, 0.37**2])
    assert learned.function.kind == "cubic"


def test_without_a_goal_it_ends_when_little_is_left_or_at_a_thousand():
    assert learn(np.tanh, (-5, 5)).loss <= 1e-2
    narrow = learn(lambda x, y: np.exp(-((x - 0.3) ** 2 + (y - 0.5) ** 2) / 0.02), [(0, 1), (0, 1)])
    assert narrow.learner.npoints >= 50
    assert narrow(0.3, 0.5) == pytest.approx(1, abs=0.1)
    rng = np.random.default_rng(0)
    noise = learn(lambda x: float(rng.standard_normal()), (0, 1))
    assert noise.learner.npoints == 1000
    assert noise.error > 0.1
    assert noise.function.kind == "linear"


def test_failures_are_holes():
    def f(x):
        if x > 0.9:
            raise ValueError("broken")
        return x**2

    learned = learn(f, (0, 1), co.evaluations(30))
    assert 1 <= len(learned.holes) < 15
    assert set(learned.holes.values()) == {"ValueError: broken"}
    assert learned(0.5) == pytest.approx(0.25, abs=1e-2)
    with pytest.raises(LearnerError, match="not between the known points"):
        learned(1.0)
    assert np.isfinite(learned(1.0, extrapolate=True))
    assert "without a value" in learned._repr_html_()
    assert f"; {len(learned.holes)} without a value (" in repr(learned)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: None, "got None"),
        (lambda x: "text", "got 'text'"),
        (lambda x: float("nan"), "not finite"),
        (lambda x: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_a_function_that_never_works_is_said_in_one_line(f, says):
    with pytest.raises(co.CohobateError, match=says) as caught:
        learn(f, (0, 1))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_called_so_is_refused_at_once():
    with pytest.raises(SimulatorError, match="cannot be called"):
        learn(lambda x, y: x, (0, 1))
    with pytest.raises(SimulatorError, match="something to call"):
        learn(3, (0, 1))
    with pytest.raises(LearnerError, match="lower bound"):
        learn(peak, (1, -1))
    with pytest.raises(LearnerError, match="unknown kind 'cubik'; did you mean 'cubic'"):
        learn(lambda x: pytest.fail("evaluated"), (0, 1), kind="cubik")
    with pytest.raises(LearnerError, match="unknown kind 'rational': over several axes"):
        learn(lambda x, y: pytest.fail("evaluated"), [(0, 1), (0, 1)], kind="rational")


def test_interpolants_are_told_in_which_order_points_came(monkeypatch):
    told = []
    monkeypatch.setattr(method, "interpolate_line", lambda x, y, kind, order: told.append(x[order]) or (lambda x: x))
    learned = learn(peak, (-1, 1), co.evaluations(20))
    assert list(told[0]) == list(learned.points)


def test_a_run_goes_on(tmp_path):
    first = learn(peak, (-1, 1), co.evaluations(10), run=tmp_path / "run")
    second = learn(peak, (-1, 1), co.evaluations(25), run=tmp_path / "run")
    assert list(second.points[:10]) == list(first.points)
    assert second.result.tally.counted == 25


def test_coroutines():
    async def f(x):
        return x**2

    async def at(point):
        return point[0] * point[1]

    assert learn(f, (0, 1))(0.5) == pytest.approx(0.25, abs=1e-2)
    assert learn(at, [(0, 1), (0, 1)], co.evaluations(20))(0.5, 0.5) == pytest.approx(0.25, abs=0.05)


def test_on_an_engine():
    with co.threads(2) as engine:
        assert learn(peak, (-1, 1), engine=engine)(0.3) == pytest.approx(peak(0.3), abs=1e-2)


def test_ctrl_c_in_a_notebook_gives_what_was_learned_so_far(monkeypatch):
    monkeypatch.setattr(campaign, "is_interactive", lambda: True)
    calls = []

    def f(x):
        calls.append(x)
        if len(calls) == 12:
            signal.raise_signal(signal.SIGINT)
        return x**2

    learned = learn(f, (0, 1), co.evaluations(1000))
    assert 12 <= learned.learner.npoints < 20
    assert learned(0.5) == pytest.approx(0.25)
    assert "SIGINT" in learned.result.reason


def test_what_is_not_installed_is_said_before_anything_is_evaluated(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    evaluated = []
    with pytest.raises(MissingExtra, match=r"threadpoolctl.*cohobate\[learn\]"):
        learn(lambda x: evaluated.append(x) or x, (0, 1))
    assert evaluated == []
