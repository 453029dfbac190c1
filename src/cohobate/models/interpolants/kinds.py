"""The names of interpolants."""

from __future__ import annotations

from cohobate.core.errors import LearnerError, did_you_mean
from cohobate.host.extras import require

LINE = ("linear", "cubic", "rational")
"""Over one axis."""
MESH = ("linear", "cubic")
"""Over several axes."""
BEST = "best"


def check_kind(kind: str | None, axes: int) -> str:
    """Returns a kind of interpolant over so many axes, ``BEST`` for ``None``; ``LearnerError`` for what is none.

    Raises ``MissingExtra`` where a library that all of them need is not installed.
    """
    for library in ("scipy.interpolate", "threadpoolctl"):
        require(library, extra="learn")
    known = (*(LINE if axes == 1 else MESH), BEST)
    if kind is None:
        return BEST
    if kind not in known:
        over = "one axis" if axes == 1 else "several axes"
        hint = did_you_mean(str(kind), known)
        raise LearnerError(f"unknown kind {kind!r}{hint}: over {over} expected one of {list(known)}")
    return kind
