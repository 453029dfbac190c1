"""What a learner knows as a table: a row for each known point, and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import LearnerError, MissingExtra
from cohobate.propose.learners import Learner
from propose.learners.halving import halving

pandas = pytest.importorskip("pandas")


def told(learner: Learner[Any], n: int = 5) -> Learner[Any]:
    points = learner.ask(n + 1)[0]
    for point in points[1:]:
        learner.tell(point, 2 * point)
    learner.tell(points[0], None)
    learner.ask(3)
    return learner


def test_a_row_for_each_known_point():
    frame = told(halving(output="energy")).frame()
    assert list(frame.columns) == ["x", "energy"]
    assert frame["x"].tolist() == [1.0, 0.5, 0.25, 0.75, 0.125]
    assert frame["energy"].tolist() == [2.0, 1.0, 0.5, 1.5, 0.25]
    assert frame["energy"].dtype == float
    assert list(halving().frame().columns) == ["x", "f"]


def test_arrays_are_kept_in_their_cells():
    learner, twin = co.SequenceLearner(["a", "b"]), co.SequenceLearner(["a", "b"])
    learner.tell(1, np.array([1.0, 2.0]))
    frame = learner.frame()
    assert frame["item"].tolist() == ["b"]
    assert np.array_equal(frame["f"][0], [1.0, 2.0])
    twin.load_frame(frame)
    assert np.array_equal(twin.data[1], [1.0, 2.0])


def test_labels_are_columns():
    learner = co.balancing_product(halving(), {"a": [1, 2], "kind": ["soft", "hard"]})
    for i, point in learner.ask(9)[0]:
        learner.tell((i, point), float(i))
    frame = learner.frame()
    assert list(frame.columns) == ["a", "kind", "x", "f"]
    assert set(zip(frame["a"], frame["kind"], frame["f"], strict=True)) == {
        (1, "soft", 0.0),
        (1, "hard", 1.0),
        (2, "soft", 2.0),
        (2, "hard", 3.0),
    }
    twin = learner.new()
    twin.load_frame(frame.sample(frac=1.0, random_state=1))
    assert dict(twin.data) == dict(learner.data)


def test_whole_results_are_columns():
    learner = co.DataSaver(halving(), "y")
    for point in learner.ask(4)[0]:
        learner.tell(point, {"y": point, "steps": 7, "path": [point]})
    frame = learner.frame()
    assert list(frame.columns) == ["x", "y", "steps", "path"]
    twin = learner.new()
    twin.load_frame(frame)
    assert twin.method.extra == learner.method.extra


def test_results_without_names_are_a_column():
    learner = co.DataSaver(halving(), lambda whole: whole[0])
    for point in learner.ask(4)[0]:
        learner.tell(point, (point, "more"))
    frame = learner.frame()
    assert list(frame.columns) == ["x", "(learned)", "(result)"]
    twin = learner.new()
    twin.load_frame(frame)
    assert twin.method.extra == learner.method.extra


def test_a_result_may_have_an_output_of_that_name():
    learner = co.DataSaver(halving(), lambda whole: whole["result"])
    for point in learner.ask(4)[0]:
        learner.tell(point, {"result": point, "learned": 0.5})
    twin = learner.new()
    twin.load_frame(learner.frame())
    assert twin.method.extra == learner.method.extra


def test_through_a_file_of_text(tmp_path: Path):
    learner, twin = told(halving()), halving()
    learner.frame().to_csv(tmp_path / "table.csv", index=False)
    twin.load_frame(pandas.read_csv(tmp_path / "table.csv"))
    assert twin.data == learner.data


def test_equal_items_are_told_one_after_the_other():
    learner, twin = co.SequenceLearner("aba"), co.SequenceLearner("aba")
    learner.tell_many([0, 1, 2], [1, 2, 3])
    twin.load_frame(learner.frame())
    assert twin.data == {0: 1, 1: 2, 2: 3}


def test_an_output_that_is_called_as_an_input_is_refused():
    learner = co.DataSaver(halving(), "y")
    learner.tell(0.5, {"x": 1.0, "y": 2.0})
    with pytest.raises(LearnerError, match=r"\['x'\] are both inputs and outputs: rename"):
        learner.frame()


def test_without_pandas_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"pip install 'cohobate\[tables\]'"):
        halving().frame()


def test_as_an_array():
    assert told(halving()).to_numpy().tolist() == [[1.0, 2.0], [0.5, 1.0], [0.25, 0.5], [0.75, 1.5], [0.125, 0.25]]
    assert halving().to_numpy().shape == (0, 2)
    learner = co.SequenceLearner([3, 4])
    learner.tell(1, np.array([1.0, 2.0]))
    assert learner.to_numpy().tolist() == [[4.0, 1.0, 2.0]]
    learner.tell(0, 5.0)
    with pytest.raises(LearnerError, match=r"numbers of one shape.*use frame"):
        learner.to_numpy()
    words = co.SequenceLearner("ab")
    words.tell(0, 1.0)
    with pytest.raises(LearnerError, match="numbers of one shape"):
        words.to_numpy()
