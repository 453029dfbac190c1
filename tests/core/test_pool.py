"""Pools from lists and files: nothing is lost silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
