"""Runs the body of one generator, and carries what it says to its log, or else to the loop, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, final

from cohobate.campaign.admission import Admission
from cohobate.campaign.moves import Broken, Said
from cohobate.campaign.steering.apart import Elsewhere
from cohobate.campaign.steering.requests import Computing, Ending, Knowing, Over, Refused, Request, Revising, Suggesting
from cohobate.campaign.steering.script import Script
from cohobate.campaign.steering.wheel import Left, Wheel
from cohobate.campaign.talker import MOMENT
from cohobate.core.capture import Raised, capture
from cohobate.core.errors import GeneratorError, WorkerLost
from cohobate.core.payload import Payload
from cohobate.core.problem import pack_some
from cohobate.core.steering import Closed, Steers
from cohobate.ledger.codec import check
from cohobate.ledger.resume import Act


class Log(Protocol):
    """Reads what a body said and was answered in its run of a number."""

    def __call__(self, *, run: int) -> Iterable[Act]: ...


Post = Callable[[Said | Broken], None]


LIVES = 3
"""Deaths of its process, without anything new said in between, after which a body is given up."""


@final
class Pilot:
    """The driver's end of one body, which runs in a thread of its own.

    ``start`` and ``reply`` are for the driver; everything else happens in the thread of the body.
    """

    __slots__ = (
        "_admission",
        "_answers",
        "_body",
        "_elsewhere",
        "_log",
        "_name",
        "_news",
        "_over",
        "_post",
        "_problem",
        "_script",
        "_thread",
    )

    def __init__(self, name: str, body: Steers, admission: Admission, log: Log, post: Post) -> None:
        self._name, self._body = name, body
        self._admission, self._problem = admission, admission.problem
        self._log, self._post = log, post
        self._answers: SimpleQueue[Payload] = SimpleQueue()
        self._script: Script | None = None
        self._over = False
        self._news = False
        self._thread: Thread | None = None
        self._elsewhere = Elsewhere() if body.apart else None

    def start(self, run: int) -> None:
        """Starts the body for the ``run``-th time, counted from 0: by its log, then on."""
        self._script = self._recall(run)
        self._thread = Thread(target=self._fly, args=(run,), name=f"cohobate-{self._name}", daemon=True)
        self._thread.start()

    def reply(self, answer: Payload) -> None:
        """Lets the body go on."""
        self._answers.put(answer)

    def finalize(self, timeout: float | None = None) -> None:
        """Tells the body that it is over and waits until it has ended, ``timeout`` (s) and a moment at most.

        One that does not end is left behind: its log holds all that it did.
        """
        self._over = True
        self._answers.put(Over())
        if self._thread is not None:
            self._thread.join(MOMENT if timeout is None else max(timeout, MOMENT))
        if self._elsewhere is not None:
            self._elsewhere.close()

    # in the thread of the body

    def _fly(self, run: int) -> None:
        ended = capture(self._land, run)
        if isinstance(ended, Raised) and not self._over:
            self._post(Broken(_broken(self._name, self._body, ended), self._name))

    def _land(self, run: int) -> None:
        """Runs the body, and says what it returned."""
        value = self._steered_apart(run) if self._elsewhere else self._steered(run)
        if (wrong := check(value, name="value")) is not None:
            raise GeneratorError(f"what it returned cannot be recorded ({wrong}): return plain data")
        self._tell(Ending(value))

    def _steered(self, run: int) -> Payload:
        try:
            return self._body.steer(Wheel(self.ask, self._problem.names, run), run)
        except Left as left:
            return left.value
        except Closed:
            return None

    def _steered_apart(self, run: int) -> Payload:
        """Runs the body in a process of its own, and again by its log where that dies."""
        assert self._elsewhere is not None
        lives = LIVES
        while True:
            self._news = False
            try:
                return self._elsewhere.steer(self._body, self._problem.names, run, self.ask)
            except WorkerLost as error:
                if self._over:
                    return None
                lives = LIVES if self._news else lives - 1
                if not lives:
                    raise GeneratorError(
                        f"its process died {LIVES} times at the same place; the last: {error}"
                    ) from error
                self._script = self._recall(run)

    def _recall(self, run: int) -> Script:
        return Script(self._log(run=run), self._problem.structured)

    def ask(self, request: Request) -> Payload:
        """Returns the answer to what the body says."""
        if (wrong := self._wrong(request)) is not None:
            return Refused(wrong)
        if (known := self._recorded(request)) is not None:
            return known.value
        return self._live(request)

    def _tell(self, request: Ending) -> None:
        """Says what needs no answer."""
        if self._recorded(request) is None and not self._over:
            self._post(Said(self._name, request))

    def _recorded(self, request: Request) -> Payload:
        script = self._script
        if script is None:
            return None
        known = script.answer(request)
        if known is None:
            self._script = None
            for calling in script.calls.values():
                if calling is not request:
                    self._live(calling)
        return known

    def _live(self, request: Request) -> Payload:
        self._news = True
        if self._over:
            return _too_late(request)
        self._post(Said(self._name, request))
        return self._answers.get()

    def _wrong(self, request: Request) -> str | None:
        match request:
            case Suggesting(rows, priority, needs):
                return self._admission.wrong_rows(rows) or self._admission.wrong_terms(priority, needs)
            case Revising(inputs=inputs, columns=columns, known=known):
                if inputs and known is not None and (wrong := self._problem.check({**known, **inputs})):
                    return wrong
                late = {} if known else pack_some(inputs, self._problem.structured)
                wrong = check(late, name="inputs") or check(dict(columns), name="columns")
                return wrong or self._wrong_revised_terms(request)
        return None

    def _wrong_revised_terms(self, request: Revising) -> str | None:
        priority = 0.0 if request.priority is None else request.priority
        return self._admission.wrong_terms(priority, {} if request.needs is None else request.needs)


def _too_late(request: Request) -> Payload:
    """Returns the answer to what a body says while its driver is leaving: nobody records it any more."""
    match request:
        case Computing(outcome=outcome):
            return outcome
        case Knowing() | Revising():
            return None
    return Over()


def _broken(name: str, body: Steers, ended: Raised) -> GeneratorError:
    said = getattr(body, "name", type(body).__name__)
    who = f"{said}" if name == "main" else f"{name}: {said}"
    if isinstance(ended.error, GeneratorError):
        return GeneratorError(f"{who}: {ended.error}")
    error = GeneratorError(f"{who} raised {ended.message}")
    error.__cause__ = ended.error
    return error
