"""Reads candidates of a fit from a ledger: their parameters, their loss, and what each term gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import UserError
from cohobate.core.events import Finished
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.payload import Payload
from cohobate.ledger.reader import Reader
from cohobate.ledger.rows import Row
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Follow, follow
from cohobate.propose.scaling import Numbers

LOSS: Final = "loss"


@final
@dataclass(frozen=True, slots=True)
class Candidate:
    """Free parameters by dotted name, and what came of them; ``outcome`` has a loss where it is a ``Value``."""

    trial: int
    values: Mapping[str, float]
    outcome: Outcome
    seconds: float = 0.0

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs; raises ``UserError`` where the candidate has failed."""
        if isinstance(self.outcome, Value):
            return self.outcome.outputs
        raise UserError(f"candidate {self.trial} has no loss: {why(self.outcome)}")

    @property
    def loss(self) -> float:
        """The loss."""
        return float(self.outputs[LOSS])

    @property
    def residuals(self) -> Numbers:
        """The residuals: (m,)."""
        return np.asarray(self.outputs.get("residuals", ()), dtype=float)

    @property
    def terms(self) -> Mapping[str, Mapping[str, Any]]:
        """What each term gave: its quantities, its loss, how long it took."""
        found: Mapping[str, Mapping[str, Any]] = self.outputs.get("terms", {})
        return found


def why(outcome: Outcome) -> str:
    """Returns why there is no value, in words."""
    if isinstance(outcome, Failure):
        return f"{outcome.kind.replace('_', ' ')}: {outcome.message}"
    return str(getattr(outcome, "reason", "")) or "cancelled"


@final
@dataclass(frozen=True)
class Record:
    """The candidates of a campaign as they stand when this is made."""

    result: CampaignResult
    views: Follow

    def best(self, n: int = 1) -> list[Candidate]:
        """Returns the ``n`` candidates with the least loss, best first; contents from 64 kB are fetched."""
        if not self.views.tally.goals:
            return []
        ids = [int(row["id"]) for row in self.views.best(n, LOSS)]
        return [self.candidate(trial) for trial in ids]

    def first(self) -> Candidate | None:
        """Returns the first candidate with a loss: mostly where the fit started."""
        having = (trial for trial, row in self.views.rows.by_trial.items() if LOSS in row.outputs)
        found = next(having, None)
        return None if found is None else self.candidate(found)

    def candidate(self, trial: int) -> Candidate:
        """Returns a candidate by its number; raises ``UserError`` where there is none, or it has not ended."""
        row = self.views.rows.by_trial.get(trial)
        if row is None or row.final is None:
            known = len(self.views.rows.by_trial)
            raise UserError(f"no candidate {trial!r:.40} has ended; there are {known}, numbered from 0")
        return _candidate(row, self._whole(row.final))

    def candidates(self) -> Iterator[Candidate]:
        """Returns all that have ended, in the order they were proposed; large contents stay where they are."""
        for row in self.views.rows.by_trial.values():
            if row.final is not None:
                yield _candidate(row, row.final)

    def _whole(self, final: Finished) -> Finished:
        """Returns the end of a candidate with its large contents."""
        if not _kept(final.outcome):
            return final
        with self.result.reading() as reader:
            return next(event for event in _ends(reader) if event.trial == final.trial)


def record_of(result: CampaignResult) -> Record:
    """Returns the candidates of a campaign."""
    with result.reading() as reader:
        return Record(result, follow(reader))


def _candidate(row: Row, final: Finished) -> Candidate:
    return Candidate(row.trial.id, dict(row.trial.inputs), final.outcome, final.seconds)


def _ends(reader: Reader) -> Iterator[Finished]:
    return (event for _, event in reader.read(0, fetched=True) if isinstance(event, Finished))


def _kept(value: Payload) -> bool:
    """Whether something in it was left where it is."""
    match value:
        case Value(outputs):
            return _kept(outputs)
        case Mapping():
            return any(_kept(one) for one in value.values())
        case list() | tuple():
            return any(_kept(one) for one in value)
    return isinstance(value, Kept)
