"""Draws best-so-far against evaluations, run time or model version, one panel for each objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.view.colours import FAILED, RANDOM, of_run
from cohobate.view.history import ORDERS, History, trace
from cohobate.view.plots.figure import Runs, label, legend, markersize, nothing, panels, units
from cohobate.view.span import scaled
from cohobate.view.units import named

Axis = Literal["evaluations", "time"]
BEST = {"maximize": "highest so far", "minimize": "lowest so far"}


def draw(axis: Axis, runs: Runs) -> Payload:
    """Returns best-so-far against evaluations or run time; one run alone beside random orders of its evaluations."""
    goals = objectives(runs)
    figure, all_axes = panels(len(goals))
    for axes, (output, goal) in zip(all_axes, goals.items(), strict=True):
        traces = {name: trace(views, output) if output in views.tally.goals else None for name, views in runs.items()}
        _panel(axes, traces, goal, axis)
        axes.set_ylabel(named(output, units(runs)), parse_math=False)
    legend(figure, all_axes)
    return figure


def model(runs: Runs) -> Payload:
    """Returns best known value and out-of-sample error against the version of the model, for each modelled output."""
    outputs = {name: None for views in runs.values() for one in views.lessons for name in (*one.best, *one.error)}
    if not outputs:
        raise UserError("nothing to plot: no model was fitted (a generator with a model tells of its fits)")
    figure, all_axes = panels(2 * len(outputs), height=2.8)
    for output, best, error in zip(outputs, all_axes[::2], all_axes[1::2], strict=True):
        for i, (name, views) in enumerate(runs.items()):
            _lessons(best, [(one.model, one.best[output]) for one in views.lessons if output in one.best], name, i)
            _lessons(error, [(one.model, one.error[output]) for one in views.lessons if output in one.error], name, i)
        label(best, x="version of the model (fits so far)", y=f"best {named(output, units(runs))}")
        label(error, x="version of the model (fits so far)", y=f"error of new {named(output, units(runs))}")
    if len(runs) > 1:
        legend(figure, all_axes)
    return figure


def objectives(runs: Runs) -> dict[str, str]:
    """Returns the objectives of any run, by name; raises ``UserError`` where there is none."""
    goals = {output: goal for views in runs.values() for output, goal in views.tally.goals.items()}
    if not goals:
        raise UserError("nothing to plot: the campaign has no output to minimize or maximize")
    return goals


def _lessons(axes: Payload, points: Sequence[tuple[int, float]], name: str, i: int) -> None:
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, marker="." if len(x) < 60 else "", color=of_run(i), linewidth=1.6, label=name)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _panel(axes: Payload, traces: dict[str, History | None], goal: str, axis: Axis) -> None:
    drawn = [(name, one, of_run(i)) for i, (name, one) in enumerate(traces.items()) if one is not None]
    if not any(one.fit.any() for _, one, _ in drawn):
        nothing(axes, "no values yet")
    longest = max((float(one.seconds.max(initial=0)) for _, one, _ in drawn), default=0.0)
    factor, unit = scaled(longest)
    for name, one, colour in drawn:
        x = np.arange(1, len(one.values) + 1) if axis == "evaluations" else one.seconds * factor
        if len(traces) == 1:
            _alone(axes, x, one, goal, axis)
        else:
            axes.step(x, one.best, where="post", color=colour, linewidth=1.8, label=name)
    if axis == "evaluations":
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("evaluations" if axis == "evaluations" else f"run time ({unit})")


def _alone(axes: Payload, x: np.ndarray, one: History, goal: str, axis: Axis) -> None:
    """Draws one run: every evaluation, random orders of them, the best so far."""
    run, size = of_run(0), markersize(len(x))
    if one.fit.any():
        if axis == "evaluations":
            _orders(axes, x, one)
        axes.plot(x[one.fit], one.values[one.fit], ".", color=run, alpha=0.35, markersize=size, label="each evaluation")
        _broken(axes, x, one, size)
        text = f"{BEST[goal]}, in the order of this run"
        axes.step(x, one.best, where="post", color=run, linewidth=2, label=text)
    if one.failed.any():
        at, bottom = x[one.failed], axes.get_xaxis_transform()
        low = np.full(len(at), 0.02)
        axes.plot(
            at,
            low,
            "|",
            color=FAILED,
            alpha=1.0 if len(at) < 150 else 0.3,
            transform=bottom,
            markersize=8,
            label="failed",
        )


def _orders(axes: Payload, x: np.ndarray, one: History) -> None:
    axes.fill_between(x, one.low, one.high, step="post", color=RANDOM, alpha=0.15, linewidth=0)
    text = f"mean of {ORDERS} random orders of the same evaluations (band: all {ORDERS})"
    axes.step(x, one.random, where="post", color=RANDOM, linestyle="--", linewidth=1.4, label=text)


def _broken(axes: Payload, x: np.ndarray, one: History, size: float) -> None:
    broken = np.isfinite(one.values) & ~one.fit
    if broken.any():
        at, values = x[broken], one.values[broken]
        axes.plot(at, values, "x", color=RANDOM, alpha=0.6, markersize=0.8 * size, label=one.why)
