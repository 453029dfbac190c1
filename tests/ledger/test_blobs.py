"""Blobs are kept once, by content, and never given back changed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from cohobate.core.blob import Blobs
from cohobate.core.errors import Damaged
from cohobate.ledger.blobs import FolderBlobs, MemoryBlobs

DATA = b"geometry " * 20_000
NAME = sha256(DATA).hexdigest()


@pytest.fixture(params=["memory", "folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs() if request.param == "memory" else FolderBlobs(tmp_path / "blobs")


def test_gives_back_what_was_put(blobs: Blobs):
    assert blobs.put(DATA) == blobs.put(DATA) == NAME
    assert blobs.get(NAME) == DATA


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_what_was_never_put_is_refused(blobs: Blobs, name: str):
    with pytest.raises(Damaged):
        blobs.get(name)


def test_equal_contents_are_one_file(tmp_path: Path):
    blobs = FolderBlobs(tmp_path)
    for data in (DATA, b"other", DATA):
        blobs.put(data)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert tmp_path / NAME[:2] / NAME in files


def test_a_changed_file_is_refused_and_a_short_one_written_again(tmp_path: Path):
    blobs = FolderBlobs(tmp_path)
    blobs.put(DATA)
    blobs.path(NAME).write_bytes(DATA[:-1])
    with pytest.raises(Damaged, match="does not match its name"):
        blobs.get(NAME)
    blobs.put(DATA)
    assert blobs.get(NAME) == DATA
