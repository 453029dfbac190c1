"""A started campaign in a notebook: a card that keeps up with it, a button that stops it, a plot."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final, final

from cohobate.campaign.handle import Handle
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.card import spoken
from cohobate.core.payload import Payload
from cohobate.core.protocols import Plots
from cohobate.host.extras import require
from cohobate.ledger.views import Follow
from cohobate.view.plots.draw import draw
from cohobate.view.plots.figure import drawn

SHARE: Final = 0.2
"""The most of the time that is spent on drawing."""
Draw = Callable[[], Payload]
"""Returns a figure of matplotlib."""


def live(handle: Handle, *, every: float = 1.0, plot: Draw | bool = True, plot_every: float = 5.0) -> Payload:
    """Returns a widget for notebooks that shows how a campaign stands until it has stopped, with a button to stop it.

    The card is renewed ``every`` so many seconds, the plot ``plot_every`` so many, less often where drawing takes
    long. ``plot`` draws a figure of matplotlib; by default it is what the generator's own ``plot()`` draws where it
    has one (called between two turns, by ``handle.peek``), else best-so-far; ``False``: none. A thread does this, so a
    cell that runs does not stop it; the button waits for the cell. Raises ``MissingExtra`` without ipywidgets.
    """
    widgets = require("ipywidgets", extra="notebook")
    card, picture, said = widgets.HTML(handle._repr_html_()), widgets.Image(format="png"), widgets.HTML()
    button = widgets.Button(description="Stop", tooltip="no new evaluations; what runs may finish")
    button.on_click(lambda _: handle.cancel(reason="stopped by hand"))
    picture.layout.display = "none"
    draws = (plot if callable(plot) else _usual(handle)) if plot else None
    screen = Screen(handle, card, button, picture, said, draws, plot_every)
    Thread(target=screen.follow, args=(every,), name="cohobate-live", daemon=True).start()
    return widgets.VBox([card, button, picture, said])


@final
@dataclass
class Screen:
    """The widgets of one campaign, and when the plot is due."""

    handle: Handle
    card: Payload
    button: Payload
    picture: Payload
    said: Payload
    draw: Draw | None
    plot_every: float
    due: float = 0.0

    def follow(self, every: float) -> None:
        """Renews the widgets until the campaign has stopped; the last time shows its end."""
        over = False
        while not over:
            with suppress(TimeoutError):
                self.handle.exception(every)
            over = self.handle.done()
            self.card.value = self.handle._repr_html_()
            if self.draw is not None and (over or time.monotonic() >= self.due):
                self._plot(self.draw)
        self.button.disabled = True
        self.button.description = "Stopped"

    def _plot(self, draw: Draw) -> None:
        began = time.monotonic()
        match capture(_png, draw):
            case Returned(png):
                self.picture.value, self.picture.layout.display, self.said.value = png, "", ""
            case Raised(_, message):
                self.said.value = f"<small>no plot: {spoken(message)}</small>"
        now = time.monotonic()
        self.due = now + max(self.plot_every, (now - began) / SHARE)


def _usual(handle: Handle) -> Draw:
    """Returns what draws the generator where it can, else the best so far."""
    generators = handle.generators
    if len(generators) == 1:
        ((name, generator),) = generators.items()
        if isinstance(generator, Plots):
            return lambda: handle.peek(lambda one: one.plot(), generator=name)
    seen: list[Follow] = []

    def best() -> Payload:
        views = seen[0] if seen else Follow(handle.read())
        seen[:] = [views]
        views.update()
        return draw({"this run": views})

    return best


def _png(draw: Draw) -> bytes:
    """Returns a figure as a picture, and lets go of it."""
    figure = draw()
    try:
        return drawn(figure, "png")
    finally:
        if pyplot := sys.modules.get("matplotlib.pyplot"):  # it keeps every figure that it made
            pyplot.close(figure)
