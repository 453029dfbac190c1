"""Everything about one trial, as text."""

from __future__ import annotations

import pytest

from cohobate.core.errors import UserError
from cohobate.core.events import Finished, Opened, Proposed, Revised, Started
from cohobate.core.outcome import Cancelled, Value
from cohobate.core.trial import Note, Trial
from cohobate.ledger.ledger import memory_ledger
from cohobate.ledger.views import follow
from cohobate.view.trial import told
from view.campaigns import campaign


@pytest.fixture(scope="module")
def views():
    return campaign(60)


def test_a_trial_that_was_chosen_by_a_model_and_tried_again(views, tmp_path):
    work = tmp_path / "work" / "000042-2"
    (work / "deep").mkdir(parents=True)
    (work / "deep" / "out.log").write_text("x" * 1234)
    (work.parent / "000043-1").mkdir()
    lines = list(told(views, 42, tmp_path))
    text = "\n".join(lines)
    row = views.rows.by_trial[42]
    assert lines[0] == "trial 42: done"
    assert "  smiles  CC(=O)N" in lines
    assert f"  ie        {row.outputs['ie']!r} eV" in lines
    assert "  ei with model 9, score 0.1" in lines
    assert f"ie: predicted {row.trial.note.mean['ie']:.6g} ± {row.trial.note.std['ie']:.6g} eV, got " in text
    assert "  1: worker lost after" in text
    assert "the worker died: killed by signal 9" in text
    assert f"  2: done after {row.final.seconds:.4g} s on 400" in text
    assert "122 bytes of .extxyz, sha256 e228" in text
    assert "  work/000042-2/deep/out.log  1,234 bytes" in lines
    assert "000043" not in text


def test_a_failure_has_its_traceback(views, tmp_path):
    text = "\n".join(told(views, 23, tmp_path))
    assert "trial 23: raised" in text
    assert (
        "failure:\n  ValueError: no conformer of this molecule\n  Traceback (most recent call last):\n    ..." in text
    )
    assert "outputs" not in text


def test_one_that_is_not_there_is_said(views, tmp_path):
    with pytest.raises(UserError, match="trial 60: there is no such trial; the trials are 0 to 59"):
        list(told(views, 60, tmp_path))


def test_what_is_not_over_or_was_stopped(tmp_path):
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Proposed("main", 1, tuple(Trial(i, {"x": i}) for i in range(3)))])
    ledger.append([Started(0, 1, 1.0), Started(1, 1, 1.0), Finished(1, 1, Cancelled("not needed"), 2.0, 1.0, 1.0, "w")])
    views = follow(ledger)
    assert "1: running since " in "\n".join(told(views, 0, tmp_path))
    assert "failure:\n  not needed" in "\n".join(told(views, 1, tmp_path))
    assert list(told(views, 2, tmp_path)) == ["trial 2: proposed", "inputs:", "  x  2", "chosen:", "  by main"]


def test_what_its_body_changed_and_added(tmp_path):
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Proposed("main", 1, (Trial(0, {"x": 1}),))])
    early = Revised(0, "main", {}, {"x": 2}, {"remark": "better"}, applied=True, priority=0.0, needs={}, at=1.0)
    late = Revised(0, "main", {}, {}, {"x": 3, "mean": 0.5}, applied=False, priority=0.0, needs={}, at=2.0)
    ledger.append([early, Started(0, 1, 1.5), late])
    lines = list(told(follow(ledger), 0, tmp_path))
    assert lines[1:3] == ["inputs:", "  x  2"]
    at = lines.index("revised:")
    assert lines[at + 1 : at + 4] == ["  remark     better", "  revised.x  3", "  mean       0.5"]


def test_control_characters_stay_off_the_terminal(tmp_path):
    evil = "a\x1b]0;owned\x07\u202e\n"
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Proposed(evil, 1, (Trial(0, {evil: evil}, evil, Note(evil, 1, {evil: 1.0})),))])
    ledger.append([Started(0, 1, 1.0), Finished(0, 1, Value({evil: [evil], "z": evil}), 2.0, 1.0, 1.0, evil)])
    assert all(line.isprintable() for line in told(follow(ledger), 0, tmp_path))
