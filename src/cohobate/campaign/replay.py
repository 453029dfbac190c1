"""Re-derives every recorded proposal with a fresh generator, and names the first difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from cohobate.campaign.members import MAIN
from cohobate.campaign.steering.requests import Over, Request
from cohobate.campaign.steering.script import Script
from cohobate.campaign.steering.wheel import Left, Wheel
from cohobate.core.canonical import canonical
from cohobate.core.capture import Raised, capture
from cohobate.core.events import Proposed
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem, Structured, pack, unpack
from cohobate.core.protocols import Generator, inputs_of
from cohobate.core.steering import Closed, Steers
from cohobate.core.trial import Result
from cohobate.ledger.reader import Reader
from cohobate.ledger.resume import Delivered, Hears


@dataclass(frozen=True, slots=True)
class Replayed:
    """How far a replay came: all ``asks`` equal, or the first ``difference`` in words."""

    asks: int
    trials: int
    difference: str | None = None


def replay(
    reader: Reader,
    generator: Generator | Steers,
    problem: Problem,
    *,
    name: str = MAIN,
    hears: Hears | None = None,
) -> Replayed:
    """Asks ``generator`` again everything that was asked, telling it what was told in between.

    A body runs again by its log. ``name`` is what it is called, and ``hears`` tells whose results it was
    told besides its own. Bit equality is to be expected with the versions, threads and CPU of the manifest only.
    """
    if isinstance(generator, Steers):
        return _rehearsed(reader, generator, problem, name, hears)
    asks = trials = 0
    structured = problem.structured
    for step in reader.story(name, hears=hears):
        if isinstance(step, Delivered):
            results = tuple(_as_told(result, structured) for result in step.results)
            ended = capture(generator.ingest, results)
            if isinstance(ended, Raised):
                return Replayed(asks, trials, f"after ask {asks}: ingest raised {ended.message}")
            continue
        if (difference := _difference(step, generator, structured)) is not None:
            return Replayed(asks, trials, f"ask {step.ask} for {step.asked}: {difference}")
        asks, trials = asks + 1, trials + len(step.trials)
    return Replayed(asks, trials)


def _rehearsed(reader: Reader, body: Steers, problem: Problem, name: str, hears: Hears | None) -> Replayed:
    """Runs a body by its log, each run of it, and tells where it first differs."""
    returns = sum(event.generator == name and not event.closing for event in reader.returned())
    asks = trials = 0
    for run in range(returns + 1):
        script = Script(reader.script(name, hears=hears, run=run), problem.structured)
        ended = capture(body.steer, Wheel(partial(_by_log, script), problem.names, run), run)
        asks, trials = asks + script.asks, trials + script.trials
        if isinstance(ended, Raised) and not isinstance(ended.error, Closed | Left):
            return Replayed(asks, trials, f"run {run}: {ended.message}")
        if (difference := script.unsaid()) is not None:
            return Replayed(asks, trials, f"run {run}: {difference}")
    return Replayed(asks, trials)


def _by_log(script: Script, request: Request) -> Payload:
    """Returns the recorded answer, or that it is over where there is none."""
    known = script.answer(request)
    return Over() if known is None else known.value


def _as_told(result: Result, structured: Mapping[str, Structured]) -> Result:
    trial = result.trial
    return replace(result, trial=replace(trial, inputs=unpack(trial.inputs, structured)))


def _difference(step: Proposed, generator: Generator, structured: Mapping[str, Structured]) -> str | None:
    answer = capture(generator.suggest, step.asked)
    if isinstance(answer, Raised):
        return f"suggest raised {answer.message}"
    if not isinstance(answer.value, Sequence):
        return f"{len(step.trials)} proposals are recorded, now the answer is {answer.value!r:.80}"
    rows = [pack(inputs_of(row), structured) for row in answer.value]
    if len(rows) != len(step.trials):
        return f"{len(step.trials)} proposals are recorded, now there are {len(rows)}"
    for trial, row in zip(step.trials, rows, strict=True):
        if canonical(trial.inputs) != canonical(row):
            return f"trial {trial.id} is recorded as {dict(trial.inputs)!r:.200}, now it is {dict(row)!r:.200}"
    return None
