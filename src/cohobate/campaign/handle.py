"""A campaign that is running in the background, in the hand of whoever started it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast, final

from cohobate.campaign.failed import Failed, failed
from cohobate.campaign.members import MAIN
from cohobate.campaign.moves import CancelWanted, Halt
from cohobate.campaign.peek import Peek
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.session import Session
from cohobate.campaign.signals import GRACE
from cohobate.campaign.status import Status
from cohobate.core.card import Card
from cohobate.core.errors import UserError
from cohobate.core.steering import Steers
from cohobate.ledger.reader import Reader

T = TypeVar("T")


@final
class Handle:
    """What a started campaign can be asked; every method may be called from any thread.

    Awaitable from any event loop: ``result = await handle``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._future: Future[CampaignResult] = Future()
        self._began = time.monotonic()
        self._ended: float | None = None
        self._future.set_running_or_notify_cancel()
        self._thread = threading.Thread(target=self._run, name="cohobate-campaign", daemon=True)
        self._thread.start()

    def done(self) -> bool:
        """Whether the campaign has stopped."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> CampaignResult:
        """Waits for the end and returns the result; raises what ended it early."""
        return self._future.result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Waits for the end and returns what ended it early, or ``None``."""
        return self._future.exception(timeout)

    def status(self) -> Status:
        """Returns how it stands; the counts are of what is durable."""
        return self._session.status()

    async def watch(self, every: float = 1.0) -> AsyncIterator[Status]:
        """Gives how it stands every so many seconds, in any event loop, and once more when it has stopped.

        What ended it early is not raised here: await the handle for that.
        """
        over = asyncio.get_running_loop().create_future()
        self._future.add_done_callback(partial(_tell, over))
        while not self.done():
            yield self.status()
            await asyncio.wait([over], timeout=every)
        yield self.status()

    @property
    def failed(self) -> list[Failed]:
        """Every trial that failed, with its inputs, why, and its traceback; of what is durable."""
        return failed(self._session.reader)

    @property
    def tracebacks(self) -> list[tuple[int, str]]:
        """The trial and traceback of each failed evaluation that is durable; ``failed`` has the inputs too."""
        return [(one.trial, one.traceback) for one in self.failed if one.traceback]

    def peek(self, look: Callable[[Any], T], *, generator: str = MAIN) -> T:
        """Returns ``look(generator)``, called between two of its turns: the safe way to look at it while it runs.

        Waits for the turn that is under way. ``look`` should be quick, as the generator waits for it; it must not
        tell or ask, and what it returns must not change with the generator (a copy, a plot). What it raises is
        raised. ``generator`` is the name of one of several.
        """
        member = self._session.members.get(generator)
        if member is None or isinstance(member.generator, Steers):
            known = [name for name, one in self._session.members.items() if not isinstance(one.generator, Steers)]
            raise UserError(f"peek: expected one of the generators that are asked, {known}, got {generator!r}")
        if threading.current_thread() is self._thread:
            raise UserError("peek: the campaign itself cannot wait for it; a goal on engine inline() may look directly")
        peek = Peek(generator, look)
        self._session.driver.post(peek)
        wait([peek.future, self._future], return_when=FIRST_COMPLETED)
        if peek.future.cancel():  # it had stopped before it could be looked at: nobody else has it now
            return look(member.generator)
        return cast(T, peek.future.result())

    @property
    def generators(self) -> dict[str, object]:
        """The generators by name; look at one by ``peek`` while it runs."""
        return {name: member.generator for name, member in self._session.members.items()}

    def read(self) -> Reader:
        """Returns what reads the ledger while it grows; only what is durable."""
        return self._session.reader

    def elapsed_time(self) -> float:
        """Returns the seconds this session has lasted, up to its end."""
        return (self._ended or time.monotonic()) - self._began

    def cancel(self, *, grace: float = GRACE, reason: str = "cancelled") -> None:
        """Asks for a stop: no new evaluations, what runs may finish within ``grace`` seconds.

        What is killed then has no outcome and is evaluated by the next session. ``reason`` is recorded.
        """
        self._session.driver.post(Halt(reason, grace))

    def cancel_trials(self, trials: tuple[int, ...], reason: str = "on request") -> None:
        """Asks for these trials to be stopped for good; their outcome will be ``Cancelled``."""
        self._session.driver.post(CancelWanted(tuple(trials), reason))

    def _repr_html_(self) -> str:
        """Returns how it stands as a card for notebooks."""
        status = self.status()
        tally = status.tally
        total = None if status.remaining is None else tally.counted + status.remaining
        best = (f"{name} {found.value:.6g} (trial {found.trial})" for name, found in tally.bests())
        facts = [
            ("evaluations", f"{tally.counted}{f' of {total}' if total else ''}, {status.running} running"),
            ("best", ", ".join(best)),
            *((name, f"{told:.3g}") for name, told in status.told()),
            ("failed", ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in tally.failures.items() if n)),
            ("workers", f"{status.workers}, {status.utilisation:.0%} busy"),
            ("time", f"{status.elapsed:.3g} s"),
            ("goal", status.goal),
            ("engine", status.engine),
            ("stopped", status.reason),
        ]
        return Card(f"Campaign: {status.state}", facts, bar=(tally.counted, total) if total else None).html()

    def __await__(self) -> Generator[Any, None, CampaignResult]:
        return asyncio.wrap_future(self._future).__await__()

    def _run(self) -> None:
        try:
            result = self._session.run()
        except BaseException as error:  # noqa: BLE001 handed on to whoever asks for the result
            self._ended = time.monotonic()
            self._future.set_exception(error)
        else:
            self._ended = time.monotonic()
            self._future.set_result(result)


def _tell(over: asyncio.Future[None], _: object) -> None:
    """Lets a loop know, from whichever thread, that a campaign has stopped."""
    with suppress(RuntimeError):  # that loop has been closed meanwhile
        over.get_loop().call_soon_threadsafe(_end, over)


def _end(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
