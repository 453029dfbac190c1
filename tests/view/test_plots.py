"""The plots: real files of the right size, of the right numbers, several runs over each other."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cohobate.core.errors import MissingExtra, UserError
from cohobate.core.events import Declared, Finished, Opened, Proposed, Started
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.trial import Trial
from cohobate.ledger.ledger import memory_ledger
from cohobate.ledger.views import follow
from cohobate.view.colours import of_run
from cohobate.view.history import trace
from cohobate.view.plots.draw import KINDS, draw
from view.campaigns import campaign


def run_of(values, goals=None, cached=(), finished=None):
    """A run in which trial ``i`` gave ``values[i]``: numbers of ``f``, mappings, or other outcomes."""
    outputs = [{"name": name, "goal": goal} for name, goal in (goals or {"f": "maximize"}).items()]
    ledger = memory_ledger()
    ledger.append([Opened(1, 0.0), Declared({"problem": {"outputs": outputs}})])
    for i, value in enumerate(values):
        ledger.append([Proposed("main", i + 1, (Trial(i, {"x": 0.5}),)), Started(i, 1, float(i))])
        outcome = (
            Value({"f": value}) if isinstance(value, float) else Value(value) if isinstance(value, dict) else value
        )
        if outcome is not None:
            at = (finished or {}).get(i, float(i))
            ledger.append([Finished(i, 1, outcome, at, started=float(i) or 0.1, cached=i in cached)])
    return follow(ledger)


FAILED = Failure("raised", "no")
VALUES = [2.0, FAILED, 5.0, Failure("rejected", "no", attempt=0), 3.0, 9.0]


def test_a_history_counts_values_and_failures_in_the_order_they_ended():
    run = run_of([*VALUES, 99.0, None, Cancelled()], cached={6}, finished={0: 9.0})
    seen = trace(run, "f")
    assert seen.values.tolist() == pytest.approx([np.nan, 5.0, 3.0, 9.0, 2.0], nan_ok=True)
    assert seen.best.tolist() == pytest.approx([np.nan, 5.0, 5.0, 9.0, 9.0], nan_ok=True)
    assert seen.seconds.tolist() == [1.0, 2.0, 4.0, 5.0, 9.0]


def test_what_breaks_a_constraint_is_never_the_best():
    goals = {"f": "maximize", "g": {"is": "AtMost", "limit": 1.0}}
    seen = trace(run_of([{"f": f, "g": g} for f, g in [(1.0, 0.0), (9.0, 2.0), (3.0, 1.0), (8.0, np.nan)]], goals), "f")
    assert seen.values.tolist() == [1.0, 9.0, 3.0, 8.0]
    assert seen.fit.tolist() == [True, False, True, False]
    assert seen.best.tolist() == [1.0, 1.0, 3.0, 3.0]
    assert np.nanmax(seen.high) == 3.0


def test_random_orders_are_orders_of_the_same_values():
    seen = trace(run_of(VALUES, {"f": "minimize"}), "f")
    assert seen.best[-1] == seen.random[-1] == seen.low[-1] == seen.high[-1] == 2.0
    known = np.isfinite(seen.random)
    assert (np.diff(seen.random[known]) <= 1e-12).all()
    assert (seen.low[known] <= seen.random[known]).all()
    assert (seen.random[known] <= seen.high[known]).all()
    again = trace(run_of(VALUES, {"f": "minimize"}), "f")
    assert np.array_equal(seen.random, again.random, equal_nan=True)


def test_the_mean_of_random_orders_never_falls_back_where_few_values_are_fit():
    seen = trace(run_of([9.0, 0.0, *[FAILED] * 16]), "f")
    known = np.isfinite(seen.random)
    assert known.any()
    assert (np.diff(known.astype(int)) >= 0).all()
    assert (np.diff(seen.random[known]) >= -1e-12).all()


def test_the_mean_of_random_orders_is_that_of_all_orders_in_the_long_run():
    seen = trace(run_of([float(i) for i in range(100)]), "f")
    # the expected greatest of k out of n distinct ranks is k (n + 1) / (k + 1)
    k = np.arange(1, 101)
    assert np.abs(seen.random - (k * 101 / (k + 1) - 1)).max() < 4 * 29 / np.sqrt(20)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_a_png_of_one_run_and_of_two(tmp_path, kind):
    runs = {"first": campaign(40, two=True, limit=True), "second": campaign(30, two=True)}
    for count in (1, 2):
        path = tmp_path / f"{kind}{count}.png"
        draw(dict(list(runs.items())[:count]), path, kind=kind)
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert min(struct.unpack(">II", data[16:24])) > 200
        assert data.rstrip().endswith(b"IEND\xaeB`\x82")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_other_formats_go_by_the_suffix(tmp_path, suffix, start):
    draw({"run": run_of(VALUES)}, tmp_path / f"plot{suffix}")
    assert (tmp_path / f"plot{suffix}").read_bytes().startswith(start)


def test_the_lines_are_those_of_the_history():
    figure = draw({"run": run_of(VALUES)})
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert lines["highest so far, in the order of this run"].tolist() == pytest.approx([2.0, 2.0, 5.0, 5.0, 9.0])
    assert any("20 random orders of the same evaluations" in label for label in lines)
    assert "failed" in lines


def test_runs_are_named_in_the_legend_in_their_colours():
    figure = draw({"runs/ie": campaign(30), "runs/knn": campaign(20)}, kind="time")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["runs/ie", "runs/knn"]
    lines = figure.axes[0].get_lines()
    assert len({line.get_color() for line in lines}) == 2
    assert figure.axes[0].get_ylabel() == "ie (eV)"


@pytest.mark.parametrize("kind", ["history", "time", "model", "parity"])
def test_a_run_has_its_colour_in_each_panel(kind):
    runs = {"one": campaign(60), "two": campaign(40, two=True, predict=("ie", "gap"))}
    figure = draw(runs, kind=kind)
    drawn = [line for axes in figure.axes for line in axes.get_lines() if line.get_label() == "two"]
    assert len(drawn) > 1
    assert {line.get_color() for line in drawn} == {of_run(1)}
    assert [line.get_color() for line in figure.legends[0].get_lines()] == [of_run(0), of_run(1)]


def test_the_parity_plot_states_error_rank_and_coverage():
    figure = draw({"run": campaign(200)}, kind="parity")
    (said,) = (text.get_text() for text in figure.axes[0].texts)
    assert "179 predictions" in said
    assert "RMSE 0.30" in said
    assert "rank correlation 0.9" in said
    assert "within 2" in said


def test_the_timeline_has_a_row_for_each_worker_and_a_colour_for_each_outcome():
    figure = draw({"run": campaign(200)}, kind="workers")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"pid {4000 + i}" for i in range(4)]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["done", "raised", "timeout", "worker lost"]


def test_the_model_plot_needs_a_model():
    figure = draw({"run": campaign(40)}, kind="model")
    assert [axes.get_ylabel() for axes in figure.axes] == ["best ie (eV)", "error of new ie (eV)"]
    with pytest.raises(UserError, match="no model was fitted"):
        draw({"run": run_of(VALUES)}, kind="model")


def test_each_objective_has_its_panel():
    figure = draw({"run": run_of([{"f": 1.0, "g": -1.0}] * 3, {"f": "maximize", "g": "minimize"})})
    assert [axes.get_ylabel() for axes in figure.axes] == ["f", "g"]
    assert tuple(figure.get_size_inches()) == (7.2, 8.8)


@pytest.mark.parametrize("name", ["$x^2$", r"\frac{a}", "[bold]f[/bold]", "<b>f</b>", "能量", "_f"])
@pytest.mark.parametrize("kind", ["history", "front"])
def test_names_are_drawn_as_text(tmp_path, name, kind):
    run = run_of([{name: 1.0, "g": 2.0}], {name: "maximize", "g": "minimize"})
    figure = draw({name: run, "$other$": run}, tmp_path / "plot.png", kind=kind)
    assert name in (figure.axes[0].get_ylabel(), figure.axes[0].get_xlabel())
    assert (tmp_path / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize("values", [[], [FAILED]])
def test_nothing_to_draw_is_said(tmp_path, values):
    figure = draw({"run": run_of(values)}, tmp_path / "plot.png")
    assert [text.get_text() for text in figure.axes[0].texts] == ["no values yet"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("workers", "no evaluation has ended"),
        ("parity", "without|no candidate was chosen"),
        ("front", "two objectives"),
    ],
)
def test_a_kind_that_has_nothing_says_so(kind, why):
    with pytest.raises(UserError, match=why):
        draw({"run": run_of([])}, kind=kind)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(UserError, match="no output to minimize or maximize"):
        draw({"run": run_of(VALUES, {"f": "explore"})})
    with pytest.raises(UserError, match=r"ending in .png, .svg, .pdf"):
        draw({"run": run_of(VALUES)}, tmp_path / "plot.gif")
    with pytest.raises(UserError, match="cannot be written: No such file"):
        draw({"run": run_of(VALUES)}, tmp_path / "no" / "plot.png")
    with pytest.raises(UserError, match="got 'workrs'; did you mean 'workers'"):
        draw({"run": run_of(VALUES)}, kind="workrs")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"cohobate\[plot\]"):
        draw({"run": run_of(VALUES)})


def test_nobody_else_s_plots_are_touched(tmp_path):
    program = (
        "import sys\nfrom view.test_plots import VALUES, draw, run_of\n"
        f"draw({{'run': run_of(VALUES)}}, {str(tmp_path / 'plot.png')!r}, kind='history')\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, timeout=50).returncode == 0
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_ten_thousand_trials_are_drawn_quickly(tmp_path):
    run = campaign(10_000, workers=16)
    for kind in ("history", "workers", "parity"):
        began = time.process_time()
        draw({"run": run}, tmp_path / f"{kind}.png", kind=kind)
        assert time.process_time() - began < 3.0


def test_every_kind_is_an_entry_point():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    named = project["entry-points"]["cohobate.plots"]
    assert named.keys() == KINDS.keys()
    for kind, target in named.items():
        module, _, name = target.partition(":")
        assert getattr(import_module(module), name).keywords == {"kind": kind}
