"""Whether the campaign of a folder can run: its configuration, its run folder, what is recorded there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cohobate.cli.abilities import ENGINES
from cohobate.cli.allocation import walltime_end
from cohobate.cli.building import build
from cohobate.cli.curfew import curfew_line, curfew_of
from cohobate.cli.findings import Finding
from cohobate.cli.fit_tables import Fit
from cohobate.cli.job import Job
from cohobate.cli.reading import DATABASE, NAME, Place, find
from cohobate.cli.running import finished
from cohobate.cli.surroundings import installed
from cohobate.cli.whereabouts import whereabouts
from cohobate.core.errors import CohobateError, ConfigError
from cohobate.host.filesystem import free_bytes, is_network, kind
from cohobate.ledger.reader import open_reader
from cohobate.ledger.verify import verify

FULL = 50_000_000
"""Free bytes below which a campaign soon stops."""
TIGHT = 1_000_000_000
"""Free bytes below which somebody should think of it."""
VOLATILE = frozenset({"tmpfs", "ramfs", "devtmpfs"})
"""File systems that live in memory."""


def checkup(folder: Path) -> Iterator[Finding]:
    """Returns what there is to say of a folder; only a note where it holds no campaign."""
    if not ((folder / NAME).is_file() or (folder / DATABASE).is_file()):
        yield Finding("campaign", f"no {NAME} here; make one: cohobate init screen NAME", "note")
        yield from _disk(folder, "full")
        return
    try:
        place = find(folder)
        file, config = place.need_config()
        job = build(file, place.run, config)
        yield Finding("campaign", f"{job.title}: {job.goal or 'until it ends by itself'}")
        yield from _limits(job)
    except CohobateError as error:
        yield Finding("campaign", str(error), "problem")
        return
    yield from _engine(job)
    yield from _disk(place.run, config.campaign.durability)
    yield from _recorded(place, job)


def _limits(job: Job) -> Iterator[Finding]:
    what = "a term" if isinstance(job.config, Fit) else "an evaluation"
    if job.deadline is None:
        yield Finding("deadline", f"none: {what} that hangs is never stopped; set campaign.deadline", "note")
    else:
        yield Finding("deadline", f"{job.deadline:g} s for {what}, then {job.config.campaign.grace:g} s of grace")
    for line in curfew_line(curfew_of(walltime_end(os.environ), job.longest)):
        yield Finding("walltime", line.removeprefix("walltime: "))


def _engine(job: Job) -> Iterator[Finding]:
    wish = job.config.engine
    library, says = ENGINES[wish.kind]
    if library is not None and installed(library) is None:
        hint = f"engine.kind: {wish.kind!r} needs {library}: pip install 'cohobate[{wish.kind}]'"
        yield Finding("engine", hint, "problem")
        return
    try:
        asked = [line.removeprefix("engine: ") for line in job.site()]
    except ConfigError as error:
        yield Finding("engine", str(error), "problem")
        return
    yield Finding("engine", f"{wish.kind}: {says}")
    yield from (Finding("engine", line) for line in asked)


def _disk(run: Path, durability: str) -> Iterator[Finding]:
    name, free = kind(run) or "an unknown file system", free_bytes(run)
    journal = "of another machine, so with a rollback journal" if is_network(run) else "local, with a write-ahead log"
    yield Finding("run folder", f"{run.absolute()} on {name}: {journal}")
    if not os.access(_existing(run), os.W_OK):
        yield Finding("run folder", f"{run.absolute()} cannot be written: choose another by campaign.run", "problem")
    if name in VOLATILE:
        yield Finding("durable", f"no: {name} is memory, and lost with the machine", "note")
    elif durability == "full":
        yield Finding("durable", "yes: what was shown survives a power cut")
    else:
        yield Finding("durable", 'but for the last moments before a power cut: durability = "normal"', "note")
    room = f"{free / 1e9:.1f} GB free"
    if free < FULL:
        yield Finding("room", f"{room}: make some, or choose another run folder", "problem")
    else:
        yield Finding("room", room, "note" if free < TIGHT else "fact")


def _recorded(place: Place, job: Job) -> Iterator[Finding]:
    run = place.run
    if not (run / DATABASE).exists():
        yield Finding("record", "nothing yet: cohobate run begins")
        return
    wrong = verify(run)
    if wrong:
        yield from (Finding("record", line, "problem") for line in wrong)
        return
    try:
        with open_reader(run) as reader:
            tally = reader.tally
        done = finished(job)
    except CohobateError as error:
        yield Finding("record", str(error), "problem")
        return
    yield Finding(
        "record", f"{tally.counted} evaluations, {tally.failed} of them failed; every bit is as it was written"
    )
    state = whereabouts(run, tally.stopped)
    if state.startswith("running: "):
        yield Finding("record", f"{state}; a second driver is refused: stop that one first", "problem")
    else:
        yield Finding("record", f"{state}; {'nothing is left to do' if done else 'cohobate run continues'}")


def _existing(path: Path) -> Path:
    """Returns the path, or the nearest folder above it that exists."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
