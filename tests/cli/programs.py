"""The command line as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cohobate

SRC = Path(cohobate.__file__).parents[1]


def environment() -> dict[str, str]:
    """Returns the environment of a process that finds this cohobate."""
    return {**os.environ, "PYTHONPATH": str(SRC), "PYTHONWARNINGS": "", "COLUMNS": "100"}


def program(*words: str) -> list[str]:
    """Returns the command line of a process of its own."""
    return [sys.executable, "-m", "cohobate.cli", *words]
