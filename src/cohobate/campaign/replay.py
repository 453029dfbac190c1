"""Re-derives every recorded proposal with a fresh generator, and names the first difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cohobate.core.canonical import canonical
from cohobate.core.capture import Raised, capture
from cohobate.core.events import Proposed
from cohobate.core.problem import Problem, Structured, pack, unpack
from cohobate.core.protocols import Generator, inputs_of
from cohobate.core.trial import Result
from cohobate.ledger.reader import Reader
from cohobate.ledger.resume import Delivered


@dataclass(frozen=True, slots=True)
class Replayed:
    """How far a replay came: all ``asks`` equal, or the first ``difference`` in words."""

    asks: int
    trials: int
    difference: str | None = None


def replay(reader: Reader, generator: Generator, problem: Problem) -> Replayed:
    """Asks ``generator`` again everything that was asked, telling it what was told in between.

    Bit equality is to be expected with the versions, threads and CPU of the manifest only.
    """
    asks = trials = 0
    structured = problem.structured
    for step in reader.story("main"):
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
