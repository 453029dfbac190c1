"""Runs blocking code piecewise: up to its next question, and on with the answer."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.payload import Payload
from cohobate.core.protocols import Row
from cohobate.core.steering import Closed
from cohobate.core.trial import Result

PATIENCE: Final = 10.0
"""Seconds that code gets to end after ``Closed``; then its thread, a daemon, is left behind."""


@final
@dataclass(frozen=True, slots=True)
class Asks:
    """The code waits for the answer to a question."""

    question: Any


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """The code returned."""

    value: Any


@final
@dataclass(frozen=True, slots=True)
class _Close:
    """In place of an answer: there will be none."""


Ask = Callable[[Payload], Payload]


@final
class Inverted:
    """Blocking code ``fn(ask)`` in a thread of its own, which runs only while ``go`` waits for it.

    ``ask(question)`` within the code ends the call of ``go``, and returns what the next one is given.
    So one of the two sides runs at any time, and everything happens in one order. What the code raises
    is raised by ``go``, with its traceback. ``close`` ends it by ``Closed``, raised by ``ask``.
    Warning filters and context variables belong to each side.

    >>> def asks_twice(ask):
    ...     return ask("a") + ask("b")
    >>> with Inverted(asks_twice) as code:
    ...     [code.go(), code.go(1), code.go(2)]
    [Asks(question='a'), Asks(question='b'), Ended(value=3)]
    """

    __slots__ = ("__weakref__", "_closing", "_filters", "_heard", "_said", "_thread", "over")

    def __init__(self, fn: Callable[[Ask], Payload]) -> None:
        self._said: SimpleQueue[Any] = SimpleQueue()
        self._heard: SimpleQueue[Asks | Returned | Raised] = SimpleQueue()
        self._filters: Any = None
        self.over = False
        run = copy_context().run
        self._thread = threading.Thread(
            target=run, args=(_perform, fn, self._said, self._heard), name="cohobate-inverted", daemon=True
        )
        self._closing = weakref.finalize(self, self._said.put, _Close())

    def go(self, answer: Payload = None) -> Asks | Ended:
        """Runs the code on, with ``answer`` to its question, to its next one or to its end."""
        if self.over:
            raise RuntimeError("the code has ended: there is nothing to go on with")
        if not self._thread.ident:
            self._thread.start()
        match self._turn(answer):
            case Asks() as asks:
                return asks
            case Returned(value):
                self.close()
                return Ended(value)
            case Raised(error):
                self.close()
                raise error

    def close(self) -> None:
        """Ends the code where it waits, and its thread; does nothing where it has ended."""
        self.over = True
        self._closing()
        if self._thread.ident:
            self._thread.join(PATIENCE)

    def __enter__(self) -> Inverted:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _turn(self, answer: Payload) -> Asks | Returned | Raised:
        """The filters of warnings are the interpreter's: they are exchanged where the sides change."""
        with warnings.catch_warnings():
            if self._filters is not None:
                warnings.filters = self._filters
            self._said.put(answer)
            heard = self._heard.get()
            self._filters = warnings.filters
        return heard


@final
class Asking:
    """A ``steer`` for optimisers in inverted code: their points are the questions, results the answers."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def evaluate(
        self, points: Iterable[Row], *, priority: float = 0.0, needs: Mapping[str, float] | None = None
    ) -> list[Result]:
        """Asks for the results of points."""
        answer: Sequence[Result] = self._ask(list(points))
        return list(answer)


def _perform(fn: Callable[[Ask], Payload], said: SimpleQueue[Any], heard: SimpleQueue[Any]) -> None:
    """The thread: it holds the queues only, so that code which nobody can reach any more is ended."""
    if isinstance(said.get(), _Close):
        return
    closed = False

    def ask(question: Payload) -> Payload:
        nonlocal closed
        if not closed:
            heard.put(Asks(question))
            answer = said.get()
            closed = isinstance(answer, _Close)
        if closed:
            raise Closed
        return answer

    heard.put(capture(fn, ask))
