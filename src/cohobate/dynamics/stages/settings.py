"""What settings of updates may be: numbers in a range, named in the message where they are not."""

from __future__ import annotations

import math
from numbers import Real

from cohobate.core.errors import UserError

SEEDS = -(2**63), 2**63 - 1
"""The least and the largest seed of random numbers."""


def check_positive(who: str, settings: object, *names: str) -> None:
    """Raises ``UserError`` for the first of some settings that is not a positive, finite number."""
    for name in names:
        value = getattr(settings, name)
        if not (_is_number(value) and 0 < value < math.inf):
            raise UserError(f"{who}: {name} must be a positive number, got {value!r:.60}")


def check_between(who: str, settings: object, name: str, least: float, most: float = math.inf) -> None:
    """Raises ``UserError`` for a setting that is not a finite number from ``least`` to ``most``."""
    value = getattr(settings, name)
    if not (_is_number(value) and math.isfinite(value) and least <= value <= most):
        raise UserError(f"{who}: {name} must be a number {_told(least, most)}, got {value!r:.60}")


def check_whole(who: str, settings: object, name: str, least: int, most: float = math.inf) -> None:
    """Raises ``UserError`` for a setting that is not a whole number from ``least`` to ``most``."""
    value = getattr(settings, name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"{who}: {name} must be a whole number {_told(least, most)}, got {value!r:.60}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _told(least: float, most: float) -> str:
    return f"of at least {least}" if most == math.inf else f"from {least} to {most}"
