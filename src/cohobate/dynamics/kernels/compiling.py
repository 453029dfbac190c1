"""How loops are compiled: without the interpreter's lock, with IEEE arithmetic in the order it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cohobate.host.extras import require

F = TypeVar("F", bound=Callable[..., Any])


def compiled(fn: F) -> F:
    """Compiles a function by numba: no fast mathematics, no contraction, so that bits depend on values alone."""
    made: F = require("numba", extra="dynamics").njit(nogil=True, error_model="numpy", cache=True)(fn)
    return made
