"""Prints what a campaign has found: the best candidates, what failed, where the plot is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cohobate.campaign.result import CampaignResult
from cohobate.cli.job import Job
from cohobate.cli.naming import Candidates
from cohobate.cli.picturing import drawn
from cohobate.core.errors import UserError
from cohobate.core.pool import Pool
from cohobate.ledger.reader import open_reader
from cohobate.ledger.views import Follow, follow
from cohobate.view.text import number, shown
from cohobate.view.units import named, of_outputs

BEST = 10
"""Candidates listed of each objective."""
GROUPS = 5
"""Reasons of failures listed before the rest is only counted."""
LAST = 12
"""Lines shown of a traceback; the table has them all."""
PLOT = "history.png"


def report(job: Job, result: CampaignResult) -> None:
    """Prints why it stopped, the best, the failures, and where the plot is."""
    with open_reader(job.run) as reader:
        views = follow(reader)
    print(f"{shown(job.title, 60)}: {shown(result)}")
    for line in (*found(job, result, views), *failures(views, GROUPS), _drawn(views, job.run / PLOT)):
        print(line)


def found(job: Job, result: CampaignResult, views: Follow) -> Iterator[str]:
    """Returns the lines that say what was found: the best candidates, or what a fit makes of its best."""
    if job.found is None or not views.best(1):
        yield from best(views, job.pool)
        return
    yield from (shown(line, 500) for line in str(job.found(result)).splitlines())


def left_out(pool: Pool) -> Iterator[str]:
    """Returns the line that says which lines of a pool's file were left out, and why; none where none was."""
    skipped = pool.skipped
    if not skipped:
        return
    lines = ", ".join(f"line {one.line} ({shown(one.reason, 80)})" for one in skipped[:GROUPS])
    more = f" and {len(skipped) - GROUPS} more" if len(skipped) > GROUPS else ""
    many = "1 line" if len(skipped) == 1 else f"{len(skipped)} lines"
    yield f"{shown(Path(pool.source).name, 60)}: {many} left out: {lines}{more}"


def best(views: Follow, pool: Pool | None) -> Iterator[str]:
    """Returns the lines that list the best candidates of each objective."""
    name = Candidates(views, pool)
    for output in views.tally.goals:
        rows = views.best(BEST, output)
        if not rows:
            continue
        column = views.rows.naming().outputs[output]
        yield f"best {named(output, of_outputs(views))}:"
        yield from table([(f"{i}", number(row[column]), name(row["id"])) for i, row in enumerate(rows, 1)])


def failures(views: Follow, limit: int | None = None, *, tracebacks: bool = False) -> Iterator[str]:
    """Returns the lines that list what failed, grouped by reason, most frequent first; none where nothing did."""
    groups = views.failures()
    for group in groups[:limit]:
        trials = ", ".join(map(str, group["trials"])) + (", ..." if group["count"] > len(group["trials"]) else "")
        kind = str(group["kind"]).replace("_", " ")
        yield f"{group['count']:>5} {kind}: {shown(group['message'] or 'no message')} (trial {trials})"
        if tracebacks:
            yield from (f"      {shown(line)}" for line in group["traceback"].splitlines()[-LAST:])
    if limit is not None and len(groups) > limit:
        yield f"      and {len(groups) - limit} more reasons: cohobate errors"


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Returns aligned lines: the last column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [text.rjust(width) for text, width in zip(row[:-1], widths, strict=False)]
        yield "  " + "  ".join([*cells, row[-1]]).rstrip()


def _drawn(views: Follow, path: Path) -> str:
    try:
        return drawn({path.parent.name: views}, path)
    except UserError as error:  # a report without a picture is still a report
        return f"no plot: {shown(error)}"
