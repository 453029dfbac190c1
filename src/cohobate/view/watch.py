"""Shows a running campaign until it has stopped: a live panel on a terminal, else a line a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from cohobate.campaign.handle import Handle
from cohobate.core.events import Learned
from cohobate.view.line import line
from cohobate.view.pace import Pace
from cohobate.view.panel import panel
from cohobate.view.sight import Name, Sight, bests

FRAME = 0.25
"""Seconds between two frames of the panel."""
MINUTE = 60.0
"""Seconds between two plain lines."""


def _none() -> None:
    """Says that there is no model."""


def _numbered(trial: int) -> str:
    """Names a trial where nobody knows more of it."""
    return f"trial {trial}"


def watch(
    handle: Handle,
    *,
    title: str = "campaign",
    name: Name = _numbered,
    note: Callable[[], str] = str,
    lesson: Callable[[], Learned | None] = _none,
    console: Console | None = None,
) -> None:
    """Blocks until the campaign has stopped, showing how it stands: a live panel on a terminal, else a line a minute.

    Interrupting it ends the watching and nothing else: to stop the campaign too, call ``handle.cancel()``.
    ``name`` returns the candidate of a trial as text, ``note`` what the engine says about itself, ``lesson``
    the last fit of the model. Raises nothing of what ended the campaign: that is for ``handle.result()``.
    """
    console = console or Console(highlight=False)
    sights = _sights(handle, title, name, note, lesson)
    if console.is_terminal and not console.is_dumb_terminal:
        _draw(sights, console)
    else:
        _print(sights, console)


def _sights(
    handle: Handle, title: str, name: Name, note: Callable[[], str], lesson: Callable[[], Learned | None]
) -> Iterator[Sight]:
    """Returns how it stands at every frame; the last one is of a campaign that has stopped."""
    pace, over = Pace(), False
    while not over:
        over = _wait(handle) if pace.seen else handle.done()
        status = handle.status()
        pace = pace.step(status.elapsed, status.tally.counted)
        yield Sight(title, status, pace, tuple(bests(status, name)), note(), lesson())


def _wait(handle: Handle) -> bool:
    """Waits for a frame; True where the campaign has stopped."""
    with suppress(TimeoutError):
        handle.exception(FRAME)
    return handle.done()


def _draw(sights: Iterator[Sight], console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        # Live hides the cursor, and nobody would bring it back after a kill -9.
        console.show_cursor(True)
        for sight in sights:
            live.update(panel(sight), refresh=True)


def _print(sights: Iterator[Sight], console: Console) -> None:
    due, last, printed = 0.0, "", ""
    for sight in sights:
        last = line(sight)
        if sight.status.elapsed >= due:
            due, printed = sight.status.elapsed + MINUTE, last
            _put(last, console)
    if last != printed:
        _put(last, console)


def _put(text: str, console: Console) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True, emoji=False)
    console.file.flush()
