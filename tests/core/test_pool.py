"""Pools from lists and files: nothing is lost silently."""

from __future__ import annotations

import gc
import os
import pickle
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core import pool_filed, pool_files
from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool, Skipped


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_reads_a_smiles_file_with_names_comments_and_blank_lines(tmp_path: Path):
    pool = Pool.read(written(tmp_path, "p.smi", "# title\nCCO ethanol, pure\n\nCC\tethane\nC\nCCO again\n"))
    assert list(pool) == [{"smiles": "CCO"}, {"smiles": "CC"}, {"smiles": "C"}]
    assert [pool.label(i)["name"] for i in range(3)] == ["ethanol, pure", "ethane", ""]
    assert pool.skipped == (Skipped(6, "duplicate of line 2"),)


def test_reads_a_table_and_reports_unreadable_lines(tmp_path: Path):
    text = 'id,smiles,note\n1,CC,"a, b"\n2,CCO\n3,,empty\n4,CC,again\n5,C\x00C,nul\n'
    pool = Pool.read(written(tmp_path, "p.csv", text))
    assert pool.names == ("smiles",)
    assert list(pool) == [{"smiles": "CC"}]
    assert pool.label(0) == {"id": "1", "note": "a, b"}
    assert [s.line for s in pool.skipped] == [3, 4, 5, 6]
    assert "expected 3 columns, got 2" in pool.skipped[0].reason


def test_a_column_may_be_chosen_and_a_misspelt_one_is_named(tmp_path: Path):
    path = written(tmp_path, "p.csv", "formula,smiles\nH2O,O\n")
    assert list(Pool.read(path, column="formula")) == [{"formula": "H2O"}]
    with pytest.raises(ProblemError, match="did you mean 'smiles'"):
        Pool.read(path, column="smile")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "-rf", "x" * 5000, "<img src=x onerror=alert(1)>", "$(id)", "é🦊"]
)
def test_any_name_is_just_text(tmp_path: Path, name: str):
    pool = Pool.read(written(tmp_path, "p.smi", f"CC {name}\n"))
    assert pool.label(0)["name"] == name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.smi", "", "is empty"),
        ("p.smi", "# nothing\n\n", "is empty"),
        ("p.csv", "", "no column"),
        ("p.csv", "smiles\n", "is empty"),
        ("p.pdb", "CC", "expected a file ending in"),
        ("p.txt", b"\x00\n", "is empty"),
    ],
)
def test_a_pool_without_candidates_is_refused(tmp_path: Path, name: str, content: str | bytes, message: str):
    with pytest.raises(ProblemError, match=message):
        Pool.read(written(tmp_path, name, content))


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(ProblemError, match="no such file"):
        Pool.read(tmp_path / "none.smi")
    (tmp_path / "d.smi").mkdir()
    with pytest.raises(ProblemError, match="no such file"):
        Pool.read(tmp_path / "d.smi")


def test_bytes_that_are_not_text_cost_only_their_line(tmp_path: Path):
    pool = Pool.read(written(tmp_path, "p.txt", b"\xef\xbb\xbfCC\r\n\xff\xfe\nCCO\n"))
    assert list(pool) == [{"candidate": "CC"}, {"candidate": "CCO"}]
    assert pool.skipped == (Skipped(2, "is not UTF-8 text"),)
    names = Pool.read(written(tmp_path, "p.smi", b"CC caf\xe9\n"))
    assert names.label(0)["name"].encode("utf-8")


@pytest.mark.parametrize("rows", ["CC", {"smiles": "CC"}, [], [None], [["CC"]], b"CC"])
def test_a_list_without_candidates_is_refused(rows: object):
    with pytest.raises(ProblemError):
        Pool(rows)


def test_rows_of_several_columns():
    pool = Pool([{"a": 1, "b": "x"}, {"b": "y", "a": 2}, {"a": 1}, {"a": 1, "b": "x"}])
    assert list(pool) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert [s.line for s in pool.skipped] == [3, 4]


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_ids_are_content_and_positions_can_be_found_again(rows: list[str]):
    pool, other = Pool(rows), Pool(rows[::-1])
    for i in range(len(pool)):
        assert pool.index(pool[i]) == i
        assert pool.id(i) == other.id(other.index(pool[i]))
    assert len({pool.id(i) for i in range(len(pool))}) == len(rows)
    assert (pool.describe() == other.describe()) == (rows == rows[::-1])


def large(path: Path, column: str | None = None) -> Pool:
    """The pool of a file whose rows stay there, however small it is."""
    with patch("cohobate.core.pool.LARGE", 0):
        return Pool.read(path, column=column)


def test_a_large_file_gives_the_pool_that_a_small_one_gives(tmp_path: Path):
    content = "# title\nCCO ethanol, pure\n\nCC\tethane\r\nC\rCCO again\nN\x00\nC caf\u00e9\nO"
    path = written(tmp_path, "p.smi", content)
    small, big = Pool.read(path), large(path)
    assert list(big) == list(small) == [{"smiles": s} for s in ("CCO", "CC", "C", "O")]
    assert big.column() == small.column() or list(big.column()) == small.column()
    assert (big.describe(), big.skipped) == (small.describe(), small.skipped)
    assert [s.line for s in big.skipped] == [6, 7, 8]
    assert [big.label(i) for i in range(4)] == [small.label(i) for i in range(4)]
    assert [big.id(i) for i in range(4)] == [small.id(i) for i in range(4)]
    assert [big.index(row) for row in small] == [0, 1, 2, 3]
    assert {"smiles": "CCC"} not in big
    with pytest.raises(KeyError):
        big.index({"smiles": "CCC"})


def test_a_column_of_a_large_file_is_a_sequence(tmp_path: Path):
    column = large(written(tmp_path, "p.txt", "C\nCC\nC\nCCC\n")).column()
    assert (len(column), column[0], column[-1], column[1:]) == (3, "C", "CCC", ["CC", "CCC"])
    assert list(column) == ["C", "CC", "CCC"]
    assert list(reversed(column)) == ["CCC", "CC", "C"]
    with pytest.raises(IndexError):
        column[3]


def test_rows_of_equal_hash_are_told_apart(tmp_path: Path):
    path = written(tmp_path, "p.txt", "C\nCC\nC\nCCC\nCC\nC\n")
    with patch.object(pool_filed, "hash", lambda _: 7, create=True):
        pool = large(path)
        assert pool.column()[:] == ["C", "CC", "CCC"]
        assert [pool.index(row) for row in pool] == [0, 1, 2]
        assert {"candidate": "CCCC"} not in pool
    assert pool.skipped == (
        Skipped(3, "duplicate of line 1"),
        Skipped(5, "duplicate of line 2"),
        Skipped(6, "duplicate of line 1"),
    )


def test_a_large_file_is_read_in_pieces(tmp_path: Path):
    lines = [f"{i % 250:03d} {'x' * (i % 7)}" if i % 11 else "# no row" for i in range(1000)]
    path = written(tmp_path, "p.smi", "\n".join(lines))
    for block in (1, 16, 200):
        with patch.object(pool_filed, "BLOCK", block):
            pool = large(path)
            assert list(pool) == list(Pool.read(path)) == [pool[i] for i in range(len(pool))]


def overwrite(path: Path) -> None:
    path.write_bytes(b"CCN\nCCC\nCCF\n")


def shorten(path: Path) -> None:
    os.truncate(path, 2)


@pytest.mark.parametrize("change", [overwrite, shorten])
@pytest.mark.parametrize("use", [list, lambda pool: pool[0], Pool.describe, lambda pool: pool.label(0)])
def test_a_large_file_that_is_changed_gives_no_wrong_row(
    tmp_path: Path, change: Callable[[Path], None], use: Callable[[Pool], object]
):
    path = written(tmp_path, "p.smi", "CCO\nCCC\nCCS\n")
    pool = large(path)
    change(path)
    with pytest.raises(ProblemError, match=r"p.smi: line 1 is not what it was when the file was opened") as raised:
        use(pool)
    assert "\n" not in str(raised.value)


def test_a_large_file_that_is_replaced_or_removed_is_still_read(tmp_path: Path):
    path = written(tmp_path, "p.smi", "CCO\nCCC\n")
    pool = large(path)
    written(tmp_path, "new", "CCN\n").replace(path)
    assert pool[0] == {"smiles": "CCO"}
    path.unlink()
    assert list(pool) == [{"smiles": "CCO"}, {"smiles": "CCC"}]


def test_a_pool_can_be_sent_to_another_process(tmp_path: Path):
    path = written(tmp_path, "p.csv", "id,code\n1,a\n2,b\n")
    for pool in (Pool.read(path, column="code"), large(path, column="code"), Pool(["a", "b"], name="code")):
        again = pickle.loads(pickle.dumps(pool))
        assert list(again) == list(pool) == [{"code": "a"}, {"code": "b"}]
        assert again.describe() == pool.describe()
    sent = pickle.dumps(large(path, column="code"))
    written(tmp_path, "p.csv", "id,code\n1,a\n2,c\n")
    with pytest.raises(ProblemError, match="not the file"):
        pickle.loads(sent)


def test_a_large_pool_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path, "p.smi", "CCO\n")
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(large(Path("p.smi")))
    monkeypatch.chdir("/")
    assert list(pickle.loads(sent)) == [{"smiles": "CCO"}]


def test_a_large_file_is_closed_with_its_pool(tmp_path: Path):
    path = written(tmp_path, "p.txt", "C\n")
    gc.collect()
    before = set(os.listdir("/dev/fd"))
    pool = large(path)
    assert len(set(os.listdir("/dev/fd")) - before) >= 1
    del pool
    gc.collect()
    assert set(os.listdir("/dev/fd")) <= before | {max(os.listdir("/dev/fd"))}


def test_a_large_file_takes_40_bytes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool_filed, "BLOCK", 1 << 16)
    rows = 20_000
    path = written(tmp_path, "p.smi", "".join(f"{'C' * 50}{i} a name {i}\n" for i in range(rows)))
    tracemalloc.start()
    try:
        pool = large(path)
        held, _ = tracemalloc.get_traced_memory()
        for _ in pool:
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pool) == rows
    assert held < 41 * rows + 50_000
    assert most < 180 * rows


def test_a_format_that_must_be_seen_whole_is_kept_in_memory(tmp_path: Path):
    def split(lines: Iterable[str]) -> Iterator[pool_files.Entry]:
        found = list(lines)
        yield ("".join(found[:2]),), ("first",), 1
        yield "is broken", (), 3
        yield ("".join(found[:2]),), ("again",), 4

    def format_of(lines: Iterable[str], column: str | None) -> pool_files.Layout:
        return pool_files.Whole(("structure",), ("name",), split)

    path = written(tmp_path, "p.frames", "a\r\nb\r\nc\nd\n")
    with patch.dict(pool_files.FORMATS, {".frames": format_of}):
        for pool in (Pool.read(path), large(path)):
            assert (pool[0], pool.label(0)) == ({"structure": "a\r\nb\r\n"}, {"name": "first"})
            assert pool.skipped == (Skipped(3, "is broken"), Skipped(4, "duplicate of line 1"))
            assert pool.column() == ["a\r\nb\r\n"]
