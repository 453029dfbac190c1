"""Values found in running text."""

from __future__ import annotations

import re

import numpy as np

from cohobate.core.payload import Payload
from cohobate.simulate.command.read.reading import number


def by_pattern(text: str, pattern: str, which: int | None, as_text: bool) -> Payload:
    """Returns the match number ``which`` of a pattern (``None``: all), each its first group."""
    found = [(match[1] or "") if match.re.groups else match[0] for match in re.finditer(pattern, text, re.MULTILINE)]
    if not found:
        raise ValueError(f"expected a match of {pattern!r}, found none")
    if which is None:
        return found if as_text else np.array([number(one) for one in found])
    if not -len(found) <= which < len(found):
        raise ValueError(f"expected match {which} of {pattern!r}, found {len(found)}")
    return found[which] if as_text else number(found[which])


def alone(text: str) -> float:
    """Returns the one number that a file consists of."""
    return number(text)


def whole(text: str) -> str:
    """Returns the text itself."""
    return text
