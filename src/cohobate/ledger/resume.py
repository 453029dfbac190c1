"""What a driver asks a ledger when it takes up a campaign again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cohobate.core.errors import Damaged
from cohobate.core.events import Declared, Finished, Proposed, Told
from cohobate.core.trial import Result, Trial
from cohobate.ledger.source import Source
from cohobate.ledger.standing import Standing


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A trial without a final outcome: attempts started, failed ones by kind, and whether a cancel was asked for."""

    trial: Trial
    attempts: int
    failed: Mapping[str, int]
    cancel: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """A ``Told`` with its results: delivered to a generator together and in this order."""

    generator: str
    results: tuple[Result, ...]


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
    return [
        Unfinished(trials[s.id], s.attempts, json.loads(s.failed or "{}"), bool(s.cancel))
        for s in sorted(open_ones, key=lambda s: s.id)
    ]


def untold(source: Source, generator: str) -> list[Result]:
    """Returns the final results that ``generator`` was never told, in the order they became final."""
    final = [(s.finished, s) for s in source.live().values() if s.finished is not None and s.generator == generator]
    final.sort(key=lambda pair: pair[0])
    trials = _trials(source, [standing for _, standing in final])
    events = source.at([number for number, _ in final])
    return [Result(trials[e.trial], e.outcome) for e in events if isinstance(e, Finished) and e.trial in trials]


def story(source: Source, generator: str) -> Iterator[Proposed | Delivered]:
    """Returns what ``generator`` proposed and was told, in order; memory for what it is not told yet."""
    trials: dict[int, Trial] = {}
    results: dict[int, Result] = {}
    for seq, event in source.events(0, (Proposed, Finished, Told)):
        match event:
            case Proposed(generator=name) if name == generator:
                trials.update((trial.id, trial) for trial in event.trials)
                yield event
            case Finished(trial=trial, outcome=outcome) if trial in trials:
                results[trial] = Result(trials.pop(trial), outcome)
            case Told(generator=name) if name == generator:
                yield Delivered(name, tuple(_taken(results, event.trials, seq)))


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
    return trials
