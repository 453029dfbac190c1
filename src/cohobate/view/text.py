"""Text from elsewhere (names, SMILES, messages), made fit to be shown on one line."""

from __future__ import annotations

import unicodedata

UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories of characters that steer a terminal or reorder what stands beside them."""


def shown(text: object, width: int = 200) -> str:
    """Returns ``text`` on one line of at most ``width`` characters, control characters as escapes.

    >>> shown("a\\nb\\x1b[31m"), shown("x" * 9, 5)
    ('a\\\\nb\\\\x1b[31m', 'xxxx…')
    """
    whole = str(text)
    escaped = "".join(shown_character(c) for c in whole[: width + 1])
    return escaped if len(escaped) <= width else escaped[: width - 1] + "…"


def number(value: object) -> str:
    """Returns a number with six digits, and anything else as it is shown.

    >>> number(15.830001), number(3), number("a")
    ('15.83', '3', 'a')
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    return shown(value)


def duration(seconds: float) -> str:
    """Returns seconds as a person reads them.

    >>> duration(9.4), duration(75), duration(7300), duration(90000)
    ('9 s', '1 min 15 s', '2 h 01 min', '1 d 1 h')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def shown_character(c: str) -> str:
    """Returns a character, as an escape where it would steer what shows it."""
    if unicodedata.category(c) not in UNSHOWN:
        return c
    return c.encode("unicode_escape").decode()
