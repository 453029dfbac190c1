"""Values in messages."""

from __future__ import annotations

import reprlib


def short(value: object, most: int = 100) -> str:
    """Returns a value on one line of at most ``most`` characters.

    >>> short([1.0] * 100), short("a\\nb")
    ('[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, ...]', "'a\\\\nb'")
    """
    return " ".join(reprlib.repr(value).split())[:most]
