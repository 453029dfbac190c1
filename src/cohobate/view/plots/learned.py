"""Draws a function that was learned: a curve, or contours of a slice through it, with the points it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import Integer, Real
from cohobate.propose.learners.sampled import Sampled
from cohobate.view.colours import FAILED, RANDOM, of_run
from cohobate.view.plots.figure import label, legend, markersize, panels, save, suffix_of

FINE, GRID, LEVELS = 2001, 121, 24
SIDE = 5.2
MOST = 6
"""Outputs of a vector up to which each is drawn."""

Numbers = NDArray[np.float64]


def draw(
    learned: Sampled,
    path: str | Path | None = None,
    *,
    over: str | Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    points: bool = True,
) -> Payload:
    """Returns a figure of what was learned, saved where a ``path`` (png, svg or pdf) is given; see ``Sampled.plot``."""
    suffix = suffix_of(path)
    if not callable(learned.function):
        raise UserError(f"nothing to plot: what was learned is {learned.function!r:.80}, no function")
    axes = _axes(learned)
    shown = _over(over, axes)
    place = _place(at, axes, shown)
    figure = (_curve if len(shown) == 1 else _contours)(learned, shown, place, points)
    if path is not None:
        save(figure, Path(path), suffix)
    return figure


def _curve(learned: Sampled, shown: tuple[str, ...], place: Numbers, points: bool) -> Payload:
    (name,) = shown
    axes, at = _axes(learned), learned.problem.names.index(name)
    figure, (panel,) = panels(1)
    known = _known(learned)
    x = np.union1d(np.linspace(axes[name].lo, axes[name].hi, FINE), known[:, at])
    values = _outputs(_values(learned, _through(place, {at: x})))
    alone = len(axes) == 1
    for i, column in enumerate(values.T[:MOST]):
        panel.plot(x, column, color=of_run(i), linewidth=1.4, label=_called(learned, i, values.shape[1]))
        if points and alone:
            told = _outputs(learned.values)[:, i]
            panel.plot(known[:, at], told, ".", color=of_run(i), markersize=markersize(len(known)), alpha=0.8)
    if points and alone and learned.holes:
        holes = [float(point) for point in learned.holes]
        low, frame = np.full(len(holes), 0.02), panel.get_xaxis_transform()
        panel.plot(holes, low, "|", color=FAILED, transform=frame, markersize=8, label="no value")
    label(panel, x=_named(axes, name), y=_output(learned))
    _title(panel, learned, shown, place)
    if values.shape[1] > 1 or learned.holes:
        legend(figure, [panel])
    return figure


def _contours(learned: Sampled, shown: tuple[str, ...], place: Numbers, points: bool) -> Payload:
    axes, (i, j) = _axes(learned), [learned.problem.names.index(name) for name in shown]
    x, y = (np.linspace(axes[name].lo, axes[name].hi, GRID) for name in shown)
    grid = _through(place, {i: x[:, None] + 0 * y, j: 0 * x[:, None] + y})
    values = _outputs(_values(learned, grid)).reshape(GRID, GRID, -1)
    drawn = min(values.shape[2], MOST)
    figure, all_axes = panels(drawn, width=SIDE * 1.15, height=SIDE, columns=min(drawn, 2))
    for number, panel in enumerate(all_axes):
        masked = np.ma.masked_invalid(values[:, :, number].T)
        filled = panel.contourf(x, y, masked, levels=LEVELS, cmap="viridis")
        figure.colorbar(filled, ax=panel, label=_called(learned, number, values.shape[2]))
        if points and len(axes) == 2:
            _scattered(panel, learned, (i, j))
        label(panel, x=_named(axes, shown[0]), y=_named(axes, shown[1]))
        panel.grid(visible=False)
    _title(all_axes[0], learned, shown, place)
    return figure


def _scattered(panel: Payload, learned: Sampled, columns: tuple[int, int]) -> None:
    """Marks the known points, and where there are none."""
    known = _known(learned)[:, columns]
    panel.plot(*known.T, ".", color="white", markeredgewidth=0, markersize=markersize(len(known), 3.5), alpha=0.8)
    if learned.holes:
        holes = np.array(list(learned.holes), float)[:, columns]
        panel.plot(*holes.T, "x", color=FAILED, markersize=4)


def _values(learned: Sampled, points: Numbers) -> Numbers:
    """Returns the values at points, (n, axes), NaN where none is known: (n, ...)."""
    given = points[:, 0] if points.shape[1] == 1 else points
    inside = learned.function.inside(given)
    some = np.asarray(learned.function(given[inside]))
    values = np.full((len(points), *some.shape[1:]), np.nan)
    values[inside] = some
    return values


def _outputs(values: Numbers) -> Numbers:
    """Returns values of any shape as columns: (n, outputs)."""
    return values.reshape(len(values), -1)


def _known(learned: Sampled) -> Numbers:
    return learned.points.reshape(len(learned.data), -1)


def _through(place: Numbers, moved: Mapping[int, Numbers]) -> Numbers:
    """Returns points that are at ``place`` but for some coordinates: (n, axes)."""
    n = next(iter(moved.values())).size
    points = np.tile(place, (n, 1))
    for column, coordinates in moved.items():
        points[:, column] = coordinates.ravel()
    return points


def _axes(learned: Sampled) -> dict[str, Real | Integer]:
    variables = learned.problem.variables
    if isinstance(variables, Pool) or not all(isinstance(one, Real | Integer) for one in variables.values()):
        raise UserError("nothing to plot: what was learned has no axes")
    return {name: one for name, one in variables.items() if isinstance(one, Real | Integer)}


def _over(over: str | Sequence[str] | None, axes: Mapping[str, Payload]) -> tuple[str, ...]:
    names = tuple(axes)[:2] if over is None else (over,) if isinstance(over, str) else tuple(over)
    for name in names:
        _check(name, axes)
    if not 1 <= len(set(names)) == len(names) <= 2:
        raise UserError(f"plot(over=): expected one axis or two different ones of {list(axes)}, got {list(names)}")
    return names


def _place(at: Mapping[str, float] | None, axes: Mapping[str, Real | Integer], shown: Sequence[str]) -> Numbers:
    """Returns where the axes that are not shown are held: (axes,)."""
    place = {name: _middle(axis) for name, axis in axes.items()}
    for name, value in (at or {}).items():
        _check(name, axes)
        if name in shown or axes[name].check(float(value)) is not None:
            lo, hi = axes[name].lo, axes[name].hi
            raise UserError(f"plot(at=): expected {name} within [{lo}, {hi}] and not among {list(shown)}, got {value}")
        place[name] = float(value)
    return np.array(list(place.values()))


def _middle(axis: Real | Integer) -> float:
    return float((axis.lo * axis.hi) ** 0.5 if axis.log else (axis.lo + axis.hi) / 2)


def _check(name: str, axes: Mapping[str, Payload]) -> None:
    if name not in axes:
        raise UserError(f"plot: no axis {name!r} among {list(axes)}{did_you_mean(name, axes)}")


def _title(panel: Payload, learned: Sampled, shown: Sequence[str], place: Numbers) -> None:
    held = zip(learned.problem.names, place, strict=True)
    text = f"{len(learned.data)} points" + "".join(f", {name} = {value:g}" for name, value in held if name not in shown)
    panel.set_title(text, fontsize=9, loc="left", color=RANDOM, parse_math=False)


def _named(axes: Mapping[str, Real | Integer], name: str) -> str:
    return f"{name} ({axes[name].unit})" if axes[name].unit else name


def _output(learned: Sampled) -> str:
    return str(learned.problem.output_names[0])


def _called(learned: Sampled, number: int, of: int) -> str:
    return _output(learned) if of == 1 else f"{_output(learned)}[{number}]"
