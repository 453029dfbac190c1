"""The unit in which a length of time is drawn on an axis."""

from __future__ import annotations

UNITS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d"))


def scaled(longest: float) -> tuple[float, str]:
    """Returns the factor from seconds, and the unit, for an axis that ends at ``longest`` (s).

    >>> scaled(50.0), scaled(7200.0)
    ((1.0, 's'), (0.016666666666666666, 'min'))
    """
    length, name = next((unit for unit in reversed(UNITS) if longest >= 3 * unit[0]), UNITS[0])
    return 1 / length, name
