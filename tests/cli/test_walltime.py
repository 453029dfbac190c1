"""Campaigns inside a job that ends: they stop in time, lose nothing, and say how to continue."""

from __future__ import annotations

import re
import subprocess
import time
from datetime import datetime

import pytest

from cli.programs import environment, program
from cohobate.cli.allocation import allocation, walltime_end
from cohobate.cli.curfew import Curfew, curfew_of
from cohobate.core.errors import ConfigError

GOAL = "goal = { evaluations = 300 }"
POOL = "".join(f"{'C' * i} number{i}\n" for i in range(1, 301))
SIM = """
import time, pathlib
def length(smiles):
    with pathlib.Path(__file__).with_name("began").open("a") as file:
        file.write(smiles + "\\n")
    time.sleep({seconds})
    return float(len(smiles))
"""
FAREWELL = re.compile(
    r"stopped before the walltime ends at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, "
    r"(\d+) of 300 done; continue with: cohobate run\n$"
)


def begun(here):
    return (here / "began").read_text().splitlines()


def run_until(end: float, **more: str):
    """Runs the campaign here in a job that ends at ``end``; returns how the command ended, and when."""
    env = {**environment(), "COHOBATE_WALLTIME_END": str(int(end)), **more}
    done = subprocess.run(program("run"), capture_output=True, text=True, env=env, timeout=40)
    return done, time.time()


def test_what_runs_is_drained_and_the_next_job_continues(here, small, cohobate_here):
    # Not even a campaign that cancels what runs at its goal gives up anything for good here.
    replace = {GOAL: GOAL + "\nmargin = 2.0\ndrain = false"}
    small(300, engine="processes", sim=SIM.format(seconds=0.1), pool=POOL, replace=replace)
    end = int(time.time()) + 5
    done, ended = run_until(end)
    assert (done.returncode, done.stderr) == (75, "")
    assert end - 2.0 <= ended < end, "it worked until the margin and was gone before the end"
    counted = int(FAREWELL.search(done.stdout)[1])
    assert 0 < counted < 300
    assert counted == len(begun(here)), "what was begun was finished and recorded"
    assert f"no evaluation is started after {datetime.fromtimestamp(end - 2):%F %T}" in done.stdout
    assert "stopped: the walltime ends at" in cohobate_here("status").out
    small(300, sim=SIM.format(seconds=0.1), pool=POOL, replace={GOAL: GOAL.replace("300", f"{counted + 2}")})
    assert cohobate_here("run").code == 0
    assert len(set(begun(here))) == len(begun(here)) == counted + 2, "nothing was evaluated twice"


def test_what_outlasts_the_margin_is_left_to_the_next_job(here, small, cohobate_here):
    small(300, engine="processes", sim=SIM.format(seconds=50), pool=POOL, replace={GOAL: GOAL + "\nmargin = 3.0"})
    end = int(time.time()) + 6
    done, ended = run_until(end)
    assert (done.returncode, done.stderr) == (75, "")
    assert ended < end
    assert FAREWELL.search(done.stdout)[1] == "0"
    first = begun(here)
    small(300, sim=SIM.format(seconds=0), pool=POOL, replace={GOAL: GOAL.replace("300", "4")})
    assert cohobate_here("run", "--accept-new-code").code == 0
    assert set(first) <= set(begun(here)[len(first) :]), "what was left behind is evaluated"


def test_a_job_too_short_for_one_evaluation_is_refused_for_good(here, small):
    small(300, replace={GOAL: GOAL + "\ndeadline = 600"})
    done, _ = run_until(time.time() + 100)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), "75 would be submitted again for ever"
    assert "10 min 07 s are kept for what runs then" in done.stderr
    assert not (here / "run").exists()


def test_an_end_that_is_none_is_refused(here, small):
    small(300)
    env = {**environment(), "COHOBATE_WALLTIME_END": "soon"}
    done = subprocess.run(program("run"), capture_output=True, text=True, env=env, timeout=40)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "COHOBATE_WALLTIME_END" in done.stderr


@pytest.mark.parametrize(
    ("env", "end"),
    [
        ({}, None),
        ({"SLURM_JOB_END_TIME": "1795190000"}, 1795190000.0),
        ({"SLURM_JOB_END_TIME": "1795190000", "COHOBATE_WALLTIME_END": "1795180000"}, 1795180000.0),
        ({"COHOBATE_WALLTIME_END": "2026-11-20T18:00:00+00:00"}, 1795197600.0),
        ({"SLURM_JOB_END_TIME": "N/A"}, None),
    ],
)
def test_who_says_when_a_job_ends(env, end):
    assert walltime_end(env) == end


def test_what_a_job_says_of_itself(tmp_path):
    nodes = tmp_path / "nodes"
    nodes.write_text("a1\na1\na2\na2\n")
    slurm = allocation({"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "3", "SLURM_JOB_END_TIME": "1795190000"})
    pbs = allocation({"PBS_JOBID": "8.host", "PBS_NODEFILE": str(nodes)})
    assert (slurm.scheduler, slurm.id, slurm.nodes, slurm.end) == ("slurm", "7", 3, 1795190000.0)
    assert (pbs.scheduler, pbs.id, pbs.nodes, pbs.end) == ("pbs", "8.host", 2, None)
    assert allocation({}) is None


def test_a_margin_is_split_between_what_runs_and_leaving():
    assert (Curfew(1000.0, 67.0).last, Curfew(1000.0, 67.0).grace) == (933.0, 62.0)
    assert Curfew(1000.0, 1.0).grace == 0.5
    assert curfew_of(None, 5.0) is None
    with pytest.raises(ConfigError, match="0 s are left"):
        curfew_of(time.time() - 100, 5.0)
