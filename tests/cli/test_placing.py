"""From the table [engine] to an engine: what is asked of a cluster, and another engine instead."""

from __future__ import annotations

import os

import pytest

import cohobate.cli.engine_tables as toml
from cohobate.cli.placing import INSTEAD, instead, opened, says, site
from cohobate.core.errors import ConfigError, UserError
from cohobate.core.task import Task
from cohobate.engines import sites
from cohobate.host.cores import physical, usable

SLURM = toml.Slurm(
    kind="parsl",
    site="slurm",
    walltime="04:00:00",
    nodes=2,
    blocks=3,
    partition="debug",
    cores_per_worker=2,
    accelerators=["a", "b"],
    filesystems="scratch",
    interface="lo",
    worker_init="module load python",
)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A machine with the programs of a scheduler, which nobody calls."""
    for name in ("sbatch", "qsub"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sites, "_addresses", lambda: {"lo": "127.0.0.1", "ib0": "10.0.0.1"})


def test_a_table_becomes_a_site(cluster):
    found = site(SLURM, 67.0)
    assert found == sites.Cluster(
        node=sites.Node(
            workers=2,
            cores_per_worker=2,
            pin=toml.PINNED,
            accelerators=("a", "b"),
            worker_init="module load python",
            address="127.0.0.1",
        ),
        scheduler="slurm",
        walltime="04:00:00",
        nodes=2,
        blocks=3,
        queue="debug",
        filesystems=("scratch",),
        drain=67.0,
    )


@pytest.mark.usefixtures("cluster")
def test_what_is_asked_for_is_said_with_its_walltime(tmp_path):
    assert list(says(SLURM, tmp_path, 67.0)) == [
        "engine: slurm: up to 3 blocks of 2 nodes, on each node 2 workers of 2 cores with one of 2 accelerators; "
        "walltime 04:00:00, queue debug"
    ]
    pbs = toml.Pbs(kind="parsl", site="pbs", walltime="00:30:00", interface="ib0", accelerators=4)
    assert "4 workers with one of 4 accelerators; walltime 00:30:00" in next(says(pbs, tmp_path, 67.0))
    assert list(says(toml.Processes(), tmp_path, 67.0)) == []
    with pytest.raises(UserError, match="such a name"):
        list(says(pbs, tmp_path / "with space", 67.0))


def test_without_other_words_there_is_a_worker_for_each_physical_core(monkeypatch):
    assert site(toml.Local(kind="parsl", site="local"), 1.0).node.workers == physical()
    assert site(toml.Local(kind="parsl", site="local", cores_per_worker=10_000), 1.0).node.workers == 1
    assert site(toml.ParslThreads(kind="parsl", site="threads"), 1.0) == sites.Threads(workers=usable())


@pytest.mark.parametrize(
    ("env", "nodes", "launcher"),
    [
        ({}, 1, None),
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "1"}, 1, None),
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "3"}, 3, "srun"),
        ({"PBS_JOBID": "7", "PBS_NODEFILE": "nodes"}, 2, "mpiexec"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_an_allocation_is_as_large_as_the_job(tmp_path, monkeypatch, env, nodes, launcher):
    (tmp_path / "nodes").write_text("a\nb\nb\n")
    monkeypatch.chdir(tmp_path)
    for name in ("SLURM_JOB_ID", "PBS_JOBID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = site(toml.Allocation(kind="parsl", site="allocation", interface="ib0"), 1.0)
    assert (found.nodes, found.launcher) == (nodes, launcher)
    assert found.node.address == ("127.0.0.1" if nodes == 1 else "10.0.0.1")


def test_another_engine_takes_over_what_it_understands():
    there = instead(SLURM, "allocation")
    assert there == toml.Allocation(
        kind="parsl",
        site="allocation",
        cores_per_worker=2,
        accelerators=["a", "b"],
        interface="lo",
        worker_init="module load python",
    ), "but not the nodes of a block"
    assert instead(SLURM, "processes") == toml.Processes(kind="processes")
    assert instead(toml.Threads(kind="threads", workers=3), "processes") == toml.Processes(kind="processes", workers=3)
    assert {instead(SLURM, name).kind for name in INSTEAD} >= {"processes", "mpi", "dask", "parsl"}
    with pytest.raises(ConfigError, match="did you mean 'processes'"):
        instead(SLURM, "proceses")


@pytest.mark.parametrize("kind", [toml.Processes, toml.Threads, toml.Loky])
def test_an_engine_has_what_its_table_says(kind, tmp_path):
    if kind is toml.Loky:
        pytest.importorskip("loky")
    wish = kind(kind=kind.__name__.lower(), workers=1, resources={"gpu": 2, "licence": 0.5})
    with opened(wish, tmp_path, 1.0) as engine:
        assert engine.has() == {"cores": 1, "gpu": 2, "licence": 0.5}
        with pytest.raises(UserError, match="did you mean 'licence'"):
            engine.submit(Task(pow, (2, 3), needs={"license": 1}))


def test_devices_may_be_named(tmp_path):
    wish = toml.Processes(workers=1, resources={"gpu": ["5"]})
    with opened(wish, tmp_path, 1.0) as engine:
        seen = engine.submit(Task(os.getenv, ("CUDA_VISIBLE_DEVICES",), needs={"gpu": 1}))
        assert seen.result(timeout=30) == "5"
    with (
        pytest.raises(UserError, match="gpu is a number"),
        opened(toml.Threads(kind="threads", resources={"gpu": ["5"]}), tmp_path, 1.0),
    ):
        pass


def test_an_engine_is_closed_with_what_was_opened_for_it(tmp_path):
    pytest.importorskip("loky")
    psutil = pytest.importorskip("psutil")
    with opened(toml.Loky(kind="loky", workers=1), tmp_path, 1.0) as engine:
        worker = engine.call(os.getpid).result(timeout=30)
        children = psutil.Process().children(recursive=True)
        assert worker in {child.pid for child in children}
    _gone, alive = psutil.wait_procs([child for child in children if child.pid == worker], timeout=10)
    assert not alive
