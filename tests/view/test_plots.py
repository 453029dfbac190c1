"""The plot: a real file of the right size, of the right numbers."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from cohobate.core.errors import MissingExtra, UserError
from cohobate.view.history import trace
from cohobate.view.plots import history


def row(id, value=None, status="done", finished=None, cached=False):
    return {"id": id, "x": 0.5, "f": value, "status": status, "cached": cached, "finished": finished or float(id)}


ROWS = [row(0, 2.0), row(1, status="raised"), row(2, 5.0), row(3, status="rejected"), row(4, 3.0), row(5, 9.0)]


def test_a_history_counts_values_and_failures_in_the_order_they_ended():
    rows = [row(0, 2.0, finished=9.0), *ROWS[1:], row(6, 99.0, cached=True), row(7, status="running")]
    rows += [row(8, 77.0, status="cancelled")]
    seen = trace(rows, "f", "maximize")
    assert seen.values.tolist() == pytest.approx([np.nan, 5.0, 3.0, 9.0, 2.0], nan_ok=True)
    assert seen.best.tolist() == pytest.approx([np.nan, 5.0, 5.0, 9.0, 9.0], nan_ok=True)


def test_random_orders_are_orders_of_the_same_values():
    seen = trace(ROWS, "f", "minimize")
    assert seen.best[-1] == seen.random[-1] == seen.low[-1] == seen.high[-1] == 2.0
    known = np.isfinite(seen.random)
    assert (np.diff(seen.random[known]) <= 1e-12).all()
    assert (seen.low[known] <= seen.random[known]).all()
    assert (seen.random[known] <= seen.high[known]).all()
    again = trace(ROWS, "f", "minimize")
    assert np.array_equal(seen.random, again.random, equal_nan=True)


def test_the_mean_of_random_orders_is_that_of_all_orders_in_the_long_run():
    values = np.arange(100.0)
    seen = trace([row(i, v) for i, v in enumerate(values)], "f", "maximize")
    # the expected greatest of k out of n distinct ranks is k (n + 1) / (k + 1)
    k = np.arange(1, 101)
    assert np.abs(seen.random - (k * 101 / (k + 1) - 1)).max() < 4 * 29 / np.sqrt(20)


def test_a_name_that_is_also_an_input_is_found():
    rows = [{**row(0), "inputs.f": 1.0, "outputs.f": 4.0, "f": 1.0}]
    assert trace(rows, "f", "maximize").best.tolist() == [4.0]


def test_a_png_has_its_size(tmp_path):
    path = tmp_path / "history.png"
    history(ROWS, {"f": "maximize"}, path)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (1080, 660)
    assert data.rstrip().endswith(b"IEND\xaeB`\x82")
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.png"]


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_other_formats_go_by_the_suffix(tmp_path, suffix, start):
    history(ROWS, {"f": "minimize"}, tmp_path / f"plot{suffix}")
    assert (tmp_path / f"plot{suffix}").read_bytes().startswith(start)


def test_the_lines_are_those_of_the_history():
    figure = history(ROWS, {"f": "maximize"})
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert lines["highest so far, in the order of this run"].tolist() == pytest.approx([2.0, 2.0, 5.0, 5.0, 9.0])
    assert any("20 random orders of the same evaluations" in label for label in lines)
    assert "failed" in lines


def test_each_objective_has_its_panel():
    rows = [{**one, "g": -1.0} for one in ROWS]
    figure = history(rows, {"f": "maximize", "g": "minimize"})
    assert [axes.get_ylabel() for axes in figure.axes] == ["f", "g"]
    assert tuple(figure.get_size_inches()) == (7.2, 8.8)


@pytest.mark.parametrize("name", ["$x^2$", r"\frac{a}", "[bold]f[/bold]", "<b>f</b>", "能量", "_f"])
def test_names_are_drawn_as_text(tmp_path, name):
    rows = [{**row(0), name: 1.0}]
    figure = history(rows, {name: "maximize"}, tmp_path / "plot.png")
    assert figure.axes[0].get_ylabel() == name
    assert (tmp_path / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize("rows", [[], [row(0, status="raised")]])
def test_nothing_to_draw_is_said(tmp_path, rows):
    figure = history(rows, {"f": "maximize"}, tmp_path / "plot.png")
    assert [text.get_text() for text in figure.axes[0].texts] == ["no values yet"]


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(UserError, match="no output to minimize or maximize"):
        history(ROWS, {})
    with pytest.raises(UserError, match=r"ending in .png, .svg, .pdf"):
        history(ROWS, {"f": "maximize"}, tmp_path / "plot.gif")
    with pytest.raises(UserError, match="cannot be written: No such file"):
        history(ROWS, {"f": "maximize"}, tmp_path / "no" / "plot.png")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"cohobate\[plot\]"):
        history(ROWS, {"f": "maximize"})


def test_nobody_else_s_plots_are_touched():
    assert "matplotlib.pyplot" not in sys.modules
