"""Active learning that screens cheaply and confirms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import ProblemError
from cohobate.core.outcome import Failure, Value
from cohobate.core.protocols import Chosen, Exhausted, Unfit
from cohobate.core.trial import Result, Trial
from cohobate.propose.active import ActiveLearning
from cohobate.propose.candidates import Candidates
from cohobate.propose.standing import Standing

RANDOM = np.random.default_rng(0)
POINTS = RANDOM.uniform(-2, 2, (150, 2))
POOL = co.Pool([{"x": float(x), "y": float(y)} for x, y in POINTS])
FULL = np.sin(3 * POINTS[:, 0]) + np.cos(2 * POINTS[:, 1]) + 0.3 * POINTS[:, 0]
CLOSE = 0.5 * FULL - 3.0
NOISE = RANDOM.standard_normal(150)
LEVELS = co.Fidelity("level", {"quick": 1.0, "full": 10.0})


def learning(**settings: object) -> ActiveLearning:
    return ActiveLearning(POOL, maximize="f", model="rbf", initial=5, fidelity=LEVELS, seed=1, **settings)


def run(generator: ActiveLearning, quick: np.ndarray, budget: float) -> list[tuple[str, int]]:
    """Evaluates one after the other until the budget is spent; returns level and row of each."""
    spent, done = 0.0, []
    while spent < budget:
        [row] = generator.suggest(1)
        level, at = row.inputs["level"], POOL.index({"x": row.inputs["x"], "y": row.inputs["y"]})
        value = float(quick[at] if level == "quick" else FULL[at])
        generator.ingest([Result(Trial(len(done), row.inputs, note=row.note), Value({"f": value}))])
        spent += 1.0 if level == "quick" else 10.0
        done.append((level, at))
    return done


def test_the_first_rows_are_evaluated_at_each_level():
    done = run(learning(), CLOSE, 55.0)
    assert [level for level, _ in done] == ["quick", "full"] * 5
    assert all(one == other for (_, one), (_, other) in zip(done[::2], done[1::2], strict=True))


def test_a_telling_level_is_used_first():
    done = run(learning(), CLOSE, 200.0)
    counts = Counter(level for level, _ in done)
    assert counts["quick"] > 2 * counts["full"]
    assert ("full", int(np.argmax(FULL))) in done


def test_a_level_that_tells_nothing_is_left_alone():
    telling, noise = (Counter(level for level, _ in run(learning(), quick, 300.0)) for quick in (CLOSE, NOISE))
    assert noise["full"] > telling["full"]
    assert noise["quick"] < telling["quick"]


def test_nothing_is_evaluated_twice():
    done = run(learning(), CLOSE, 400.0)
    assert max(Counter(done).values()) == 1


def test_a_cheap_look_never_follows_the_full_one():
    done = run(learning(), CLOSE, 400.0)
    for at, (level, row) in enumerate(done):
        assert level == "full" or ("full", row) not in done[:at]


def test_it_ends_with_the_last_full_evaluation():
    pool = co.Pool([{"x": float(x), "y": float(y)} for x, y in POINTS[:20]])
    generator = ActiveLearning(pool, maximize="f", model="rbf", initial=3, fidelity=LEVELS)
    levels = []
    while not isinstance(rows := generator.suggest(1), Exhausted):
        [row] = rows
        levels.append(row.inputs["level"])
        value = FULL[pool.index({"x": row.inputs["x"], "y": row.inputs["y"]})]
        generator.ingest([Result(Trial(len(levels), row.inputs), Value({"f": float(value)}))])
    generator.finalize()
    assert levels.count("full") == 20
    assert levels[-1] == "full"


def test_rows_that_were_not_run_are_no_work():
    standing = Standing(Candidates(learning().problem), ("f",))
    rows = [{**POOL[i], "level": level} for i in range(4) for level in ("quick", "full")]
    standing.recall(rows)
    for row in rows[:3]:
        standing.ingest(Result(Trial(0, row), Failure("rejected", "broken", attempt=0)))
    standing.ingest(Result(Trial(0, rows[3]), Value({"f": 1.0})))
    assert standing.work() == (2, 3)


def test_predictions_are_those_of_the_level():
    generator = learning()
    run(generator, CLOSE, 120.0)
    errors = {"quick": [], "full": []}
    for _ in range(30):
        [row] = generator.suggest(1)
        at = POOL.index({"x": row.inputs["x"], "y": row.inputs["y"]})
        value = (CLOSE if row.inputs["level"] == "quick" else FULL)[at]
        errors[row.inputs["level"]].append(abs(row.note.mean["f"] - value))
        generator.ingest([Result(Trial(0, row.inputs, note=row.note), Value({"f": float(value)}))])
    assert np.median(errors["quick"]) < 0.5
    assert generator.lessons()[-1].best["f"] <= FULL.max()


def test_a_resumed_one_goes_on_alike():
    lived, again = learning(), learning()
    recorded = []
    for _ in range(40):
        [row] = lived.suggest(1)
        at = POOL.index({"x": row.inputs["x"], "y": row.inputs["y"]})
        value = (CLOSE if row.inputs["level"] == "quick" else FULL)[at]
        result = Result(Trial(len(recorded), row.inputs, note=row.note), Value({"f": float(value)}))
        lived.ingest([result])
        recorded.append((row, result))
    for row, result in recorded:
        again.recall([row.inputs])
        again.ingest([result])
    assert again.suggest(4) == lived.suggest(4)


def test_broken_rows_are_unfit_at_each_level():
    pool = co.Pool(["C" * n for n in range(1, 12)] + ["C1CC"], name="smiles")
    generator = ActiveLearning(pool, maximize="f", initial=11, fidelity=LEVELS)
    rows = []
    while isinstance(answer := generator.suggest(4), list):
        rows += answer
        fresh = [row for row in answer if isinstance(row, Chosen)]
        generator.ingest(
            [Result(Trial(0, r.inputs, note=r.note), Value({"f": len(r.inputs["smiles"])})) for r in fresh]
        )
    assert sorted(row.inputs["level"] for row in rows if isinstance(row, Unfit)) == ["full", "quick"]
    assert len(rows) == 24


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"acquisition": "ucb"}, "'ucb' does not weigh levels: use 'ei'"),
        ({"acquisition": "thompson"}, "does not weigh levels"),
    ],
)
def test_what_does_not_go_with_levels_is_refused(settings: dict, wrong: str):
    with pytest.raises(ProblemError, match=wrong):
        learning(**settings)


def test_levels_need_a_gaussian_process():
    with pytest.raises(ProblemError, match="needs a Gaussian process, KNN is none"):
        ActiveLearning(co.Pool(["C", "CC"]), maximize="f", model="knn", fidelity=LEVELS)


def test_a_fidelity_is_given_once():
    with pytest.raises(ProblemError, match="beside a Problem"):
        ActiveLearning(learning().problem, fidelity=LEVELS)
