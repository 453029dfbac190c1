"""Local runs from many starts: of least squares too, the most promising first, none waiting for the slowest."""

from __future__ import annotations

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import ProblemError, UserError
from cohobate.ledger import codec
from propose.optimisers.bench import Again, Bench
from propose.optimisers.clock import Clock

TIMES = np.linspace(0, 5, 40)
OUTPUTS = (co.Output("f", "minimize"), co.Output("r", shape=(40,)))
WAVES = co.Problem({"a": co.Real(0.1, 3), "w": co.Real(0.5, 6)}, OUTPUTS)
TRUTH = (1.5, 3.7)


def waves(a, w):
    r = a * np.sin(w * TIMES) - TRUTH[0] * np.sin(TRUTH[1] * TIMES)
    return {"f": float(r @ r), "r": r}


def several(**asked):
    return co.optimisers.multistart(WAVES, method="levenberg-marquardt", **asked)


def test_many_starts_find_what_one_does_not():
    one = co.optimisers.least_squares(WAVES, [1, 1], "r", method="levenberg-marquardt").steer(Bench(waves), 0)
    assert one["cost"] > 1
    bench = Bench(waves, slots=4, seed=1)
    body = several(n=6, x0=[1, 1], seed=3)
    value = body.steer(bench, 0)
    assert value["minima"][0]["x"] == pytest.approx(TRUTH, rel=1e-6)
    assert sum(minimum["runs"] for minimum in value["minima"]) == 6
    assert any(minimum["fun"] == pytest.approx(2 * one["cost"], rel=1e-6) for minimum in value["minima"])
    assert value["nfev"] == len(bench.rows)
    assert bench.points[0] == (1, 1)
    assert codec.loads(codec.dumps(value)) == value
    assert body.steer(Again(bench), 0) == value


def test_the_best_of_those_screened_begin():
    bench = Bench(waves)
    value = several(n=1, screen=40, at_once=1, seed=3).steer(bench, 0)
    screened = [waves(*at)["f"] for at in bench.points[:40]]
    best = bench.points[int(np.argmin(screened))]
    assert np.linalg.norm(np.subtract(bench.points[40], best)) < 1e-6
    assert (value["sampled"], value["runs"]) == (40, 1)
    assert value["minima"][0]["x"] == pytest.approx(TRUTH, rel=1e-6)


def test_failing_starts_and_steps():
    def holed(a, w):
        if w > 4 or a > 2:
            raise ArithmeticError("no convergence")
        return waves(a, w)

    value = several(n=8, seed=3).steer(Bench(holed, slots=3, seed=2), 0)
    assert value["minima"][0]["x"] == pytest.approx(TRUTH, rel=1e-6)


def test_all_minima_by_least_squares():
    value = co.optimisers.aposmm(WAVES, minima=2, method="levenberg-marquardt", seed=1).steer(
        Bench(waves, slots=4, seed=1, limit=600), 0
    )
    assert value["minima"][0]["x"] == pytest.approx(TRUTH, rel=1e-6)


@pytest.mark.parametrize("workers", [4, 16])
def test_none_waits_for_the_slowest(workers):
    clock = Clock(lambda a, w: waves(a, w), workers=workers, limit=300)
    several(n=200, at_once=workers).steer(clock, 0)
    assert clock.utilisation > 0.85


def test_mistakes_are_one_line():
    with pytest.raises(UserError, match="multistart: screen must be at least n, 10, got 5"):
        several(screen=5)
    with pytest.raises(UserError, match="has no option 'tool'; did you mean 'tol'"):
        several(options={"tool": 1})
    with pytest.raises(ProblemError, match="multistart: no output 's'"):
        several(residuals="s")
