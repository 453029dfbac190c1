"""What a report is told of a campaign besides its ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cohobate.core.payload import Plain


def _by_number(trial: int) -> str:
    return f"trial {trial}"


@dataclass(frozen=True, slots=True)
class About:
    """``state`` and ``goal`` in words, ``total`` evaluations at the goal where it is a number of them.

    ``manifest`` is what the campaign was made with, ``name`` returns the candidate of a trial as text,
    ``written`` is when the report is (s since the epoch).
    """

    title: str
    state: str = ""
    goal: str = ""
    total: int | None = None
    folder: str = ""
    manifest: Mapping[str, Plain] = field(default_factory=dict)
    name: Callable[[int], str] = _by_number
    written: float = 0.0
