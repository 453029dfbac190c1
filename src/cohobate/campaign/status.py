"""How a campaign stands, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from typing import Literal

from cohobate.ledger.tally import Tally

State = Literal["running", "stopping", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is durable now (``tally``), and what the driver is doing; ``engine`` says what it cannot do.

    ``elapsed`` (s) is the time of this session, ``running`` the number of attempts at the engine;
    ``utilisation`` is the share of worker time of this session spent inside evaluations (0 to 1),
    ``remaining`` what the goal still allows, ``None`` where it is no number of evaluations; ``loss`` and
    ``error`` are what generators said last of themselves, of several the worst, NaN until all have: they
    are not recorded, so they may be ahead of ``tally``, and a session that starts again learns them anew.
    """

    state: State
    tally: Tally
    goal: str
    engine: str
    elapsed: float
    running: int = 0
    workers: int = 1
    utilisation: float = 0.0
    reason: str = ""
    remaining: int | None = None
    loss: float = nan
    error: float = nan

    def __str__(self) -> str:
        tally = self.tally
        parts = [f"{self.state}: {tally.counted} done", f"{self.running} running"]
        if tally.failed:
            parts.append(f"{tally.failed} failed")
        if tally.rejected:
            parts.append(f"{tally.rejected} rejected")
        parts.extend(f"best {output} {best.value:.6g}" for output, best in tally.bests())
        parts.extend(f"{name} {told:.3g}" for name, told in self.told())
        return ", ".join([*parts, f"goal {self.goal}"])

    def told(self) -> list[tuple[str, float]]:
        """Returns what generators tell of themselves, by what it is."""
        return [(name, told) for name, told in (("loss", self.loss), ("error", self.error)) if not isnan(told)]
