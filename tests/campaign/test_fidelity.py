"""A campaign with levels: all results are kept, the full level decides."""

from __future__ import annotations

from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.errors import GoalError
from cohobate.core.problem import Integer, Output, Problem

PROBLEM = Problem({"x": Integer(0, 99)}, (Output("f", "maximize"),), co.Fidelity("level", {"quick": 1.0, "full": 5.0}))


class Screening:
    """Every number quickly, then the even ones in full."""

    problem = PROBLEM

    def __init__(self) -> None:
        self.left = [{"x": x // 2 if x % 2 else x, "level": "full" if x % 2 else "quick"} for x in range(100)]

    def suggest(self, n: int) -> list[dict]:
        return [self.left.pop(0) for _ in range(min(n, len(self.left)))]

    def recall(self, rows: list) -> None:
        del self.left[: len(rows)]

    def ingest(self, results: object) -> None:
        pass

    def finalize(self) -> None:
        pass


@co.simulator(version="1")
def measured(x: int, level: str) -> float:
    """The quick level is far too high, and the number 3 has no value at the full one."""
    if x == 3 and level == "full":
        raise RuntimeError("no")
    return x if level == "full" else 1000.0 + x


@pytest.mark.parametrize("goals", [(7,), (2, 7)])
def test_only_the_full_level_counts(goals: tuple[int, ...], tmp_path: Path):
    for goal in goals:
        result = co.Campaign(Screening(), measured, co.threads(3), run=tmp_path / "run").run(co.confirmed(goal))
    assert result.tally.confirmed == 7
    assert result.tally.screening == []
    assert result.tally.counted > 7
    assert [row["level"] for row in result.best(99)] == ["full"] * 6
    assert result.best()[0]["f"] == result.tally.best("f", "maximize").value == 6
    assert result.front()[0]["f"] == 6


def test_levels_are_part_of_the_problem(tmp_path: Path):
    co.Campaign(Screening(), measured, co.inline(), run=tmp_path / "run").run(co.confirmed(1))
    other = Screening()
    other.problem = Problem(PROBLEM.variables, PROBLEM.outputs, co.Fidelity("level", {"quick": 1.0, "full": 6.0}))
    with pytest.raises(co.CohobateError, match=r"fidelity.costs\[1\]"):
        co.Campaign(other, measured, co.inline(), run=tmp_path / "run").run(co.confirmed(2))


def test_a_goal_of_none_is_refused():
    with pytest.raises(GoalError, match="whole number of at least 1"):
        co.confirmed(0)
