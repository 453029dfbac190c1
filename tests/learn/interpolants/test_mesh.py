"""Surfaces through known values, against the functions that these are of."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest

from cohobate.core.errors import LearnerError
from cohobate.learn.interpolants import interpolate_mesh

RNG = np.random.default_rng(1)


def ring(points):
    return points[:, 0] + np.exp(-(((points**2).sum(axis=1) - 0.75**2) ** 2) / 0.4**4)


FUNCTIONS = {
    "waves": lambda points: np.sin(2 * points).sum(axis=1) * np.exp(-points[:, 0]),
    "ring": ring,
    "kink": lambda points: np.abs(points[:, 0] + 0.3 * points[:, 1]) + points[:, 1],
    "step": lambda points: (points[:, 0] + 0.3 * points[:, 1] > 0.1) * 1.0,
}


def scattered(axes, n):
    """Points of a cube, its corners and some of its faces among them."""
    corners = np.array(list(product((-1.0, 0.0, 1.0), repeat=axes)))
    return np.concatenate((corners, RNG.uniform(-1, 1, (n, axes))))


@pytest.mark.parametrize(("axes", "n"), [(2, 60), (2, 250), (3, 100)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_best_kind_is_as_good_as_it_says_and_not_worse_than_planes(name, axes, n):
    f, points = FUNCTIONS[name], scattered(axes, n)
    values = f(points)
    asked = RNG.uniform(-1, 1, (300, axes))
    best, planes = interpolate_mesh(points, values), interpolate_mesh(points, values, "linear")
    true = np.abs(best(asked) - f(asked)).max() / np.ptp(values)
    assert true <= 2 * best.error
    assert true <= 1.5 * np.abs(planes(asked) - f(asked)).max() / np.ptp(values)
    if name == "waves":
        assert best.kind == "cubic"
        assert true <= 0.5 * planes.error


def test_noise_takes_planes():
    points = scattered(2, 200)
    surface = interpolate_mesh(points, RNG.standard_normal(len(points)), told=list(RNG.permutation(len(points))))
    assert surface.kind == "linear"
    assert surface.error > 0.3


def test_planes_are_exact_for_a_plane_whatever_the_units():
    points = scattered(2, 20) * [1e-3, 1e6]
    surface = interpolate_mesh(points, points @ [2e3, -1e-6], axes=[(-1e-3, 1e-3), (-1e6, 1e6)])
    assert surface(2e-4, 3e5) == pytest.approx(0.1)
    assert surface.error < 1e-12


@pytest.mark.parametrize("axes", [2, 3])
def test_derivatives_up_to_the_edge(axes):
    points = np.array(list(product(np.linspace(-1, 1, 22 - 5 * axes), repeat=axes)))
    surface = interpolate_mesh(points, np.exp(points.sum(axis=1) / 2), "cubic")
    asked = np.array([[0.1] * axes, [1.0] * axes, [-1.0] + [0.3] * (axes - 1)])
    expected = np.exp(asked.sum(axis=1) / 2)[:, None] / 2 * np.ones(axes)
    assert surface.derivative(asked) == pytest.approx(expected, rel=0.1)
    with pytest.raises(LearnerError, match="no derivatives"):
        interpolate_mesh(points, points[:, 0], "linear").derivative(asked)


def test_points_may_be_given_by_axis_or_together():
    points = scattered(2, 50)
    surface = interpolate_mesh(points, np.stack((points[:, 0], points[:, 1]), axis=1), "linear")
    x, y = np.linspace(-1, 1, 4)[:, None], np.linspace(-1, 1, 5)
    grid = surface(x, y)
    assert grid.shape == (4, 5, 2)
    assert grid == pytest.approx(np.stack(np.broadcast_arrays(x, y), axis=-1))
    assert surface((0.1, 0.2)) == pytest.approx([0.1, 0.2])
    assert isinstance(interpolate_mesh(points, points[:, 0])(0.1, 0.2), float)


def test_it_survives_being_sent():
    for axes in (2, 3):
        points = scattered(axes, 40)
        surface = interpolate_mesh(points, ring(points), "cubic")
        asked = RNG.uniform(-1, 1, (9, axes))
        assert (pickle.loads(pickle.dumps(surface))(asked) == surface(asked)).all()
        assert repr(surface).startswith("<cubic interpolant of ")


def test_outside_of_the_hull_is_refused_unless_wanted():
    surface = interpolate_mesh([(0, 0), (1, 0), (0, 1), (0.2, 0.2)], [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(LearnerError, match=r"\(0\.8, 0\.8\) is not between the known points"):
        surface(0.8, 0.8)
    assert "error unknown" in repr(interpolate_mesh([(0, 0), (1, 0), (0, 1)], [1, 2, 3]))
    assert surface(2.0, 0.1, extrapolate=True) == 1.0
    assert surface.inside([[0.1, 0.1], [0.8, 0.8]]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("points", "values", "kind", "says"),
    [
        ([(0, 0), (1, 1)], [1, 2], None, "2 points over 2 axes are too few"),
        ([(0, 0), (1, 1), (2, 2), (3, 3)], [1, 2, 3, 4], None, "lie on a line"),
        ([0, 1], [1, 2], None, r"got \(2,\) and \(2,\)"),
        ([(0, 0), (1, 1)], [1, np.inf], None, "finite"),
        (np.empty((0, 2)), [], None, "got 0 points"),
        ([(0, 0), (1, 0), (0, 1)], [1, 2, 3], "linaer", "did you mean 'linear'"),
        ([(0, 0), (1, 0), (0, 1)], [1, 2, 3], "rational", "expected one of"),
    ],
)
def test_what_makes_no_sense_is_said(points, values, kind, says):
    with pytest.raises(LearnerError, match=says):
        interpolate_mesh(points, values, kind)


def test_points_of_other_axes_are_refused():
    surface = interpolate_mesh([(0, 0), (1, 0), (0, 1)], [1, 2, 3])
    for point in ((0.1, 0.1, 0.1), ([0.1, 0.1, 0.1],), (0.1,), ("a", "b")):
        with pytest.raises(LearnerError, match="axes, got"):
            surface(*point)
