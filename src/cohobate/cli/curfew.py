"""Stops a campaign in good order before the job that it runs in ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cohobate.campaign.handle import Handle
from cohobate.core.errors import ConfigError
from cohobate.view.text import duration

LEAVE = 5.0
"""Seconds for closing the engine and the run folder before a job ends, at most half of the margin."""


@dataclass(frozen=True, slots=True)
class Curfew:
    """When a job ends (s since 1970), and for how long before that nothing more is started."""

    end: float
    margin: float

    @property
    def reason(self) -> str:
        """Why a campaign stops then."""
        return f"the walltime ends at {_clock(self.end)}"

    @property
    def last(self) -> float:
        """From when on nothing more is started."""
        return self.end - self.margin

    @property
    def grace(self) -> float:
        """How long what runs then may go on; what is left is evaluated by the next session."""
        return self.margin - min(LEAVE, self.margin / 2)


def curfew_of(end: float | None, margin: float) -> Curfew | None:
    """Returns the curfew of a job that ends at ``end``; ``None`` where there is none.

    Raises ``ConfigError`` where nothing could be started any more: to be submitted again would not help.
    """
    if end is None:
        return None
    left = end - time.time()
    if left <= margin:
        raise ConfigError(
            f"nothing can be evaluated before the walltime ends at {_clock(end)}: {duration(left)} are left, and "
            f"{duration(margin)} are kept for what runs then; ask for more time, or set campaign.deadline or .margin"
        )
    return Curfew(end, margin)


def curfew_line(curfew: Curfew | None) -> Iterator[str]:
    """Returns the line that says until when evaluations are started; none without a curfew."""
    if curfew:
        yield f"walltime: ends at {_clock(curfew.end)}; no evaluation is started after {_clock(curfew.last)}"


@contextmanager
def keeping(curfew: Curfew | None, handle: Handle) -> Iterator[None]:
    """Stops a campaign in good order once it is time, while inside."""
    if curfew is None:
        yield
        return
    timer = threading.Timer(max(0.0, curfew.last - time.time()), _stop, (curfew, handle))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _stop(curfew: Curfew, handle: Handle) -> None:
    handle.cancel(grace=curfew.grace, reason=curfew.reason)


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%F %T}"
