"""Least squares of the NIST Statistical Reference Datasets: certified values and standard errors."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import cohobate as co
from fit.nist.problems import MODELS, digits, read
from propose.optimisers.bench import Bench

LOST = {("BoxBOD", 0), ("Lanczos2", 0), ("MGH17", 0)}
"""Starts from which it ends elsewhere: all are known to be hard."""
ROUGH = {"Lanczos1", "MGH09", "MGH10"}
"""Whose standard errors are less exact from the first start: those of Lanczos1 are certified for a sum of 1e-25."""


def fitted(problem, start):
    names = [f"b{i + 1}" for i in range(len(start))]
    wanted = co.Problem({name: co.Real(-inf, inf) for name in names}, (co.Output("r", shape=None),))
    bench = Bench(lambda **b: {"r": problem.residuals(np.array([b[name] for name in names]))})
    body = co.optimisers.least_squares(
        wanted, start, "r", method="levenberg-marquardt", jac="2-3-point", tol=1e-14, max_nfev=1000
    )
    value = body.steer(bench, 0)
    assert value["nfev"] == len(bench.rows)
    return value


def errors(value):
    """Returns standard errors by the slopes at the end."""
    slopes, residuals = np.array(value["jac"]), np.array(value["fun"])
    lengths = np.linalg.norm(slopes, axis=0)
    inverse = np.linalg.inv(np.linalg.qr(slopes / lengths).R)
    return np.sqrt((inverse**2).sum(axis=1) * (residuals @ residuals) / (len(residuals) - len(lengths))) / lengths


def ordered(name, values):
    """Returns the values with equal parts of a model in the order of the certified ones."""
    if name.startswith("Lanczos"):
        pairs = np.reshape(values, (3, 2))
        return pairs[np.argsort(pairs[:, 1])].ravel()
    return np.array(values)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_certified_values_and_standard_errors(name, start):
    problem = read(name)
    value = fitted(problem, problem.starts[start])
    if (name, start) in LOST:
        assert value["cost"] > problem.squares
        return
    assert digits(ordered(name, value["x"]), problem.certified) >= 6
    if name not in ROUGH:
        assert value["cost"] == pytest.approx(problem.squares / 2, rel=1e-8)
        assert digits(errors(value), problem.errors) >= 6
