"""A fit that is running in the background, in the hand of whoever started it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, final

from cohobate.campaign.handle import Handle
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.signals import GRACE
from cohobate.campaign.status import Status
from cohobate.fit.result import FitResult


@final
@dataclass(frozen=True)
class FitHandle:
    """A fit that runs in the background; awaitable from any event loop, and asked like the ``Handle`` of a campaign."""

    campaign: Handle
    conclude: Callable[[CampaignResult], FitResult]
    _found: list[FitResult] = field(default_factory=list, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def done(self) -> bool:
        """Whether the fit has stopped; validation terms are evaluated when the result is asked for."""
        return self.campaign.done()

    def result(self, timeout: float | None = None) -> FitResult:
        """Waits for the end and returns the result; raises what ended it early."""
        return self._concluded(self.campaign.result(timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Waits for the end and returns what ended it early, or ``None``."""
        return self.campaign.exception(timeout)

    def status(self) -> Status:
        """Returns how it stands."""
        return self.campaign.status()

    def watch(self, every: float = 1.0) -> AsyncIterator[Status]:
        """Gives how it stands every so many seconds, and once more when it has stopped."""
        return self.campaign.watch(every)

    @property
    def tracebacks(self) -> list[tuple[int, str]]:
        """The trial and traceback of each failed evaluation."""
        return self.campaign.tracebacks

    def elapsed_time(self) -> float:
        """Returns the seconds this session has lasted, up to its end."""
        return self.campaign.elapsed_time()

    def cancel(self, *, grace: float = GRACE, reason: str = "cancelled") -> None:
        """Asks for a stop; what was found so far is the result."""
        self.campaign.cancel(grace=grace, reason=reason)

    def _repr_html_(self) -> str:
        """Returns how it stands as a card for notebooks."""
        return self.campaign._repr_html_()

    def __await__(self) -> Generator[Any, None, FitResult]:
        return self._awaited().__await__()

    async def _awaited(self) -> FitResult:
        return await asyncio.to_thread(self._concluded, await self.campaign)

    def _concluded(self, campaign: CampaignResult) -> FitResult:
        """Returns the result, made once."""
        with self._lock:
            if not self._found:
                self._found.append(self.conclude(campaign))
            return self._found[0]
