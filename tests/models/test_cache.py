"""Arrays on disk: made once, made again where they are damaged, never in the way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohobate.models import cache
from cohobate.models.cache import folder, kept

ARRAYS = {
    "a": np.arange(12, dtype=np.int32).reshape(3, 4),
    "b": np.array([1, 2, 255], np.uint8),
    "none": np.zeros((0, 5), np.float64),
}
KEY = {"pool": "p", "radius": 3}


class Maker:
    """Counts how often it made the arrays."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Mapping[str, np.ndarray]:
        self.calls += 1
        return ARRAYS


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COHOBATE_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def same(found: Mapping[str, np.ndarray]) -> bool:
    kinds = all(found[name].dtype == array.dtype for name, array in ARRAYS.items())
    return kinds and all(np.array_equal(found[name], array) for name, array in ARRAYS.items())


def test_what_was_made_is_mapped_the_next_time(place: Path):
    make = Maker()
    for _ in range(3):
        found = kept(KEY, make)
        assert same(found)
        assert found.keys() == ARRAYS.keys()
        assert not found["a"].flags.writeable
        assert not found["a"].flags.owndata
    assert make.calls == 1
    assert same(kept({**KEY, "radius": 2}, make))
    assert make.calls == 2
    assert len(list(place.iterdir())) == 2


def test_the_files_of_somebody_else_are_used(place: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    make = Maker()
    kept(KEY, make)
    monkeypatch.setattr(os, "utime", refuse)
    assert same(kept(KEY, make))
    assert make.calls == 1


def test_the_folder_is_where_others_look_for_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COHOBATE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert folder() == Path("/x/cohobate")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert folder() == Path("/home/me/.cache/cohobate")


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def foreign(path: Path) -> None:
    path.write_bytes(b"something else\n" * 100)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_another_key(path: Path) -> None:
    kept("another", lambda: {"a": np.zeros(3)})
    next(p for p in path.parent.iterdir() if p != path).replace(path)


def nested(path: Path) -> None:
    path.write_bytes(cache.MAGIC + b"[" * 100_000 + b"\n")


def wrong_places(path: Path) -> None:
    content = path.read_bytes().replace(b"[3, 4]", b"[3, 5]")
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, foreign, emptied, of_another_key, nested, wrong_places])
def test_a_damaged_file_is_made_anew(place: Path, damage: Callable[[Path], None]):
    make = Maker()
    kept(KEY, make)
    (path,) = place.iterdir()
    damage(path)
    assert same(kept(KEY, make))
    assert same(kept(KEY, make))
    assert make.calls == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_any_bytes_instead_are_made_anew(place: Path, data: st.DataObject):
    kept(KEY, Maker())
    path = next(place.iterdir())
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] + data.draw(st.binary(max_size=30)) + whole[at + data.draw(st.integers(0, 40)) :])
    assert same(kept(KEY, Maker()))
    path.unlink(missing_ok=True)


def test_a_folder_that_cannot_be_written_to_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COHOBATE_CACHE", str(tmp_path / "file" / "cache"))
    assert same(kept(KEY, Maker()))


def test_a_full_disk_is_no_failure_and_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cohobate.host.filesystem.sync_file", full)
    make = Maker()
    assert same(kept(KEY, make))
    assert list(place.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_no_failure(place: Path):
    kept(KEY, Maker())
    (path,) = place.iterdir()
    path.unlink()
    path.mkdir()
    assert same(kept(KEY, Maker()))


def test_several_at_once_get_the_same(place: Path):
    barrier = threading.Barrier(4)
    found: list[bool] = []

    def work() -> None:
        barrier.wait()
        found.append(same(kept(KEY, Maker())))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    assert [path.suffix for path in place.iterdir()] == [".arrays"]


def test_what_was_not_used_for_longest_is_dropped(place: Path, monkeypatch: pytest.MonkeyPatch):
    for key in range(4):
        kept(key, Maker())
    size = next(place.iterdir()).stat().st_size
    for path in place.iterdir():
        os.utime(path, (1e9, 1e9))
    make = Maker()
    kept(2, make)  # is used again
    (place / ".1.tmp").write_text("")
    (place / ".2.tmp").write_text("")
    os.utime(place / ".1.tmp", (time.time() - 2 * cache.STALE,) * 2)
    monkeypatch.setattr(cache, "MOST", 2 * size + size // 2)
    kept("new", make)
    assert make.calls == 1
    assert len(list(place.glob("*.arrays"))) == 2
    assert [path.name for path in place.glob(".*")] == [".2.tmp"]
    for key in (2, "new"):
        kept(key, make)
    assert make.calls == 1


def test_the_newest_stays_however_large_it_is(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "MOST", 1)
    make = Maker()
    for _ in range(2):
        assert same(kept(KEY, make))
    assert make.calls == 1
