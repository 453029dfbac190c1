"""How loops are compiled: without the interpreter's lock, with IEEE arithmetic in the order it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

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
    made: Any = require("numba", extra="dynamics").njit(nogil=True, error_model="numpy", cache=True)(fn)
    files = made._cache._cache_file
    files.save = partial(_keep, files)
    return cast("F", made)


def _keep(files: Any, key: object, code: object) -> None:
    """Keeps what was compiled in a file whose name follows from what it is, and only then says that it is there.

    numba itself numbers the files in the order in which they come: two processes that compile at the same time take
    the same number, and one of them is given the code of the other from then on.
    """
    said = repr((files._source_stamp, key)).encode()
    name = files._data_name(int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big"))
    files._save_data(name, code)
    files._save_index({**files._load_index(), key: name})


def named(fn: F, name: str) -> F:
    """Returns a copy of a function made by another one, of a name that says what it closes over.

    numba calls its code by that name, the types of arguments, and a count that another process may have reached, too:
    of two that are called the same and are loaded from the disk, the second would be the first.
    """
    made = FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    made.__module__, made.__qualname__ = fn.__module__, f"{fn.__qualname__}_{name}"
    return cast("F", made)


def callable_in_loops(fn: F) -> F:
    """Returns the function as it is, for compiled ones to call: what these are kept by stays the same for ever."""
    made: F = require("numba.extending", extra="dynamics").register_jitable(error_model="numpy")(fn)
    return made


def mark_of(*parts: Callable[..., Any] | str) -> int:
    """Returns a positive number that changes with the code of functions, what it names, and the text of files.

    What is compiled is kept by the text of its own file and the values it closes over: this is to be one of them.
    """
    said = [Path(one).read_bytes() if isinstance(one, str) else _said(one) for one in parts]
    return int.from_bytes(hashlib.blake2b(b"|".join(said), digest_size=7).digest(), "big")


def _said(fn: Callable[..., Any]) -> bytes:
    code = fn.__code__
    held = [cell.cell_contents for cell in fn.__closure__ or ()]
    held += [fn.__globals__[name] for name in code.co_names if name in fn.__globals__]
    told = [_said(one) if isinstance(one, FunctionType) else repr(one).encode() for one in held]
    return b"|".join([code.co_code, repr((code.co_consts, code.co_names)).encode(), *told])
