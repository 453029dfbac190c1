"""The plots of a report, each a figure with its legend and its numbers in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cohobate.ledger.views import Follow
from cohobate.view.history import ORDERS, History, trace
from cohobate.view.lanes import Lane, lanes, outcomes
from cohobate.view.pairs import Front, front, pairs
from cohobate.view.parity import EXPECTED, SIGMA, WIDE, Parity, parity, predicted
from cohobate.view.report import svg
from cohobate.view.report.markup import Markup, tag
from cohobate.view.span import scaled
from cohobate.view.text import number, shown
from cohobate.view.units import named, of_outputs

Units = Mapping[str, str]
BARE = 60
"""Workers from which rows have no names and shrink to fit."""


def charts(views: Follow) -> Iterator[Markup]:
    """Returns all the figures that there is something to draw for."""
    units = of_outputs(views)
    for output, goal in views.tally.goals.items():
        one = trace(views, output)
        if one.fit.any():
            yield _progress(one, output, goal, units)
            yield _in_time(one, output, goal, units)
    if len(views.tally.goals) > 1:
        yield from _fronts(front(views), units)
    for output in predicted(views):
        found = parity(views, output)
        if len(found):
            yield _parity(found, output, units)
    yield from _learning(views, units)
    if rows := lanes(views):
        yield _workers(rows)


def _progress(one: History, output: str, goal: str, units: Units) -> Markup:
    n = np.arange(1, len(one.values) + 1)
    x, y = svg.across(n, zero=True, whole=True), svg.upwards(one.values)
    drawn = (
        svg.band(x(n), y(one.low), y(one.high), "band"),
        svg.steps(x(n), y(one.random), "random"),
        svg.dots(x(n[_broken(one)]), y(one.values[_broken(one)]), "broken"),
        svg.dots(x(n[one.fit]), y(one.values[one.fit]), "run"),
        svg.steps(x(n), y(one.best), "best"),
        svg.ticks_at(x(n[one.failed]), "failed"),
    )
    about = f"best {shown(output, 60)} so far against evaluations"
    picture = svg.chart(x, y, *drawn, names=("evaluations", named(output, units)), about=about)
    keys = [("best", f"{_word(goal)} so far"), ("run", "each evaluation")]
    keys += [("random", f"the same in {ORDERS} random orders: mean and range")]
    keys += [("broken", one.why)] * bool(_broken(one).any()) + [("failed", "failed")] * bool(one.failed.any())
    return figure(f"Best {shown(output, 60)} against evaluations", picture, keys)


def _in_time(one: History, output: str, goal: str, units: Units) -> Markup:
    factor, unit_of_time = scaled(float(one.seconds.max(initial=0.0)))
    seconds = one.seconds * factor
    x, y = svg.across(seconds, zero=True), svg.upwards(one.values[one.fit])
    drawn = (
        svg.dots(x(seconds[one.fit]), y(one.values[one.fit]), "run"),
        svg.steps(x(seconds), y(one.best), "best"),
        svg.ticks_at(x(seconds[one.failed]), "failed"),
    )
    names = (f"run time ({unit_of_time})", named(output, units))
    picture = svg.chart(x, y, *drawn, names=names, about=f"best {shown(output, 60)} so far against run time")
    keys = [("best", f"{_word(goal)} so far"), ("run", "each evaluation")] + [("failed", "failed")] * bool(
        one.failed.any()
    )
    return figure(f"Best {shown(output, 60)} against run time", picture, keys, "Pauses between sessions are left out.")


def _parity(found: Parity, output: str, units: Units) -> Markup:
    every = np.concatenate([found.predicted, found.result])
    x, y = svg.across(every), svg.upwards(every)
    ends = np.array([every.min(), every.max()])
    reach = WIDE * np.nan_to_num(found.std)
    left, right = np.clip(x(found.predicted - reach), svg.LEFT, None), np.clip(x(found.predicted + reach), None, x.stop)
    drawn = (
        svg.bars(left, right, y(found.result), "deviation"),
        svg.line(x(ends), y(ends), "random"),
        svg.dots(x(found.predicted), y(found.result), "run"),
    )
    names = (f"{named(output, units)}, predicted when chosen", f"{named(output, units)}, result")
    picture = svg.chart(x, y, *drawn, names=names, about=f"result against prediction of {shown(output, 60)}")
    keys = [("run", "each prediction"), ("deviation", f"± {WIDE:g} {SIGMA}"), ("random", "equal")]
    return figure(f"What the model said of {shown(output, 60)}", picture, keys, _judged(found, units.get(output, "")))


def _judged(found: Parity, unit: str) -> str:
    facts = f"{len(found):,} predictions: RMSE {number(found.rmse)}{unit and f' {unit}'}"
    facts += f", rank correlation {found.rank_correlation:.2f}"
    if np.isfinite(found.coverage):
        facts += (
            f", {found.coverage:.0%} of results within {WIDE:g} {SIGMA} ({EXPECTED:.0%} expected of a perfect model)"
        )
    return f"{facts}."


def _fronts(one: Front, units: Units) -> Iterator[Markup]:
    for a, b in pairs(one.outputs) if len(one.values) else ():
        x, y = svg.across(one.values[:, a]), svg.upwards(one.values[:, b])
        at, up = x(one.values[:, a]), y(one.values[:, b])
        rest, order = one.fit & ~one.front, np.argsort(at[one.front])
        drawn = (
            svg.dots(at[~one.fit], up[~one.fit], "broken"),
            svg.dots(at[rest], up[rest], "run"),
            svg.line(at[one.front][order], up[one.front][order], "thin") if len(one.outputs) == 2 else Markup(""),
            svg.dots(at[one.front], up[one.front], "top"),
        )
        names = (named(one.outputs[a], units), named(one.outputs[b], units))
        picture = svg.chart(x, y, *drawn, names=names, about=f"{names[1]} against {names[0]}")
        keys = [("top", "bettered in all objectives by none"), ("run", "the others")]
        keys += [("broken", one.why)] * (not one.fit.all())
        yield figure("The front", picture, keys, f"{int(one.front.sum())} of {int(one.fit.sum())} are on the front.")


def _learning(views: Follow, units: Units) -> Iterator[Markup]:
    for output in dict.fromkeys(name for lesson in views.lessons for name in lesson.error):
        found = [(one.known, one.error[output]) for one in views.lessons if output in one.error]
        known, error = np.array(found, dtype=float).T
        x, y = svg.across(known), svg.upwards(error, zero=True)
        drawn = (svg.line(x(known), y(error), "thin"), svg.dots(x(known), y(error), "top"))
        name, names = shown(output, 60), ("results that the model was fitted to", f"error of {named(output, units)}")
        picture = svg.chart(x, y, *drawn, names=names, about=f"out-of-sample error of {name} against training size")
        says = "Root mean square of result minus prediction, over the results that came since the fit before."
        yield figure(f"How well {name} was foretold", picture, [("top", "each fit of the model")], says)


def _workers(rows: Sequence[Lane]) -> Markup:
    end = max(float(bars.sum(axis=1).max()) for lane in rows for bars in lane.bars.values())
    factor, unit = scaled(end)
    named = len(rows) <= BARE
    pitch = min(20.0, max(2.0, 420 / len(rows)))
    top, left = 8.0, (104 if named else 20)
    x = svg.Scale(0.0, max(end * factor, 1e-9), left, svg.WIDE - svg.RIGHT)
    drawn: list[Markup] = []
    for at, lane in enumerate(rows):
        height = top + at * pitch
        if named and (pitch >= 11 or at % 2 == 0):
            drawn.append(svg.said(left - 8, height + pitch / 2 + 4, shown(lane.worker, 16), anchor="end"))
        for outcome, bars in lane.bars.items():
            begin, length = x(bars[:, 0] * factor), bars[:, 1] * factor * (x.stop - x.start) / x.hi
            drawn.append(svg.boxes(begin, length, height, round(pitch * 0.78, 1), f"o-{outcome}"))
    bottom = top + len(rows) * pitch
    drawn += svg.horizontal(x, bottom + 18, most=10)
    drawn.append(svg.said((left + x.stop) / 2, bottom + 38, f"run time ({unit})", anchor="middle", class_="axis"))
    picture = svg.frame(*drawn, about="when each worker was busy", size=(svg.WIDE, bottom + 44))
    keys = [(f"o-{outcome}", outcome.replace("_", " ")) for outcome in outcomes(rows)]
    return figure("Workers", picture, keys, f"{len(rows)} worker{'s' * (len(rows) != 1)}, a row for each.", wide=True)


def figure(
    title: str, picture: Markup, keys: Sequence[tuple[str, str]], says: str = "", *, wide: bool = False
) -> Markup:
    """Returns a picture with its title, legend ((class, what it is) each) and its numbers in words."""
    legend = tag("ul", *(tag("li", tag("i", class_=f"key {name}"), what) for name, what in keys), class_="legend")
    caption = tag("figcaption", tag("h3", title), legend, tag("p", says) if says else None)
    return tag("figure", caption, picture, class_="wide" if wide else None)


def _broken(one: History) -> np.ndarray:
    return np.asarray(np.isfinite(one.values) & ~one.fit)


def _word(goal: str) -> str:
    return "highest" if goal == "maximize" else "lowest"
