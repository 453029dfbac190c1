"""A look at a generator between two of its turns, where nothing changes it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.payload import Payload

Look = Callable[[Any], Payload]


@final
@dataclass(frozen=True, slots=True)
class Peek:
    """Call ``look`` with the generator when it is its turn, and tell ``future`` what came of it.

    Not for the scheduler: the driver hands it on. A future that was cancelled meanwhile is left alone.
    """

    generator: str
    look: Look
    future: Future[Payload] = field(default_factory=Future)

    def take(self, generator: object) -> None:
        """Looks at the generator, in the thread of whoever calls this."""
        if not self.future.set_running_or_notify_cancel():
            return
        match capture(self.look, generator):
            case Returned(value):
                self.future.set_result(value)
            case Raised(error):
                self.future.set_exception(error)
