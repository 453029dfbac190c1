"""Runs a configured campaign with a panel, continues it, or reports it where it has finished."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cohobate.campaign.goals import View
from cohobate.campaign.handle import Handle
from cohobate.campaign.moves import Halt
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.resume import declare
from cohobate.campaign.signals import stopping_on_signals
from cohobate.cli.allocation import walltime_end
from cohobate.cli.building import build
from cohobate.cli.curfew import Curfew, curfew_line, curfew_of, keeping
from cohobate.cli.job import Job
from cohobate.cli.naming import Candidates
from cohobate.cli.placing import instead
from cohobate.cli.reading import DATABASE, find
from cohobate.cli.reporting import left_out, report
from cohobate.ledger.reader import open_reader
from cohobate.ledger.tally import Tally
from cohobate.ledger.views import Follow
from cohobate.view.watch import watch

INTERRUPTED = 75
"""Exit code after a signal, and when the walltime ends: EX_TEMPFAIL, try again (sysexits.h)."""


def run(folder: Path, *, engine: str | None = None, accept_new_code: bool = False) -> int:
    """Runs the campaign of a folder to its goal and reports it; returns the exit code.

    ``engine`` names another kind of engine than that of campaign.toml.
    """
    place = find(folder)
    file, config = place.need_config()
    if engine is not None:
        config = config.model_copy(update={"engine": instead(config.engine, engine)})
    job = build(file, place.run, config, accept_new_code=accept_new_code)
    for line in left_out(job.pool) if job.pool else ():
        print(line)
    result = finished(job)
    if result is None:
        if job.ready is not None:
            job.ready()
        curfew = curfew_of(walltime_end(os.environ), job.longest)
        for line in (*job.site(), *curfew_line(curfew)):
            print(line)
        result, signals = conduct(job, curfew)
        how = _interrupted(signals, result, curfew)
        if how and not reached(job, result.tally):
            print(f"{how}, {_done(job, result.tally)}; continue with: {_again(folder, engine)}")
            return INTERRUPTED
    report(job, result)
    return 0


def finished(job: Job) -> CampaignResult | None:
    """Returns the result of a campaign that has nothing left to do; ``None`` where there is more.

    Raises ``ResumeRefused`` where what is recorded is another campaign. Starts nothing, writes nothing.
    """
    if not (job.run / DATABASE).is_file():
        return None
    with open_reader(job.run) as reader:
        tally = reader.tally
        declare(reader, job.campaign().identify(), accept_new_code=job.accept_new_code)
        over = job.found is not None and any(not told.closing for told in reader.returned())
    reason = reached(job, tally) or (tally.stopped or "the generator has returned" if over else None)
    return CampaignResult(reason, tally, job.run) if reason else None


def reached(job: Job, tally: Tally) -> str | None:
    """Returns why the goal holds for what is recorded, or ``None``."""
    if job.goal is None:
        return None
    outputs = job.problem.output_names
    return job.goal.reached(View(tally, tally.seconds, 0.0, outputs=outputs))


def conduct(job: Job, curfew: Curfew | None = None) -> tuple[CampaignResult, list[str]]:
    """Runs one session with a panel; returns the result and the signals that came.

    The first signal lets running evaluations finish for 10 s, the second ends them.
    """
    started: list[Handle] = []

    def stop(halt: Halt) -> None:
        for handle in started:
            handle.cancel(grace=halt.grace)

    with job.engine() as engine, stopping_on_signals(stop) as came:
        started.append(job.campaign(engine).start(job.goal))
        if came:  # before there was anything to stop
            started[0].cancel()
        with open_reader(job.run) as reader, keeping(curfew, started[0]):
            name = Candidates(Follow(reader), job.pool)
            with _stopped_after(started[0]):
                watch(started[0], title=job.title, name=name, note=engine.describe, lesson=name.lesson)
        result = started[0].result()
        if job.found is not None and not came and result.best():
            job.found(result, engine)  # while there is an engine for what it evaluates, which is kept
    return result, came


@contextmanager
def _stopped_after(handle: Handle) -> Iterator[None]:
    """Stops a campaign in good order where showing it fails, for example because nobody reads on."""
    try:
        yield
    except BaseException:
        handle.cancel()
        handle.exception()
        raise


def _interrupted(signals: list[str], result: CampaignResult, curfew: Curfew | None) -> str | None:
    """Returns how a session was stopped before its goal, ``None`` where it was not."""
    if curfew and result.reason == curfew.reason:
        return f"stopped before {curfew.reason}"
    return {0: None, 1: "stopped cleanly"}.get(len(signals), "stopped at once")


def _done(job: Job, tally: Tally) -> str:
    total = job.config.campaign.goal.evaluations
    return f"{tally.counted} of {total} done" if total else f"{tally.counted} done"


def _again(folder: Path, engine: str | None) -> str:
    where = "" if folder == Path() else f" --folder {shlex.quote(str(folder))}"
    return f"cohobate run{where}{f' --engine {engine}' if engine else ''}"
