"""Parsl configurations: what they ask for, what they listen on, and that they really run something."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from cohobate.core.errors import UserError
from cohobate.engines.sites import Allocation, Cluster, Local, Node, Threads, address_of, capacity, seconds, spoken
from cohobate.host.cores import physical, usable

parsl = pytest.importorskip("parsl")
psutil = pytest.importorskip("psutil")

from cohobate.engines.parsl_sites import configuration  # noqa: E402 only where Parsl is

NODE = Node(workers=8, cores_per_worker=4, pin=True, worker_init="module load python", address="10.0.0.1")
SLURM = Cluster(
    node=NODE,
    scheduler="slurm",
    walltime="04:00:00",
    nodes=2,
    blocks=3,
    queue="debug",
    account="m1234",
    filesystems=("scratch", "cfs"),
    options="#SBATCH --constraint=cpu",
    drain=67.0,
)
PBS = Cluster(
    node=Node(workers=8, accelerators=("0", "1", "2", "3"), pin=False, address="10.0.0.1"),
    scheduler="pbs",
    walltime="01:30:00",
    nodes=2,
    queue="debug",
    account="m1234",
    filesystems=("home", "eagle"),
    options="#PBS -M me@example.org",
    launch_options="--ppn 1",
    bind_flag="--cpu-bind",
)


def submitted(site, tmp_path, monkeypatch) -> tuple[str, str]:
    """Returns the script that Parsl would submit, and by which command; nothing is submitted."""
    [executor] = configuration(site, tmp_path).executors
    provider = executor.provider
    commands = []

    def record(command: str, timeout: float | None = None) -> tuple[int, str, str]:
        commands.append(command)
        return 0, "Submitted batch job 7\n", ""

    monkeypatch.setattr(provider, "execute_wait", record)
    provider.script_dir = str(tmp_path)
    provider.submit("start-workers", 1)
    return Path(commands[0].split()[-1]).read_text(), commands[0]


def test_a_slurm_block_asks_for_what_was_said(tmp_path, monkeypatch):
    script, command = submitted(SLURM, tmp_path, monkeypatch)
    lines = script.splitlines()
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --time=240",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --cpus-per-task=32",
        "#SBATCH --exclusive",
        "#SBATCH --partition=debug",
        "#SBATCH --account=m1234",
        "#SBATCH --licenses=scratch,cfs",
        "#SBATCH --constraint=cpu",
        "module load python",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}",
    ):
        assert lines.count(line) == 1, line
    assert lines.index("module load python") < lines.index("export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}")
    assert "srun --ntasks 2 -l --nodes=2 --ntasks-per-node=1 --cpus-per-task=32 bash" in script
    assert "gpus" not in script
    assert command.startswith("sbatch ")


def test_a_pbs_block_asks_for_what_was_said(tmp_path, monkeypatch):
    script, command = submitted(PBS, tmp_path, monkeypatch)
    lines = script.splitlines()
    for line in (
        "#PBS -l walltime=01:30:00",
        "#PBS -l select=2:ncpus=4:ngpus=4",
        "#PBS -l place=scatter:excl",
        "#PBS -l filesystems=home:eagle",
        "#PBS -M me@example.org",
    ):
        assert lines.count(line) == 1, line
    assert "mpiexec --cpu-bind none --ppn 1 -n $WORKERCOUNT" in script
    assert "-q debug" in command
    assert "-A m1234" in command


@pytest.mark.parametrize("site", [SLURM, PBS, Local(node=Node(workers=1))])
def test_everything_is_encrypted_and_bound_to_one_address(tmp_path, site):
    config = configuration(site, tmp_path)
    [executor] = config.executors
    assert executor.encrypted
    assert executor.loopback_address == "127.0.0.1"
    assert executor.all_addresses == {executor.address} == {site.node.address}
    assert (config.retries, config.usage_tracking, config.run_dir) == (0, 0, str(tmp_path))
    assert not config.initialize_logging
    assert executor.prefetch_capacity == 0
    assert executor.max_workers_per_node == site.node.room == executor.workers_per_node
    assert executor.cpu_affinity == ("block" if site.node.pin else "none")


def test_blocks_come_and_go_with_the_work(tmp_path):
    [executor] = configuration(SLURM, tmp_path).executors
    provider = executor.provider
    assert (provider.init_blocks, provider.min_blocks, provider.max_blocks, provider.nodes_per_block) == (1, 0, 3, 2)
    assert executor.drain_period == 4 * 3600 - 67, "workers take nothing more that they could not finish"
    assert configuration(SLURM, tmp_path).strategy == "simple"


@pytest.mark.parametrize(
    ("nodes", "launcher", "name"), [(1, None, "SingleNode"), (3, "srun", "Srun"), (3, "mpiexec", "MpiExec")]
)
def test_the_nodes_of_a_job_are_used_at_once(tmp_path, nodes, launcher, name):
    site = Allocation(node=Node(workers=4, pin=False), nodes=nodes, launcher=launcher)
    [executor] = configuration(site, tmp_path).executors
    provider = executor.provider
    assert type(provider.launcher).__name__ == f"{name}Launcher"
    assert (provider.nodes_per_block, provider.init_blocks, provider.max_blocks) == (nodes, 1, 1)
    assert capacity(site) == 4 * nodes


def test_threads_are_parsls_own(tmp_path):
    [executor] = configuration(Threads(workers=3), tmp_path).executors
    assert (type(executor).__name__, executor.max_threads) == ("ThreadPoolExecutor", 3)


def test_sites_say_what_they_are():
    assert [capacity(site) for site in (Threads(workers=3), Local(node=NODE), SLURM, PBS)] == [3, 8, 48, 8]
    assert spoken(SLURM) == (
        "slurm: up to 3 blocks of 2 nodes, on each node 8 workers of 4 cores; "
        "walltime 04:00:00, queue debug, account m1234"
    )
    assert "4 workers with one of 4 accelerators" in spoken(PBS)
    assert spoken(Local(node=NODE)).endswith("reached at 10.0.0.1")
    assert spoken(Threads(workers=1)) == "1 thread of this process"


@pytest.mark.parametrize("walltime", ["", "4h", "1:2:3", "00:00:59", "00:61:00", "-1:00:00", "1-00:00:00", "04:00"])
def test_a_walltime_is_hours_minutes_seconds(walltime):
    with pytest.raises(UserError, match="HH:MM:SS"):
        seconds(walltime)


def test_what_could_never_start_is_refused(tmp_path):
    for site, says in (
        (Local(node=Node(workers=10_000, pin=True)), "cannot be pinned"),
        (Allocation(node=Node(workers=10_000, pin=True), nodes=2, launcher="srun"), "cannot be pinned"),
        (Cluster(node=NODE, scheduler="slurm", walltime="00:02:00", drain=130), "may be over before one evaluation"),
    ):
        with pytest.raises(UserError, match=says):
            configuration(site, tmp_path)
    with pytest.raises(UserError, match="such a name"):
        configuration(Local(node=Node(workers=1)), tmp_path / "with space")


def test_addresses_are_those_of_interfaces(monkeypatch):
    loopback = next(name for name, all_ in psutil.net_if_addrs().items() if any(a.address == "127.0.0.1" for a in all_))
    assert address_of(loopback) == "127.0.0.1"
    with pytest.raises(UserError, match="no 'ib99' with an IPv4 address"):
        address_of("ib99")
    monkeypatch.setattr(socket, "gethostbyname", lambda name: "127.0.1.1")
    with pytest.raises(UserError, match="leads other nodes nowhere"):
        address_of(None)
    monkeypatch.setattr(socket, "gethostbyname", lambda name: "10.1.2.3")
    assert address_of(None) == "10.1.2.3"


def test_cores_are_counted_once():
    assert 1 <= physical() <= usable()


WHO = "[(os := __import__('os')).getpid(), os.environ['OMP_NUM_THREADS'], sorted(os.sched_getaffinity(0))]"


def listening(process):
    """The addresses and ports that a process and its descendants listen on."""
    all_ = [process, *process.children(recursive=True)]
    return {c.laddr for one in all_ for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN}


@pytest.mark.skipif(sys.platform != "linux", reason="cores are tied on Linux only")
@pytest.mark.filterwarnings("default")
def test_a_local_site_runs_and_listens_on_loopback_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    # Neither its programs nor anything else of it is looked for on PATH.
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    site = Local(node=Node(workers=1, cores_per_worker=usable() + 1))  # more than there are, and still it runs
    us = psutil.Process()
    before, already = set(us.children(recursive=True)), listening(us)
    kernel = parsl.DataFlowKernel(configuration(site, tmp_path / "run" / "parsl"))
    try:
        pid, threads, cores = kernel.executors["cohobate"].submit(eval, {}, WHO).result(timeout=40)
        assert pid != os.getpid()
        assert (threads, cores) == (str(len(cores)), sorted(os.sched_getaffinity(0)))
        assert {at.ip.removeprefix("::ffff:") for at in listening(us) - already} == {"127.0.0.1"}
        keys = list((tmp_path / "run").rglob("*.key_secret"))
        assert {key.parent.stat().st_mode & 0o777 for key in keys} == {0o700}
    finally:
        kernel.cleanup()
    _gone, alive = psutil.wait_procs(set(us.children(recursive=True)) - before, timeout=10)
    assert not alive
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"], "nothing is left in the working directory"


STUBS = {
    "sbatch": 'SLURM_JOB_NAME=stub SLURM_CPUS_ON_NODE=1 setsid bash "$1" >"$1.out" 2>&1 & echo $! >{pid}\n'
    "echo Submitted batch job 7",
    "srun": 'while [ "$1" != bash ]; do shift; done; exec "$@"',
    "sacct": 'case "$*" in *--job*) echo "7 RUNNING";; esac',
    "scancel": "kill -- -$(cat {pid})",
}
"""A cluster of one node and one job: enough of Slurm to run what Parsl submits."""


@pytest.mark.skipif(sys.platform != "linux", reason="setsid is a program of Linux")
@pytest.mark.filterwarnings("default")
def test_a_block_that_is_submitted_runs(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in STUBS.items():
        (programs / name).write_text(f"#!/bin/bash\n{text.format(pid=tmp_path / 'pid')}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    node = Node(workers=1, cores_per_worker=3, pin=False, worker_init="export FROM=init OMP_NUM_THREADS=2")
    site = Cluster(node=node, scheduler="slurm", walltime="00:10:00")
    config = configuration(site, tmp_path / "parsl")
    config.strategy_period = 0.2
    kernel = parsl.DataFlowKernel(config)
    try:
        what = "[__import__('os').environ[name] for name in ('FROM', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS')]"
        found = kernel.executors["cohobate"].submit(eval, {}, what).result(timeout=40)
        assert found == ["init", "2", os.environ.get("MKL_NUM_THREADS", "3")]
        leader = psutil.Process(int((tmp_path / "pid").read_text()))
    finally:
        kernel.cleanup()
    _gone, alive = psutil.wait_procs([leader], timeout=10)
    assert not alive, "scancel was called"
