"""What is compiled is kept for other processes, and never taken for something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from cohobate.dynamics.kernels.compiling import compiled


def adding(number: float) -> Callable[[float], float]:
    @compiled
    def added(x):
        return x + number

    return added


@pytest.fixture(autouse=True)
def kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))


def test_what_was_compiled_before_is_found_again():
    assert adding(1.0)(2.0) == 3.0
    again: Any = adding(1.0)
    assert again(2.0) == 3.0
    assert len(again.stats.cache_hits) == 1


def test_processes_that_compile_at_the_same_time_do_not_mix_up_what_they_keep(monkeypatch: pytest.MonkeyPatch):
    """Both read the index before either had written it; the one wrote it last, the other its code."""
    with monkeypatch.context() as at_once:
        at_once.setattr(IndexDataCacheFile, "_load_index", lambda self: {})
        assert adding(1.0)(0.0) == 1.0
        at_once.setattr(IndexDataCacheFile, "_save_index", lambda self, overloads: None)
        assert adding(2.0)(0.0) == 2.0
    assert adding(1.0)(0.0) == 1.0
    assert adding(2.0)(0.0) == 2.0
