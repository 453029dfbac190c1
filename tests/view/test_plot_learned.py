"""Drawings of what was learned: curves, contours, slices, and what cannot be drawn."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import cohobate as co
from cohobate.campaign.learning import learn
from cohobate.core.errors import MissingExtra, UserError
from cohobate.propose.learners import SequenceLearner
from cohobate.propose.learners.sampled import DRAWN


@pytest.fixture(scope="module")
def curve():
    def f(r):
        if r > 0.9:
            raise ValueError("broken")
        return np.array([np.sin(3 * r), r])

    return learn(f, (0, 1), co.evaluations(30))


@pytest.fixture(scope="module")
def surface():
    return learn(lambda x, y, z: x * y + z, [(0, 1), (0, 2), (-1, 1)], co.evaluations(30))


def test_a_curve_with_its_points_and_holes(curve, tmp_path):
    figure = curve.plot(tmp_path / "curve.png")
    (panel,) = figure.axes
    lines = {line.get_label(): line for line in panel.lines}
    x, y = lines["f[0]"].get_data()
    known = np.isfinite(y)
    assert y[known] == pytest.approx(np.sin(3 * x[known]), abs=1e-2)
    assert not known[x > 0.95].any()
    assert sorted(lines["no value"].get_xdata()) == sorted(curve.holes)
    assert panel.get_xlabel() == "r"
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_points_can_be_left_out(curve):
    assert len(curve.plot(points=False).axes[0].lines) == 2


def test_contours_of_two_axes():
    learned = learn(lambda x, y: x * y, [(0, 1), (0, 2)], co.evaluations(20))
    panel = learned.plot().axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("x", "y")
    assert {tuple(point) for point in panel.lines[0].get_xydata()} == {tuple(point) for point in learned.points}
    assert learned.plot(points=False).axes[0].lines[:] == []


def test_slices_of_three(surface):
    panel = surface.plot(over=("z", "x"), at={"y": 1.5}).axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("z", "x")
    assert "y = 1.5" in panel.get_title(loc="left")
    line = surface.plot(over="y").axes[0].lines[0]
    x, y = line.get_data()
    assert y == pytest.approx(0.5 * x, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"over": "r"}, "no axis 'r'"),
        ({"over": ("x", "x")}, "one axis or two different ones"),
        ({"over": ("x", "y", "z")}, "one axis or two different ones"),
        ({"at": {"q": 1}}, "no axis 'q'"),
        ({"at": {"z": 3}}, r"expected z within \[-1.0, 1.0\]"),
        ({"at": {"x": 0.5}}, "not among"),
        ({"path": "learned.txt"}, "ending in .png"),
    ],
)
def test_what_cannot_be_drawn_is_said(surface, settings, says):
    with pytest.raises(UserError, match=says):
        surface.plot(**settings)


def test_a_list_has_no_axes():
    with pytest.raises(UserError, match="no function"):
        learn(lambda item: item, SequenceLearner([1.0, 2.0])).plot()


def test_without_matplotlib_the_extra_is_named(curve, monkeypatch):
    def missing(name, *, extra):
        raise MissingExtra(f"pip install 'cohobate[{extra}]'")

    monkeypatch.setattr("cohobate.view.plots.figure.require", missing)
    with pytest.raises(MissingExtra, match=r"cohobate\[plot\]"):
        curve.plot()


def test_the_entry_point_names_what_draws():
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, name = declared["project"]["entry-points"][DRAWN]["plot"].partition(":")
    assert getattr(import_module(module), name).__doc__.startswith("Returns a figure of what was learned")


def test_without_being_installed_nothing_is_drawn(curve, monkeypatch):
    monkeypatch.setattr("cohobate.propose.learners.sampled.entry_points", lambda group: [])
    with pytest.raises(UserError, match="without being installed"):
        curve.plot()


def test_a_learner_draws_what_it_knows():
    learner = co.Learner1D((-1, 1))
    learner.tell_many([-1, 0, 1], [1, 0, 1])
    panel = learner.plot(kind="linear").axes[0]
    assert panel.lines[0].get_ydata()[:3] == pytest.approx([1, 0.999, 0.998])
    assert sorted(panel.lines[1].get_xdata()) == [-1, 0, 1]
