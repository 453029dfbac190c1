"""Any file is a pool in which no line is lost silently, or is refused by one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cohobate.core.errors import ProblemError
from cohobate.core.pool import READABLE, Pool
from fuzz.oracle import ended, one_line
from fuzz.seeds import CONTENTS, NAMES, NUMBERS, STRANGE

cells = st.sampled_from([*NAMES, *NUMBERS, "CCO", "c1ccccc1", '"', '"a,b"', "#"]) | st.text(max_size=6)
separators = st.sampled_from([",", " ", "\t", ";", "\n", "\n", "\r\n", "\r", '"'])
texts = st.lists(cells | separators, max_size=30).map("".join)
contents = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=200)


def judged(path: Path, content: bytes, column: str | None) -> Pool | str:
    """The pool in a file, or why there is none, both as they should be, whether or not its rows stay in the file."""
    path.write_bytes(content)
    held = alone(path, content, column)
    with patch("cohobate.core.pool.LARGE", 0):
        kept = alone(path, content, column)
    if isinstance(held, str) or isinstance(kept, str):
        assert held == kept
        return held
    assert list(held) == list(kept)
    assert (held.skipped, held.describe(), held.labels) == (kept.skipped, kept.describe(), kept.labels)
    assert [held.label(i) for i in range(len(held))] == [kept.label(i) for i in range(len(kept))]
    return held


def alone(path: Path, content: bytes, column: str | None) -> Pool | str:
    """The pool in a file, or why there is none."""
    pool = ended(lambda: Pool.read(path, column=column), errors=ProblemError)
    if isinstance(pool, str):
        assert one_line(pool)
        assert str(path) in pool
        assert len(pool) < len(str(path)) + 500
        return pool
    for i in range(len(pool)):
        (candidate,) = pool[i].values()
        assert candidate
        assert candidate.encode()  # can be written anywhere
        assert pool.index(pool[i]) == i
        assert all(label.encode() is not None for label in pool.label(i).values())
    assert pool.describe()["rows"] == len(pool)
    if path.suffix in (".smi", ".txt"):
        lines = [line.decode("utf-8", "surrogateescape") for line in content.removeprefix(b"\xef\xbb\xbf").splitlines()]
        told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        assert len(told) == len(pool) + len(pool.skipped)
    return pool


@settings(max_examples=150)
@given(st.sampled_from(READABLE), contents, st.none() | cells)
@example(".csv", b"a\rb\n", None)
@example(".csv", b"\xff,smiles\nx,C\n", None)
@example(".csv", b"smiles,smiles\nC,CC\n", None)
@example(".csv", b"a,smiles,smiles\nx,C,CC\n", None)
@example(".csv", b'"smiles\n', None)
def test_any_content(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes, column: str | None):
    assert judged(tmp_path_factory.getbasetemp() / f"pool{suffix}", content, column)


@pytest.mark.parametrize("suffix", READABLE)
@pytest.mark.parametrize("content", CONTENTS)
def test_known_bad_content(tmp_path: Path, suffix: str, content: str):
    assert judged(tmp_path / f"pool{suffix}", CONTENTS[content], None)


@pytest.mark.parametrize("suffix", READABLE)
@pytest.mark.parametrize("make", STRANGE[:-1], ids=lambda make: make.__name__)
def test_what_is_no_file(tmp_path: Path, suffix: str, make: Callable[[Path], None]):
    path = tmp_path / f"p{suffix}"
    make(path)
    said = ended(Pool.read, path, errors=ProblemError)
    if isinstance(said, str):
        assert one_line(said)
        assert str(path) in said
    else:
        assert make.__name__ == "unreadable"  # root reads everything


@given(st.sampled_from(NAMES))
def test_any_name_of_a_file(name: str):
    for suffix in ("", *READABLE):
        assert isinstance(ended(Pool.read, f"/nowhere/{name}{suffix}", errors=ProblemError), str)


items = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@given(items | st.lists(items, max_size=6))
@example([{}])
@example([{1: 2}])
@example([{"a": 1}, {"a": float("nan")}, {"a": True}])
def test_any_list(rows: object):
    pool = ended(Pool, rows, errors=ProblemError)
    if not isinstance(pool, str):
        assert len(list(pool)) == len(pool)
        assert pool.describe()["rows"] == len(pool)
        assert isinstance(rows, list)
        assert len(rows) == len(pool) + len(pool.skipped)
