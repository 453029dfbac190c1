"""One OpenMP thread for a small molecule: more make it slower, and its last bits random."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def one_thread(library: ModuleType) -> Iterator[None]:
    """Lets a compiled module use one OpenMP thread inside, when called from this thread; others keep their number.

    On two busy cores GFN2-xTB with two threads took 10 to 40 times as long as with one.
    """
    openmp = ctypes.CDLL(library.__file__)  # finds the symbols of the OpenMP it is linked to
    try:
        before = int(openmp.omp_get_max_threads())
    except AttributeError:  # built without OpenMP
        yield
        return
    openmp.omp_set_num_threads(1)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)
