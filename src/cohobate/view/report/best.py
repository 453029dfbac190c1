"""The best candidates as cards, molecules drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cohobate.core.payload import Payload
from cohobate.core.structure import is_smiles
from cohobate.ledger.export.whole import last_frame
from cohobate.ledger.rows import Row
from cohobate.ledger.views import Follow
from cohobate.view.history import value
from cohobate.view.molecules import Drawing, can_draw, draw
from cohobate.view.pairs import front
from cohobate.view.report.about import About
from cohobate.view.report.markup import Markup, tag, text
from cohobate.view.structures import project
from cohobate.view.text import number, shown
from cohobate.view.units import of_outputs

MOST = 24
"""Cards of the front, and of each objective."""
OPEN = 8
"""Of them those that are seen at once."""


def best(views: Follow, about: About) -> Iterator[Markup]:
    """Returns the cards of the front, where there is one, and of each objective."""
    goals, paint = views.tally.goals, can_draw()
    if len(goals) > 1:
        found = front(views)
        trials = [int(trial) for trial in found.trial[found.front]][:MOST]
        yield from _group("On the front", "bettered in all objectives by none", trials, views, about, paint=paint)
    for output, goal in goals.items():
        trials = [row["id"] for row in views.best(MOST, output)]
        name = shown(output, 60)
        title = f"{'Highest' if goal == 'maximize' else 'Lowest'} {name}"
        yield from _group(title, "", trials, views, about, paint=paint)


def _group(title: str, says: str, trials: list[int], views: Follow, about: About, *, paint: bool) -> Iterator[Markup]:
    if not trials:
        return
    yield tag("h3", title, tag("small", f" {says}") if says else None)
    cards = [_card(rank, views.rows.by_trial[trial], views, about, paint=paint) for rank, trial in enumerate(trials, 1)]
    yield tag("ol", *cards[:OPEN], class_="cards")
    if cards[OPEN:]:
        more = tag("ol", *cards[OPEN:], class_="cards", start=OPEN + 1)
        yield tag("details", tag("summary", f"{len(cards) - OPEN} more"), more, class_="more")


def _card(rank: int, row: Row, views: Follow, about: About, *, paint: bool) -> Markup:
    picture = _picture(row.trial.inputs, paint=paint)
    units = of_outputs(views)
    values = tag("dl", *(_value(row, output, units.get(output, "")) for output in views.tally.goals))
    name = tag("p", shown(about.name(row.trial.id), 160), class_="name")
    return tag("li", picture, values, name, tag("p", f"#{rank}, trial {row.trial.id}", class_="rank"))


def _value(row: Row, output: str, unit: str) -> Markup:
    note = row.trial.note
    said = None
    if note is not None and output in note.mean:
        spread = f" ± {note.std[output]:.2g}" if output in note.std else ""
        said = tag("dd", f"predicted {number(note.mean[output])}{spread}", class_="said")
    what = tag("dd", tag("b", number(value(row, output))), f" {shown(unit, 20)}" if unit else None)
    return tag("div", tag("dt", shown(output, 40)), what, said)


def _picture(inputs: Mapping[str, Any], *, paint: bool) -> Markup | None:
    """Returns a candidate drawn: its bonds where there is RDKit and it can tell them, else its atoms in space."""
    for name, given in inputs.items():
        if isinstance(given, str) and (drawn := _drawn(name, given, paint=paint)):
            return molecule(drawn, "a structure" if "\n" in given else given)
    return None


def _drawn(name: str, text: str, *, paint: bool) -> Drawing | None:
    if is_smiles(name):
        return draw(text) if paint else None
    if paint and "\n" in text and (drawn := draw(text)):
        return drawn
    frame = last_frame(text)
    return None if frame is None else project(frame.symbols, np.array(frame.positions))


def molecule(drawn: Drawing, smiles: Payload) -> Markup:
    """Returns a drawing as SVG, its colours those of the page."""
    paths = [_path(f"l {element}", data) for element, data in drawn.lines.items()]
    paths += [_path(f"t {element}", data) for element, data in drawn.letters.items()]
    box = f"0 0 {drawn.width} {drawn.height}"
    return tag("svg", *paths, class_="mol", viewBox=box, role="img", aria_label=shown(smiles, 200))


def _path(class_: str, data: str) -> Markup:
    return Markup(f'<path class="{text(class_)}" d="{text(data)}"/>')
