"""A report in the spool is found again, and any other file there is only named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.canonical import content_hash
from cohobate.core.errors import NotStorable
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.trial import Evaluated
from cohobate.ledger.spool import Spooled, forget, harvest, write_spool

REPORT = Evaluated(Value({"y": 0.1}), 1000.25, 2.5, "w1", flagged=True)
INPUTS = content_hash({"x": 0.5})


def spool(folder: Path, spooled: Spooled) -> Path:
    return write_spool(folder, spooled.epoch, spooled.trial, spooled.attempt, spooled.inputs, spooled.evaluated)


@pytest.mark.parametrize(
    "outcome",
    [
        Value({"y": float("inf"), "note": "\ud800"}),
        Failure("raised", "ValueError: é", "Traceback", 2),
        Cancelled("stale"),
    ],
)
def test_a_report_is_found_again(tmp_path: Path, outcome: Value | Failure | Cancelled):
    spooled = Spooled(2, 7, 3, INPUTS, replace(REPORT, outcome=outcome))
    spool(tmp_path, spooled)
    found = harvest(tmp_path)
    assert list(found) == [spooled]
    assert found.unreadable == ()


def test_large_arrays_are_inside(tmp_path: Path):
    array = np.arange(30_000.0)
    spool(tmp_path, Spooled(1, 0, 1, INPUTS, replace(REPORT, outcome=Value({"a": array}))))
    (found,) = harvest(tmp_path)
    assert isinstance(found.evaluated.outcome, Value)
    assert np.array_equal(found.evaluated.outcome.outputs["a"], array)


def test_reports_come_by_trial_and_attempt(tmp_path: Path):
    keys = [(1, 10, 1), (1, 9, 2), (2, 9, 3), (1, 9, 1)]
    for epoch, trial, attempt in keys:
        spool(tmp_path, Spooled(epoch, trial, attempt, INPUTS, REPORT))
    assert [(s.epoch, s.trial, s.attempt) for s in harvest(tmp_path)] == [(1, 9, 1), (1, 9, 2), (2, 9, 3), (1, 10, 1)]


def test_a_forgotten_report_is_gone(tmp_path: Path):
    path = spool(tmp_path, Spooled(1, 5, 1, INPUTS, REPORT))
    forget(tmp_path, 1, 5, 2)
    assert path.exists()
    forget(tmp_path, 1, 5, 1)
    forget(tmp_path, 1, 5, 1)
    assert list(harvest(tmp_path)) == []


def test_there_may_be_no_spool(tmp_path: Path):
    assert list(harvest(tmp_path / "none")) == []


def test_what_cannot_be_stored_is_refused(tmp_path: Path):
    with pytest.raises(NotStorable, match=r"outputs\.f is a function"):
        spool(tmp_path, Spooled(1, 0, 1, INPUTS, replace(REPORT, outcome=Value({"f": spool}))))
    assert list(harvest(tmp_path)) == []


def test_strangers_are_named(tmp_path: Path):
    path = spool(tmp_path, Spooled(1, 5, 1, INPUTS, REPORT))
    text = path.read_bytes()
    path.with_name("6-1-1.result").write_bytes(text)  # another attempt's report
    path.with_name("bad.result").write_bytes(b"")
    path.with_name("torn.result").write_bytes(text[:-9])
    path.with_name("folder.result").mkdir()
    os.mkfifo(path.with_name("pipe.result"))
    path.with_name("link.result").symlink_to(tmp_path / "nowhere")
    found = harvest(tmp_path)
    assert [s.trial for s in found] == [5]
    expected = {"6-1-1.result", "bad.result", "torn.result", "folder.result", "pipe.result", "link.result"}
    assert set(found.unreadable) == expected


@settings(deadline=None)
@given(data=st.data())
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    path = spool(folder, Spooled(1, 5, 1, INPUTS, REPORT))
    text = path.read_bytes()
    at = data.draw(st.integers(0, len(text) - 1))
    path.write_bytes(data.draw(st.binary(max_size=30)) if at % 5 == 0 else text[:at] + b"\xff" + text[at + 1 :])
    found = harvest(folder)
    assert len(found.spooled) + len(found.unreadable) == 1
    assert all(s == Spooled(1, 5, 1, INPUTS, REPORT) for s in found)
