"""Whatever was set and whatever happened: recalled and told the same, a generator goes on with the same choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from cohobate.core.fidelity import Fidelity
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.pool import Pool
from cohobate.core.problem import AtMost, Choice, Integer, Output, Real
from cohobate.core.protocols import Answer, Chosen, Exhausted, Later, Row, Unfit, inputs_of
from cohobate.core.trial import Result, Trial
from cohobate.ledger.record import wrong_note
from cohobate.models.estimators import SklearnModel
from cohobate.models.fingerprints import Fingerprints, fingerprints
from cohobate.models.neighbours import KNN
from cohobate.models.prediction import Model
from cohobate.models.ready import RBFGP, TanimotoGP
from cohobate.propose.active import ActiveLearning
from cohobate.propose.optimisers.bayes import BayesianOptimizer

POOL = Pool([float(i) for i in range(40)], name="x")
BROKEN = (7.0, 23.0)
LEVELS = Fidelity("level", {"quick": 1.0, "full": 4.0})


def points(pool: Pool) -> np.ndarray:
    return np.array([[math.nan if x in BROKEN else x] for x in pool.column()])


def digits(pool: Pool) -> Fingerprints:
    rows: list[Mapping[int, float] | str] = [
        "broken" if x in BROKEN else {int(x) % 10: 1, 10 + int(x) // 10: 2} for x in pool.column()
    ]
    return fingerprints(rows, 16)


GAUSSIAN: tuple[Model, ...] = (RBFGP(points), TanimotoGP(digits))
TREE = SklearnModel(DecisionTreeRegressor(max_depth=3), points)
MODELS: tuple[Model, ...] = (*GAUSSIAN, TREE, KNN(3, digits))
ONE, TWO = (Output("f", "maximize"),), (Output("f", "maximize"), Output("g", "minimize"))
LIMIT = (Output("h", AtMost(0.3)),)


def ways(*, batch: int | None, initial: int) -> st.SearchStrategy[dict[str, Any]]:
    """All that goes together."""
    names = st.sampled_from(["ei", "ucb", "pi", "greedy", "thompson"])
    several = st.sampled_from([ONE, (*ONE, *LIMIT), TWO, (*TWO, *LIMIT)])
    known = {"batch": st.just(batch), "initial": st.just(initial)}
    return st.one_of(
        st.fixed_dictionaries({"model": st.sampled_from(MODELS), "outputs": st.just(ONE), **known}),
        st.fixed_dictionaries(
            {
                "model": st.sampled_from(GAUSSIAN),
                "acquisition": names,
                "outputs": st.sampled_from([ONE, (*ONE, *LIMIT)]),
                **known,
            }
        ),
        st.fixed_dictionaries(
            {
                "model": st.sampled_from(GAUSSIAN),
                "outputs": several,
                "fidelity": st.sampled_from([None, LEVELS]),
                **known,
            }
        ),
    )


def outcome(row: Row, lot: int) -> Outcome:
    """What comes of a row: mostly a value, whose scale is the level's."""
    if isinstance(row, Unfit):
        return Failure("rejected", row.reason, attempt=0)
    if lot % 5 == 0:
        return Failure("raised", "") if lot % 2 else Cancelled("on request")
    inputs = inputs_of(row)
    x, scale = inputs["x"], 0.5 if inputs.get("level") == "quick" else 1.0
    return Value({name: scale * math.sin(x / 6 + at) for at, name in enumerate("fgh")})


def back(rows: list[Row], n: int, lot: int) -> list[Result]:
    """Takes ``n`` rows out of those that are out, and returns what came of them."""
    taken = [rows.pop((lot * at) % len(rows)) for at in range(min(n, len(rows)))]
    notes = [row.note if isinstance(row, Chosen) else None for row in taken]
    return [
        Result(Trial(0, inputs_of(row), note=note), outcome(row, lot + at))
        for at, (row, note) in enumerate(zip(taken, notes, strict=True))
    ]


def live(
    generator: ActiveLearning | BayesianOptimizer, script: list[tuple[int, int, int]]
) -> list[tuple[int, Answer | list[Result]]]:
    """Returns what was asked and answered, and what was told (0), until there is nothing more to propose."""
    out: list[Row] = []
    story: list[tuple[int, Answer | list[Result]]] = []
    for ask, tell, lot in script:
        answer = generator.suggest(ask)
        if isinstance(answer, Exhausted):
            break
        story.append((ask, answer))
        out += [] if isinstance(answer, Later) else answer
        results = back(out, tell, lot)
        generator.ingest(results)
        story.append((0, results))
    return story


def follow(generator: ActiveLearning | BayesianOptimizer, story: list[tuple[int, Any]], recalled: int) -> None:
    """Recalls the first answers, and checks that the others are given again."""
    for at, (ask, what) in enumerate(story):
        if not ask:
            generator.ingest(what)
        elif at >= recalled:
            assert generator.suggest(ask) == what
        elif not isinstance(what, Later):
            generator.recall([inputs_of(row) for row in what])


turns = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 7), st.integers(1, 99)), min_size=4, max_size=16)


@settings(max_examples=80)
@given(data=st.data(), script=turns, cut=st.integers(0, 32))
def test_it_goes_on_as_if_it_had_never_stopped(data: st.DataObject, script: list[tuple[int, int, int]], cut: int):
    batch, initial = data.draw(st.sampled_from([None, 1, 4])), data.draw(st.integers(1, 6))
    chosen = data.draw(ways(batch=batch, initial=initial))
    lived, restored = (ActiveLearning(POOL, seed=3, **chosen) for _ in range(2))
    try:
        story = live(lived, script)
        follow(restored, story, cut)
        assert restored.suggest(2) == lived.suggest(2)
        assert restored.lessons() == lived.lessons()
    finally:
        lived.finalize()
        restored.finalize()
    rows = [row for ask, what in story if ask and not isinstance(what, Later) for row in what]
    assert len({repr(inputs_of(row)) for row in rows}) == len(rows)
    assert all(wrong_note(row.note) is None for row in rows if isinstance(row, Chosen))


SPACES = (
    {"x": Real(0.0, 40.0)},
    {"x": Real(0.1, 40.0, log=True), "n": Integer(1, 9)},
    {"x": Integer(0, 3), "kind": Choice(["a", [1, 2]])},
)


few = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(1, 99)), min_size=3, max_size=5)


@pytest.mark.timeout(300)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), script=few, cut=st.integers(0, 10))
def test_an_optimiser_goes_on_as_if_it_had_never_stopped(
    data: st.DataObject, script: list[tuple[int, int, int]], cut: int
):
    space, batch = data.draw(st.sampled_from(SPACES)), data.draw(st.sampled_from([None, 1, 4]))
    outputs = data.draw(st.sampled_from([ONE, (*ONE, *LIMIT), TWO, (*TWO, *LIMIT)]))
    given_ = {"outputs": outputs, "batch": batch, "initial": data.draw(st.integers(1, 4)), "seed": 3}
    lived, restored = (BayesianOptimizer(space, **given_) for _ in range(2))
    story = live(lived, script)
    follow(restored, story, cut)
    assert restored.suggest(2) == lived.suggest(2)
    assert restored.lessons() == lived.lessons()
    rows = [row for ask, what in story if ask and not isinstance(what, Later) for row in what]
    assert len({repr(inputs_of(row)) for row in rows}) == len(rows)
    assert all(wrong_note(row.note) is None for row in rows if isinstance(row, Chosen))
