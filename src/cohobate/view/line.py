"""A campaign on one plain line, for logs and pipes."""

from __future__ import annotations

from collections.abc import Iterator

from cohobate.view.pace import spoken
from cohobate.view.sight import Sight
from cohobate.view.text import duration, number, shown


def line(sight: Sight) -> str:
    """Returns progress, pace, failures and the best of each objective, without markup."""
    return f"{shown(sight.title, 60)}: {', '.join(_parts(sight))}"


def _parts(sight: Sight) -> Iterator[str]:
    of = f" of {sight.total}" if sight.total is not None else ""
    yield f"{sight.done}{of} done"
    if sight.status.tally.level:
        yield f"{sight.status.tally.confirmed} of them confirmed"
    yield from _progress(sight)
    if sight.failed:
        yield f"failed: {sight.failed}"
    if sight.status.tally.rejected:
        yield f"{sight.status.tally.rejected} rejected"
    if sight.model:
        yield f"model: {sight.model}"
    for name, told in sight.status.told():
        yield f"{name} {told:.3g}"
    for best in sight.bests:
        yield f"best {shown(best.output, 40)} {number(best.value)} {shown(best.candidate, 60)}"


def _progress(sight: Sight) -> Iterator[str]:
    status = sight.status
    if status.state != "running":
        yield "stopped" if status.state == "done" else status.state
    elif status.running:
        yield f"{status.running} running"
    if rate := spoken(sight.pace.rate):
        yield rate
    if sight.left:
        yield f"{duration(sight.left)} left"
