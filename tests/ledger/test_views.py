"""Tables, bests, failures and rates of a ledger, and what they look like in a file."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from cohobate.core.blob import Blob
from cohobate.core.errors import UserError
from cohobate.core.events import (
    AttemptFailed,
    CancelAsked,
    Declared,
    Event,
    Finished,
    Opened,
    Proposed,
    Started,
)
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.trial import Trial
from cohobate.ledger import views
from cohobate.ledger.export import export, to_csv
from cohobate.ledger.ledger import Ledger, memory_ledger, open_ledger
from cohobate.ledger.rows import FACTS
from cohobate.ledger.untag import Kept

GOALS = [{"name": "f", "goal": "maximize"}, {"name": "cost", "goal": "minimize"}, {"name": "note", "goal": None}]


def trials(*values: float, first: int = 0, at: float = 10.0) -> list[Event]:
    """Proposed, started and finished trials with these values of ``f``, a second apart."""
    events: list[Event] = []
    for i, f in enumerate(values, first):
        events += [
            Proposed("main", i + 1, (Trial(i, {"x": i}),)),
            Started(i, 1, at + i),
            Finished(i, 1, Value({"f": f, "cost": -f}), at + i + 0.5, at + i, 0.5, "w"),
        ]
    return events


def ledger_of(*events: Event) -> Ledger:
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Declared({"problem": {"outputs": GOALS}}), *events])
    return ledger


def test_the_table_has_a_row_for_each_trial():
    failed = Failure("raised", "ValueError: no", "Traceback")
    ledger = ledger_of(
        Proposed("main", 1, tuple(Trial(i, {"x": i / 4}) for i in range(5))),
        Started(0, 1, 10.0),
        Finished(0, 1, Value({"f": 2.5}), 11.0, 10.0, 1.0, "w1"),
        Started(1, 1, 10.0),
        AttemptFailed(1, 1, Failure("worker_lost", "gone"), 12.0),
        Started(1, 2, 12.5),
        Finished(1, 2, failed, 13.0, 12.5, 0.5, "w2"),
        Started(2, 1, 14.0),
        CancelAsked((2, 3)),
        Finished(3, 0, Cancelled("stale"), 15.0),
    )
    table = views.table(ledger)
    assert [row["status"] for row in table] == ["done", "raised", "running", "cancelled", "proposed"]
    assert [row["x"] for row in table] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [row["f"] for row in table] == [2.5, None, None, None, None]
    assert [row["message"] for row in table] == ["", "ValueError: no", "", "stale", ""]
    assert [row["cancel_requested"] for row in table] == [False, False, True, True, False]
    assert (table[1]["attempts"], table[1]["started"], table[1]["traceback"]) == (2, 12.5, "Traceback")
    assert list(table[0]) == ["id", "x", "f", *FACTS]


def test_names_that_clash_say_which_they_are():
    ledger = ledger_of(
        Proposed("main", 1, (Trial(0, {"x": 1, "id": 2, "status": 3}),)),
        Started(0, 1, 1.0),
        Finished(0, 1, Value({"x": 4, "y": 5}), 2.0),
    )
    (row,) = views.table(ledger)
    named = {name: row[name] for name in row if name not in FACTS}
    assert named == {"id": 0, "inputs.x": 1, "inputs.id": 2, "inputs.status": 3, "outputs.x": 4, "y": 5}


def test_best_goes_in_the_declared_direction():
    ledger = ledger_of(*trials(1.0, 5.0, math.nan, 3.0, 5.0))
    assert [row["id"] for row in views.best(ledger, 3)] == [1, 4, 3]
    assert [row["id"] for row in views.best(ledger, 2, "cost")] == [1, 4]
    assert len(views.best(ledger, 99)) == 4
    assert views.best(ledger, 0) == []


@pytest.mark.parametrize("output", ["note", "g", "F"])
def test_best_of_what_has_no_direction_is_refused(output: str):
    with pytest.raises(UserError, match=r"neither minimized nor maximized; the objectives are \['f', 'cost'\]"):
        views.best(ledger_of(*trials(1.0)), 1, output)


def test_best_without_any_objective_is_refused():
    with pytest.raises(UserError, match="objectives are"):
        views.best(memory_ledger())


def test_a_follow_reads_only_what_is_new():
    ledger = ledger_of(*trials(1.0, 2.0))
    following = views.follow(ledger)
    assert following.best()[0]["id"] == 1
    assert following.update() == 0
    ledger.append(trials(9.0, 0.5, first=2))
    assert following.update() == 6
    assert [row["id"] for row in following.best(4)] == [2, 1, 0, 3]
    assert following.table() == views.table(ledger)


def test_failures_are_grouped_by_kind_and_message():
    finals = ["a", "b", "a", "a", "a"]
    ledger = ledger_of(
        Proposed("main", 1, tuple(Trial(i, {}) for i in range(6))),
        *(Finished(i, 1, Failure("raised", text, f"T{i}"), 1.0) for i, text in enumerate(finals)),
        Finished(5, 1, Failure("timeout", "a"), 1.0),
    )
    groups = views.failures(ledger)
    assert [(g["kind"], g["message"], g["count"]) for g in groups] == [
        ("raised", "a", 4),
        ("raised", "b", 1),
        ("timeout", "a", 1),
    ]
    assert groups[0]["trials"] == [0, 2, 3]
    assert groups[0]["traceback"] == "T0"


def test_rates_are_per_minute():
    ledger = ledger_of(*trials(*range(1, 121), at=0.0))
    rates = views.rates(ledger)
    assert rates.recent == pytest.approx(60.0, rel=0.05)
    assert rates.overall == pytest.approx(60.0, rel=0.05)
    assert views.rates(ledger, now=1000.0).recent == 0.0


def test_rates_of_nothing_are_zero():
    assert views.rates(memory_ledger()) == views.Rates(0.0, 0.0)


def test_a_blob_is_not_fetched_for_a_table(tmp_path: Path):
    blob = Blob(b"x" * 100_000, ".xyz")
    with open_ledger(tmp_path / "run") as ledger:
        ledger.append([Proposed("main", 1, (Trial(0, {}),)), Finished(0, 1, Value({"g": blob}), 1.0)])
        ledger.flush()
        (row,) = views.table(ledger)
        export(ledger, tmp_path / "t.jsonl")
    assert row["g"] == Kept(blob.sha256, 100_000, ".xyz")
    assert json.loads((tmp_path / "t.jsonl").read_text())["g"] == blob.sha256 + ".xyz"


def odd_outputs() -> Ledger:
    outputs = {"f": math.inf, "text": "=1+1", "array": np.arange(4.0).reshape(2, 2), "pair": (1, "a"), "n": -3}
    return ledger_of(
        Proposed("main", 1, (Trial(0, {"name": '<b>,\n"quoted" é \ud800'}), Trial(1, {"name": "-rf"}))),
        Finished(0, 1, Value(outputs), 1.0),
    )


def test_csv_says_everything(tmp_path: Path):
    assert export(odd_outputs(), tmp_path / "t.csv") == 2
    with (tmp_path / "t.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["name"] == '<b>,\n"quoted" é \\ud800'
    assert (first["f"], first["n"], first["text"]) == ("inf", "-3", "'=1+1")
    assert json.loads(first["array"]) == [[0.0, 1.0], [2.0, 3.0]]
    assert json.loads(first["pair"]) == [1, "a"]
    assert (second["name"], second["f"], second["status"]) == ("'-rf", "", "proposed")


def test_json_lines_say_everything(tmp_path: Path):
    export(odd_outputs(), tmp_path / "t.JSONL")
    first, second = map(json.loads, (tmp_path / "t.JSONL").read_text().splitlines())
    assert first["name"] == '<b>,\n"quoted" é \ud800'
    assert (first["f"], first["text"], first["array"]) == ("Infinity", "=1+1", [[0.0, 1.0], [2.0, 3.0]])
    assert (second["name"], second["f"]) == ("-rf", None)


def test_columns_with_odd_names_are_guarded():
    assert to_csv([{"=x": 1}], ["=x"]) == "'=x\n1\n"


def test_another_suffix_or_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"expected a file ending in \.csv, \.jsonl, .* or \.sdf"):
        export(odd_outputs(), tmp_path / "t.xls")
    with pytest.raises(UserError, match="cannot be written"):
        export(odd_outputs(), tmp_path / "none" / "t.csv")


def test_frame_has_the_same_columns():
    pytest.importorskip("pandas")
    ledger = ledger_of(*trials(1.0, 2.0))
    frame = views.frame(ledger)
    assert list(frame.columns) == list(views.table(ledger)[0])
    assert frame["f"].tolist() == [1.0, 2.0]
