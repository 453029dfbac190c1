"""How a campaign stands, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cohobate.ledger.tally import Tally

State = Literal["running", "stopping", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is durable now (``tally``), and what the driver is doing; ``engine`` says what it cannot do.

    ``elapsed`` (s) is the time of this session, ``running`` the number of attempts at the engine;
    ``utilisation`` is the share of worker time of this session spent inside evaluations (0 to 1),
    ``remaining`` what the goal still allows, ``None`` where it is no number of evaluations.
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

    def __str__(self) -> str:
        tally = self.tally
        parts = [f"{self.state}: {tally.counted} done", f"{self.running} running"]
        if tally.failed:
            parts.append(f"{tally.failed} failed")
        if tally.rejected:
            parts.append(f"{tally.rejected} rejected")
        parts.extend(f"best {output} {best.value:.6g}" for output, best in tally.bests())
        return ", ".join([*parts, f"goal {self.goal}"])
