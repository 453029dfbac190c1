"""What the job of a scheduler that we run in says of itself: its nodes, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cohobate.core.errors import ConfigError

END = "COHOBATE_WALLTIME_END"
"""When we have to be gone, in seconds since 1970 or ISO text: set by our submit scripts, and believed before all."""


@dataclass(frozen=True, slots=True)
class Job:
    """The job that this process is part of; ``end`` is in seconds since 1970, ``None`` where nobody says."""

    scheduler: Literal["slurm", "pbs"]
    id: str
    nodes: int
    end: float | None


def allocation(environment: Mapping[str, str]) -> Job | None:
    """Returns the job that an environment belongs to; ``None`` outside of any."""
    end = walltime_end(environment)
    if name := environment.get("SLURM_JOB_ID"):
        return Job("slurm", name, _number(environment.get("SLURM_JOB_NUM_NODES")) or 1, end)
    if name := environment.get("PBS_JOBID"):
        return Job("pbs", name, _lines(environment.get("PBS_NODEFILE")) or 1, end)
    return None


def walltime_end(environment: Mapping[str, str]) -> float | None:
    """Returns when the job of an environment ends (s since 1970); raises ``ConfigError`` for nonsense in ours.

    >>> walltime_end({"SLURM_JOB_END_TIME": "1795190000"})
    1795190000.0
    """
    if ours := environment.get(END):
        return _when(ours)
    return float(_number(environment.get("SLURM_JOB_END_TIME"))) or None


def _when(text: str) -> float:
    try:
        return float(text) if text.strip().isdigit() else datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f'{END}: expected seconds since 1970 or ISO text such as "2026-12-24T18:00", got {text!r:.60}'
        ) from error


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _lines(file: str | None) -> int:
    """Returns how many different nodes a file names, one line for each of their cores."""
    try:
        return len(set(Path(file).read_text().split())) if file else 0
    except (OSError, UnicodeDecodeError):
        return 0
