"""What a driver asks a ledger when it takes up a campaign again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

from cohobate.core.errors import Damaged
from cohobate.core.events import (
    CancelAsked,
    Closing,
    Computed,
    Declared,
    Event,
    Finished,
    Opened,
    Proposed,
    Returned,
    Revised,
    Told,
)
from cohobate.core.trial import Result, Trial
from cohobate.ledger.source import Source
from cohobate.ledger.standing import Standing

Hears = Callable[[str], bool]
"""Whether a generator is also told of the trials of the one named."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A trial without a final outcome: attempts started, failed ones by kind, if and why a cancel was asked for."""

    trial: Trial
    attempts: int
    failed: Mapping[str, int]
    cancel: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A ``Told`` with its results: delivered to a generator together and in this order, ``times`` in a row."""

    generator: str
    results: tuple[Result, ...]
    times: int = 1


Step = Proposed | Delivered
Act = Proposed | Delivered | CancelAsked | Revised | Computed | Returned
"""What a body said, or was answered."""
BODY: Final = (Proposed, Finished, Told, Revised, CancelAsked, Computed, Closing, Returned, Opened)


def declared(source: Source) -> Mapping[str, Any] | None:
    """Returns what the campaign was last declared to be."""
    number = source.declared()
    if number is None:
        return None
    (event,) = source.at([number])
    if not isinstance(event, Declared):
        raise Damaged(f"event {number} should declare the campaign, and is {type(event).__name__}")
    return event.campaign


def unfinished(source: Source) -> list[Unfinished]:
    """Returns the trials without a final outcome, in the order they were proposed."""
    open_ones = [standing for standing in source.live().values() if standing.finished is None]
    trials = _trials(source, open_ones)
    asked = any(standing.cancel for standing in open_ones)
    cancels = source.events(0, (CancelAsked,)) if asked else ()
    whys = {id: event.reason for _, event in cancels if isinstance(event, CancelAsked) for id in event.trials}
    return [
        Unfinished(trials[s.id], s.attempts, json.loads(s.failed or "{}"), bool(s.cancel), whys.get(s.id, ""))
        for s in sorted(open_ones, key=lambda s: s.id)
    ]


def untold(source: Source, generator: str, *, hears: Hears | None = None) -> list[Result]:
    """Returns the final results that ``generator`` was never told, in the order they became final.

    Of its own trials, and where it ``hears`` others, of theirs: then all of the ledger is read.
    """
    if hears is not None:
        told = Telling(generator, hears)
        for _ in told.acts(source):
            pass
        return list(told.results.values())
    final = [(s.finished, s) for s in source.live().values() if s.finished is not None and s.generator == generator]
    final.sort(key=lambda pair: pair[0])
    trials = _trials(source, [standing for _, standing in final])
    events = source.at([number for number, _ in final])
    return [Result(trials[e.trial], e.outcome) for e in events if isinstance(e, Finished) and e.trial in trials]


def story(source: Source, generator: str, *, hears: Hears | None = None) -> Iterator[Step]:
    """Returns what ``generator`` proposed and was told, in order; memory for what it is not told yet."""
    for act in Telling(generator, hears).acts(source):
        if isinstance(act, Proposed | Delivered):
            yield act


def script(source: Source, generator: str, *, hears: Hears | None = None, run: int = 0) -> Iterator[Act]:
    """Returns what a body said and was answered, in order, without what it did after it was told to end.

    ``run`` is the number of the start that is meant, where it returned and was started again.
    """
    returned, closing = 0, False
    for act in Telling(generator, hears).acts(source):
        match act:
            case Closing():
                closing = True
            case Opened():
                closing = False
            case Returned() if not closing:
                returned += 1
            case _ if returned == run and not closing:
                yield act


@final
class Telling:
    """Reads what concerns one generator out of a ledger; ``results`` are those it was not told (yet)."""

    __slots__ = ("_hears", "_name", "_trials", "results")

    def __init__(self, name: str, hears: Hears | None) -> None:
        self._name, self._hears = name, hears
        self._trials: dict[int, Trial] = {}
        self.results: dict[int, Result] = {}

    def acts(self, source: Source) -> Iterator[Act | Closing | Opened]:
        """Returns what the generator said and was told, and when sessions began."""
        for seq, event in source.events(0, BODY):
            self._follow(event)
            match event:
                case Told(generator=name) if name == self._name:
                    ids = event.heard + event.trials
                    yield Delivered(self._name, tuple(_taken(self.results, ids, seq)), event.times)
                case Opened():
                    yield event
                case Proposed() | CancelAsked() | Revised() | Computed() | Closing() | Returned():
                    if event.generator == self._name:
                        yield event

    def _follow(self, event: Event) -> None:
        """Keeps up with the trials that concern the generator."""
        match event:
            case Proposed(generator=name) if self._concerns(name):
                self._trials.update((trial.id, trial) for trial in event.trials)
            case Finished(trial=trial) if trial in self._trials:
                self.results[trial] = Result(self._trials.pop(trial), event.outcome)
            case Revised(trial=trial, applied=True) if trial in self._trials:
                self._trials[trial] = revised(self._trials[trial], event)

    def _concerns(self, name: str) -> bool:
        return name == self._name or (self._hears is not None and self._hears(name))


def revised(trial: Trial, event: Revised) -> Trial:
    """Returns a trial as it was changed before it started."""
    return replace(trial, inputs=event.inputs, priority=event.priority, needs=event.needs)


def _taken(results: dict[int, Result], ids: Iterable[int], seq: int) -> Iterator[Result]:
    for trial in ids:
        result = results.pop(trial, None)
        if result is None:
            raise Damaged(f"event {seq} tells of trial {trial}, which has no outcome or was told before")
        yield result


def _trials(source: Source, standings: Iterable[Standing]) -> dict[int, Trial]:
    """Returns the trials of some standings, by id."""
    numbers = {standing.id: standing.proposed for standing in standings}
    events = source.at(sorted(set(numbers.values())))
    trials = {t.id: t for e in events if isinstance(e, Proposed) for t in e.trials}
    for trial, number in numbers.items():
        if trial not in trials:
            raise Damaged(f"event {number} should propose trial {trial}, and does not; restore the folder from a copy")
    return _revised_ones(source, trials) if trials else trials


def _revised_ones(source: Source, trials: Mapping[int, Trial]) -> dict[int, Trial]:
    """Returns trials as bodies changed them before they started."""
    found = dict(trials)
    for _, event in source.events(0, (Revised,)):
        if isinstance(event, Revised) and event.applied and event.trial in found:
            found[event.trial] = revised(found[event.trial], event)
    return found
