"""What is learned of one number: its value, and how far off that may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number (or an array) that was learned.

    ``error`` is a standard error where values are random, an estimate of the absolute error where they
    are not, and infinite where nothing is known of it; ``n`` counts the values it was made from.
    """

    value: Any
    error: Any
    n: int
