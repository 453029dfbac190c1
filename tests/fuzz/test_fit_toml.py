"""Any campaign.toml of a fit is a fit, or is refused by one line that names the file; so is any table of its data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cohobate.cli.fit_tables as toml
from cohobate.cli.job import Job
from fuzz.test_toml import judged, keys_of, spelled, surrogate_free, values

MODEL = "def f(a, e):\n    return a * e\n\ndef g(params):\n    return params['s']['x']\n"
WHOLE = """
[params]
e = { value = 0.5, bounds = [0.1, 2.0], log = true, prior = { kind = "gaussian", mean = 1.0, sigma = 0.5 } }
s = { x = { value = 3.0, scale = 0.1, unit = "Å" }, y = { expr = "2 * s.x" }, z = { value = 1, fixed = true } }

[[term]]
name = "f"
python = "fitted:f"
for = { a = [1.0, 2.0] }
target = [1.0, 2.0]
sigma = 0.5
weight = 2.0
loss = "huber"
unit = "eV"
version = "3"
deadline = 10
needs = { cores = 1 }

[[term]]
name = "g"
python = "fitted:g"
target = 3.0
validation = false

[[term]]
name = "h"
run = ["cat", "h.in", "{e:.3f}"]
input = "h.in"
files = ["table.csv"]
table = "table.csv"
target = { one = "t", two = 1.0 }
sigma = { one = 0.1, two = 0.2 }
deterministic = true
keep = "always"
read = { one = { file = "stdout", regex = "(.*)", row = 0, per = 2.0, end = "x", unit = "eV" }, two = { column = "t" } }

[optimizer]
method = "least_squares"

[campaign]
goal = { evaluations = 5 }

[resources]
kind = "inline"
"""
TABLES = (toml.Fit, toml.Parameter, toml.Term, toml.Read, toml.Optimizer, toml.Gaussian, toml.Laplace, toml.Box)
KEYS = sorted({key.rstrip("_") for table in TABLES for key in keys_of(table)})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    (folder / "fitted.py").write_text(MODEL)
    return folder


@pytest.fixture(autouse=True)
def files(place: Path) -> None:
    (place / "h.in").write_text("{a} {s.y}\n")
    (place / "table.csv").write_text("a,t\n1,1.5\n2,2.5\n")


def test_the_whole_file_is_right(place: Path):
    assert isinstance(judged(place, WHOLE.encode()), Job)


PLACES = re.findall(r"(?<= = )[^{}\[\]\n,]+(?=[ ,\n}])", WHOLE)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(sorted(set(PLACES))), values), min_size=1, max_size=2))
@example([("0.5", float("inf")), ("2.0", float("nan"))])
def test_a_right_file_with_other_values(place: Path, changes: list[tuple[str, object]]):
    text = WHOLE
    for was, now in changes:
        text = text.replace(f" = {was}", f" = {spelled(now)}", 1)
    assert judged(place, text.encode())


@settings(max_examples=100)
@given(st.sampled_from(["[params]", "[[term]]", "[optimizer]", "[resources]"]), st.sampled_from(KEYS), values)
def test_a_right_file_with_another_key(place: Path, table: str, key: str, value: object):
    assert judged(place, WHOLE.replace(table, f"{table}\n{spelled(key)} = {spelled(value)}", 1).encode())


@settings(max_examples=100)
@given(st.data())
def test_a_right_file_cut_and_stuffed(place: Path, data: st.DataObject):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(WHOLE))] * 2)))
    assert judged(place, (WHOLE[:start] + data.draw(st.text(max_size=5).filter(surrogate_free)) + WHOLE[end:]).encode())


@settings(max_examples=100)
@given(st.sampled_from(["h.in", "table.csv"]), st.text(max_size=30).filter(surrogate_free) | st.binary(max_size=30))
@example("table.csv", "a,t\n1,\x00\n")
@example("table.csv", 'a,t\n"1,2\n')
@example("table.csv", "a,t\n1,1e999\n")
@example("h.in", "{a} {s.y} {{}} {")
def test_any_file_beside_it(place: Path, name: str, content: str | bytes):
    (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert judged(place, WHOLE.encode())
