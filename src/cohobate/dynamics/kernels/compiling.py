"""How loops are compiled: without the interpreter's lock, with IEEE arithmetic in the order it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from cohobate.dynamics.kernels.keeping import one_at_a_time
from cohobate.host.extras import require

F = TypeVar("F", bound=Callable[..., Any])


@cache
def compiles() -> bool:
    """Whether loops can be compiled here: whether numba is installed."""
    return find_spec("numba") is not None


def compiled(fn: F) -> F:
    """Compiles a function by numba: no fast mathematics, no contraction, so that bits depend on values alone.

    What is compiled is kept on disk, next to the source or in the user's cache.
    """
    made: F = require("numba", extra="dynamics").njit(nogil=True, error_model="numpy", cache=True)(fn)
    one_at_a_time(made)
    return made


def callable_in_loops(fn: F) -> F:
    """Returns the function as it is, for compiled ones to call: what these are kept by stays the same for ever."""
    made: F = require("numba.extending", extra="dynamics").register_jitable(error_model="numpy")(fn)
    return made


def mark_of(*parts: Callable[..., Any] | str) -> int:
    """Returns a positive number that changes with the code of functions and the text of files.

    What is compiled is kept by the text of its own file and the values it closes over: this is to be one of them.
    """
    said = [Path(one).read_bytes() if isinstance(one, str) else _said(one) for one in parts]
    return int.from_bytes(hashlib.blake2b(b"|".join(said), digest_size=7).digest(), "big")


def _said(fn: Callable[..., Any]) -> bytes:
    code = fn.__code__
    inner = [cell.cell_contents for cell in fn.__closure__ or ()]
    return b"|".join([code.co_code, repr((code.co_consts, code.co_names, inner)).encode()])
