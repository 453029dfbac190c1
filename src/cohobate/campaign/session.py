"""One run of a campaign, assembled: driver, ledger and engine from the first event to the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from cohobate.campaign.driver import Driver
from cohobate.campaign.members import Members
from cohobate.campaign.result import CampaignResult
from cohobate.campaign.status import State, Status
from cohobate.core.protocols import Engine, Staffed
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.tally import Tally


@final
@dataclass
class Session:
    """``run`` it once; ``status`` may be asked from any thread meanwhile and afterwards.

    ``owned`` says that the engine was opened for this session and is closed with it;
    ``ends`` close what its simulator keeps in this process, and what its evaluations shared.
    """

    driver: Driver
    members: Members
    ledger: Ledger
    engine: Engine
    owned: bool
    goal: str
    ends: Sequence[Callable[[], None]] = ()
    busy_before: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    state: State = "running"

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.busy_before = self.ledger.tally.busy

    @property
    def source(self) -> Path | Reader:
        """Where the results can be read once the session is over."""
        return self.ledger.folder or self.ledger.reader

    def run(self) -> CampaignResult:
        """Runs to the end, closes what was opened, and returns the result; raises what ended it early."""
        ending: State = "failed"
        try:
            reason = self.driver.run()
            ending = "done"
        finally:
            self.state, self.ended = ending, time.monotonic()
            self._close()
        return CampaignResult(reason, self.driver.tally, self.source)

    def _close(self) -> None:
        try:
            if self.owned:
                self.engine.close()
            for end in self.ends:
                end()
        finally:
            self.ledger.close()

    def status(self) -> Status:
        """Returns how the session stands; the counts are of what is durable."""
        elapsed = (self.ended or time.monotonic()) - self.began
        tally = self._durable()
        engine, workers = self._staff()
        busy = max(0.0, tally.busy - self.busy_before)
        return Status(
            state="stopping" if self.state == "running" and self.driver.stopping else self.state,
            tally=tally,
            goal=self.goal,
            engine=engine,
            elapsed=elapsed,
            running=self.driver.running if self.state == "running" else 0,
            workers=workers,
            utilisation=min(1.0, busy / (workers * elapsed)) if elapsed else 0.0,
            reason=self.driver.reason,
            remaining=self.driver.remaining(tally),
            loss=self.driver.loss,
            error=self.driver.expected,
        )

    def _staff(self) -> tuple[str, int]:
        """Returns what is to be said of the engine, and how many evaluations it runs at once."""
        engine = self.engine
        return (engine.describe(), engine.workers) if isinstance(engine, Staffed) else (repr(engine), 1)

    @property
    def reader(self) -> Reader:
        """Reads what is durable."""
        return self.ledger.reader if self.ledger.folder is None else open_reader(self.ledger.folder)

    def _durable(self) -> Tally:
        if self.ledger.folder is None or self.state != "running":
            return self.driver.tally.copy()
        return self.ledger.reader.tally
