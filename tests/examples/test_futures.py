"""The demo as plain futures: the same on each engine, whatever fails in it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from examples.futures import loop

import cohobate as co

POOL = ("CO", "CCO", "C1CC", "CF", "O", "N", "C", "CC", "C=O")


@pytest.mark.parametrize("engine", ["processes", "threads"])
def test_it_finds_the_hardest_to_ionize_and_names_what_failed(engine: str, tmp_path: Path):
    (tmp_path / "pool.smi").write_text("\n".join(POOL))
    options = ["--engine", engine, "--pool", tmp_path / "pool.smi", "--evaluations", "9"]
    ended = subprocess.run([sys.executable, loop.__file__, *options], capture_output=True, text=True, timeout=50)
    assert ended.returncode == 0, ended.stderr
    failed, first, *rest = ended.stdout.splitlines()
    assert failed.startswith("failed: C1CC: ")
    assert first.split() == ["18.293", "eV", "O"]  # the value of the xtb program, in eV
    assert len(rest) == 4


def hangs_at_ethane(smiles: str) -> float:
    while smiles == "CC":
        time.sleep(60)
    return float(len(smiles))


def test_a_simulation_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(loop, "simulate", hangs_at_ethane)
    with co.processes(2) as engine:
        found = loop.screen(engine, ["C", "CC", "CCC", "CCO"], 4, deadline=0.2)
    assert found == {"C": 1.0, "CCC": 3.0, "CCO": 3.0}
    assert "failed: CC: " in capsys.readouterr().out


def nothing_works(smiles: str) -> float:
    raise ValueError("no value here")


def test_a_round_in_which_all_fail_is_not_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "simulate", nothing_works)
    with co.threads(2) as engine:
        assert loop.screen(engine, ["C" * n for n in range(1, 14)], 13, deadline=5) == {}
