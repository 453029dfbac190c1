"""How a campaign deals with attempts that give no value."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import final

from cohobate.core.errors import UserError
from cohobate.core.outcome import Cancelled, Failure, Kind, Outcome
from cohobate.simulate.outputs import UNDECLARED

FIRST = 3
"""Results that may lack the declared outputs, at the beginning, before it is said that they always will."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How many further attempts a trial gets, for each way of failing, and when.

    A trial that has used up ``worker_lost`` is quarantined: it took that many workers plus one with
    it. The ``n``-th retry waits ``first * 2**(n-1)`` seconds, at most ``longest``, with up to a
    quarter of that added by a hash of (seed, trial, attempt), so that a resume repeats it.
    """

    raised: int = 0
    worker_lost: int = 2
    timeout: int = 0
    first: float = 0.1
    longest: float = 60.0

    def __post_init__(self) -> None:
        for kind, times in (("raised", self.raised), ("worker_lost", self.worker_lost), ("timeout", self.timeout)):
            if isinstance(times, bool) or not isinstance(times, int) or times < 0:
                raise UserError(f"Retries({kind}=): expected a whole number of at least 0, got {times!r}")
        if not (0 <= self.first <= self.longest):
            raise UserError(
                f"Retries: expected seconds with 0 <= first <= longest, got {self.first!r}, {self.longest!r}"
            )

    def allowed(self, kind: Kind) -> int:
        """Returns how many attempts may fail this way before the trial does."""
        match kind:
            case "worker_lost":
                return self.worker_lost
            case "timeout":
                return self.timeout
            case "raised" | "bad_output":
                return self.raised
        return 0

    def pause(self, seed: int, trial: int, attempt: int) -> float:
        """Returns the seconds to wait before the attempt after ``attempt``."""
        base = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        digest = sha256(f"{seed}/{trial}/{attempt}".encode()).digest()
        return base * (1 + 0.25 * int.from_bytes(digest[:4], "big") / 2**32)


@dataclass(frozen=True, slots=True)
class FailureBudget:
    """When a campaign gives up: after ``count`` failures, or a share of the recent ones.

    ``share`` of the last ``window`` evaluations of this session failed (rejected candidates do not
    count). The default stops a campaign in which nothing works.
    """

    count: int | None = None
    share: float = 1.0
    window: int = 20

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and self.window >= 1 and (self.count is None or self.count >= 0)):
            raise UserError(f"a failure budget needs 0 < share <= 1, window >= 1 and count >= 0, got {self}")


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything about a campaign that decides what happens to a failing trial, and what trials need to start."""

    retries: Retries = field(default_factory=Retries)
    budget: FailureBudget | None = field(default_factory=FailureBudget)
    seed: int = 0
    needs: Mapping[str, float] = field(default_factory=dict)


@final
class Spending:
    """How much of a failure budget this session has used."""

    __slots__ = ("_budget", "_failed", "_last", "_recent")

    def __init__(self, budget: FailureBudget | None) -> None:
        self._budget = budget
        self._failed = 0
        self._recent: deque[bool] = deque(maxlen=budget.window if budget else 1)
        self._last = ""

    def add(self, outcome: Outcome) -> str | None:
        """Takes in a final outcome; returns why the budget is spent, or ``None``."""
        budget = self._budget
        if budget is None or isinstance(outcome, Cancelled):
            return None
        if not isinstance(outcome, Failure):
            self._recent.append(False)
            return None
        if outcome.kind == "rejected":
            return None
        self._recent.append(True)
        self._failed += 1
        self._last = outcome.message
        return self._undeclared(outcome) or self._spent(budget)

    def _undeclared(self, failure: Failure) -> str | None:
        """Says so where the first results of all lack what was declared: the declaration is wrong, not they."""
        first = len(self._recent) == self._failed == FIRST
        if first and failure.kind == "bad_output" and failure.message.startswith(UNDECLARED):
            return f"the first {FIRST} evaluations failed: {failure.message} (other outputs need a new run folder)"
        return None

    def _spent(self, budget: FailureBudget) -> str | None:
        if budget.count is not None and self._failed > budget.count:
            return f"{self._failed} evaluations failed, the budget is {budget.count}; the last: {self._last}"
        full = len(self._recent) == budget.window
        if full and sum(self._recent) >= budget.share * budget.window:
            return f"{sum(self._recent)} of the last {budget.window} evaluations failed; the last: {self._last}"
        return None
