"""The terms of one call at an engine: all at once, the slowest first, and no longer than they matter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from math import inf
from queue import SimpleQueue
from typing import Any, Final, final

from cohobate.campaign.reports import report_of_error
from cohobate.core.errors import EngineClosed
from cohobate.core.outcome import Cancelled, Outcome, Value
from cohobate.core.parts import Made, Part
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.core.task import Task
from cohobate.fit.here import called_here
from cohobate.fit.judging import Gathering

Back = Future[tuple[float, Payload]]
_ABOVE: Final[ContextVar[frozenset[int]]] = ContextVar("above", default=frozenset())
"""The engines that the calls around this one run at."""


@final
class Placed:
    """An engine, and how long (s) each term took there last."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._seconds: dict[str, float] = {}

    def gathered(self, parts: Sequence[Part], judge: Gathering) -> Outcome:
        """Evaluates parts, also where an event loop runs in this thread."""
        if (
            id(self.engine) in _ABOVE.get()
        ):  # a place there is taken by whoever asks: waiting for others could be for ever
            return called_here(parts, judge)
        back: SimpleQueue[Back] = SimpleQueue()
        round_ = Round(self.engine, judge, self._seconds)
        try:
            round_.begin(parts, back.put)
            while (outcome := round_.take(back.get())) is None:
                pass
            return outcome
        finally:
            round_.stop()

    async def agathered(self, parts: Sequence[Part], judge: Gathering) -> Outcome:
        """Evaluates parts while the loop goes on."""
        back: asyncio.Queue[Back] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def post(future: Back) -> None:
            with suppress(RuntimeError):  # the loop is closed, so nobody waits any longer
                loop.call_soon_threadsafe(back.put_nowait, future)

        round_ = Round(self.engine, judge, self._seconds)
        try:
            round_.begin(parts, post)
            while (outcome := round_.take(await back.get())) is None:
                pass
            return outcome
        finally:
            round_.stop()


@final
class Round:
    """One evaluation on its way through the engine."""

    def __init__(self, engine: Engine, judge: Gathering, seconds: dict[str, float]) -> None:
        self._engine, self._judge, self._seconds = engine, judge, seconds
        self._running: dict[Back, list[str]] = {}

    def begin(self, parts: Sequence[Part], post: Callable[[Back], None]) -> None:
        """Submits all parts, those of one key once; what is not known yet goes before what is."""
        first: dict[str, list[str]] = {}
        for part in sorted(parts, key=lambda part: -self._seconds.get(part.name, inf)):
            if part.key in first:
                first[part.key].append(part.name)
                continue
            args = (id(self._engine), part.fn, *part.args)
            future = self._engine.submit(Task(timed, args, deadline=part.deadline, needs=part.needs, key=part.name))
            self._running[future] = names = [part.name]
            if part.key:
                first[part.key] = names
        for future in self._running:
            future.add_done_callback(post)

    def take(self, future: Back) -> Outcome | None:
        """Takes in what came back."""
        made, error = _made(future)
        first, *others = self._running.pop(future)
        if isinstance(made.outcome, Value):
            self._seconds[first] = made.seconds
        outcome = self._judge.take(first, made, error)
        for name in others:
            if outcome is None:
                outcome = self._judge.take(name, Made(made.outcome, reused=True), error)
        return outcome

    def stop(self) -> None:
        """What still runs is pointless."""
        for future in self._running:
            self._engine.cancel(future)


def timed(place: int, fn: Callable[..., Any], *args: Payload) -> tuple[float, Payload]:
    """Returns how long (s) a call took, and what it returned; runs at the engine ``place``."""
    token = _ABOVE.set(_ABOVE.get() | {place})
    clock = time.perf_counter()
    try:
        value = fn(*args)
        return time.perf_counter() - clock, value
    finally:
        _ABOVE.reset(token)


def _made(future: Back) -> tuple[Made, BaseException | None]:
    if future.cancelled():
        return Made(Cancelled("its engine stopped it")), None
    error = future.exception()
    if error is None:
        seconds, value = future.result()
        return Made(Value({"value": value}), seconds), None
    if isinstance(error, EngineClosed):
        raise error
    return Made(report_of_error(error, 1, 0.0).outcome), error
