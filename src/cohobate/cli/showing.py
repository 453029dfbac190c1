"""Shows what is recorded of a campaign, running or stopped, without ever writing into its run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cohobate.campaign.members import MAIN
from cohobate.cli.building import build
from cohobate.cli.fit_tables import Fit
from cohobate.cli.naming import Candidates
from cohobate.cli.picturing import pool_of
from cohobate.cli.reading import Place, find
from cohobate.cli.reporting import failures
from cohobate.cli.whereabouts import whereabouts
from cohobate.ledger import export as exporting
from cohobate.ledger import snapshot as copying
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.views import Follow, follow, returned
from cohobate.view.sight import by_kind
from cohobate.view.text import duration, number, shown
from cohobate.view.trial import told
from cohobate.view.units import of_outputs

DIFFERENT = 1
"""Exit code of a replay that came out differently."""


def status(folder: Path) -> None:
    """Prints how the campaign of a folder stands."""
    place = find(folder)
    with open_reader(place.run) as reader:
        ended = _optimised(reader) if isinstance(place.config, Fit) else _returned(reader)
        for fact, text in (*_standing(place, follow(reader)), *ended):
            print(f"{fact:<14}{text}")


def errors(folder: Path) -> None:
    """Prints what failed, grouped by reason, with the traceback of the first of each."""
    with _views(find(folder)) as views:
        lines = list(failures(views, tracebacks=True))
    print("\n".join(lines) or "nothing failed")


def export(folder: Path, file: Path) -> None:
    """Writes one row for each trial to a file."""
    place = find(folder)
    with open_reader(place.run) as reader:
        trials = exporting.export(reader, file, pool=pool_of(place))
        proposed = reader.tally.proposed
    print(f"wrote {trials} {'rows' if trials == proposed else f'of {proposed} trials'} to {file}")


def show(folder: Path, trial: int) -> None:
    """Prints everything that is known of one trial."""
    place = find(folder)
    with _views(place) as views:
        for line in told(views, trial, place.run):
            print(line)


def replay(folder: Path) -> int:
    """Derives every proposal again and prints how far it came; returns the exit code."""
    from cohobate.campaign.replay import replay as derive

    place = find(folder)
    file, config = place.need_config()
    job = build(file, place.run, config)
    with open_reader(place.run) as reader:
        ended = derive(reader, job.generator(), job.problem)
    if ended.difference is not None:
        print(f"differs at {shown(ended.difference, 1000)}")
        return DIFFERENT
    print(f"equal: {ended.asks} asks, {ended.trials} proposals")
    return 0


def snapshot(folder: Path, target: Path) -> None:
    """Copies a run folder, also while it is written to."""
    print(f"copied to {copying.snapshot(find(folder).run, target)}")


def _standing(place: Place, views: Follow) -> Iterator[tuple[str, str]]:
    tally = views.tally
    goal = place.config.campaign.goal.evaluations if place.config else None
    yield "state", whereabouts(place.run, tally.stopped)
    yield "evaluations", f"{tally.counted} of {goal}" if goal else f"{tally.counted}"
    if tally.level:
        sought = place.config.campaign.goal.confirmed if place.config else None
        yield "confirmed", f"{tally.confirmed} of {sought}" if sought else f"{tally.confirmed}"
    yield from _bests(views, Candidates(views, pool_of(place)))
    if len(tally.goals) > 1:
        yield "front", f"{len(views.front())} that none betters in all objectives (cohobate report draws them)"
    if failed := by_kind(tally):
        yield "failed", failed
    if tally.rejected:
        yield "rejected", f"{tally.rejected}"
    if tally.cancelled:
        yield "cancelled", f"{tally.cancelled}"
    yield "time", f"{duration(tally.seconds)} of running in {tally.epoch} session{'s' * (tally.epoch != 1)}"


def _returned(reader: Reader) -> Iterator[tuple[str, str]]:
    """Returns what bodies returned."""
    for name, value in returned(reader.returned()).items():
        yield "returned", shown(f"{value!r}" if name == MAIN else f"{name}: {value!r}", 200)


def _optimised(reader: Reader) -> Iterator[tuple[str, str]]:
    """Returns what the optimizer of a fit said in the end."""
    for value in returned(reader.returned()).values():
        if isinstance(value, Mapping) and "message" in value:
            yield "optimizer", shown(value["message"], 200)


def _bests(views: Follow, name: Candidates) -> Iterator[tuple[str, str]]:
    columns, units = views.rows.naming().outputs, of_outputs(views)
    for output in views.tally.goals:
        for row in views.best(1, output):
            unit = f" {shown(units[output], 20)}" if output in units else ""
            yield f"best {shown(output, 40)}", f"{number(row[columns[output]])}{unit}  {name(row['id'])}"


@contextmanager
def _views(place: Place) -> Iterator[Follow]:
    with open_reader(place.run) as reader:
        yield follow(reader)
