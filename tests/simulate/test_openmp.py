"""One thread inside, as many as before outside."""

from __future__ import annotations

import ctypes
import math

import numpy._core._multiarray_umath as without_openmp
import pytest
import tblite._libtblite as library

from cohobate.simulate.chem.openmp import one_thread


def threads() -> int:
    return int(ctypes.CDLL(library.__file__).omp_get_max_threads())


def test_one_inside_and_as_before_outside():
    ctypes.CDLL(library.__file__).omp_set_num_threads(3)
    with one_thread(library):
        assert threads() == 1
    assert threads() == 3


def test_restored_after_an_error():
    ctypes.CDLL(library.__file__).omp_set_num_threads(3)
    with pytest.raises(ZeroDivisionError), one_thread(library):
        math.floor(1 / 0)
    assert threads() == 3


def test_a_library_without_openmp_is_left_alone():
    with one_thread(without_openmp):
        assert not hasattr(ctypes.CDLL(without_openmp.__file__), "omp_get_max_threads")
