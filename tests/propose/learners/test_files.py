"""What was saved is loaded bit for bit, or it is said in one line why not."""

from __future__ import annotations

import gzip
import json
import math
import pickle
import threading
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError, NotStorable
from cohobate.propose.learners import Learner, files
from propose.learners.halving import halving

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"


def items(n: int = 9) -> Learner[Any]:
    return co.SequenceLearner(list(range(n)))


def some() -> Learner[Any]:
    learner = halving()
    points = learner.ask(6)[0]
    for point in points[1:]:
        learner.tell(point, point / 3)
    learner.tell(points[0], None)
    learner.ask(2)
    return learner


def load(path: Path, learner: Learner[Any]) -> str:
    """What is said of a file that cannot be loaded; the learner has not changed."""
    before = learner.known()
    with pytest.raises(LearnerError) as caught:
        learner.load(path)
    assert learner.known() == before
    said = str(caught.value)
    assert said.startswith(f"{path} cannot be loaded: ")
    assert "\n" not in said
    return said


VALUES = [
    0.1 + 0.2,
    -0.0,
    math.inf,
    2**70,
    "text \ud800 \n é",
    [1, [2.5, {"a": (1, "b")}], True],
    {"$odd": {"nested": [b"raw", 1j]}},
    np.arange(6.0).reshape(2, 3),
    5e-324,
]


@pytest.mark.parametrize("compress", [True, False])
def test_values_come_back_as_they_were(compress: bool, tmp_path: Path):
    learner, twin = items(), items()
    for i, value in enumerate(VALUES):
        learner.tell(i, value)
    learner.save(tmp_path / "file", compress=compress)
    twin.load(tmp_path / "file")
    assert list(twin.data) == list(range(9))
    for value, other in zip(VALUES, twin.data.values(), strict=True):
        assert type(other) is type(value)
        assert np.array_equal(other, value) if isinstance(value, np.ndarray) else other == value
    assert math.copysign(1, twin.data[1]) == -1


@given(st.lists(st.floats(allow_nan=False), max_size=30), st.booleans())
def test_floats_are_exact(tmp_path_factory: pytest.TempPathFactory, values: list[float], compress: bool):
    file = tmp_path_factory.mktemp("f") / "file"
    learner, twin = items(30), items(30)
    learner.tell_many(range(len(values)), values)
    learner.save(file, compress=compress)
    twin.load(file)
    assert [value.hex() for value in twin.data.values()] == [value.hex() for value in values]


@pytest.mark.parametrize("compress", [True, False])
def test_a_file_torn_anywhere_is_refused(compress: bool, tmp_path: Path):
    file, learner = tmp_path / "file", halving()
    some().save(file, compress=compress)
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        said = load(file, learner)
        assert ("empty" if size == 0 else "torn") in said
    file.write_bytes(whole)
    learner.load(file)
    assert learner.npoints == 5


@pytest.mark.parametrize("compress", [True, False])
def test_a_file_with_any_byte_changed_is_refused_or_says_the_same(compress: bool, tmp_path: Path):
    file = tmp_path / "file"
    some().save(file, compress=compress)
    whole, known = file.read_bytes(), some().known()
    accepted = []
    for k in range(len(whole)):
        file.write_bytes(whole[:k] + bytes([whole[k] ^ 1 << k % 8]) + whole[k + 1 :])
        learner = halving()
        with suppress(LearnerError):
            learner.load(file)
            accepted.append(k)
        assert learner.known() == (known if k in accepted else halving().known())
    assert len(accepted) < 10  # the head of a compressed file has bytes that mean nothing


def body(**changed: Any) -> bytes:
    """A whole file, something in it other than it should be."""
    head = {"settings": halving().describe(), "npoints": 1, **changed.pop("head", {})}
    lines = {"points": [0.5], "values": [1.0], "holes": [], "memory": {"refused": [], "residuals": [], "inner": []}}
    return "".join(f"{json.dumps(line)}\n" for line in (head, *{**lines, **changed}.values())).encode()


def signed(text: bytes, **changed: Any) -> bytes:
    first = {"format": files.MAGIC, "version": files.VERSION, "sha256": sha256(text).hexdigest(), **changed}
    return json.dumps(first).encode() + b"\n" + text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (gzip.compress(b""), "it is empty"),
        (pickle.dumps({"data": 1}), "no file of a learner"),
        (gzip.compress(pickle.dumps({"data": 1})), "no file of a learner"),
        (PNG, "no file of a learner"),
        (b"\x1f\x8b", "torn or no file of a learner"),
        (b"\x1f\x8b" + PNG, "torn or no file of a learner"),
        (b'{"format": "another"}', "no file of a learner"),
        (b"[" * 100_000, "no file of a learner"),
        (b"[1, 2]\n", "no file of a learner"),
        (b"null", "no file of a learner"),
        (signed(body(), version=2), "its format is 2, and this version of cohobate reads up to 1: upgrade"),
        (signed(body(), version="x"), "its format is 'x'"),
        (signed(body(), sha256="0"), "check sum"),
        (signed(b""), "contradicts itself"),
        (signed(body(values=[1.0, 2.0])), "as many values as points"),
        (signed(body(head={"npoints": 2})), "as many values as points"),
        (signed(body(head={"settings": {}})), "contradicts itself"),
        (signed(body(head={"settings": []})), "contradicts itself"),
        (signed(body(memory=[])), "contradicts itself"),
        (signed(body(holes=[[1]])), "contradicts itself"),
        (signed(body(points=[[1]])), "contradicts itself"),
        (signed(body(values=3)), "contradicts itself"),
        (signed(body(values=[{"$unknown": 3}])), "contradicts itself"),
        (signed(body(head={"settings": {**items().describe()}})), "saved by a SequenceLearner, and this is a Halving"),
        (
            signed(body(head={"settings": halving(2.0).describe()})),
            "its scale is 2.0, and here it is 1.0: load it into",
        ),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, says: str, tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert says in load(file, halving())
    assert says in load(file, some()) or "settings" in says


def test_a_whole_file_of_this_kind_is_none_of_these(tmp_path: Path):
    (tmp_path / "file").write_bytes(signed(body()))
    learner = halving()
    learner.load(tmp_path / "file")
    assert learner.data == {0.5: 1.0}


def test_what_is_not_there_is_refused(tmp_path: Path):
    assert "there is no such file" in load(tmp_path / "missing" / "file", halving())
    assert "it cannot be read" in load(tmp_path, halving())


def test_a_file_replaces_another_or_leaves_it(tmp_path: Path):
    file = tmp_path / "file"
    learner, twin = items(), items()
    learner.tell(0, 1.0)
    learner.save(str(file))
    before = file.read_bytes()
    learner.save(file)
    assert file.read_bytes() == before
    learner.tell(1, threading.Lock())
    with pytest.raises(NotStorable, match=r"values\[1\] is a lock"):
        learner.save(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(OSError, match="file"):
        some().save(file / "below")
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        some().save(tmp_path)
    twin.load(file)
    assert twin.data == {0: 1.0}


def test_what_is_known_already_stays(tmp_path: Path):
    some().save(tmp_path / "file")
    learner = halving()
    learner.tell(0.0, 7.0)  # no value in the file
    learner.tell(1.0, 8.0)
    learner.tell_pending(0.5)
    learner.load(tmp_path / "file")
    assert (learner.data[0.0], learner.data[1.0], learner.data[0.5]) == (7.0, 8.0, 0.5 / 3)
    assert not learner.holes
    assert not learner.pending_points
    assert learner.npoints == 6


def test_what_is_remembered_stays(tmp_path: Path):
    saved, learner = some(), some()
    saved.residuals.add(0.25)
    saved.save(tmp_path / "file")
    learner.residuals.add(0.75)
    before = learner.residuals.latest()
    learner.load(tmp_path / "file")
    assert learner.residuals.latest() == [*before, *saved.residuals.latest()]


def test_holes_and_reasons_are_kept_and_pending_points_are_not(tmp_path: Path):
    learner, twin = some(), halving()
    learner.refused[0.0] = "because"
    learner.save(tmp_path / "file")
    twin.load(tmp_path / "file")
    assert len(learner.pending_points) == 2
    assert not twin.pending_points
    assert twin.holes == {0.0: "told to have no value"}
    assert twin.refused == {0.0: "because"}


def test_a_compressed_file_is_smaller(tmp_path: Path):
    learner = items(2000)
    learner.tell_many(range(2000), [1 / (1 + i) for i in range(2000)])
    learner.save(tmp_path / "small")
    learner.save(tmp_path / "large", compress=False)
    assert (tmp_path / "small").stat().st_size < 0.6 * (tmp_path / "large").stat().st_size
    assert gzip.decompress((tmp_path / "small").read_bytes()) == (tmp_path / "large").read_bytes()
    assert (tmp_path / "large").read_text().isascii()
