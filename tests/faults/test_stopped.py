"""Processes that are stopped for a while, or for ever: a worker within and beyond its deadline, and the driver."""

from __future__ import annotations

import os
import signal
import time

from cohobate.ledger.reader import open_reader
from faults.auditing import audit
from faults.harness import Job, Plan, marked, wait_until

SLACK = 1.0
"""Seconds that ending a stopped worker may take longer than its deadline and grace."""


def test_a_stopped_worker_is_replaced_and_one_that_goes_on_in_time_keeps_its_value(job, row):
    work = job(Plan(does={10: "stall", 150: "slow"}))
    driver = work.start()
    wait_until(lambda: work.starts(10))
    (stalled,) = work.starts(10)
    os.kill(stalled.pid, signal.SIGSTOP)
    wait_until(lambda: stalled.pid not in marked(driver.mark))
    took = time.monotonic() - stalled.at
    wait_until(lambda: work.starts(150))
    (slow,) = work.starts(150)
    os.kill(slow.pid, signal.SIGSTOP)
    ended = work.noted("end")
    wait_until(lambda: work.noted("end") >= ended + 5)  # the other worker goes on
    os.kill(slow.pid, signal.SIGCONT)
    assert driver.finish()
    found = audit(work)
    row(
        "SIGSTOP of a worker",
        f"replaced {took:.2f} s after the start (deadline {work.plan.deadline:g} s); continued in time: value kept",
        runs=1,
        audits=[found],
        orphans=driver.bury(),
        completed=1,
    )
    assert found.sound, found
    assert len(work.starts(150)) == len(work.starts(10)) == 1
    assert took <= work.plan.deadline + work.plan.grace + SLACK


def test_a_stopped_driver_goes_on_where_it_was(job, row):
    plan = Plan(wanted=60, deadline=0.5, does={20: "slow", 21: "hang"})
    work = job(plan)
    driver = work.start()
    wait_until(lambda: work.starts(20) and work.starts(21))
    os.kill(driver.pid, signal.SIGSTOP)
    stopped, before = time.monotonic(), work.noted()
    wait_until(lambda: time.monotonic() > stopped + plan.deadline + plan.grace + 0.5)  # all deadlines are over
    meanwhile = work.noted() - before
    os.kill(driver.pid, signal.SIGCONT)
    assert driver.finish()
    found = audit(work)
    row(
        "SIGSTOP of the driver",
        f"for {plan.deadline + plan.grace + 0.5:.1f} s; {meanwhile} evaluations started meanwhile",
        runs=1,
        audits=[found],
        orphans=driver.bury(),
        completed=1,
    )
    assert found.sound, found
    assert meanwhile <= plan.workers
    assert work.noted() == plan.wanted


def proposed(work: Job) -> int:
    with open_reader(work.run) as reader:
        return reader.tally.proposed


def test_what_a_worker_finishes_while_its_driver_dies_is_not_run_again(job, row):
    work = job(Plan(wanted=60, slow=1.5, deadline=20.0, does={20: "slow"}))
    driver = work.start()
    wait_until(lambda: work.starts(20) and proposed(work) > 20)  # that must be durable, or its result means nothing
    os.kill(driver.pid, signal.SIGSTOP)
    wait_until(lambda: list((work.run / "spool").glob("20-*.result")))
    known = work.look()
    driver.kill()
    orphans = driver.bury()
    assert work.start().finish()
    found = audit(work)
    row(
        "kill -9 of a stopped driver",
        f"{known} acknowledged before; a result of {work.plan.slow:g} s was harvested",
        runs=1,
        kills=1,
        audits=[found],
        orphans=orphans,
        late_starts=driver.late(),
        completed=1,
    )
    assert found.sound, found
    assert (len(work.starts(20)), orphans, driver.late()) == (1, 0, 0)
