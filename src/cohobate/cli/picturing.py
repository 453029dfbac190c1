"""Draws campaigns and writes reports of them, running or stopped."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from cohobate.cli.config import Config
from cohobate.cli.naming import Candidates
from cohobate.cli.reading import Place, find
from cohobate.cli.stating import read_pool
from cohobate.cli.whereabouts import whereabouts
from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.core.pool import Pool
from cohobate.fit.report import recorded
from cohobate.host.filesystem import read_regular
from cohobate.ledger.reader import open_reader
from cohobate.ledger.views import Follow, follow
from cohobate.view.plots.draw import draw
from cohobate.view.plots.figure import Runs
from cohobate.view.report.about import About
from cohobate.view.report.page import write
from cohobate.view.text import duration, shown

REPORT = "report.html"
MANIFEST = "manifest.json"
LARGEST = 10_000_000
"""Bytes of a manifest; more is something else."""


def plot(words: Sequence[Path], folder: Path, kind: str) -> None:
    """Draws the campaigns of some folders over each other; the last word is a file where it is no folder."""
    *folders, last = words or [folder]
    file = None if last.is_dir() else last
    places = [find(one) for one in ([*folders, last] if file is None else folders) or [folder]]
    with ExitStack() as stack:
        readers = [stack.enter_context(open_reader(place.run)) for place in places]
        runs = dict(zip(_names(places), map(follow, readers), strict=True))
        print(drawn(runs, file or places[0].run / f"{kind}.png", kind))


def drawn(runs: Runs, path: Path, kind: str = "history") -> str:
    """Draws runs and returns the line that says where; raises ``UserError`` where that fails."""
    # Said on stderr of every first run: that matplotlib looks for fonts, and where it keeps them.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    draw(runs, path, kind=kind)
    return f"plot: {shown(path)}"


def report(words: Sequence[Path], folder: Path) -> None:
    """Writes the report of a campaign; of the words, one that is no folder is the file to write."""
    *folders, last = words or [folder]
    file = None if last.is_dir() else last
    asked = folders if file else [*folders, last]
    if len(asked) > 1:
        raise UserError(f"report: expected one folder and one file, got {', '.join(map(str, words))}")
    place = find(asked[0] if asked else folder)
    began = time.perf_counter()
    with open_reader(place.run) as reader:
        views = follow(reader)
        views.rows.pool = pool_of(place)
        path = file or place.run / REPORT
        size = write(views, about(place, views), path, recorded(place.run))
    seconds = time.perf_counter() - began
    print(f"report: {shown(path)} ({size / 1e6:.2f} MB, {len(views.rows.by_trial):,} trials, {seconds:.1f} s)")


def about(place: Place, views: Follow) -> About:
    """Returns what a report is told of a campaign besides its ledger."""
    config = place.config.campaign if place.config else None
    title = (config.name if config else None) or _name(place)
    goal = ", or ".join(_goal(config.goal.model_dump())) if config else ""
    return About(
        title=title,
        state=whereabouts(place.run, views.tally.stopped),
        goal=goal,
        total=config.goal.evaluations if config else None,
        folder=str(place.run),
        manifest=_manifest(place.run),
        name=Candidates(views, views.rows.pool),
        written=time.time(),
    )


def pool_of(place: Place) -> Pool | None:
    """Returns the configured pool, whose labels are nice to have; ``None`` where it cannot be read."""
    if place.file is None or not isinstance(place.config, Config):
        return None
    try:
        return read_pool(place.file, place.config)
    except UserError:
        return None


def _goal(goal: Mapping[str, Plain]) -> Iterator[str]:
    for key, value in goal.items():
        match key, value:
            case _, None:
                continue
            case (("below" | "above"), Mapping()):
                yield from (f"{output} {key} {limit:g}" for output, limit in value.items())
            case "evaluations", int():
                yield f"{value:,} evaluations"
            case (("seconds" | "session_seconds"), float() | int()):
                yield f"{duration(value)} {'of running' if key == 'seconds' else 'of a session'}"
            case _:
                yield f"{key} {value}"


def _names(places: Sequence[Place]) -> list[str]:
    """Returns what each run is called: the name of its folder, its path where names are equal."""
    names = [_name(place) for place in places]
    return [
        name if names.count(name) == 1 else f"{place.run} ({i})" if _same(place, places) > 1 else str(place.run)
        for i, (name, place) in enumerate(zip(names, places, strict=True), 1)
    ]


def _same(place: Place, places: Sequence[Place]) -> int:
    return sum(place.run == other.run for other in places)


def _name(place: Place) -> str:
    folder = place.file.parent if place.file else place.run
    return folder.resolve().name


def _manifest(run: Path) -> Mapping[str, Plain]:
    """Returns the manifest of a run; nothing where it cannot be read."""
    try:
        found = json.loads(read_regular(run / MANIFEST, LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
