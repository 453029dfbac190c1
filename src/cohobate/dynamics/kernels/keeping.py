"""Compiled loops on disk, kept and found by several processes at the same time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def one_at_a_time(compiled: Any) -> None:
    """Has one process at a time look into what is kept of a compiled function, or add to it.

    numba looks for a free name in its index and writes the code there, in two steps: of two processes that do so at
    once, each with other code, one then finds that of the other under its own key, and computes other numbers.
    """
    file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if file is not None:  # compiled at all, and kept
        path = f"{file._index_path}.lock"
        file.save, file.load = _alone(path, file.save), _alone(path, file.load)


def _alone(path: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*args: Any) -> Any:
        with _locked(path):
            return call(*args)

    return locked


@contextmanager
def _locked(path: str) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:  # nothing can be kept there: there is nothing to find either
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
