"""adaptive's own tests, which its wheel brings along, on our learners: what passes there passes, what cannot is listed.

``outcomes.toml`` names the tests that fail, each with the reason, and those that are not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = Path(os.environ.get("COHOBATE_GEST_ENV", ROOT / ".venv" / "gest"))
PYTHON = ENVIRONMENT / "bin" / "python"
LISTED = tomllib.loads((HERE / "outcomes.toml").read_text())
LIMIT = 540
GOOD = ("passed", "skipped", "xfailed", "xpassed")
"""Outcomes of tests that are not listed; ``x``: adaptive itself expects it to fail, or not to."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each test."""
    if not PYTHON.exists():
        pytest.skip(f"adaptive is not installed in {ENVIRONMENT}: make .venv/gest.ok")
    report = tmp_path_factory.mktemp("adaptive") / "outcomes.json"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE}:{ROOT / 'src'}",
        "COHOBATE_ADAPTIVE_REPORT": str(report),
        "OMP_NUM_THREADS": "1",
    }
    modules = [f"adaptive.tests.{name}" for name in LISTED["modules"]]
    left_out = [word for name in LISTED["slow"] for word in ("--deselect", f"::{name.partition('::')[2]}")]
    options = ["-q", "-p", "plugin", "-p", "no:cacheprovider", "--no-flaky-report", "--timeout", "120"]
    ended = subprocess.run(
        [PYTHON, "-m", "pytest", *options, *left_out, "--pyargs", *modules],
        cwd=report.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert report.exists(), ended.stdout[-3000:] + ended.stderr[-3000:]
    found: dict[str, str] = json.loads(report.read_text())
    return found


pytestmark = [pytest.mark.timeout(LIMIT + 30), pytest.mark.xdist_group("adaptive")]


def test_what_is_not_listed_passes(outcomes: dict[str, str]):
    assert {name: how for name, how in outcomes.items() if how not in GOOD and name not in LISTED["fails"]} == {}


def test_what_is_listed_fails(outcomes: dict[str, str]):
    assert {name: outcomes.get(name) for name in LISTED["fails"] if outcomes.get(name) != "failed"} == {}


def test_most_of_them_pass(outcomes: dict[str, str]):
    assert sum(how == "passed" for how in outcomes.values()) >= LISTED["passed"]
