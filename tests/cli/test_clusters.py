"""Campaigns for a cluster: the files that are made for them, and the submit scripts run as a scheduler runs them."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from cli.programs import environment
from cohobate.cli.building import build
from cohobate.cli.reading import find, read
from cohobate.cli.template import copy

SCRIPTS = [(cluster, script) for cluster in ("slurm", "pbs") for script in ("submit-node.sh", "submit-nodes.sh")]
POOL = "".join(f"{'C' * i} number{i}\n" for i in range(1, 301))
SIM = """
import time
def length(smiles):
    time.sleep(0.1)
    return float(len(smiles))
"""
SLOW = """
import time, pathlib
def length(smiles):
    with pathlib.Path(__file__).with_name("began").open("a") as file:
        file.write(smiles + "\\n")
    time.sleep(0.3)
    return float(len(smiles))
"""
SUBMIT = {"slurm": "sbatch", "pbs": "qsub"}


def program(folder: Path, name: str, text: str) -> None:
    """Puts a program of our own into the folder ``bin``."""
    (folder / "bin").mkdir(exist_ok=True)
    file = folder / "bin" / name
    file.write_text(f"#!/bin/bash\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def job(here, small):
    """A campaign of 300 evaluations of 0.1 s with its submit scripts, and how a scheduler would run one of them."""

    def prepare(cluster: str, n: int = 300) -> Path:
        copy("screen", "mine", here, cluster)
        for script in (here / "mine").glob("*.sh"):
            shutil.copy(script, here)
        small(
            n,
            engine="inline",
            sim=SIM,
            pool=POOL,
            replace={f"evaluations = {n} }}": f"evaluations = {n} }}\nmargin = 2.0"},
        )
        program(here, "cohobate", f'exec "{sys.executable}" -m cohobate.cli "$@"')
        program(here, SUBMIT[cluster], 'echo "$@" >> submitted')
        return here

    return prepare


def scheduled(folder: Path, script: str, **env: str) -> subprocess.Popen[str]:
    env = {**environment(), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **env}
    return subprocess.Popen(
        ["bash", script], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_init_makes_a_campaign_for_a_cluster(here, cohobate_here):
    called = cohobate_here("init", "screen", "mine", "--cluster", "slurm")
    assert (called.code, called.err) == (0, "")
    assert "sbatch submit-node.sh" in called.out
    place = find(here / "mine")
    file, config = place.need_config()
    job = build(file, place.run, config)
    assert (config.engine.kind, config.engine.site, config.engine.walltime) == ("parsl", "slurm", "04:00:00")
    assert job.longest == 60 + 2 + 5, "deadline, grace, and leaving"
    assert all(os.access(here / "mine" / name, os.X_OK) for name in ("submit-node.sh", "submit-nodes.sh"))


@pytest.mark.parametrize("cluster", ["slurm", "pbs"])
def test_every_key_that_is_offered_is_one(here, cluster):
    file = copy("screen", "mine", here, cluster) / "campaign.toml"
    head, engine = file.read_text().split("[engine]")
    offered = re.sub(r"^# (?=\w+ = )", "", engine, flags=re.MULTILINE)
    file.write_text(f"{head}[engine]{offered}")
    config = read(file)
    assert config.engine.site == cluster
    assert config.engine.model_fields_set == set(tomllib.loads(offered.partition("\n")[2]))
    assert len(config.engine.model_fields_set) >= 14


@pytest.mark.parametrize(("cluster", "script"), SCRIPTS)
def test_submit_scripts_are_scripts(here, cluster, script):
    file = copy("screen", "mine", here, cluster) / script
    text = file.read_text()
    again = re.sub(r"^(    )# (?=(sbatch|qsub) )", r"\1", text, flags=re.MULTILINE)
    assert again != text
    for version in (text, again):
        assert subprocess.run(["bash", "-n"], input=version, capture_output=True, text=True).stderr == ""
    assert re.search(r"^#(SBATCH --time|PBS -l walltime)=04:00:00$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("cluster", ["slurm", "pbs"])
def test_a_fit_gets_the_engine_of_a_cluster(here, cluster):
    config = read(copy("fit", "mine", here, cluster) / "campaign.toml")
    assert config.engine == read(copy("screen", "other", here, cluster) / "campaign.toml").engine
    assert len(config.term) == 1


def test_an_unknown_cluster_is_named(here, cohobate_here):
    called = cohobate_here("init", "screen", "x", "--cluster", "slum")
    assert (called.code, called.err) == (2, "cohobate: no cluster 'slum'; there is pbs, slurm; did you mean 'slurm'?\n")
    assert cohobate_here("init", "_slurm", "x").err.startswith(
        "cohobate: no template '_slurm'; there is fit, fit-lammps, screen"
    )
    assert list(here.iterdir()) == []


def test_a_slurm_job_stops_in_time_and_is_submitted_again(job):
    folder = job("slurm")
    script = folder / "submit-node.sh"
    script.write_text(script.read_text().replace("    # sbatch submit", "    sbatch submit"))
    end = int(time.time()) + 8
    process = scheduled(
        folder, "submit-node.sh", SLURM_JOB_ID="7", SLURM_JOB_END_TIME=str(end), SLURM_SUBMIT_DIR=str(folder)
    )
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (75, "")
    assert time.time() < end
    assert re.search(r"stopped before the walltime ends at .*, \d+ of 300 done; continue with: cohobate run", out)
    assert "continue with: sbatch submit-node.sh" in out
    assert (folder / "submitted").read_text() == "submit-node.sh\n"


def test_a_pbs_job_knows_when_it_ends(job):
    folder = job("pbs")
    program(folder, "qstat", 'echo "Job Id: 8"; echo "    Resource_List.walltime = 00:00:20"')
    began = time.time()
    process = scheduled(folder, "submit-node.sh", PBS_JOBID="8.host", PBS_O_WORKDIR=str(folder))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (75, "")
    assert time.time() - began < 20
    assert "stopped before the walltime ends at" in out
    assert "continue with: qsub submit-node.sh" in out
    assert not (folder / "submitted").exists(), "only where somebody wanted it"


def test_a_signal_of_the_scheduler_drains_a_job(job):
    folder = job("slurm")
    process = scheduled(folder, "submit-node.sh", SLURM_JOB_ID="7")
    latest = time.monotonic() + 20
    while not (folder / "run" / "campaign.db").exists():
        assert time.monotonic() < latest, "it never began"
        select.select([], [], [], 0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (75, "")
    assert re.search(r"stopped cleanly, \d+ of 300 done", out)


def test_a_job_that_reaches_its_goal_ends_well(job):
    folder = job("slurm", 5)
    process = scheduled(folder, "submit-node.sh", SLURM_JOB_ID="7", SLURM_JOB_END_TIME=str(int(time.time()) + 3600))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "5 evaluations (0 failed" in out
    assert "continue" not in out


def test_a_machine_without_a_scheduler_says_so(here, small, cohobate_here, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    small(5, replace={'kind = "inline"': 'kind = "parsl"\nsite = "slurm"\nwalltime = "01:00:00"'})
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "engine: no sbatch on PATH" in called.err
    assert cohobate_here("run", "--engine", "threads").code == 0
    assert "did you mean 'allocation'?" in cohobate_here("run", "--engine", "alocation").err


def test_a_job_of_several_nodes_runs_on_those_it_has(job):
    pytest.importorskip("parsl")
    folder = job("slurm", 6)
    process = scheduled(folder, "submit-nodes.sh", SLURM_JOB_ID="7", SLURM_JOB_NUM_NODES="1")
    out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    assert "engine: this job: 1 node, on each" in out
    assert "6 evaluations (0 failed" in out


@pytest.mark.parametrize("kind", ["loky", "local"])
def test_ctrl_c_drains_what_runs_in_the_workers_of_others(here, small, kind):
    pytest.importorskip({"local": "parsl"}.get(kind, kind))
    small(30, sim=SLOW, pool=POOL, module="slow")
    command = [sys.executable, "-m", "cohobate.cli", "run", "--engine", kind]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    latest = time.monotonic() + 30
    while not (here / "began").exists():
        assert time.monotonic() < latest, "it never began"
        select.select([], [], [], 0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (75, "")
    done = re.search(rf"stopped cleanly, (\d+) of 30 done; continue with: cohobate run --engine {kind}\n$", out)
    assert int(done[1]) == len((here / "began").read_text().splitlines()) > 0, "what was begun was finished"
