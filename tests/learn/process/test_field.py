"""A process that grows by points, against one that is solved as a whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cohobate.core.errors import LearnerError
from cohobate.core.problem import Real
from cohobate.learn.process.covariance import covariance
from cohobate.learn.process.cube import Cube
from cohobate.learn.process.field import REFERENCES, Field
from cohobate.learn.process.gaussian import process_of
from cohobate.learn.process.likely import Scales
from cohobate.learn.surface import Standard

SCALES = Scales(np.array([0.3, 0.6]), 1.5, 1e-3, 1e-2, 0.2)


def grown(points, values, slopes, candidates):
    field = Field(SCALES, candidates, slopes)
    expected = [field.append(point, value) for point, value in zip(points, values, strict=True)]
    return field, expected


@pytest.mark.parametrize("slopes", [False, True])
def test_it_is_what_one_solution_is(slopes):
    rng = np.random.default_rng(0)
    points, candidates = rng.random((20, 2)), rng.random((200, 2))
    values = rng.standard_normal((20, 3 if slopes else 1))
    field, expected = grown(points, values, slopes, candidates)
    own, across = (slopes, slopes), (slopes, False)
    full = 1.5 * covariance(points, points, SCALES.lengths, own) + np.diag(np.tile(SCALES.added(slopes), 20))
    towards = 1.5 * covariance(points, candidates, SCALES.lengths, across)
    left = 1.5 * covariance(candidates, candidates, SCALES.lengths, (False, False))
    left -= towards.T @ np.linalg.solve(full, towards)
    assert field.deviations() == pytest.approx(np.sqrt(np.diag(left)), rel=1e-6)
    seen = np.diag(left) + SCALES.added(False)
    assert field.reductions() == pytest.approx((left[:REFERENCES] ** 2).sum(axis=0) / seen, rel=1e-6)
    rows = 19 * values.shape[1]
    above = (values - np.array([0.2, 0, 0][: values.shape[1]])).ravel()
    seen = full[rows, :rows] @ np.linalg.solve(full[:rows, :rows], above[:rows]) + 0.2
    assert expected[-1] == pytest.approx(seen)


@pytest.mark.parametrize("slopes", [False, True])
def test_going_back_leaves_the_same_bits(slopes):
    rng = np.random.default_rng(1)
    points, candidates = rng.random((40, 2)), rng.random((100, 2))
    values = list(rng.standard_normal((40, 3 if slopes else 1)))
    field, _ = grown(points[:30], values[:30], slopes, candidates)
    before = field.reductions()
    for point in points[30:]:
        field.append(point, None)
    field.truncate(30)
    assert (field.reductions() == before).all()
    field.truncate(7)
    for point, value in zip(points[7:30], values[7:30], strict=True):
        field.append(point, value)
    assert (field.reductions() == before).all()


def test_the_same_point_many_times_breaks_nothing():
    scales = Scales(np.array([5.0, 5.0]))
    field = Field(scales, np.random.default_rng(2).random((50, 2)), True)
    for _ in range(10):
        field.append(np.array([0.5, 0.5]), np.array([1.0, 0.0, 0.0]))
    assert np.isfinite(field.reductions()).all()


def test_it_expects_what_is_known_and_says_how_sure_it_is():
    rng = np.random.default_rng(3)
    cube = Cube((Real(1, 100, log=True), Real(-2, 2)))
    points = cube.points(rng.random((60, 2)))
    values = np.log(points[:, 0]) * np.cos(points[:, 1])
    slopes = np.stack((np.cos(points[:, 1]) / points[:, 0], -np.log(points[:, 0]) * np.sin(points[:, 1])), axis=1)
    standard = Standard.of(values)
    scaled = slopes * cube.widths(points) / standard.widths(np.ones(1))
    rows = np.concatenate((standard.plain(values)[:, None], scaled), axis=1)
    process = process_of(cube, standard, Scales(np.array([1.0, 1.0]), 4.0), cube.plain(points), rows)
    x, y = cube.points(rng.random((50, 2))).T
    off = np.abs(process(x, y) - np.log(x) * np.cos(y))
    assert np.median(off) < 1e-3
    assert (off < 5 * process.std(x, y)).all()
    slopes = process.derivative(x, y)
    assert np.median(np.abs(slopes[:, 1] + np.log(x) * np.sin(y))) < 0.02
    assert np.median(np.abs(slopes[:, 0] * x - np.cos(y))) < 0.02
    assert process.error < 0.1
    assert process.std(*points[0]) < 0.01 * process.std(100.0, -2.0) + 1e-3
    sent = pickle.loads(pickle.dumps(process))
    assert sent(3.0, 1.0) == process(3.0, 1.0)
    assert isinstance(process(3.0, 1.0), float)
    assert repr(process).startswith("<gaussian process of 60 points over [1, 100] x [-2, 2], error ")
    with pytest.raises(LearnerError, match=r"\(0\.5, 0\) is outside of \[1, 100\] x \[-2, 2\]"):
        process(0.5, 0.0)


def test_the_error_is_of_points_that_were_left_out():
    rng = np.random.default_rng(4)
    known, values = rng.random((12, 2)), rng.standard_normal((12, 3))
    cube, standard = Cube((Real(0, 1), Real(0, 1))), Standard.of(values[:, 0])
    whole = process_of(cube, standard, SCALES, known, values)
    off = []
    for i in range(12):
        rest = np.arange(12) != i
        fewer = process_of(cube, standard, SCALES, known[rest], values[rest])
        off.append(abs(standard.plain(np.array([fewer(known[i])]))[0] - values[i, 0]))
    assert whole.error == pytest.approx(max(off) / np.ptp(values[:, 0]))
