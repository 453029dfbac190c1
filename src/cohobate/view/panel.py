"""A campaign as a panel for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cohobate.view.pace import spoken
from cohobate.view.sight import Sight
from cohobate.view.text import duration, number, shown

WIDTH = 78
COLOURS = {"running": "cyan", "stopping": "yellow", "done": "green", "failed": "red"}


def panel(sight: Sight) -> RenderableType:
    """Returns the panel of one moment. Everything that comes from elsewhere is plain text in it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True, min_width=11)
    facts.add_column(overflow="fold")
    for name, text in _facts(sight):
        facts.add_row(Text(name), text)
    state = sight.status.state
    return Panel(
        Group(_progress(sight), facts),
        title=Text(f" {shown(sight.title, 40)} ", style="bold"),
        subtitle=Text(f" {state} ", style=COLOURS[state]),
        title_align="left",
        subtitle_align="right",
        border_style=COLOURS[state],
        width=WIDTH,
    )


def _progress(sight: Sight) -> RenderableType:
    if sight.total is None:
        return Text(f"{sight.done} evaluations", style="bold")
    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True, justify="right")
    bar = ProgressBar(total=max(1, sight.total), completed=sight.done)
    row.add_row(bar, Text(f"{sight.done} of {sight.total}", style="bold"))
    return row


def _facts(sight: Sight) -> Iterator[tuple[str, Text]]:
    status = sight.status
    for best in sight.bests:
        yield f"best {shown(best.output, 30)}", _best(number(best.value), best.candidate)
    if sight.model:
        yield "model", Text(sight.model)
    for name, told in status.told():
        yield name, Text(f"{told:.3g}")
    yield "pace", Text(_pace(sight))
    yield "workers", Text(f"{status.running} of {status.workers} busy, {status.utilisation:.0%} of this session")
    yield from _counts(sight)
    yield "goal", Text(shown(status.goal))
    yield "engine", Text(shown(sight.note or status.engine))
    if status.reason:
        yield "stopped", Text(shown(status.reason))


def _counts(sight: Sight) -> Iterator[tuple[str, Text]]:
    tally = sight.status.tally
    if sight.failed:
        yield "failed", Text(sight.failed, style="red")
    if tally.level:
        yield "confirmed", Text(f"{tally.confirmed} evaluations at the full level")
    if tally.rejected:
        yield "rejected", Text(f"{tally.rejected}", style="yellow")
    if tally.retried:
        yield "tried again", Text(f"{tally.retried}")


def _best(value: str, candidate: str) -> Text:
    return Text.assemble((value, "bold green"), "  ", shown(candidate), no_wrap=True, overflow="ellipsis")


def _pace(sight: Sight) -> str:
    parts = [spoken(sight.pace.rate) or "no result yet", f"{duration(sight.status.elapsed)} so far"]
    if sight.left:
        parts.append(f"{duration(sight.left)} left")
    return ", ".join(parts)
