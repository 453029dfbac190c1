"""Campaigns run from a file: to the goal, again, with failures, with changes."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from cli.programs import environment, program

PNG = b"\x89PNG\r\n\x1a\n"


def table(folder):
    with (folder / "all.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("engine", ["inline", "threads", "processes"])
def test_a_run_reaches_its_goal_and_says_what_it_found(here, small, cohobate_there, engine):
    small(7, engine=engine)
    called = cohobate_there("run")
    assert (called.code, called.err) == (0, "")
    assert "7 evaluations (1 failed, 0 rejected); stopped: 7 evaluations" in called.out
    best = [line.split()[1:3] for line in called.out.splitlines() if re.match(r" +\d+  \d", line)]
    assert best[0] == ["4", "CCCC"]
    assert [float(value) for value, _ in best] == sorted((float(value) for value, _ in best), reverse=True)
    assert "1 raised: ValueError: too short: [bold]CC[/bold]" in called.out
    assert (here / "run" / "history.png").read_bytes().startswith(PNG)


def test_an_async_simulator_runs_on_coroutines(small, cohobate_here):
    sim = "import asyncio\nasync def length(smiles):\n    await asyncio.sleep(0)\n    return float(len(smiles))\n"
    small(8, engine="coroutines", sim=sim)
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert "8 evaluations (0 failed" in called.out


def test_a_finished_campaign_only_reports(here, small, cohobate_here, monkeypatch):
    small(6)
    first = cohobate_here("run")
    stored = (here / "run" / "campaign.db").read_bytes()
    monkeypatch.setattr("cohobate.cli.running.conduct", None)
    again = cohobate_here("run")
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines() == first.out.splitlines()[-len(again.out.splitlines()) :]
    assert (here / "run" / "campaign.db").read_bytes() == stored


def test_a_larger_goal_continues_and_never_exceeds_it(here, small, cohobate_here):
    small(3)
    assert cohobate_here("run").code == 0
    small(5)
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    cohobate_here("export", "all.csv")
    assert [row["id"] for row in table(here)] == list("01234")
    assert len({row["smiles"] for row in table(here)}) == 5


def test_a_smaller_goal_only_reports(small, cohobate_here):
    small(5)
    cohobate_here("run")
    small(2)
    called = cohobate_here("run")
    assert "5 evaluations (" in called.out
    assert called.code == 0


def test_an_exhausted_pool_ends_the_campaign(small, cohobate_here):
    small(60)
    first, again = cohobate_here("run"), cohobate_here("run")
    assert (first.code, again.code) == (0, 0)
    assert "8 evaluations" in first.out
    assert "8 evaluations" in again.out


@pytest.mark.parametrize("finished", [True, False])
def test_a_changed_simulator_is_refused_until_accepted(here, small, cohobate_here, finished):
    small(3)
    cohobate_here("run")
    stored = (here / "run" / "campaign.db").read_bytes()
    small(3 if finished else 4, module="others", sim="def length(smiles):\n    return -1.0\n")
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "--accept-new-code" in called.err
    assert (here / "run" / "campaign.db").read_bytes() == stored
    assert cohobate_here("run", "--accept-new-code").code == 0


def test_a_changed_pool_is_refused_naming_it(here, small, cohobate_here):
    small(3)
    cohobate_here("run")
    (here / "molecules.smi").write_text("CCO ethanol\nN ammonia\n")
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "problem.variables.rows = 8, now it is 2" in called.err


def test_lines_that_were_left_out_of_the_pool_are_told(small, cohobate_here):
    small(1, pool="CC\nCC again\nCCO\n")
    called = cohobate_here("run")
    assert "molecules.smi: 1 line left out: line 2 (duplicate of line 1)" in called.out


def test_names_are_text(small, cohobate_there):
    small(8)
    called = cohobate_there("run")
    assert "CCl (<img src=x>)" in called.out
    assert "CN ([red]amine[/red])" in called.out
    assert "\x1b" not in called.out


def test_a_failing_campaign_stops_with_one_line(small, cohobate_there):
    pool = "".join(f"C{'C' * i}\n" for i in range(40))
    small(40, sim="def length(smiles):\n    raise OSError('no licence')\n", pool=pool)
    called = cohobate_there("run")
    assert called.code == 1
    assert called.err.count("\n") == 1
    assert "failure budget" in called.err
    assert "no licence" in called.err


VARIABLES = """
[campaign]
goal = {{ evaluations = 9, seconds = 50 }}
name = "<b>bowl</b>"
run = "out/here"
[generator]
{generator}
minimize = "f"
[simulator]
use = "bowls:bowl"
[engine]
kind = "inline"
[variables]
x = {{ kind = "real", lo = -1, hi = 1 }}
n = {{ kind = "integer", lo = 1, hi = 3 }}
c = {{ kind = "choice", values = ["a", "b"] }}
k = {{ kind = "constant", value = 2 }}
"""


@pytest.mark.parametrize(
    "generator",
    ['kind = "random"', 'kind = "sobol"\nseed = 3', 'kind = "latin"\nn = 9', 'kind = "grid"\npoints = { x = 3 }'],
)
def test_variables_are_sampled(here, cohobate_here, generator):
    (here / "bowls.py").write_text("def bowl(x, n, c, k):\n    return {'f': x * x + n, 'note': c * k}\n")
    (here / "campaign.toml").write_text(VARIABLES.format(generator=generator))
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert "<b>bowl</b>: 9 evaluations" in called.out
    assert cohobate_here("export", "all.csv", "--folder", "out/here").code == 0
    rows = table(here)
    assert len(rows) == 9
    assert all(abs(float(row["x"]) ** 2 + int(row["n"]) - float(row["f"])) < 1e-12 for row in rows)
    assert {row["note"] for row in rows} <= {"aa", "bb"}
    assert cohobate_here("replay").out == f"equal: {len(rows)} asks, 9 proposals\n"


def test_what_is_shown_of_a_campaign(here, small, cohobate_here):
    small(8)
    cohobate_here("run")
    status, errors = cohobate_here("status"), cohobate_here("errors")
    assert re.search(r"state +stopped: 8 evaluations\nevaluations +8 of 8\nbest size +4 +CCCC \(butane\)", status.out)
    assert re.search(r"failed +1 raised", status.out)
    assert "1 raised: ValueError: too short: [bold]CC[/bold] (trial " in errors.out
    assert 'raise ValueError("too short: [bold]CC[/bold]")' in errors.out
    assert cohobate_here("status", "--folder", "run").out == status.out
    assert (status.err, errors.err) == ("", "")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_export_holds_every_trial(here, small, cohobate_here, suffix):
    small(8)
    cohobate_here("run")
    called = cohobate_here("export", f"all.{suffix}")
    assert called.out == f"wrote 8 rows to all.{suffix}\n"
    text = (here / f"all.{suffix}").read_text()
    rows = table(here) if suffix == "csv" else [json.loads(line) for line in text.splitlines()]
    assert {row["smiles"]: row["status"] for row in rows} == {
        **dict.fromkeys(["CCO", "C", "CCC", "CCCC", "CO", "CCl", "CN"], "done"),
        "CC": "raised",
    }
    assert {row["smiles"]: float(row["size"]) for row in rows if row["status"] == "done"} == {
        s: float(len(s)) for s in ["CCO", "C", "CCC", "CCCC", "CO", "CCl", "CN"]
    }


@pytest.mark.parametrize("command", [["export", "x.txt"], ["export", "no/where/x.csv"], ["plot", "x.gif"]])
def test_a_file_that_cannot_be_written_is_named(small, cohobate_here, command):
    small(2)
    cohobate_here("run")
    called = cohobate_here(*command)
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert command[1] in called.err


def test_a_replay_names_the_first_difference(here, small, cohobate_here):
    small(4)
    cohobate_here("run")
    assert cohobate_here("replay").out == "equal: 4 asks, 4 proposals\n"
    small(4, replace={'kind = "random"': 'kind = "random"\nseed = 1'})
    called = cohobate_here("replay")
    assert (called.code, called.err) == (1, "")
    assert re.match(r"differs at ask 1 for \d+: trial 0 is recorded as \{'smiles': ", called.out)


def test_a_snapshot_is_a_run_folder(here, small, cohobate_here):
    small(4)
    cohobate_here("run")
    assert cohobate_here("snapshot", "copy").out == "copied to copy\n"
    assert re.search("evaluations +4\n", cohobate_here("status", "--folder", "copy").out)
    called = cohobate_here("snapshot", "copy")
    assert (called.code, called.err.count("\n")) == (1, 1)


def test_a_killed_campaign_is_called_killed(here, small, cohobate_here, cohobate_there):
    small(8, sim="import os\ndef length(smiles):\n    os.kill(os.getpid(), 9)\n", module="deadly")
    assert cohobate_there("run").code == -9
    assert "has ended without a word; cohobate run continues" in cohobate_here("status").out


def truncated(path):
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (x)")
        database.commit()


def garbage(path):
    path.write_bytes(b"not a database" * 1000)


@pytest.mark.parametrize("spoil", [truncated, foreign, garbage])
@pytest.mark.parametrize("command", [["run"], ["status"], ["export", "x.csv"], ["snapshot", "copy"]])
def test_a_spoiled_store_is_left_alone_in_one_line(here, small, cohobate_here, spoil, command):
    small(4)
    cohobate_here("run")
    small(8)
    database = here / "run" / "campaign.db"
    spoil(database)
    stored = database.read_bytes()
    called = cohobate_here(*command)
    assert (called.code, called.out, called.err.count("\n")) == (1, "", 1)
    assert "run" in called.err
    assert database.read_bytes() == stored
    assert not (here / "x.csv").exists()
    assert not (here / "copy").exists()


def test_a_second_driver_is_refused(here, small, cohobate_here):
    from cohobate.host.locks import FolderLock

    small(8)
    (here / "run").mkdir()
    with FolderLock.acquire(here / "run"):
        called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "already open" in called.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_run_that_cannot_be_shown_stops_in_good_order(here, small, cohobate_here):
    sim = "import time\ndef length(smiles):\n    time.sleep(0.2)\n    return float(len(smiles))\n"
    small(7, engine="threads", sim=sim)
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            program("run"), stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), timeout=50
        )
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in ended.stderr
    assert "stopped" in cohobate_here("status").out.splitlines()[0]
    assert "7 evaluations (0 failed" in cohobate_here("run").out


def test_a_run_folder_named_nul_is_refused_in_one_line(small, cohobate_here):
    small(7, replace={"[campaign]\n": '[campaign]\nrun = "a\\u0000b"\n'})
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "NUL" in called.err


def test_outputs_have_units_and_limits(small, cohobate_here, here):
    sim = "def length(smiles):\n    return {'size': float(len(smiles)), 'cost': 2.0 * len(smiles)}\n"
    small(sim=sim, replace={"[engine]": '[outputs]\nsize = { unit = "atoms" }\ncost = { at_most = 6 }\n[engine]'}, n=8)
    assert cohobate_here("run").code == 0
    said = cohobate_here("status").out
    assert "best size     3 atoms  " in said, said


def test_levels_and_confirmed(small, cohobate_here, here):
    sim = "def length(smiles, level):\n    return float(len(smiles)) if level == 'full' else 99.0\n"
    small(
        sim=sim,
        replace={
            "{ evaluations = 6 }": "{ confirmed = 3 }",
            "[engine]": "[fidelity]\ncosts = { quick = 1, full = 8 }\n[engine]",
        },
    )
    ran = cohobate_here("run")
    assert ran.code == 0
    assert "confirmed" in ran.out.splitlines()[1]
    assert " of " not in ran.out.splitlines()[1].partition(" done, ")[0]
    assert "evaluations   3\nconfirmed     3 of 3\n" in cohobate_here("status").out


def test_a_candidate_at_a_level_keeps_its_name(small, cohobate_here, here):
    sim = "def length(smiles, level):\n    return float(len(smiles))\n"
    small(sim=sim, replace={"[engine]": "[fidelity]\ncosts = { quick = 1, full = 4 }\n[engine]"}, n=8)
    assert cohobate_here("run").code == 0
    assert "4  CCCC (butane), level = full" in cohobate_here("status").out


def test_a_structure_is_called_by_formula_and_name(small, cohobate_here, here):
    sim = "def length(structure):\n    return float(len(structure))\n"
    small(sim=sim, replace={"molecules.smi": "water.xyz"}, n=1)
    (here / "water.xyz").write_text("3\nname=water\nO 0 0 0\nH 0 0 1\nH 0 1 0\n")
    assert cohobate_here("run").code == 0
    assert "  H2O (water)\n" in cohobate_here("status").out
    assert "structure  H2O, 5 lines" in cohobate_here("show", "0").out


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_export_has_the_names_of_the_pool(small, cohobate_here, here, suffix):
    small()
    assert cohobate_here("run").code == 0
    assert cohobate_here("export", f"all.{suffix}").code == 0
    written = (here / f"all.{suffix}").read_text()
    assert "name" in written.splitlines()[0]
    assert "methan" in written
