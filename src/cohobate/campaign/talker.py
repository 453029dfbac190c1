"""Calls a generator, one turn at a time, beside recording and dispatch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from queue import SimpleQueue
from threading import Thread
from typing import final

from cohobate.campaign.admission import Admission
from cohobate.campaign.moves import Broken, Heard, Talk
from cohobate.campaign.peek import Peek
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import GeneratorError
from cohobate.core.payload import Payload
from cohobate.core.protocols import Answer, Exhausted, Generator, Honest, Later, Learns, Lossy

# Unions of types made once: a turn costs microseconds.
NO_ROWS = (Later, Exhausted)
TEXT = (str, bytes)
MOMENT = 1.0
"""Seconds that a generator gets to end, even where nobody has time."""
Reply = Callable[[Heard | Broken], None]


@final
class Talker:
    """Speaks for the loop to one generator and ``reply``s what came of each turn.

    In its own thread, so that a slow generator starves nobody; with ``threaded=False`` in the
    thread of the caller, who is answered at once: a loop on a cooperative engine is deterministic.
    """

    __slots__ = (
        "_admission",
        "_called",
        "_generator",
        "_honest",
        "_learns",
        "_lossy",
        "_name",
        "_outputs",
        "_queue",
        "_reply",
        "_thread",
        "_wrong_at_end",
    )

    def __init__(
        self,
        generator: Generator,
        admission: Admission,
        reply: Reply,
        *,
        threaded: bool = True,
        called: str = "main",
    ) -> None:
        self._generator = generator
        self._called = called
        self._name = type(generator).__name__ if called == "main" else f"{called}: {type(generator).__name__}"
        self._admission = admission
        self._reply = reply
        self._lossy = generator if isinstance(generator, Lossy) else None
        self._honest = generator if isinstance(generator, Honest) else None
        self._learns = generator if isinstance(generator, Learns) else None
        self._queue: SimpleQueue[Talk | Peek | None] = SimpleQueue()
        self._wrong_at_end: GeneratorError | None = None
        self._thread = Thread(target=self._serve, name="cohobate-generator", daemon=True) if threaded else None
        if self._thread:
            self._thread.start()

    def talk(self, talk: Talk) -> Heard | Broken | None:
        """Takes one turn; returns what came of it, or ``None`` where ``reply`` will be called with that."""
        if self._thread is None:
            return self._turn(talk)
        self._queue.put(talk)
        return None

    def peek(self, peek: Peek) -> None:
        """Lets somebody look at the generator after the turn that is under way."""
        if self._thread is None:
            peek.take(self._generator)
        else:
            self._queue.put(peek)

    def finalize(self, timeout: float | None = None) -> GeneratorError | None:
        """Ends the talk: lets a turn that is under way finish, then calls ``finalize``.

        Returns what went wrong. A turn that lasts longer than ``timeout`` (s), and a moment, is left
        alone; the generator is let go of when it ends.
        """
        if self._thread is None:
            self._let_go()
        else:
            self._queue.put(None)
            self._thread.join(timeout if timeout is None else max(timeout, MOMENT))
        return self._wrong_at_end

    def _let_go(self) -> None:
        match capture(self._generator.finalize):
            case Raised() as raised:
                self._wrong_at_end = self._raised("finalize()", raised)

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Peek):
                item.take(self._generator)
            else:
                self._reply(self._turn(item))
        self._let_go()

    def _turn(self, talk: Talk) -> Heard | Broken:
        if talk.results and isinstance(told := capture(self._generator.ingest, talk.results), Raised):
            return self._broken(self._raised(f"ingest({len(talk.results)} results)", told))
        answer: Answer | None = None
        if talk.ask:
            asked = capture(self._generator.suggest, talk.ask)
            if isinstance(asked, Raised):
                return self._broken(self._raised(f"suggest({talk.ask})", asked))
            answer = Exhausted() if _is_empty(asked.value) else asked.value
            if wrong := self._wrong(answer):
                return self._broken(GeneratorError(f"{self._name}.suggest({talk.ask}): {wrong}"))
        says = self._lossy or self._honest or self._learns
        return self._heard(answer) if says else Heard(answer, generator=self._called)

    def _heard(self, answer: Answer | None) -> Heard | Broken:
        """Asks what the generator tells of itself besides its answer."""
        loss = capture(number, self._lossy.loss) if self._lossy else Returned(nan)
        if isinstance(loss, Raised):
            return self._broken(self._raised("loss()", loss))
        error = capture(number, self._honest.error) if self._honest else Returned(nan)
        if isinstance(error, Raised):
            return self._broken(self._raised("error()", error))
        lessons = capture(self._learns.lessons) if self._learns else Returned(())
        if isinstance(lessons, Raised):
            return self._broken(self._raised("lessons()", lessons))
        return Heard(answer, loss.value, tuple(lessons.value), self._called, error.value)

    def _broken(self, error: GeneratorError) -> Broken:
        return Broken(error, self._called)

    def _wrong(self, answer: Payload) -> str | None:
        """Returns what is wrong with an answer, or ``None``."""
        if type(answer) is not list:
            if isinstance(answer, NO_ROWS):
                return None
            if not isinstance(answer, Sequence) or isinstance(answer, TEXT):
                return f"expected rows, Later or Exhausted, got a {type(answer).__name__}"
        return self._admission.wrong_rows(answer)

    def _raised(self, call: str, raised: Raised) -> GeneratorError:
        error = GeneratorError(f"{self._name}.{call} raised {raised.message}")
        error.__cause__ = raised.error
        return error


def _is_empty(answer: Payload) -> bool:
    return not answer if type(answer) is list else isinstance(answer, Sequence) and len(answer) == 0


def number(ask: Callable[[], float]) -> float:
    """Returns what is told as a float; raises for what is no number."""
    return float(ask())
