"""What a generator knew of its choices, and what it learned, is recorded beside the trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import GeneratorError
from cohobate.core.events import Proposed
from cohobate.core.problem import Integer, Output, Problem
from cohobate.core.protocols import Chosen, Lesson
from cohobate.core.trial import Note, Result, Trial
from cohobate.ledger.ledger import memory_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.record import decode, encode, wrong_note
from cohobate.ledger.views import follow
from cohobate.view.units import of_outputs


class Counter:
    """Counts up, expects the double of each number, and learns something with every second answer."""

    finite = True
    problem = Problem({"x": Integer(0, 9)}, (Output("f", "maximize"),))

    def __init__(self) -> None:
        self.next, self.fits, self.told = 0, 0, []

    def suggest(self, n: int) -> list[Chosen | dict[str, int]]:
        rows = [self._row(x) for x in range(self.next, min(10, self.next + 1))]
        self.recall(rows)
        return rows

    def recall(self, rows: Sequence[object]) -> None:
        self.next += len(rows)

    def lessons(self) -> list[Lesson]:
        before, self.fits = self.fits, self.next // 2
        return [Lesson(k + 1, 2 * k, {"f": 0.5}, {"f": float(k)}) for k in range(before, self.fits)]

    def ingest(self, results: Sequence[Result]) -> None:
        self.told += results

    def finalize(self) -> None:
        pass

    def _row(self, x: int) -> Chosen | dict[str, int]:
        return Chosen({"x": x}, Note("count", self.fits, {"f": 2.0 * x}, {"f": 0.1}, x / 2)) if x else {"x": x}


def run(folder: Path, goal: int) -> Counter:
    counter = Counter()
    co.Campaign(counter, lambda x: {"f": x**2}, co.inline(), run=folder, accept_new_code=True).run(co.evaluations(goal))
    return counter


def test_notes_are_columns_and_come_back_with_the_results(tmp_path: Path):
    assert [result.trial.note for result in run(tmp_path / "run", 3).told][:2] == [
        None,
        Note("count", 0, {"f": 2.0}, {"f": 0.1}, 0.5),
    ]
    with open_reader(tmp_path / "run") as reader:
        first, _, third = follow(reader).table()
    assert (first["predicted.f"], first["model"]) == (None, None)
    assert (third["predicted.f"], third["std.f"], third["model"], third["why"]) == (4.0, 0.1, 1, "count")
    assert first["proposed"] <= first["started"] <= first["finished"]


def test_lessons_are_recorded_once_over_a_resume(tmp_path: Path):
    run(tmp_path / "run", 5)
    told = run(tmp_path / "run", 9).told
    assert [result.trial.note.score for result in told if result.trial.note] == [x / 2 for x in range(1, 9)]
    with open_reader(tmp_path / "run") as reader:
        lessons = follow(reader).lessons
    assert [(lesson.model, lesson.known, lesson.best["f"]) for lesson in lessons] == [
        (k + 1, 2 * k, float(k)) for k in range(4)
    ]


@pytest.mark.parametrize(
    "note", ["a word", Note(mean={"f": "high"}), Note(why=1), Note(model=1.5), Note(std={1: 0.0}), Note(score=object())]
)
def test_a_note_that_is_none_is_the_mistake_of_the_generator(note: object, tmp_path: Path):
    class Careless(Counter):
        def _row(self, x: int) -> Chosen:
            return Chosen({"x": x}, note)

    campaign = co.Campaign(Careless(), lambda x: {"f": x}, co.inline(), run=tmp_path / "run")
    with pytest.raises(GeneratorError, match=r"Careless.suggest\(1\): row 0: .*[Nn]ote"):
        campaign.run(co.evaluations(3))
    with open_reader(tmp_path / "run") as reader:
        assert follow(reader).table() == []


def test_the_units_of_a_simulator_are_recorded_and_not_compared(tmp_path: Path):
    for goal, unit in ((2, "m²"), (4, "ha")):
        area = co.simulator(version="1", outputs={"f": unit, "note": ""})(lambda x: {"f": x**2, "note": "n"})
        co.Campaign(Counter(), area, co.inline(), run=tmp_path / "run").run(co.evaluations(goal))
    with open_reader(tmp_path / "run") as reader:
        assert of_outputs(follow(reader)) == {"f": "m²"}


numbers = st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=3)
notes = st.builds(Note, st.text(), st.none() | st.integers(0), numbers, numbers, st.none() | st.floats(allow_nan=False))


@given(notes)
def test_any_note_comes_back_equal(note: Note):
    proposed = Proposed("main", 1, (Trial(0, {"x": 1}, note=note), Trial(1, {"x": 2})), 2, 1.0)
    assert wrong_note(note) is None
    assert decode(encode([proposed])[0]) == proposed


def test_the_front_has_what_nothing_beats():
    space = Problem({"x": Integer(0, 9)}, (Output("f", "maximize"), Output("g", "minimize"), Output("h", co.AtMost(7))))
    result = co.Campaign(co.Grid(space), lambda x: {"f": x % 5, "g": abs(x - 3), "h": x}, co.inline()).run()
    with memory_ledger() as ledger:
        assert follow(ledger).front() == []
    assert [(row["x"], row["f"], row["g"]) for row in result.front()] == [(4, 4, 1), (3, 3, 0)]


def test_a_result_is_exported_with_the_names_of_its_pool(tmp_path: Path):
    (tmp_path / "m.smi").write_text("CO methanol\nCC ethane\n")
    pool = co.Pool.read(tmp_path / "m.smi")
    result = co.Campaign(co.Grid(pool, maximize="f"), lambda smiles: {"f": len(smiles)}, co.inline()).run()
    assert result.export(tmp_path / "all.csv", pool=pool) == 2
    assert (tmp_path / "all.csv").read_text().splitlines()[1].startswith("0,CO,methanol,2")
