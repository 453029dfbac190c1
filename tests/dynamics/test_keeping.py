"""What is compiled is kept for other processes, each of which finds its own code there and never another's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cohobate.dynamics.kernels.compiling import compiled

pytest.importorskip("numba")


def times(factor: float) -> Any:
    """Returns one of several functions of the same name, as one process would make it."""

    @compiled
    def multiplied(x):
        return factor * x

    return multiplied


def test_two_that_are_kept_at_once_do_not_take_each_others_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    both, here = [times(2.0)._cache, times(3.0)._cache], threading.Barrier(2, timeout=0.5)
    both[0]._impl.locator.ensure_cache_path()
    for cache in both:
        monkeypatch.setattr(cache._cache_file, "_load_index", waiting(cache._cache_file._load_index, here))
    threads = [threading.Thread(target=cache._cache_file.save, args=(k, k)) for k, cache in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    assert [both[0]._cache_file.load(k) for k in range(2)] == [0, 1]


def test_what_was_kept_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    assert [times(2.0)(1.0), times(3.0)(1.0)] == [2.0, 3.0]
    again = times(2.0), times(3.0)
    assert [one(1.0) for one in again] == [2.0, 3.0]
    assert [sum(one.stats.cache_hits.values()) for one in again] == [1, 1]


def waiting(load: Callable[[], Any], here: threading.Barrier) -> Callable[[], Any]:
    """Returns the same, after which both go on together where both have come so far."""

    def loaded() -> Any:
        found = load()
        with suppress(threading.BrokenBarrierError):
            here.wait()
        return found

    return loaded
