"""Nothing is quadratic: limits an order of magnitude above what was measured on two shared cores."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

import cohobate as co


def peak(x):
    return x + 1e-4 / (1e-4 + (x - 0.1234) ** 2)


def spent(call):
    """Returns seconds of this process."""
    began = process_time()
    call()
    return process_time() - began


def points(n, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, n).tolist()


def test_many_values_at_once():
    learner, xs = co.Learner1D((-1, 1)), points(100_000)
    assert spent(lambda: learner.tell_many(xs, [peak(x) for x in xs])) < 1.5  # measured: 0.06
    more = points(5000, 1)
    assert spent(lambda: learner.tell_many(more, [peak(x) for x in more])) < 0.1  # 0.006
    assert spent(lambda: learner.ask(1000)) < 0.1  # 0.004


def test_one_by_one():
    learner = co.Learner1D((-1, 1))

    def some(n):
        for _ in range(n):
            (x,), _ = learner.ask(1)
            learner.tell(x, peak(x))
            learner.loss()

    early, _, late = spent(lambda: some(2000)), spent(lambda: some(8000)), spent(lambda: some(2000))
    assert late < 3 * early
    assert late < 0.4  # 0.035


@pytest.mark.parametrize("order", [list, sorted, lambda xs: sorted(xs)[::-1]])
def test_values_nobody_asked_for(order):
    learner, xs = co.Learner1D((-1, 1)), order(points(5000))

    def told():
        for x in xs:
            learner.tell(x, x)
            learner.loss()

    assert spent(told) < 1.5  # 0.1


def test_many_points_in_flight():
    learner = co.Learner1D((-1, 1))
    out, _ = learner.ask(2000)

    def finish():
        for x in sorted(out):
            learner.tell(x, peak(x))

    assert spent(finish) < 3  # 0.3
    assert learner.npoints == 2000
