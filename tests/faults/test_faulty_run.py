"""Whole campaigns with nothing wrong, with everything wrong, and with a candidate that kills whatever runs it."""

from __future__ import annotations

import random
from statistics import median

import pytest

from cohobate.campaign.policy import Retries
from cohobate.core.outcome import Failure
from faults.auditing import audit, slowness, start_of_a_worker
from faults.harness import SEED, Plan, kill_workers, misfortunes

pytestmark = pytest.mark.xdist_group("faults")  # timed: not beside the others of this group
RUNS = 5
ALLOWED = 1.2
"""How much longer than ideal a campaign may take, start-up excluded, on a machine that nothing else slows."""


@pytest.mark.timeout(90)
@pytest.mark.parametrize("kills", [0, 2], ids=["clean", "faulty"])
def test_everything_comes_to_its_planned_end_in_nearly_the_ideal_time(job, kills: int, row):
    audits, hit, orphans, finished = [], 0, 0, 0
    slow = []
    for run in range(RUNS):
        slow.append(slowness(Plan()))
        rng = random.Random(f"{SEED} {kills} {run}")
        work = job(Plan(does=misfortunes(rng) if kills else {}), run)
        driver = work.start()
        hit += len(list(kill_workers(driver, rng, kills)))
        finished += driver.finish()
        orphans += driver.bury()
        audits.append(audit(work, start=start_of_a_worker()))
    raw, ratios = (median(each.ratio for each in audits), [each.ratio_without_starts for each in audits])
    row(
        "nothing wrong" if not kills else "raise, hang, NaN, killed workers",
        f"seed {SEED}; start of new workers excluded: {', '.join(f'{ratio:.3f}' for ratio in ratios)}; "
        f"a bare pool {median(slow):.3f}",
        runs=RUNS,
        kills=f"{hit} workers",
        audits=audits,
        orphans=orphans,
        completed=finished,
        makespan_ideal=f"{raw:.3f}",
    )
    assert (finished, orphans) == (RUNS, 0)
    assert all(each.sound for each in audits), audits
    assert median(ratios) <= ALLOWED * median(slow)


def test_a_poison_candidate_is_quarantined_after_three_workers_and_within_its_deadline(job, row):
    work = job(Plan(wanted=40, does={13: "poison"}))
    driver = work.start()
    finished = driver.finish()
    work.look()
    found = audit(work)
    (final,) = [each for each in work.shown.values() if isinstance(each.outcome, Failure)]
    pauses = sum(Retries().pause(0, final.trial, attempt) for attempt in (1, 2))
    lasted = final.at - final.started  # of the last attempt
    starts = work.starts(13)
    whole = starts[-1].at - starts[0].at + lasted - pauses
    row(
        "poison candidate",
        f"{len(starts)} attempts, then quarantined; {whole:.2f} s without pauses (deadline {work.plan.deadline:g} s)",
        runs=1,
        kills=f"{len(starts)} workers",
        audits=[found],
        orphans=driver.bury(),
        completed=int(finished),
    )
    assert finished
    assert found.sound, found
    assert len(starts) == 3
    assert "quarantined after 3 lost workers" in final.outcome.message
    assert whole <= work.plan.deadline
