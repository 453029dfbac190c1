"""Histories for the tests of the ledger."""

from __future__ import annotations

from cohobate.core.events import Declared, Event, Finished, Opened, Proposed, Started, Told
from cohobate.core.outcome import Value
from cohobate.core.trial import Trial

CAMPAIGN = {"problem": {"outputs": [{"name": "y", "goal": "minimize"}]}}


def opening(epoch: int = 1) -> list[Event]:
    return [Opened(epoch, 1000.0 + epoch), Declared(CAMPAIGN)]


def evaluation(i: int) -> list[Event]:
    """The four events of one trial."""
    at = 2000.0 + i / 8
    return [
        Proposed("main", i + 1, (Trial(i, {"x": i / 7}),)),
        Started(i, 1, at),
        Finished(i, 1, Value({"y": i / 3}), at + 0.1, at, 0.1, "w"),
        Told("main", (i,)),
    ]


def history(trials: int) -> list[Event]:
    return [*opening(), *(event for i in range(trials) for event in evaluation(i))]
