"""What failed in a campaign, trial by trial, to be read by a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cohobate.core.outcome import Failure
from cohobate.ledger import views
from cohobate.ledger.reader import Reader


@dataclass(frozen=True, slots=True)
class Failed:
    """A trial whose last attempt failed: its inputs as they are recorded, and why. As text: all of it."""

    trial: int
    inputs: Mapping[str, Any]
    failure: Failure

    @property
    def traceback(self) -> str:
        """Where it was raised; empty where nothing was (a deadline, a lost worker)."""
        return self.failure.traceback

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value!r:.80}" for name, value in self.inputs.items())
        told = f"trial {self.trial} ({where}), {self.failure.kind.replace('_', ' ')}: {self.failure.message}"
        return f"{told}\n{self.traceback}" if self.traceback else told


def failed(reader: Reader) -> list[Failed]:
    """Returns every trial that failed, in the order they were proposed."""
    rows = views.follow(reader).rows.by_trial.values()
    return [
        Failed(row.trial.id, row.trial.inputs, row.final.outcome)
        for row in rows
        if row.final and isinstance(row.final.outcome, Failure)
    ]
