"""What a point promises, put together: its slopes against differences, its parts against what they should do."""

from __future__ import annotations

import numpy as np
import pytest

from cohobate.core.outcome import Failure, Value
from cohobate.core.problem import AtLeast, AtMost, Output, Problem, Real
from cohobate.core.trial import Result, Trial
from cohobate.propose.aims import Aims
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.continuous.outlook import Basis, Outlook, fitted, outlook
from cohobate.propose.continuous.told import Told
from cohobate.propose.continuous.worth import leaders, worth

F, G = Output("f", "minimize"), Output("g", "maximize")
LOW, HIGH = Output("low", AtMost(0.8)), Output("high", AtLeast(0.1))
SPACE = {"x": Real(0, 1), "y": Real(0, 1)}


def seen(outputs: tuple[Output, ...], holes: int = 3, limit: float = 0.0) -> tuple[Aims, Outlook]:
    """What is known of 14 points, of which the first have no values, and two more that are pending."""
    problem = Problem(SPACE, outputs)
    aims, encoding = Aims.of(problem), Encoding.of(problem, "test")
    told, rows = Told(encoding, problem.names, aims.names), encoding.inputs(np.random.default_rng(1).random((16, 2)))
    told.recall(rows)
    for at, row in enumerate(rows[:14]):
        x, y = row["x"], row["y"]
        every = {"f": np.sin(5 * x) + y, "g": x - y**2, "low": x + limit, "high": y}
        outcome = Failure("raised", "") if at < holes else Value({name: every[name] for name in aims.names})
        told.ingest(Result(Trial(at, row), outcome))
    scales = fitted(Basis(told.targets, tuple(told.holes)), told, encoding, len(aims.names))
    return aims, outlook(scales, told, encoding)


@pytest.mark.parametrize("outputs", [(F,), (F, LOW, HIGH), (F, G), (F, G, LOW)], ids=lambda some: str(len(some)))
@pytest.mark.parametrize("holes", [0, 3])
def test_slopes_are_differences(outputs: tuple[Output, ...], holes: int):
    """Where the volume gained is not lost in rounding."""
    found = worth(*seen(outputs, holes))
    points = np.random.default_rng(2).uniform(0.05, 0.95, (2000, 2))
    points = points[found.at(points) > -20][:8]
    assert len(points) > 3
    for point in points:
        value, slope = found.climb(point)
        steps = 1e-6 * np.eye(2)
        assert value == pytest.approx(found.at(point[None])[0], rel=1e-6)
        assert slope == pytest.approx((found.at(point + steps) - found.at(point - steps)) / 2e-6, rel=1e-3, abs=1e-2)


def test_what_is_promised_has_a_name():
    assert worth(*seen((F,))).why == "ei"
    assert worth(*seen((F, G))).why == "ehvi"
    assert worth(*seen((F, LOW), limit=5.0)).why == "feasibility"


def test_leaders_are_those_that_keep_the_limits_and_else_those_nearest_to_it():
    aims, known = seen((F, LOW))
    best = leaders(aims, known)
    kept = known.values[:, 1] <= 0.8
    assert kept[best].all()
    assert known.values[best[0], 0] == known.values[kept, 0].min()
    aims, known = seen((F, LOW), limit=5.0)
    assert leaders(aims, known)[0] == known.values[:, 1].argmin()


def test_near_what_failed_less_is_promised():
    aims, known = seen((F,))
    assert known.success is not None
    failed = known.success.scaled[11:14] * known.success.scales.lengths
    kept = known.known
    chance = worth(aims, known).terms[1].at
    assert chance(failed).max() < chance(kept).min()


def test_a_reference_counts_once_something_is_better():
    aims, known = seen((F, G))
    usual = worth(aims, known).at(known.spread)
    assert worth(aims, known, {"f": -9.0, "g": 9.0}).at(known.spread) == pytest.approx(usual)
    assert worth(aims, known, {"f": 50.0, "g": -50.0}).at(known.spread).mean() > usual.mean()
