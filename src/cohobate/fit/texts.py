"""Numbers and small tables of a fit as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]], indent: str = "  ", *, left: bool = False) -> Iterator[str]:
    """Returns the lines of a table: the first column to the left, the others to the right unless ``left``.

    >>> list(aligned([("a", "1"), ("long", "22")], indent=""))
    ['a      1', 'long  22']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        rest = [
            text.ljust(width) if left else text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)
        ]
        yield f"{indent}{'  '.join([row[0].ljust(widths[0]), *rest])}".rstrip()


def with_error(value: float, error: float) -> str:
    """Returns a value and its error with as many digits as the error deserves: two of it.

    >>> with_error(3.40512345, 0.00123), with_error(12345.6, 250.0), with_error(1.5, float("nan"))
    ('3.4051 ± 0.0012', '12350 ± 250', '1.5 ± ?')
    """
    if not (math.isfinite(error) and error > 0 and math.isfinite(value)):
        return f"{value:.8g} ± {'?' if math.isnan(error) else f'{error:.2g}'}"
    if not 1e-4 <= max(abs(value), error) < 1e7:
        exponent = math.floor(math.log10(max(abs(value), error)))
        inner = with_error(value / 10.0**exponent, error / 10.0**exponent)
        return f"({inner})e{exponent:+03d}"
    digits = 1 - math.floor(math.log10(error))
    if digits > 10:
        return f"{value:.12g} ± {error:.2g}"
    places = max(0, digits)
    return f"{round(value, digits):.{places}f} ± {round(error, digits):.{places}f}"


def percent(share: float) -> str:
    """Returns a share of a whole.

    >>> percent(0.1234), percent(0.0001), percent(float("nan"))
    ('12.3 %', '0.01 %', '')
    """
    if math.isnan(share):
        return ""
    return f"{100 * share:.1f} %" if share >= 1e-3 or share == 0 else f"{100 * share:.2g} %"
