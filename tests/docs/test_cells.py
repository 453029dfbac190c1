"""What the documentation's pages are run by: ``docs/_ext/cells.py``, without Sphinx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CELLS = ROOT / "docs" / "_ext" / "cells.py"


@pytest.fixture
def page(tmp_path):
    """Runs blocks, given as (kind, text) or (kind, text, file or "fails"); returns what they show."""

    def run(*blocks):
        asked = [
            {"kind": kind, "text": text, "file": "".join(rest), "fails": "yes" if "fails" in rest else ""}
            for kind, text, *rest in blocks
        ]
        ended = subprocess.run(
            [sys.executable, str(CELLS)],
            input=json.dumps(asked),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(ended.stdout)

    return run


def test_blocks_share_what_they_define(page):
    assert page(("python", "x = 2\nprint('two')\nx"), ("python", "x + 1"), ("python", "x = 5")) == [
        [{"text": "two"}, {"text": "2"}],
        [{"text": "3"}],
        [],
    ]


def test_commands_show_a_transcript_and_stay_where_they_lead(page):
    shown = page(("console", "$ mkdir a && cd a\n$ echo one \\\n  two"), ("console", "$ basename $PWD"))
    assert shown == [[{"text": "$ mkdir a && cd a\n$ echo one \\\n  two\none two"}], [{"text": "$ basename $PWD\na"}]]


def test_a_file_is_there_for_later_blocks_and_shown_as_it_was(page, tmp_path):
    shown = page(("file", "1", "n.txt"), ("made", "", "n.txt"), ("console", "$ echo 2 > n.txt; cat n.txt"))
    assert shown[2] == [{"text": "$ echo 2 > n.txt; cat n.txt\n2"}]
    assert (tmp_path / shown[1][0]["image"]).read_text() == "1\n"


@pytest.mark.parametrize(
    "block",
    [
        ("python", "1 / 0"),
        ("console", "$ false"),
        ("made", "", "nothing.png"),
        ("python", "1", "fails"),
        ("console", "$ true", "fails"),
    ],
)
def test_what_ends_otherwise_than_it_should_is_an_error_and_the_last(page, block):
    shown = page(block, ("python", "print('never')"))
    assert [set(one) for one in shown[-1]] == [{"error"}]
    assert len(shown) == 1


def test_what_is_to_fail_shows_how(page):
    shown = page(("python", "1 / 0", "fails"), ("console", "$ echo why; exit 3", "fails"))
    assert shown == [[{"text": "ZeroDivisionError: division by zero"}], [{"text": "$ echo why; exit 3\nwhy"}]]


def test_nothing_tells_where_a_page_was_made(page, tmp_path):
    [[shown]] = page(("python", "import cohobate, pathlib\nprint(pathlib.Path('x').absolute(), cohobate.__file__)"))
    assert shown["text"] == "x .../cohobate/__init__.py"
