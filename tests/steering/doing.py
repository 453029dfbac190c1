"""What the tests of steering share: a problem, simulators that count, and looks at what was recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, final

import cohobate as co
from cohobate.campaign.result import CampaignResult
from cohobate.core.events import Event
from cohobate.ledger.reader import open_reader
from cohobate.ledger.verify import verify

PROBLEM = co.Problem({"x": co.Real(-1000, 1000)}, [co.Output("f", "minimize")])
LONG = 30.0
"""Seconds that nothing here takes, unless it hangs."""


def body(fn: Callable[..., Any]) -> Any:
    """Makes a function of ``steer`` a generator for the problem."""
    return co.persistent(fn, problem=PROBLEM)


def xs(*values: float) -> list[dict[str, float]]:
    """Rows with these values."""
    return [{"x": float(value)} for value in values]


def ids(results: Iterable[Any]) -> list[int]:
    """The numbers of results, in their order."""
    return [result.trial.id for result in results]


@final
class Counted:
    """A simulator that notes what it was really called with; ``held`` calls wait until they are let go."""

    def __init__(self, *held: float) -> None:
        self.calls: list[float] = []
        self.held = frozenset(held)
        self.begun = {x: threading.Event() for x in held}
        self.go = {x: threading.Event() for x in held}
        self.saw: dict[float, bool] = {}

    def __call__(self, x: float) -> dict[str, float]:
        self.calls.append(x)
        if x in self.held:
            self.begun[x].set()
            assert self.go[x].wait(LONG)
            self.saw[x] = co.cancelled()
        return {"f": x * x}

    def counted(self) -> Any:
        """What a campaign takes, with a version, so that a resume takes it too."""
        return co.simulator(self.__call__, version="1")


def told(result: CampaignResult, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of the table; by default what must not depend on when and where."""
    wanted = names or ("id", "x", "f", "status", "generator")
    return [tuple(row.get(name) for name in wanted) for row in result.table()]


def events(run: Path, *kinds: type[Event]) -> list[Any]:
    """What is durable, in order."""
    with open_reader(run) as reader:
        return [event for _, event in reader.read() if not kinds or isinstance(event, kinds)]


def whole(run: Path) -> bool:
    """Whether every bit of a run folder is as it was written."""
    assert verify(run) == []
    return True
