"""The names of interpolants."""

from __future__ import annotations

from cohobate.core.errors import LearnerError, did_you_mean

LINE = ("linear", "cubic", "rational")
"""Over one axis."""
MESH = ("linear", "cubic")
"""Over several axes."""
BEST = "best"


def check_kind(kind: str | None, axes: int) -> str:
    """Returns a kind of interpolant over so many axes, ``BEST`` for ``None``; ``LearnerError`` for what is none."""
    known = (*(LINE if axes == 1 else MESH), BEST)
    if kind is None:
        return BEST
    if kind not in known:
        over = "one axis" if axes == 1 else "several axes"
        hint = did_you_mean(str(kind), known)
        raise LearnerError(f"unknown kind {kind!r}{hint}: over {over} expected one of {list(known)}")
    return kind
