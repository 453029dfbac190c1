"""Drivers that are killed, terminated, interrupted or started twice, and then started again."""

from __future__ import annotations

import random
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from cohobate.ledger.reader import open_reader
from faults.auditing import Audit, audit
from faults.harness import SEED, Driver, Job, Plan, misfortunes, wait_until

pytestmark = pytest.mark.xdist_group("faults")
RUNS = 22
KILLS = 20
"""How many drivers must not have ended by themselves before they were killed."""
AT_ONCE = 3
"""Campaigns that run side by side: they mostly wait."""
SIGNALS = 5
PROMPT = 1.0
"""Seconds within which a driver of short evaluations ends when told to."""


@dataclass(frozen=True)
class Killed:
    """What became of one campaign whose driver was killed and started again; ``ended`` counts evaluations before."""

    killed: bool
    acknowledged: int
    ended: int
    orphans: int
    late: int
    finished: bool
    audit: Audit


def await_moment(work: Job, driver: Driver, rng: random.Random, number: int) -> None:
    """Looks on until a random moment: of the start of a driver, of its work, or of its end."""
    wanted = work.plan.wanted
    match number % 6:
        case 0:
            evaluations, seconds = 0, rng.uniform(0.0, 1.0)
        case 5:
            evaluations, seconds = wanted - 1, rng.uniform(0.0, 0.02)
        case _:
            evaluations, seconds = rng.randrange(1, wanted), rng.uniform(0.0, 0.05)
    wait_until(lambda: work.look() >= evaluations or not driver.alive)
    end = time.monotonic() + seconds
    wait_until(lambda: work.look() > wanted or time.monotonic() >= end)


def killed(job: Callable[..., Job], number: int) -> Killed:
    rng = random.Random(f"{SEED} {number}")
    work = job(Plan(does=misfortunes(rng)), number)
    first = work.start()
    await_moment(work, first, rng, number)
    acknowledged = work.look()
    first.kill()
    ended = work.noted("end")
    second = work.start() if number % 2 else None  # at once, or when all is quiet
    orphans = first.bury()
    second = second or work.start()
    finished = second.finish()
    return Killed(
        killed=first.process.returncode == -signal.SIGKILL,
        acknowledged=acknowledged,
        ended=ended,
        orphans=orphans + second.bury(),
        late=first.late(),
        finished=finished,
        audit=audit(work),
    )


@pytest.mark.timeout(150)
def test_kill_nine_of_the_driver_loses_nothing_and_leaves_nothing(job, row):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda number: killed(job, number), range(RUNS)))
    row(
        "kill -9 of the driver, resumed",
        f"seed {SEED}; {sum(run.acknowledged for run in runs)} acknowledged before",
        runs=RUNS,
        kills=sum(run.killed for run in runs),
        finished_before=sum(run.ended for run in runs),
        audits=[run.audit for run in runs],
        orphans=sum(run.orphans for run in runs),
        late_starts=sum(run.late for run in runs),
        completed=sum(run.finished for run in runs),
    )
    assert sum(run.killed for run in runs) >= KILLS
    for run in runs:
        assert (run.finished, run.orphans, run.late, run.audit.sound) == (True, 0, 0, True), run


@dataclass(frozen=True)
class Told:
    """What became of one campaign whose driver was told to stop and started again; ``took`` seconds to end."""

    took: float
    ended: int
    orphans: int
    late: int
    finished: bool
    audit: Audit


def told(job: Callable[..., Job], number: signal.Signals, run: int) -> Told:
    rng = random.Random(f"{SEED} {number} {run}")
    does = {x: what for x, what in misfortunes(rng).items() if what not in {"hang", "block"}}
    work = job(Plan(does=does), run)
    first, some = work.start(), rng.randrange(1, 120)
    wait_until(lambda: work.look() >= some)
    sent = time.monotonic()
    first.process.send_signal(number)
    code, out, err = first.wait()
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert err.startswith(f"stopped by {number.name}: {work.look()} evaluations (")
    assert err.endswith("; run the same again to continue\n")
    ended = work.noted("end")
    assert ended <= work.look() == _counted(work)
    orphans = first.bury()
    second = work.start()
    finished = second.finish()
    return Told(first.died - sent, ended, orphans + second.bury(), first.late(), finished, audit(work))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_driver_at_once_with_everything_recorded(job, number: signal.Signals, row):
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda run: told(job, number, run), range(SIGNALS)))
    took = max(run.took for run in runs)
    row(
        f"{number.name} to the driver, resumed",
        f"seed {SEED}; ended after {took:.2f} s at most",
        runs=SIGNALS,
        kills=SIGNALS,
        finished_before=sum(run.ended for run in runs),
        audits=[run.audit for run in runs],
        orphans=sum(run.orphans for run in runs),
        late_starts=sum(run.late for run in runs),
        completed=sum(run.finished for run in runs),
    )
    for run in runs:
        assert (run.finished, run.orphans, run.late, run.audit.reruns, run.audit.sound) == (True, 0, 0, 0, True), run
    assert took <= PROMPT


def _counted(work: Job) -> int:
    with open_reader(work.run) as reader:
        return reader.tally.counted


def _refused(driver: Driver) -> str:
    code, out, err = driver.wait()
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert err.startswith("AlreadyOpen: ")
    return err


def test_a_second_driver_is_refused_and_the_first_goes_on(job, row):
    work = job(Plan())
    first = work.start()
    wait_until(lambda: work.look() >= 10)
    began = time.monotonic()
    second = work.start()
    said = _refused(second)
    took = second.died - began
    assert f"pid {first.pid} on {socket.gethostname()} since 20" in said
    assert first.finish()
    found = audit(work)
    row(
        "a second driver",
        f"refused {took:.2f} s after its start; {work.noted()} starts",
        runs=1,
        audits=[found],
        orphans=first.bury() + second.bury(),
        completed=1,
    )
    assert found.sound, found
    assert work.noted() == 200


def test_of_two_drivers_started_together_one_does_the_work(job):
    refused = 0
    for run in range(5):
        work = job(Plan(wanted=60), run)
        both = [work.start(), work.start()]
        wait_until(lambda both=both: not all(driver.alive for driver in both))
        wait_until(lambda both=both: not any(driver.alive for driver in both))
        loser, winner = sorted(both, key=lambda driver: driver.process.returncode == 0)
        if loser.process.returncode:
            _refused(loser)
            refused += 1
        else:
            assert loser.finish()  # it came when all was done
        assert winner.finish()
        assert audit(work).sound
        assert work.noted() == 60
    assert refused
