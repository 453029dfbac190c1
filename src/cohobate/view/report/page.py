"""Puts the parts of a report together as one file, which a browser lets load and run nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from cohobate.core.errors import UserError
from cohobate.host.filesystem import write_atomic
from cohobate.ledger.views import Follow
from cohobate.view.report import sections, table
from cohobate.view.report.about import About
from cohobate.view.report.best import best
from cohobate.view.report.charts import charts
from cohobate.view.report.markup import Inside, Markup, embed, join, tag
from cohobate.view.text import shown
from cohobate.view.units import of_columns

Part = tuple[str, str, list[Inside]]
"""A section: its anchor, its title, and what is in it."""


def write(views: Follow, about: About, path: Path, more: Sequence[Part] = ()) -> int:
    """Writes the report of a campaign to a file, sections of ``more`` first, and returns its size in bytes.

    The file appears only once it is complete. Raises ``UserError`` for another suffix than .html
    and a path that cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"report {path}: expected a file ending in .html")
    content = page(views, about, more).encode("utf-8", "backslashreplace")
    try:
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"report {path}: cannot be written: {error.strerror}") from error
    return len(content)


def page(views: Follow, about: About, more: Sequence[Part] = ()) -> str:
    """Returns the report of a campaign as HTML, sections of ``more`` first."""
    style, script = _resource("page.css"), _resource("page.js")
    title = shown(about.title, 100)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title}: report of a campaign"),
        Markup(f"<style>{style}</style>"),
    )
    parts = [*more, *_parts(views, about)]
    links = (tag("li", tag("a", name, href=f"#{anchor}")) for anchor, name, _ in parts)
    nav = tag("nav", tag("ul", *links), aria_label="Sections")
    body = (_section(anchor, name, inside) for anchor, name, inside in parts)
    data = tag("script", embed(table.data(views, of_columns(views))), type="application/json", id="data")
    foot = tag("footer", f"Written by cohobate {version_of()} on {sections.moment(about.written)}.")
    run = Markup(f"<script>{script}</script>")
    whole = tag(
        "html", head, tag("body", _header(views, about, title), nav, tag("main", *body), foot, data, run), lang="en"
    )
    return f"<!DOCTYPE html>\n{whole.html}\n"


def version_of() -> str:
    """Returns the version of cohobate."""
    try:
        return version("cohobate")
    except ImportError:
        return "from its sources"


def _header(views: Follow, about: About, title: str) -> Markup:
    state = tag("p", shown(about.state, 300), class_="state") if about.state else None
    numbers = tag("dl", *sections.figures(views, about), class_="figures")
    return tag("header", tag("p", "Campaign", class_="kicker"), tag("h1", title), state, numbers)


def _parts(views: Follow, about: About) -> Iterator[Part]:
    found: list[Part] = [
        ("best", "Best candidates", list(best(views, about))),
        ("plots", "Plots", [tag("div", *drawn, class_="plots")] if (drawn := list(charts(views))) else []),
        ("trials", "Trials", [_trials(views)] if views.rows.by_trial else []),
        ("failures", "Failures", list(sections.failures(views, about))),
        ("models", "Models", [sections.models(views)] if views.lessons else []),
        ("what", "What it is", [sections.facts(views, about)]),
        ("timing", "Timing", [sections.timing(views)]),
        ("manifest", "Manifest", list(sections.manifest(about))),
    ]
    yield from (part for part in found if part[2])


def _section(anchor: str, name: str, inside: Iterable[Inside]) -> Markup:
    return tag("section", tag("h2", name, id=f"{anchor}-title"), *inside, id=anchor, aria_labelledby=f"{anchor}-title")


def _trials(views: Follow) -> Markup:
    """Returns the empty table that the script fills."""
    hint = "words, or a condition such as seconds > 2"
    search = tag("input", type="search", id="filter", placeholder=hint, autocomplete="off", spellcheck="false")
    controls = tag(
        "div",
        tag("label", "Filter ", search),
        tag("label", "Status ", tag("select", tag("option", "any", value=""), id="status")),
        tag("output", id="count", aria_live="polite"),
        class_="controls",
    )
    caption = tag("caption", "All trials; the heads of the columns sort.", class_="unseen")
    grid = tag("table", caption, tag("thead", tag("tr", id="heads")), tag("tbody", id="rows"))
    scroll = tag("div", grid, class_="scroll tall", tabindex=0, role="region", aria_label="Table of trials")
    pages = tag(
        "div",
        tag("button", "Previous", type="button", id="previous"),
        tag("span", id="place"),
        tag("button", "Next", type="button", id="next"),
        class_="pages",
    )
    bare = tag("noscript", tag("p", f"The table of {len(views.rows.by_trial):,} trials needs JavaScript."))
    return join([bare, controls, scroll, pages])


def _policy(style: str, script: str) -> str:
    """Returns a policy under which this very style and script are used, and nothing is ever loaded."""
    allowed = f"script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _resource(name: str) -> str:
    return files("cohobate.view.report").joinpath(name).read_text(encoding="utf-8").strip()
