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
from faults.harness import SEED, Audit, Driver, Job, Plan, audit, misfortunes, pause, wait_until

KILLS = 20
AT_ONCE = 4
"""Campaigns that run side by side: they mostly wait."""
SIGNALS = 5
SPAN = 3.5
"""Seconds, from a start, over which the moments of kills are drawn: a whole campaign takes a little longer."""
PROMPT = 1.0
"""Seconds within which a driver of short evaluations ends when told to."""


@dataclass(frozen=True)
class Killed:
    """What became of one campaign whose driver was killed after ``moment`` (s) and started again."""

    moment: float
    acknowledged: int
    ended: int
    orphans: int
    late: int
    finished: bool
    audit: Audit


def killed(job: Callable[..., Job], number: int) -> Killed:
    rng = random.Random(f"{SEED} {number}")
    work = job(Plan(does=misfortunes(rng)), number)
    moment = rng.uniform(0.0, SPAN)
    first = work.start()
    began = time.monotonic()
    while time.monotonic() - began < moment:
        work.look()
        pause()
    acknowledged = work.look()
    first.kill()
    ended = work.noted("end")
    second = work.start() if number % 2 else None  # at once, or when all is quiet
    orphans = first.bury()
    second = second or work.start()
    finished = second.finish()
    orphans += second.bury()
    return Killed(moment, acknowledged, ended, orphans, first.late(), finished, audit(work))


@pytest.mark.timeout(150)
def test_kill_nine_of_the_driver_loses_nothing_and_leaves_nothing(job, row):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda number: killed(job, number), range(KILLS)))
    row(
        "kill -9 of the driver, resumed",
        f"seed {SEED}; {sum(run.acknowledged for run in runs)} acknowledged before",
        runs=KILLS,
        kills=KILLS,
        finished_before=sum(run.ended for run in runs),
        lost=sum(run.audit.lost for run in runs),
        duplicates=sum(run.audit.duplicates for run in runs),
        orphans=sum(run.orphans for run in runs),
        late_starts=sum(run.late for run in runs),
        missing=sum(run.audit.missing for run in runs),
        reruns=sum(run.audit.reruns for run in runs),
        completed=sum(run.finished for run in runs),
    )
    for run in runs:
        assert (run.finished, run.orphans, run.late, run.audit.sound) == (True, 0, 0, True), run


@pytest.mark.timeout(90)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_driver_at_once_with_everything_recorded(job, number: signal.Signals, row):
    took, ends, orphans, late, audits = [], 0, 0, 0, []
    for run in range(SIGNALS):
        rng = random.Random(f"{SEED} {number} {run}")
        does = {x: what for x, what in misfortunes(rng).items() if what not in {"hang", "block"}}
        work = job(Plan(wanted=200, does=does), run)
        driver = work.start()
        some = rng.randrange(1, 150)
        wait_until(lambda work=work, some=some: work.look() >= some)
        sent = time.monotonic()
        driver.process.send_signal(number)
        code, out, err = driver.wait()
        took.append(driver.died - sent)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith(f"stopped by {number.name}: {work.look()} evaluations (")
        assert err.endswith("; run the same again to continue\n")
        assert work.noted("end") <= work.look() == _counted(work)
        ends += work.noted("end")
        orphans += driver.bury()
        again = work.start()
        assert again.finish()
        late += driver.late()
        orphans += again.bury()
        audits.append(audit(work))
    row(
        f"{number.name} to the driver, resumed",
        f"seed {SEED}; ended after {max(took):.2f} s at most",
        runs=SIGNALS,
        kills=SIGNALS,
        finished_before=ends,
        lost=sum(each.lost for each in audits),
        duplicates=sum(each.duplicates for each in audits),
        orphans=orphans,
        late_starts=late,
        missing=sum(each.missing for each in audits),
        reruns=sum(each.reruns for each in audits),
        completed=SIGNALS,
    )
    assert all(each.sound and each.reruns == 0 for each in audits), audits
    assert (orphans, late) == (0, 0)
    assert max(took) <= PROMPT


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
        lost=found.lost,
        duplicates=found.duplicates,
        orphans=first.bury() + second.bury(),
        missing=found.missing,
        reruns=found.reruns,
        completed=1,
    )
    assert found.sound, found
    assert work.noted() == 200


def test_of_two_drivers_started_together_one_does_the_work(job):
    for run in range(5):
        work = job(Plan(wanted=20), run)
        both = [work.start(), work.start()]
        wait_until(lambda both=both: not all(driver.alive for driver in both))
        wait_until(lambda both=both: not any(driver.alive for driver in both))
        loser, winner = sorted(both, key=lambda driver: driver.process.returncode == 0)
        _refused(loser)
        assert winner.finish()
        assert audit(work).sound
        assert work.noted() == 20
