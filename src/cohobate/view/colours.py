"""The colours of plots and of the report: the same thing has the same colour everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RUNS: Final = ("#0b5cad", "#d0682a", "#2b8a62", "#8d4fb0", "#b5932b", "#3c9ab8", "#c0486a", "#6b7280")
"""Of runs that are drawn over each other: the first is that of a run alone."""
RANDOM: Final = "#8a8a8a"
FAILED: Final = "#c03a2b"
OUTCOMES: Final[Mapping[str, str]] = {
    "done": "#3a86c8",
    "raised": "#c03a2b",
    "timeout": "#e09f3e",
    "worker_lost": "#8d4fb0",
    "bad_output": "#a4573f",
    "dependency": "#7d8597",
    "rejected": "#b9bec7",
    "cancelled": "#8a8f98",
}


def of_run(i: int) -> str:
    """Returns the colour of the run number ``i``."""
    return RUNS[i % len(RUNS)]


def of_outcome(name: str) -> str:
    """Returns the colour of an outcome."""
    return OUTCOMES.get(name, RANDOM)
