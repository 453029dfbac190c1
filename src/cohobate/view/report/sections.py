"""The parts of a report that are words and tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from cohobate.core.events import Learned
from cohobate.core.payload import Plain
from cohobate.ledger.views import Follow
from cohobate.view.history import evaluations
from cohobate.view.report.about import About
from cohobate.view.report.markup import Inside, Markup, tag
from cohobate.view.sight import by_kind
from cohobate.view.text import duration, number, shown
from cohobate.view.units import named, of_outputs

GROUPS = 50
"""Reasons of failures that are shown."""
FITS = 12
"""Fits of a model that are listed: the first and the last of them."""


def figures(views: Follow, about: About) -> Iterator[Markup]:
    """Returns the numbers that are read first."""
    tally, units = views.tally, of_outputs(views)
    of = f"of {about.total:,}" if about.total else "evaluations"
    bar = tag("progress", value=min(tally.counted, about.total), max=about.total) if about.total else None
    yield _figure("Evaluations", f"{tally.counted:,}", of, bar)
    for output in list(tally.goals)[:3]:
        for row in views.best(1, output):
            column = views.rows.naming().outputs[output]
            unit = units.get(output, "")
            value = f"{number(row[column])}{f' {shown(unit, 12)}' if unit else ''}"
            yield _figure(f"Best {shown(output, 30)}", value, shown(about.name(row["id"]), 60))
    rejected = f"{tally.rejected:,} rejected" if tally.rejected else ""
    failed = ", ".join(part for part in (by_kind(tally), rejected) if part)
    yield _figure("Failed", f"{tally.failed:,}", failed or "nothing", warn=bool(tally.failed))
    pace = f"{60 * tally.counted / tally.seconds:.3g} per minute" if tally.seconds else ""
    yield _figure("Run time", duration(tally.seconds), pace)


def _figure(name: str, value: str, says: str, more: Inside = None, *, warn: bool = False) -> Markup:
    return tag("div", tag("dt", name), tag("dd", value, class_="warn" if warn else "big"), more, tag("dd", says))


def facts(views: Follow, about: About) -> Markup:
    """Returns what the campaign is."""
    problem = views.declared.get("problem", {})
    generator = views.declared.get("generator", {})
    pairs = [
        ("Goal", about.goal),
        ("Generator", generator.get("kind", "")),
        ("its settings", _settings(generator.get("settings", {}))),
        ("Levels", _levels(problem.get("fidelity"))),
        ("Simulator", views.declared.get("simulator", "")),
        ("Run folder", about.folder),
    ]
    known = [(tag("dt", name), tag("dd", shown(says, 600))) for name, says in pairs if says]
    listed = tag("dl", *(part for pair in known for part in pair), class_="facts")
    return tag("div", listed, tag("div", _space(problem), _outputs(problem)), class_="what")


def _levels(fidelity: Plain) -> str:
    if not isinstance(fidelity, Mapping):
        return ""
    return f"{fidelity.get('name')}: {', then '.join(map(str, fidelity.get('levels', ())))}"


def _settings(settings: Mapping[str, Plain]) -> str:
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())


def _space(problem: Mapping[str, Plain]) -> Markup | None:
    variables = problem.get("variables")
    if isinstance(variables, Mapping):
        says = f"{variables.get('rows', 0):,} candidates: {', '.join(map(str, variables.get('columns', ())))}"
        return tag("dl", tag("dt", "Pool"), tag("dd", shown(says, 300)), class_="facts")
    rows = [(name, *_range(one)) for name, one in variables or () if isinstance(one, Mapping)]
    return table(("variable", "range", "unit"), rows, caption="What is varied") if rows else None


def _range(one: Mapping[str, Plain]) -> tuple[str, str]:
    match one:
        case {"is": "Real" | "Integer" as kind, "lo": lo, "hi": hi}:
            log = ", logarithmic" if one.get("log") else ""
            whole = ", whole numbers" if kind == "Integer" else ""
            return f"{number(lo)} to {number(hi)}{whole}{log}", str(one.get("unit", ""))
        case {"is": "Choice", "values": values}:
            return shown("one of " + ", ".join(map(str, values)), 120), ""
        case {"is": "Constant", "value": value}:
            return shown(f"always {value}", 120), ""
    return shown(one.get("structured", ""), 80), ""


def _outputs(problem: Mapping[str, Plain]) -> Markup | None:
    rows = [(one["name"], _goal(one["goal"]), one.get("unit", "")) for one in problem.get("outputs", ())]
    return table(("output", "goal", "unit"), rows, caption="What is wanted") if rows else None


def _goal(goal: Plain) -> str:
    match goal:
        case {"is": "AtMost", "limit": limit}:
            return f"at most {number(limit)}"
        case {"is": "AtLeast", "limit": limit}:
            return f"at least {number(limit)}"
    return str(goal or "recorded")


def failures(views: Follow, about: About) -> Iterator[Markup]:
    """Returns the failures grouped by reason, with examples, tracebacks folded."""
    groups = views.failures()
    for group in groups[:GROUPS]:
        title = tag("span", str(group["kind"]).replace("_", " "), class_="kind")
        head = tag("summary", tag("b", f"{group['count']:,} "), title, shown(group["message"] or "no message", 400))
        examples = (
            tag("li", f"trial {trial}: ", tag("code", shown(about.name(trial), 200))) for trial in group["trials"]
        )
        trace = tag("pre", str(group["traceback"])[-20_000:], tabindex=0) if group["traceback"] else None
        yield tag("details", head, tag("ul", *examples), trace)
    if len(groups) > GROUPS:
        yield tag("p", f"and {len(groups) - GROUPS:,} more reasons: cohobate errors lists them")


def models(views: Follow) -> Markup | None:
    """Returns a table of what the models learned; nothing without one."""
    lessons = list(views.lessons)
    if not lessons:
        return None
    names = list(dict.fromkeys(name for one in lessons for name in (*one.best, *one.error)))
    few = lessons if len(lessons) <= FITS else [*lessons[: FITS // 2], *lessons[-FITS // 2 :]]
    rows = [_fit(one, names) for one in few]
    units = of_outputs(views)
    heads = [f"{named(name, units)}, {what}" for name in names for what in ("best", "error")]
    left = f"; {len(lessons) - len(few):,} fits between are left out" if len(few) < len(lessons) else ""
    caption = f"Fits of the model{left}. The error is of predictions made before their results were known"
    return table(("version", "results", *heads), rows, caption=caption, numbers=True)


def _fit(one: Learned, names: Sequence[str]) -> Sequence[str]:
    cells = [number(by[name]) if name in by else "" for name in names for by in (one.best, one.error)]
    return (f"{one.model}", f"{one.known:,}", *cells)


def timing(views: Follow) -> Markup:
    """Returns how long evaluations took, and how full the workers were."""
    tally = views.tally
    lengths = np.array([row.final.seconds for row in evaluations(views) if row.final])
    pairs = [("Sessions", f"{tally.epoch:,}"), ("Running", duration(tally.seconds))]
    pairs.append(("Inside evaluations", f"{duration(tally.busy)} of worker time"))
    if tally.seconds:
        pairs.append(("At once", f"{tally.busy / tally.seconds:.2f} evaluations on average"))
    if len(lengths):
        low, middle, high = np.quantile(lengths, [0.05, 0.5, 0.95])
        pairs.append(("An evaluation", f"{middle:.3g} s (median), {low:.3g} to {high:.3g} s (5 to 95 %)"))
        pairs.append(("The longest", f"{lengths.max():.4g} s"))
    if tally.retried:
        pairs.append(("Tried again", f"{tally.retried:,} times"))
    return tag(
        "dl",
        *(tag(name, says) for pair in pairs for name, says in zip(("dt", "dd"), pair, strict=True)),
        class_="facts",
    )


def manifest(about: About) -> Iterator[Markup]:
    """Returns what the campaign was made with."""
    made = about.manifest
    versions = made.get("versions", {})
    if isinstance(versions, Mapping) and versions:
        yield tag("p", ", ".join(f"{shown(name, 40)} {shown(version, 40)}" for name, version in versions.items()))
    sessions = [one for one in made.get("sessions", ()) if isinstance(one, Mapping)]
    rows = [_session(one) for one in sessions[-20:]]
    if rows:
        yield table(("session", "started", "engine", "command", "machine"), rows, caption="Sessions")
    if made:
        whole = json.dumps(made, indent=1, ensure_ascii=False)
        yield tag("details", tag("summary", "manifest.json"), tag("pre", whole[:200_000], tabindex=0))


def _session(one: Mapping[str, Plain]) -> Sequence[str]:
    command = one.get("command", ())
    words = " ".join(map(str, command)) if isinstance(command, Sequence) else ""
    machine = f"{one.get('system', '')}, {one.get('cores', '?')} cores, Python {one.get('python', '')}"
    facts = (one.get("epoch", ""), one.get("started", ""), one.get("engine", ""), words, machine)
    return [shown(fact, 160) for fact in facts]


def table(heads: Iterable[str], rows: Iterable[Sequence[str]], *, caption: str, numbers: bool = False) -> Markup:
    """Returns a small table, its first column the heads of its rows."""
    head = tag("thead", tag("tr", *(tag("th", shown(name, 80), scope="col") for name in heads)))
    lines = (
        tag("tr", tag("th", shown(row[0], 120), scope="row"), *(tag("td", shown(cell, 160)) for cell in row[1:]))
        for row in rows
    )
    whole = tag("table", tag("caption", caption), head, tag("tbody", *lines), class_="numbers" if numbers else None)
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def moment(at: float) -> str:
    """Returns a time (s since the epoch) as text."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(at))
