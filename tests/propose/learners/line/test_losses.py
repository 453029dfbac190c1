"""Each loss by its formula, by one number and by arrays, and losses of one's own."""

from __future__ import annotations

from math import hypot, inf, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.propose.learners.line.losses import as_loss

losses = co.losses
X = [0.0, 0.5, 2.0, 3.0, 4.0]
Y = [1.0, 3.0, 2.0, 2.0, -1.0]
U = [x / 4 for x in X]
V = [y / 4 for y in Y]


def shoelace(i, j, k):
    return abs((U[j] - U[i]) * (V[k] - V[i]) - (U[k] - U[i]) * (V[j] - V[i])) / 2


TRIANGLES = [shoelace(i, i + 1, i + 2) for i in range(3)]
MEANS = [
    TRIANGLES[0],
    (TRIANGLES[0] + TRIANGLES[1]) / 2,
    (TRIANGLES[1] + TRIANGLES[2]) / 2,
    TRIANGLES[2],
]
ARCS = [hypot(U[i + 1] - U[i], V[i + 1] - V[i]) for i in range(4)]
STEPS = list(np.diff(U))
LOGS = [hypot(STEPS[i], log(abs(V[i + 1])) - log(abs(V[i]))) for i in range(4)]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.arc_loss(), ARCS),
        (losses.uniform_loss(), STEPS),
        (losses.abs_min_log_loss(), LOGS),
        (losses.triangle_loss(), MEANS),
        (
            losses.curvature_loss(2.0, 0.5, 0.25),
            [2 * sqrt(MEANS[i]) + ARCS[i] / 2 + STEPS[i] / 4 for i in range(4)],
        ),
        (losses.resolution_loss(0.2, 0.3), [0.0, 10 * 1.375, ARCS[2], ARCS[3]]),
    ],
)
def test_losses_are_what_they_say(loss, expected):
    assert loss.along(X, Y, 4.0, 4.0) == pytest.approx(expected)
    assert loss.over(np.array(X), np.array(Y), 4.0, 4.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    "loss",
    [losses.arc_loss(), losses.triangle_loss(), losses.curvature_loss(), losses.error_loss(), losses.uniform_loss()],
)
def test_a_vector_of_one_number_is_that_number(loss):
    assert loss.along(X, [(y,) for y in Y], 4.0, 4.0) == pytest.approx(loss.along(X, Y, 4.0, 4.0))


def test_of_a_vector_the_largest_component_counts():
    both = [(y, x / 3) for x, y in zip(X, Y, strict=True)]
    assert losses.arc_loss().along(X, both, 4.0, 4.0) == pytest.approx(
        [hypot(s, max(abs(V[i + 1] - V[i]), s / 3)) for i, s in enumerate(STEPS)]
    )
    assert losses.error_loss().along(X, both, 4.0, 4.0) == losses.error_loss().along(X, Y, 4.0, 4.0)
    one = [(x, 2 * y, -y) for x, y in zip(X, Y, strict=True)]
    assert losses.triangle_loss().along(X, one, 4.0, 4.0) == pytest.approx(
        [
            sum(
                sqrt(
                    np.linalg.det(
                        (
                            d := np.array([[U[k], *(np.array(one[k]) / 4)] for k in (i, i + 1, i + 2)])[1:]
                            - np.array([U[i], *(np.array(one[i]) / 4)])
                        )
                        @ d.T
                    )
                )
                / 2
                for i in ids
            )
            / len(ids)
            for ids in ([0], [0, 1], [1, 2], [2])
        ]
    )


def test_the_estimated_error_of_a_parabola_is_its_error():
    """A line errs by f'' h^2 / 8 in the middle of a parabola."""
    x = np.array([0.0, 0.01, 0.03, 0.05, 0.06])
    found = losses.error_loss().over(x, 5 * x * x, 1.0, 2.0)
    assert found == pytest.approx(10 * np.diff(x) ** 2 / 8 / 2)


def test_where_nothing_bends_the_length_stands_for_what_was_not_met():
    found = losses.error_loss().over(np.array([0.0, 1.0, 1.5, 16.0]), np.array([0.0, 1.0, 1.5, 16.0]), 16.0, 16.0)
    assert found == pytest.approx([32 / 16**4, 32 / 32**4, 1.0])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    xs=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8, unique=True),
    ys=st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=8),
    width=st.floats(1e3, 1e4),
)
@pytest.mark.parametrize("loss", [losses.error_loss(), losses.arc_loss(), losses.uniform_loss()])
def test_numbers_and_arrays_agree_bit_by_bit(loss, xs, ys, width):
    xs.sort()
    ys = ys[: len(xs)]
    scale = (max(ys) - min(ys)) or 1.0
    assert loss.along(xs, ys, width, scale) == loss.over(np.array(xs), np.array(ys), width, scale).tolist()


def test_points_that_all_but_coincide_have_finite_losses():
    found = losses.error_loss().along([0.0, 1e-300, 2e-300, 1.0], [0.0, 1.0, -1.0, 0.0], 1.0, 2.0)
    assert all(0 <= one < inf for one in found)


def test_a_loss_of_ones_own_sees_so_many_neighbours():
    seen = []

    @losses.looks_at(2, order=1.5)
    def mine(xs, ys):
        seen.append((xs, ys))
        return xs[3] - xs[2]

    assert mine.along([0.0, 1.0, 3.0], [0.0, 2.0, 4.0], 4.0, 4.0) == [0.25, 0.5]
    assert seen[0] == ([None, None, 0.0, 0.25, 0.75, None], [None, None, 0.0, 0.5, 1.0, None])
    assert seen[1] == ([None, 0.0, 0.25, 0.75, None, None], [None, 0.0, 0.5, 1.0, None, None])
    assert (mine.neighbours, mine.order) == (2, 1.5)
    learner = co.Learner1D((0, 1), mine)
    for _ in range(20):
        (x,), _ = learner.ask(1)
        learner.tell(x, x)
    assert learner.loss() == pytest.approx(1 / 16)
    said = learner.describe()["loss"]
    assert (said["name"], said["neighbours"], said["order"]) == ("mine", 2, 1.5)
    assert len(said["code"]) == 64


def test_a_plain_function_sees_both_ends():
    learner = co.Learner1D((0, 1), lambda xs, ys: (xs[1] - xs[0]) * (1 + xs[1]))
    learner.tell_many([0, 0.5, 1], [1, 2, 3])
    assert learner.loss() == pytest.approx(1.0)
    other = co.Learner1D((0, 1), lambda xs, ys: (xs[1] - xs[0]) * (2 + xs[1]))
    assert learner.describe()["loss"]["code"] != other.describe()["loss"]["code"]


@pytest.mark.parametrize("found", [nan, -1.0])
def test_a_loss_that_is_no_loss_is_refused_and_nothing_breaks(found):
    broken = [False]
    learner = co.Learner1D((0, 1), lambda xs, ys: found if broken[0] else xs[1] - xs[0])
    for x in (0.0, 1.0, 0.25):
        learner.tell(x, x)
    broken[0] = True
    with pytest.raises(LearnerError, match="expected a number from 0 up"):
        learner.tell(0.5, 0.5)
    broken[0] = False
    assert learner.loss() == pytest.approx(0.5)
    assert list(learner.data) == [0.0, 1.0, 0.25, 0.5]


def test_an_infinite_loss_is_taken_for_a_large_one():
    learner = co.Learner1D((0, 1), lambda xs, ys: inf if xs[1] - xs[0] > 0.3 else 0.0)
    n = 0
    while learner.ask(1, tell_pending=False)[0]:
        (x,), _ = learner.ask(1)
        learner.tell(x, None if 0.4 < x < 0.6 else x)
        n += 1
    assert n < 30
    assert np.isfinite(learner.loss())


@pytest.mark.parametrize("wrong", ["arc_loss", 1.0, ()])
def test_what_is_no_loss_is_refused(wrong):
    with pytest.raises(LearnerError, match="expected a loss"):
        as_loss(wrong)


@pytest.mark.parametrize("call", [lambda: losses.looks_at(-1), lambda: losses.looks_at(1.5)])
def test_neighbours_are_counted(call):
    with pytest.raises(LearnerError, match="how many neighbours"):
        call()


def test_settings_of_losses_are_checked():
    with pytest.raises(LearnerError, match="order above 0"):
        losses.looks_at(0, order=0)
    with pytest.raises(LearnerError, match="min_length < max_length"):
        losses.resolution_loss(0.5, 0.2)
