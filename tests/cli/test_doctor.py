"""The doctor: what a machine and a folder can do, and each thing that keeps a campaign from running, in one line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time

import pytest

from cli.programs import environment, program
from cohobate.cli import surroundings
from cohobate.cli.abilities import ENGINES
from cohobate.cli.engine_tables import Engine
from cohobate.cli.findings import Finding
from cohobate.cli.programs import programs
from cohobate.simulate.chem import lammps_program


@pytest.fixture
def doctor(cohobate_here, monkeypatch):
    """Calls the doctor, and returns the exit code, what is said by topic, and the problems."""
    monkeypatch.setattr(surroundings, "_mpiexec", lambda: Finding("mpiexec", "not looked at here"))
    monkeypatch.setattr("cohobate.cli.doctor.programs", lambda: [Finding("lmp", "not looked at here")])

    def call(*words: str):
        called = cohobate_here("doctor", "--json", *words)
        assert called.err == ""
        said: dict[str, list[str]] = {}
        for finding in json.loads(called.out):
            said.setdefault(finding["topic"], []).append(finding["text"])
        return called.code, said, [f["text"] for f in json.loads(called.out) if f["mark"] == "problem"]

    return call


def test_a_machine_without_a_campaign_is_well(here, doctor):
    code, said, problems = doctor()
    assert (code, problems) == (0, [])
    assert said["python"][0].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert re.match(r"\d+ usable \(\d+ physical\)", said["cores"][0])
    assert re.match(r"[\d.]+ GiB", said["memory"][0])
    assert "cohobate init screen NAME" in said["campaign"][0]
    assert list(here.iterdir()) == []


def test_every_engine_says_what_it_cannot_do(here, doctor):
    _, said, _ = doctor()
    kinds = {member.model_fields["kind"].annotation.__args__[0] for member in Engine.__args__}
    assert kinds == set(ENGINES)
    assert all(f"engine {kind}" in said for kind in kinds)
    assert "cannot be killed" in said["engine threads"][0]


def test_what_is_missing_says_how_to_get_it(here, doctor, monkeypatch):
    there = surroundings.installed
    monkeypatch.setattr(surroundings, "installed", lambda name: None if name == "rdkit" else there(name))
    _, said, _ = doctor()
    assert "rdkit missing: pip install 'cohobate[chem]'" in said["chem"][0]


def test_lammps_is_started_and_compared_with_a_known_energy(monkeypatch, tmp_path):
    assert re.fullmatch(r"LAMMPS \d+ \w{3} 20\d\d.*, /.*/lmp: works", *said_of_programs())
    fake = tmp_path / "lmp"
    monkeypatch.setattr(lammps_program, "_of_wheel", lambda libraries: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert said_of_programs() == ["no LAMMPS: neither the wheel nor lmp, lmp_serial or lmp_mpi on PATH"]
    fake.write_text("#!/bin/sh\necho 'libmpi.so.12: cannot open shared object file' >&2; exit 127\n")
    fake.chmod(0o755)
    [said] = said_of_programs()
    assert said.startswith(f"{fake} does not start: libmpi.so.12: cannot open shared object file")
    assert said.endswith("pip install 'cohobate[lammps]' brings the library")


def said_of_programs():
    return [finding.text for finding in programs()]


def test_a_campaign_before_and_after_it_ran(here, small, cohobate_here, doctor):
    small(6)
    code, said, problems = doctor()
    assert (code, problems) == (0, [])
    assert said["record"] == ["nothing yet: cohobate run begins"]
    assert said["deadline"][0].startswith("none: ")
    assert not (here / "run").exists()
    cohobate_here("run")
    stored = (here / "run" / "campaign.db").read_bytes()
    code, said, problems = doctor()
    assert (code, problems) == (0, [])
    assert said["record"][0] == "6 evaluations, 1 of them failed; every bit is as it was written"
    assert said["record"][1].endswith("nothing is left to do")
    assert (here / "run" / "campaign.db").read_bytes() == stored
    small(7)
    assert doctor()[1]["record"][1].endswith("cohobate run continues")


def damaged(here):
    file = here / "run" / "campaign.db"
    file.write_bytes(file.read_bytes()[:4096])


def foreign(here):
    (here / "run" / "campaign.db").write_bytes(b"something else " * 1000)


def stale(here):
    shutil.copy(here / "old.db", here / "run" / "campaign.db")


def another_pool(here):
    (here / "molecules.smi").write_text("CCO ethanol\nN ammonia\n")


def no_pool(here):
    (here / "molecules.smi").unlink()


def a_bad_key(here):
    (here / "campaign.toml").write_text((here / "campaign.toml").read_text().replace("maximize", "maximise"))


@pytest.mark.parametrize("harm", [damaged, foreign, stale, another_pool, no_pool, a_bad_key])
def test_what_keeps_a_campaign_from_running_is_one_line(here, small, cohobate_here, doctor, harm):
    small(3)
    cohobate_here("run")
    shutil.copy(here / "run" / "campaign.db", here / "old.db")
    small(6)
    cohobate_here("run")
    small(8)
    harm(here)
    code, _, problems = doctor()
    assert code == 1
    assert len(problems) == 1
    assert cohobate_here("run").code != 0, "it was right"


def test_another_driver_is_named(here, small, doctor):
    small(8, engine="processes", sim="import time\ndef length(smiles):\n    time.sleep(50)\n", module="sleeping")
    process = subprocess.Popen(program("run"), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        latest = time.monotonic() + 20
        while not (found := doctor())[2]:
            assert time.monotonic() < latest
        assert f"running: pid {process.pid}" in found[2][0]
        assert found[0] == 1
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_an_engine_that_is_not_there(here, small, doctor, monkeypatch):
    from cohobate.cli import checkup

    small(3, replace={'kind = "inline"': 'kind = "dask"'})
    monkeypatch.setattr(checkup, "installed", lambda name: None)
    code, _, problems = doctor()
    assert (code, problems) == (1, ["engine.kind: 'dask' needs distributed: pip install 'cohobate[dask]'"])


def test_a_job_says_when_it_ends(here, small, doctor, monkeypatch):
    small(3, replace={"goal = { evaluations = 3 }": "goal = { evaluations = 3 }\ndeadline = 60"})
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 3600))
    code, said, _ = doctor()
    assert code == 0
    assert re.fullmatch(r"slurm 7, 1 node; ends at .*, in (1 h 00 min|59 min \d\d s)", said["job"][0])
    assert "no evaluation is started after" in said["walltime"][0]
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    assert "nothing can be evaluated before the walltime ends" in doctor()[2][0]


def test_on_a_pipe_it_is_plain_text(here, cohobate_there):
    called = cohobate_there("doctor")
    assert (called.code, called.err) == (0, "")
    assert "\x1b" not in called.out
    assert re.search(r"^  python +3\.\d+", called.out, re.MULTILINE)
    assert re.search(r"^- campaign +no campaign.toml here", called.out, re.MULTILINE)
