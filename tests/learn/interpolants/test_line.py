"""Curves through known values, against the functions that these are of."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cohobate.core.errors import LearnerError
from cohobate.learn.interpolants import interpolate_line
from cohobate.learn.interpolants.pieces import polyline

FUNCTIONS = {
    "peak": lambda x: x + 0.01**2 / (0.01**2 + (x - 0.1234) ** 2),
    "tanh": lambda x: np.tanh(50 * x) + 0.1 * np.sin(20 * x),
    "Morse": lambda x: (1 - np.exp(-3 * x)) ** 2,
    "wave": lambda x: np.sin(30 * x),
    "kink": lambda x: np.abs(x - 0.1),
    "cusp": lambda x: np.sqrt(np.abs(x - 0.3)),
    "step": lambda x: (x > 0.1) * 1.0,
}
FINE = np.linspace(-1, 1, 20_011)


def off(f, curve, y):
    """The largest error relative to the range of what was known."""
    return float(np.abs(curve - f(FINE)).max() / np.ptp(y))


@pytest.mark.parametrize("n", [20, 60, 200])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_best_kind_is_as_good_as_it_says_and_not_worse_than_lines(name, n):
    f, x = FUNCTIONS[name], np.linspace(-1, 1, n)
    y = f(x)
    curve = interpolate_line(x, y)
    true, lines = off(f, curve(FINE), y), off(f, polyline(x[:, None], y[:, None]).at(FINE[:, None])[:, 0], y)
    assert true <= 4 * curve.error
    assert true <= 1.5 * lines + 1e-14
    assert (curve.kind == "rational") <= (name not in ("kink", "cusp", "step"))


@pytest.mark.parametrize(
    ("name", "n", "within"),
    [("peak", 15, 1e-10), ("Morse", 20, 1e-8), ("tanh", 200, 1e-11), ("wave", 100, 1e-9)],
)
def test_few_points_of_a_smooth_function_are_enough_for_a_fraction(name, n, within):
    f, x = FUNCTIONS[name], np.linspace(-1, 1, n)
    curve = interpolate_line(x, f(x))
    assert curve.kind == "rational"
    assert off(f, curve(FINE), f(x)) <= within
    assert curve.error <= 1e3 * within


def test_morse_with_twenty_points_where_it_is_steep():
    f = FUNCTIONS["Morse"]
    x = -np.cos(np.linspace(0, np.pi, 20))
    assert off(f, interpolate_line(x, f(x))(FINE), f(x)) < 3e-12


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("wave", [0.0, 1.0])
def test_noise_never_looks_smooth(seed, wave):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 1, 60))
    y = wave * np.sin(3 * x) + 0.1 * rng.standard_normal(60)
    curve = interpolate_line(x, y, told=list(rng.permutation(60)))
    assert curve.kind != "rational"
    assert 0.1 <= curve.error * np.ptp(y) <= 1.0


def test_a_fraction_must_have_foretold_the_latest_points():
    x = np.linspace(-1, 1, 40)
    y, late = np.tanh(3 * x), np.abs(x) < 0.1
    y = np.where(late, 0.5, y)
    told = np.concatenate((np.flatnonzero(~late), np.flatnonzero(late)))
    assert interpolate_line(x, y, told=list(told)).kind != "rational"


def test_several_outputs_come_with_the_shape_of_the_points():
    x = np.linspace(0, 3, 30)
    curve = interpolate_line(x, np.stack((np.sin(x), np.cos(x), 0 * x), axis=1))
    asked = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 2.9]])
    assert curve(asked) == pytest.approx(np.stack((np.sin(asked), np.cos(asked), 0 * asked), axis=-1), abs=1e-9)
    assert curve.derivative(1.0) == pytest.approx([np.cos(1), -np.sin(1), 0], abs=1e-9)
    assert curve(1.0).shape == (3,)


@pytest.mark.parametrize(("kind", "within"), [("linear", 0.1), ("cubic", 2e-4), ("rational", 1e-9)])
def test_derivatives(kind, within):
    x = np.linspace(-1, 1, 41)
    curve = interpolate_line(x, np.exp(x), kind)
    asked = np.concatenate((x, np.linspace(-1, 1, 333)))
    assert curve.derivative(asked) == pytest.approx(np.exp(asked), rel=within)


def test_a_number_gives_a_number_and_points_give_themselves():
    x, y = np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.0])
    curve = interpolate_line(x, y)
    assert isinstance(curve(0.5), float)
    assert curve(0.5) == 1.5
    assert (curve(x) == y).all()
    assert curve.npoints == 3


def test_it_survives_being_sent_and_says_what_it_is():
    x = np.linspace(-1, 1, 20)
    for kind in ("linear", "cubic", "rational"):
        curve = interpolate_line(x, np.exp(x), kind)
        assert (pickle.loads(pickle.dumps(curve))(FINE) == curve(FINE)).all()
        assert repr(curve).startswith(f"<{kind} interpolant of 20 points over [-1, 1], error ")
    assert "error unknown" in repr(interpolate_line([0, 1], [0, 1]))


def test_outside_is_refused_unless_wanted():
    curve = interpolate_line([0, 1, 2], [0, 1, 2])
    with pytest.raises(LearnerError, match=r"\(2\.5\) is not between the known points, which lie within \[0, 2\]"):
        curve([1.0, 2.5])
    with pytest.raises(LearnerError, match="not between"):
        curve(float("nan"))
    assert curve(2.5, extrapolate=True) == 2.5
    assert curve.inside([1.0, 2.5]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("x", "y", "kind", "says"),
    [
        ([0], [1], None, "needs 2 points, got 1"),
        ([0, 0], [1, 2], None, "ascending, different"),
        ([0, 1], [1, np.nan], None, "finite"),
        ([0, 1], [1, 2, 3], None, r"got \(2,\) and \(3,\)"),
        ([0, 1], [1, 2], "cubik", "did you mean 'cubic'"),
        ([0, 1], [1, 2], "cubic", "cannot run through these 2 points"),
        ([-1, -0.5, 0.5, 1], [-1, -2, 2, 1], "rational", "pole between"),
    ],
)
def test_what_makes_no_sense_is_said(x, y, kind, says):
    with pytest.raises(LearnerError, match=says):
        interpolate_line(x, y, kind)


def test_values_that_are_all_the_same_have_no_error():
    curve = interpolate_line(np.linspace(0, 1, 12), np.full(12, 7.0))
    assert curve.error == 0
    assert curve(0.123) == 7.0


def test_points_as_near_to_each_other_as_numbers_can_be():
    x = np.unique(np.concatenate((np.linspace(-1, 1, 40), 0.1 + np.arange(5) * np.spacing(0.1), [0.0, 5e-324])))
    curve = interpolate_line(x, (x > 0.1) * 1.0)
    assert curve.kind == "linear"
    assert (curve(x) == (x > 0.1)).all()
