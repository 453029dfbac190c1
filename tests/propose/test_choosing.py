"""Choices by several outputs, limits and models: what is found, and what was known when it was chosen."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from cohobate.core.errors import GeneratorError, ProblemError
from cohobate.core.front import nondominated
from cohobate.core.outcome import Failure, Value
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Output, Problem
from cohobate.core.protocols import Chosen, Exhausted, Later, Row, Unfit, inputs_of
from cohobate.core.trial import Inputs, Note, Result, Trial
from cohobate.models.acquisition import Thompson, UpperConfidence
from cohobate.models.estimators import SklearnModel
from cohobate.models.features import numbers
from cohobate.models.neighbours import KNN
from cohobate.models.ready import RBFGP
from cohobate.propose.active import ActiveLearning
from cohobate.propose.lessons import Lessons

Values = Callable[[Inputs], Mapping[str, float]]
GRID = Pool([{"x": x / 20, "y": y / 20} for x in range(20) for y in range(20)])
CHAINS = Pool(
    [a + "C" * n + b for a in ("", "F", "N", "O", "CC(C)") for n in range(1, 9) for b in ("", "F", "Cl", "C#N")]
)
RBF = {"model": "rbf"}


def hill(row: Inputs) -> dict[str, float]:
    return {"f": float(np.exp(-20 * ((row["x"] - 0.7) ** 2 + (row["y"] - 0.35) ** 2)))}


def halogens(row: Inputs) -> dict[str, float]:
    smiles: str = row["candidate"]
    return {"f": 3.0 * smiles.count("F") + smiles.count("N") - 0.1 * len(smiles)}


def trade(row: Inputs) -> dict[str, float]:
    """Two hills apart, one of them upside down: good in one is bad in the other."""
    x, y = row["x"], row["y"]
    return {
        "f": math.exp(-4 * ((x - 0.2) ** 2 + (y - 0.3) ** 2)),
        "g": 9 - math.exp(-4 * ((x - 0.8) ** 2 + (y - 0.7) ** 2)),
    }


@pytest.fixture
def make() -> Iterator[Callable[..., ActiveLearning]]:
    made: list[ActiveLearning] = []

    def factory(pool: Pool | Problem = GRID, **settings: Any) -> ActiveLearning:
        made.append(ActiveLearning(pool, **settings))
        return made[-1]

    yield factory
    for generator in made:
        generator.finalize()


Made = Callable[..., ActiveLearning]


def rows_of(generator: ActiveLearning, n: int = 1) -> list[Row]:
    answer = generator.suggest(n)
    assert not isinstance(answer, Later | Exhausted), answer
    return list(answer)


def told(row: Row, values: Mapping[str, Any]) -> Result:
    note = row.note if isinstance(row, Chosen) else None
    outcome = Failure("rejected", row.reason) if isinstance(row, Unfit) else Value(values)
    return Result(Trial(0, inputs_of(row), note=note), outcome)


def lived(generator: ActiveLearning, steps: int, values: Values, n: int = 1) -> list[Row]:
    """All rows of a run with ``n`` at a time."""
    rows: list[Row] = []
    for _ in range(steps):
        new = rows_of(generator, n)
        generator.ingest([told(row, {} if isinstance(row, Unfit) else values(inputs_of(row))) for row in new])
        rows += new
    return rows


@pytest.mark.parametrize("acquisition", ["ei", "ucb", "pi", "thompson", Thompson(20), UpperConfidence(2.0)])
def test_each_acquisition_finds_the_hill(make: Made, acquisition: Any):
    top = max(hill(row)["f"] for row in GRID)
    rows = lived(make(maximize="f", acquisition=acquisition, **RBF), 50, hill)
    assert max(hill(inputs_of(row))["f"] for row in rows) > 0.98 * top


FEW_TREES = SklearnModel(RandomForestRegressor(10))


@pytest.mark.parametrize("model", ["tanimoto", "knn", FEW_TREES], ids=["tanimoto", "knn", "forest"])
def test_each_model_finds_what_is_above_the_crowd(make: Made, model: Any):
    all_values = sorted(halogens(row)["f"] for row in CHAINS)
    rows = lived(make(CHAINS, maximize="f", model=model), 30, halogens)
    assert max(halogens(inputs_of(row))["f"] for row in rows) >= all_values[-4]
    notes = [row.note for row in rows if isinstance(row, Chosen)]
    assert notes[-1].why == ("greedy" if model == "knn" else "ei")
    assert set(notes[-1].std) == (set() if model == "knn" else {"f"})


@pytest.mark.parametrize("model", ["rbf", "knn", FEW_TREES, "tanimoto"], ids=["rbf", "knn", "forest", "tanimoto"])
@pytest.mark.parametrize("seed", [0, 5])
def test_recalled_every_model_goes_on_with_the_same_rows(make: Made, model: Any, seed: int):
    pool, values = (GRID, hill) if model == "rbf" else (CHAINS, halogens)
    one, other = (make(pool, maximize="f", model=model, initial=5, seed=seed) for _ in range(2))
    for _ in range(14):
        rows = rows_of(one, 2)
        other.recall([inputs_of(row) for row in rows])
        results = [told(row, values(inputs_of(row))) for row in rows]
        one.ingest(results)
        other.ingest(results)
    assert other.lessons() == one.lessons()
    assert [rows_of(one, 2) for _ in range(3)] == [rows_of(other, 2) for _ in range(3)]


@pytest.mark.parametrize("kind", ["thompson", "ehvi", "limits"])
def test_recalled_every_way_of_choosing_goes_on_with_the_same_rows(make: Made, kind: str):
    problem = Problem(GRID, (Output("f", "maximize"), Output("g", AtMost(8.7) if kind == "limits" else None)))
    settings: dict[str, Any] = {"maximize": "f", "minimize": "g"} if kind == "ehvi" else {}
    acquisition = None if kind == "limits" else kind
    one, other = (
        make(GRID if kind == "ehvi" else problem, acquisition=acquisition, initial=5, **settings, **RBF)
        for _ in range(2)
    )
    for row in lived(one, 20, trade):
        other.recall([inputs_of(row)])
        other.ingest([told(row, trade(inputs_of(row)))])
    assert rows_of(one, 4) == rows_of(other, 4)


def test_two_objectives_fill_the_front_better_than_one(make: Made):
    def front(rows: list[Row]) -> float:
        """The dominated area over (0, 0) of f and 9 - g."""
        points = np.array([[trade(inputs_of(row))["f"], 9 - trade(inputs_of(row))["g"]] for row in rows])
        points = points[nondominated(points)]
        points = points[np.argsort(points[:, 0])]
        return float((np.diff(points[:, 0], prepend=0) * points[:, 1]).sum())

    both = front(lived(make(maximize="f", minimize="g", **RBF), 40, trade))
    alone = front(lived(make(maximize="f", outputs=(Output("g"),), **RBF), 40, trade))
    best = front([dict(row) for row in GRID])
    assert both > 0.97 * best
    assert alone < both


def test_lists_of_objectives_are_all_modelled(make: Made):
    generator = make(maximize=["f", "h"], minimize=["g"], **RBF)
    rows = lived(generator, 14, lambda row: {**trade(row), "h": row["x"]}, n=2)
    note = rows[-1].note
    assert note.why == "ehvi"
    assert set(note.mean) == set(note.std) == {"f", "g", "h"}
    assert note.mean["g"] > 7


def test_limits_are_learned_and_kept(make: Made):
    """The hill's top is forbidden: x at most 0.5, which only the simulator knows."""

    def walled(row: Inputs) -> dict[str, float]:
        return {**hill(row), "wall": 10 * row["x"], "floor": row["y"]}

    outputs = (Output("f", "maximize"), Output("wall", AtMost(5.0)), Output("floor", AtLeast(0.2)))
    rows = lived(make(Problem(GRID, outputs), **RBF), 45, walled)
    allowed = [row for row in GRID if row["x"] <= 0.5 and row["y"] >= 0.2]
    tried = [inputs_of(row) for row in rows]
    assert max(hill(row)["f"] for row in tried if row in allowed) == max(hill(row)["f"] for row in allowed)
    assert np.mean([row in allowed for row in tried[10:]]) > 0.55 > np.mean([row in allowed for row in GRID])
    assert set(rows[-1].note.mean) == {"f", "wall", "floor"}


@pytest.mark.parametrize("acquisition", ["ei", "ucb", "thompson"])
def test_before_anything_is_allowed_it_looks_for_what_is(make: Made, acquisition: str):
    def rare(row: Inputs) -> dict[str, float]:
        return {"f": -row["x"], "c": row["x"] + row["y"]}

    outputs = (Output("f", "maximize"), Output("c", AtLeast(1.85)))
    rows = lived(make(Problem(GRID, outputs), acquisition=acquisition, seed=1, **RBF), 25, rare)
    whys = [row.note.why for row in rows]
    assert whys[8] == "feasibility"
    assert whys[-1] == acquisition
    assert any(rare(inputs_of(row))["c"] >= 1.85 for row in rows)


def test_notes_tell_what_was_known_in_the_outputs_own_sign(make: Made):
    generator = make(minimize="f", **RBF)
    rows = lived(generator, 20, lambda row: {"f": 100 - hill(row)["f"]})
    assert [row.note for row in rows[:8]] == [Note("initial")] * 8
    assert [row.note.model for row in rows[8:]] == [0] * 4 + [1] * 6 + [2] * 2
    last = rows[-1].note
    assert last.why == "ei"
    assert 98.5 < last.mean["f"] < 101
    assert 0 < last.std["f"] < 5
    assert isinstance(last.score, float)


def test_lessons_compare_results_with_what_was_predicted(make: Made):
    generator = make(maximize="f", **RBF)
    rows = lived(generator, 20, hill)
    first, second = generator.lessons()
    assert (first.model, first.known, second.model, second.known) == (1, 8, 2, 12)
    between = rows[8:12]
    assert first.error["f"] == pytest.approx(rms(between))
    assert second.error["f"] == pytest.approx(rms(rows[12:18]))
    assert first.best == {"f": max(hill(inputs_of(row))["f"] for row in rows[:12])}
    assert list(generator.lessons()) == []


def test_a_model_that_is_fitted_at_once_teaches_nothing_before_it_is_used(make: Made):
    generator = make(maximize="f", model=SklearnModel(LinearRegression(), numbers), acquisition="greedy")
    rows = lived(generator, 11, hill)
    assert [(lesson.model, lesson.known) for lesson in generator.lessons()] == [(1, 8), (2, 9), (3, 10)]
    assert [row.note.model for row in rows[8:]] == [1, 2, 3]


def test_what_is_pending_counts_on_the_front(make: Made):
    generator = make(maximize=["f", "h"], initial=6, **RBF)
    lived(generator, 12, lambda row: {"f": row["x"], "h": 1 - row["x"] ** 2 + 0.1 * row["y"]})
    together = [inputs_of(row)["x"] for row in rows_of(generator, 4)]
    assert len(set(together)) == 4


def rms(rows: list[Any]) -> float:
    return float(np.sqrt(np.mean([(hill(inputs_of(row))["f"] - row.note.mean["f"]) ** 2 for row in rows])))


def test_lessons_of_extreme_values_are_finite():
    lessons = Lessons()
    for value in (1.7e308, -1.7e308):
        lessons.compare(Note("ei", 0, {"f": value}), {"f": -value, "g": 1.0})
    lessons.compare(None, {"f": 1.0})
    lessons.learn(1, 8, {})
    [lesson] = lessons.take()
    assert lesson.error == {"f": sys.float_info.max}


@pytest.mark.parametrize("scale", [1e308, 1e-300, 1e200])
@pytest.mark.parametrize("kind", ["ei", "ucb", "pi", "thompson", "ehvi", "limits"])
def test_values_near_the_limits_of_floats_do_no_harm(make: Made, scale: float, kind: str):
    def huge(row: Inputs) -> dict[str, float]:
        return {"f": scale * (2 * hill(row)["f"] - 1), "g": scale * (row["x"] - 0.5)}

    limit = Output("g", AtMost(0.2 * scale) if kind == "limits" else "minimize" if kind == "ehvi" else None)
    acquisition = None if kind == "limits" else kind
    generator = make(Problem(GRID, (Output("f", "maximize"), limit)), acquisition=acquisition, initial=4, **RBF)
    rows = lived(generator, 16, huge)
    assert all(np.isfinite([*row.note.mean.values(), *row.note.std.values()]).all() for row in rows)


@pytest.mark.parametrize("model", [RBFGP(), SklearnModel(LinearRegression(), numbers)])
@pytest.mark.parametrize("steps", [3, 12])
def test_equal_values_do_not_end_a_campaign(make: Made, model: Any, steps: int):
    generator = make(maximize="f", model=model, acquisition="greedy", initial=1)
    rows = lived(generator, steps, lambda row: {"f": 2.5})
    assert len({tuple(inputs_of(row).values()) for row in rows}) == steps
    if isinstance(model, SklearnModel):
        assert rows[1].note.why == "random: the 1 known values do not differ"
        assert rows[2].note.model == 2


class Failing(RegressorMixin, BaseEstimator):
    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        raise ValueError("singular")

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(len(x))


def test_an_estimator_that_raises_is_named_and_rows_are_random(make: Made):
    model = SklearnModel(Failing(), numbers)
    rows = lived(make(maximize="f", model=model, acquisition="greedy", seed=3), 12, hill)
    assert rows[-1].note.why == "random: Failing raised ValueError: singular"
    assert [inputs_of(row) for row in rows] == [
        inputs_of(row) for row in lived(make(maximize="f", seed=3, initial=12, **RBF), 12, hill)
    ]


def test_broken_rows_among_the_first_are_not_run(make: Made):
    pool = Pool(["C" * n for n in range(1, 15)] + [f"C1{'C' * n}" for n in range(14)])
    generator = make(pool, maximize="f", seed=2)
    first = rows_of(generator, 8)
    broken = [row for row in first if isinstance(row, Unfit)]
    assert broken
    assert all(row.inputs["candidate"].startswith("C1") == isinstance(row, Unfit) for row in first)
    assert broken[0].reason.endswith("rings and parentheses")
    generator.ingest([told(row, {"f": 1.0 * len(inputs_of(row)["candidate"])}) for row in first])
    rest = rows_of(generator, 30)
    assert sum(isinstance(row, Unfit) for row in rest) == 14 - len(broken)
    assert len({inputs_of(row)["candidate"] for row in [*first, *rest]}) == 28


def test_an_acquisition_of_ones_own_that_returns_nonsense_is_named(make: Made):
    for own, what in ((lambda mean, std, best: mean * np.nan, "400 NaN"), (lambda mean, std, best: 3.0, r"shape \(\)")):
        generator = make(maximize="f", acquisition=own, initial=1, **RBF)
        with pytest.raises(GeneratorError, match=f"expected 400 numbers, got {what}"):
            lived(generator, 2, hill)


def test_a_result_without_the_objective_is_named(make: Made):
    generator = make(maximize="energy", **RBF)
    [row] = rows_of(generator)
    with pytest.raises(GeneratorError, match=r"no output 'energy'; did you mean 'enrgy'\?; it has \['enrgy'\]"):
        generator.ingest([told(row, {"enrgy": 1.0})])


def test_a_value_that_is_no_number_teaches_nothing(make: Made):
    generator = make(maximize="f", initial=2, **RBF)
    rows = rows_of(generator, 2)
    generator.ingest([told(rows[0], {"f": float("nan")}), told(rows[1], {"f": 1.0})])
    assert inputs_of(rows_of(generator)[0]) not in map(inputs_of, rows)


LIMITED = Problem(GRID, (Output("f", "maximize"), Output("g", AtMost(1.0))))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"maximize": ["f", "g"], "acquisition": "ei"}, r"'ei' does not fit the objectives \['f', 'g'\]: use 'ehvi'"),
        ({"maximize": "f", "acquisition": "ehvi"}, "'ehvi' does not fit the objectives .* 'ehvi' is for several"),
        ({"maximize": "f", "acquisition": "ehvii"}, "unknown acquisition 'ehvii'; did you mean 'ehvi'"),
        (
            {"maximize": "f", "model": "knn", "acquisition": "ei"},
            "'ei' needs a model with a deviation, which KNN has not",
        ),
        ({"maximize": ["f", "g"], "model": KNN()}, "'ehvi' needs a model with a deviation"),
        ({"pool": LIMITED, "model": "knn"}, "constraints need a model with a deviation"),
        ({"maximize": "f", "model": "tanimotto"}, "did you mean 'tanimoto'"),
        ({"maximize": "f", "minimize": "f"}, "different names"),
        ({"outputs": (Output("f", "explore"),)}, "at least one output to maximize= or minimize="),
        ({"outputs": (Output("f", "maximize", shape=(3,)),)}, r"'f' has the shape \(3,\): only a number"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], message: str):
    with pytest.raises(ProblemError, match=message):
        ActiveLearning(**{"pool": GRID, **settings})
