"""Given points come back as they were written, with their values, and what is no point is named by row and column."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.campaign.replay import Replayed, replay
from cohobate.core.errors import LedgerError, ProblemError, ResumeRefused
from cohobate.core.protocols import Exhausted, Known, inputs_of
from cohobate.ledger.export import export
from cohobate.ledger.reader import open_reader

SPACE = co.Problem(
    {"x": co.Real(-10, 10), "n": co.Integer(0, 100), "kind": co.Choice(["a", "b", "3"])},
    (co.Output("f", "minimize"), co.Output("g", co.AtMost(1.0))),
)
ROWS: list[dict[str, Any]] = [
    {"x": 0.1, "n": 3, "kind": "a", "f": 1.5, "g": 0.0},
    {"x": -2.5, "n": 0, "kind": "b", "f": None, "g": None},
    {"x": 10.0, "n": 100, "kind": "3", "f": -1e-300, "g": 7.0},
    {"x": 0.1, "n": 4, "kind": "a", "f": 2.0, "g": None},
]


def inputs(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in SPACE.names}


def expected(rows: list[dict[str, Any]]) -> list[Any]:
    return [
        inputs(row) if None in (row["f"], row["g"]) else Known(inputs(row), {"f": row["f"], "g": row["g"]})
        for row in rows
    ]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows in a file, as its ending says."""
    match path.suffix:
        case ".csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        case ".parquet":
            pandas = pytest.importorskip("pandas")
            pytest.importorskip("pyarrow")
            pandas.DataFrame(rows).to_parquet(path)
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def drained(generator: Any) -> list[Any]:
    rows = []
    while not isinstance(answer := generator.suggest(3), Exhausted):
        assert 1 <= len(answer) <= 3
        rows += answer
    return rows


def frame(rows: list[dict[str, Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(rows)


def array(rows: list[dict[str, Any]]) -> Any:
    kinds = [("x", float), ("n", np.int32), ("kind", "U1"), ("f", float), ("g", float)]
    return np.array(
        [tuple(math.nan if row[name] is None else row[name] for name, _ in kinds) for row in rows], dtype=kinds
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ndjson", ".parquet"])
def test_a_file(tmp_path: Path, suffix: str):
    made = co.points(SPACE, written(tmp_path / f"rows{suffix}", ROWS))
    assert (len(made), made.known, made.repeated) == (4, 2, 0)
    rows = drained(made)
    assert rows == expected(ROWS)
    assert [type(value) for value in inputs_of(rows[0]).values()] == [float, int, str]


@pytest.mark.parametrize("make", [list, tuple, frame, array])
def test_a_table_in_memory(make: Any):
    rows = drained(co.points(SPACE, make(ROWS)))
    assert rows == expected(ROWS)
    for row in rows:
        values = [*inputs_of(row).values(), *(row.outputs.values() if isinstance(row, Known) else ())]
        assert {type(value) for value in values} <= {float, int, str}


def test_all_may_be_run_again():
    assert drained(co.points(SPACE, ROWS, values="again")) == [inputs(row) for row in ROWS]
    with pytest.raises(ProblemError, match="values must be 'use' or 'again', got 'never'"):
        co.points(SPACE, ROWS, values="never")  # type: ignore[arg-type]


numbers = st.floats(-10, 10, allow_nan=False)
tables = st.lists(
    st.fixed_dictionaries(
        {
            "x": numbers,
            "n": st.integers(0, 100),
            "kind": st.sampled_from(["a", "b", "3"]),
            "f": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "g": st.none() | numbers,
        }
    ),
    min_size=1,
    max_size=12,
)


def once(rows: list[Any]) -> list[Any]:
    """Of rows with equal inputs the first with values, where the first of them stands."""
    kept: list[Any] = []
    for row in rows:
        at = next((i for i, each in enumerate(kept) if inputs_of(each) == inputs_of(row)), None)
        if at is None:
            kept.append(row)
        elif isinstance(row, Known) and not isinstance(kept[at], Known):
            kept[at] = row
    return kept


@given(tables)
def test_what_was_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]):
    rows = [*rows, *rows[:2]]
    for suffix in (".csv", ".jsonl"):
        made = co.points(SPACE, written(tmp_path_factory.getbasetemp() / f"rows{suffix}", rows))
        found = drained(made)
        assert found == once(expected(rows))
        assert len(found) + made.repeated == len(rows)
    assert drained(co.points(SPACE, rows)) == found


# In a campaign


def counting(calls: list[float]) -> Any:
    def simulator(x: float, n: int, kind: str) -> dict[str, float]:
        calls.append(x)
        return {"f": x + n, "g": 0.5}

    return co.simulator(simulator, version="1")


def test_known_rows_are_recorded_and_never_run(tmp_path: Path):
    calls: list[float] = []
    result = co.Campaign(co.points(SPACE, ROWS), counting(calls), co.inline(), run=tmp_path / "run").run()
    assert calls == [-2.5, 0.1]
    table = result.table()
    assert [row["f"] for row in table] == [1.5, -2.5, -1e-300, 4.1]
    assert [bool(row["cached"]) for row in table] == [True, False, True, False]
    assert [row["why"] for row in table] == ["given", None, "given", None]
    assert result.tally.counted == 2
    assert result.best()[0]["id"] == 1  # trial 2 breaks the constraint


def test_a_goal_counts_only_what_is_run():
    calls: list[float] = []
    result = co.Campaign(co.points(SPACE, ROWS), counting(calls), co.inline()).run(co.evaluations(1))
    assert len(calls) == result.tally.counted == 1


def test_a_run_is_continued_where_it_was(tmp_path: Path):
    calls: list[float] = []
    rows = [{"x": float(i), "n": i, "kind": "a", **({"f": 0.5, "g": 0.5} if i % 3 == 0 else {})} for i in range(10)]
    for wanted in (2, 3, 99):
        campaign = co.Campaign(co.points(SPACE, rows), counting(calls), co.inline(), run=tmp_path / "run")
        result = campaign.run(co.evaluations(wanted))
    assert calls == [1, 2, 4, 5, 7, 8]
    assert [row["x"] for row in result.table()] == list(range(10))
    rows[3]["f"] = 0.6
    with pytest.raises(ResumeRefused, match="sha256"):
        co.Campaign(co.points(SPACE, rows), counting(calls), co.inline(), run=tmp_path / "run").run()


def test_a_replay_finds_the_same_rows(tmp_path: Path):
    co.Campaign(co.points(SPACE, ROWS), counting([]), co.inline(), run=tmp_path / "run").run()
    with open_reader(tmp_path / "run") as reader:
        assert replay(reader, co.points(SPACE, ROWS), SPACE) == Replayed(4, 4)
        assert "trial 0 is recorded as" in (replay(reader, co.points(SPACE, ROWS[::-1]), SPACE).difference or "")


@pytest.mark.parametrize("how", ["folder", "csv", "parquet", "table"])
def test_an_earlier_run_goes_into_another(tmp_path: Path, how: str):
    def careful(x: float, n: int, kind: str) -> dict[str, float]:
        if n == 4:
            raise ValueError("no")
        return {"f": x + n, "g": 0.5}

    earlier = co.Campaign(co.points(SPACE, ROWS, values="again"), careful, co.inline(), run=tmp_path / "run").run()
    source: Any = tmp_path / "run" if how == "folder" else earlier.table()
    if how in ("csv", "parquet"):
        pytest.importorskip("pyarrow")
        source = tmp_path / f"earlier.{how}"
        with open_reader(tmp_path / "run") as reader:
            export(reader, source)
    calls: list[float] = []
    result = co.Campaign(co.points(SPACE, source), counting(calls), co.inline()).run()
    assert calls == [0.1]  # the failure is tried again
    assert [row["f"] for row in result.table()] == [3.1, -2.5, 110.0, 4.1]


# Spaces of other kinds


def test_a_pool(tmp_path: Path):
    pool = co.Pool(["CCO", "CC", "C"], name="smiles")
    (tmp_path / "t.csv").write_text("smiles,ie\nCC,11.5\nC,\n")
    rows = drained(co.points(pool, tmp_path / "t.csv", maximize="ie"))
    assert rows == [Known({"smiles": "CC"}, {"ie": 11.5}), {"smiles": "C"}]
    with pytest.raises(ProblemError, match=r"row 2: \{'smiles': 'CN'\} is not a row of the pool"):
        co.points(pool, [{"smiles": "C"}, {"smiles": "CN"}], maximize="ie")
    numbers = co.Pool([{"a": 1, "b": 2.5}, {"a": 2, "b": 0.5}])
    (tmp_path / "n.csv").write_text("b,a\n0.5,2\n")
    assert drained(co.points(numbers, tmp_path / "n.csv", maximize="f")) == [{"a": 2, "b": 0.5}]


def test_constants_and_levels_may_be_left_out():
    space = co.Problem(
        {"x": co.Real(0, 1), "c": co.Constant(7)},
        (co.Output("f", "minimize"),),
        co.Fidelity("level", {"lo": 1, "hi": 9}),
    )
    assert drained(co.points(space, [{"x": 0.5}])) == [{"x": 0.5, "c": 7, "level": "hi"}]
    assert drained(co.points(space, [{"x": 0.5, "level": "lo"}])) == [{"x": 0.5, "c": 7, "level": "lo"}]
    with pytest.raises(ProblemError, match="row 1, column 'c': 8 is not the constant 7"):
        co.points(space, [{"x": 0.5, "c": 8}])
    with pytest.raises(ProblemError, match="row 1, column 'level': 'mid' is not one of"):
        co.points(space, [{"x": 0.5, "level": "mid"}])


def test_structured_inputs_and_arrays_as_outputs(tmp_path: Path):
    space = co.Problem(
        {"cell": co.Structured("cell", encode=list, decode=tuple)},
        (co.Output("forces", "explore", shape=(2,)), co.Output("remark")),
    )
    rows = [{"cell": (1, 2), "forces": [0.0, 1.0], "remark": "fine"}, {"cell": (3, 4)}]
    co.Campaign(co.points(space, rows), lambda cell: {"forces": [1, 2], "remark": None}, run=tmp_path / "run").run()
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for source in (tmp_path / "t.jsonl", rows, tmp_path / "run"):
        found = drained(co.points(space, source))
        assert [inputs_of(row)["cell"] for row in found] == [(1, 2), (3, 4)]
        assert list(found[0].outputs["forces"]) == [0.0, 1.0]
        assert found[0].outputs["remark"] == "fine"
    (tmp_path / "t.csv").write_text('cell,forces,remark\n"[1, 2]","[0.0, 1.0]",fine\n')
    assert drained(co.points(space, tmp_path / "t.csv")) == [
        Known({"cell": (1, 2)}, {"forces": [0.0, 1.0], "remark": "fine"})
    ]


# What is refused, and how


def text(content: str) -> Any:
    return lambda folder: written_text(folder / "t.csv", content)


def written_text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def lines(content: str) -> Any:
    return lambda folder: written_text(folder / "t.jsonl", content)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (lambda folder: folder / "none.csv", "there is no file or folder .*none.csv"),
        (lambda folder: folder, "holds no campaign.db: name the folder of a run"),
        (lambda folder: written_text(folder / "t.xls", "x"), r"t.xls: expected a run folder, or a file that ends with"),
        (text(""), "t.csv is empty"),
        (text("\n\n"), "t.csv is empty"),
        (text("x,n,kind\n"), "t.csv holds no rows"),
        (text("x,x,kind\n1,2,a\n"), "two columns are named 'x'"),
        (text("x,m,kind\n1,2,a\n"), r"has no column 'n': its columns are 'x', 'm', 'kind'"),
        (text("x,n,kinds\n1,2,a\n"), r"has no column 'kind'.*did you mean 'kinds'\?"),
        (text("x,n,kind\n1,2,a\n1,2\n"), "row 2: expected 3 columns, got 2"),
        (text("x,n,kind\n1,2,a\n11,2,a\n"), r"row 2, column 'x': 11.0 is not within \[-10, 10\]"),
        (text("x,n,kind\nnan,2,a\n"), "row 1, column 'x': nan is not within"),
        (text("x,n,kind\n1,2,a\n1,2,a\n,2,a\n"), "row 3, column 'x': the cell is empty"),
        (text("x,n,kind\none,2,a\n"), "row 1, column 'x': expected a number, got 'one'"),
        (text("x,n,kind\n1,2.5,a\n"), "row 1, column 'n': expected a whole number, got 2.5"),
        (text("x,n,kind\n1,2,c\n"), "row 1, column 'kind': 'c' is not one of"),
        (text("x,n,kind,f,g\n1,2,a,low,1\n"), "row 1: output 'f': expected a finite real number, got 'low'"),
        (text("x,n,kind,f,g\n1,2,a,inf,1\n"), "row 1: output 'f': .*not finite"),
        (text("x,n,kind,fitness,g\n1,2,a,1,1\n"), None),
        (lines("[1]\n"), r"row 1: expected columns by name, got \[1\]"),
        (lines('{"x": 1}\n{"x": \n'), "row 2: not readable as JSON"),
        (lines('{"x": 1, "n": 2, "kind": "a"}\n{"n": 2, "kind": "a"}\n'), "row 2, column 'x': the cell is empty"),
        (lambda folder: written_text(folder / "t.parquet", "PAR1"), "t.parquet is not readable as Parquet"),
        (lambda folder: [], "the list holds no rows"),
        (lambda folder: [1, 2], "the list, row 1: expected columns by name, got 1"),
        (lambda folder: [{"x": True, "n": 1, "kind": "a"}], "row 1, column 'x': expected a number, got True"),
        (lambda folder: [{"x": "1", "n": 1, "kind": "a"}], "row 1, column 'x': expected a number, got '1'"),
        (lambda folder: {"x": [1]}, "points: expected a run folder, a file, .*got the dict"),
        (lambda folder: np.zeros(3), "got the ndarray"),
        (lambda folder: None, "got the NoneType"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, source: Any, why: str | None):
    if why is None:  # a column that is like no output
        assert len(co.points(SPACE, source(tmp_path))) == 1
        return
    if why.endswith("Parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises((ProblemError, LedgerError), match=why) as caught:
        co.points(SPACE, source(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_misspelt_output_does_not_run_everything_again():
    space = co.Problem({"x": co.Real(0, 1)}, (co.Output("energy", "minimize"),))
    with pytest.raises(ProblemError, match=r"no column for the output 'energy'; did you mean 'enrgy'\? Name it so"):
        co.points(space, [{"x": 0.5, "enrgy": 1.0}])
    assert len(co.points(space, [{"x": 0.5, "enrgy": 1.0}], values="again")) == 1


def test_a_run_with_other_variables_is_refused(tmp_path: Path):
    co.Campaign(co.points(SPACE, ROWS), counting([]), co.inline(), run=tmp_path / "run").run()
    fewer = co.Problem({"x": co.Real(-10, 10), "n": co.Integer(0, 100)}, SPACE.outputs)
    with pytest.raises(ProblemError, match="has a variable 'kind', which the problem lacks"):
        co.points(fewer, tmp_path / "run")


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({"f": 1.0}, "did not return 'g'"),
        ({"f": math.nan, "g": 1.0}, "not finite"),
        ({"f": 1.0, "g": 1.0, "h": object()}, "outputs"),
        (3.0, "mapping"),
    ],
)
def test_known_rows_of_any_generator_are_checked(outputs: Any, why: str):
    class Knowing:
        problem = SPACE

        def suggest(self, n: int) -> Any:
            return [Known(inputs(ROWS[0]), outputs)]

        def ingest(self, results: Any) -> None: ...

        def finalize(self) -> None: ...

    with pytest.raises(co.CohobateError, match=rf"Knowing.suggest\(1\): row 0: .*{why}"):
        co.Campaign(Knowing(), counting([]), co.inline()).run(co.evaluations(1))


def test_a_hundred_thousand_rows(tmp_path: Path):
    made = io.StringIO()
    made.write("x,n,kind,f,g\n")
    random = np.random.default_rng(1)
    for x, f in random.random((100_000, 2)).tolist():
        made.write(f"{x!r},7,a,{f!r},0.5\n" if f < 0.5 else f"{x!r},7,a,,\n")
    path = written_text(tmp_path / "t.csv", made.getvalue())
    points = co.points(SPACE, path)
    assert len(points) == 100_000
    assert 45_000 < points.known < 55_000
    assert points.describe()["points"] == 100_000
