"""A campaign that is running in the background, in the hand of whoever started it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, final

from cohobate.campaign.moves import CancelWanted, Halt
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.session import Session
from cohobate.campaign.signals import GRACE
from cohobate.campaign.status import Status
from cohobate.core.card import Card


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

    @property
    def tracebacks(self) -> list[tuple[int, str]]:
        """The trial and traceback of each failed evaluation that is durable."""
        return self._session.tracebacks()

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
