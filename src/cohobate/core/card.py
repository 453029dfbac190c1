"""Small cards of HTML for notebooks: a title, facts, a bar, a table. Everything in them is text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Choice, Constant, Integer, Output, Problem, Real, Variable

LONGEST: Final = 160
"""Characters of a fact or a cell."""
BOX: Final = (
    "display:inline-block;max-width:46em;padding:.6em .9em;border:1px solid rgba(128,128,128,.35);"
    "border-radius:8px;font:13px/1.5 system-ui,sans-serif"
)
SOFT: Final = "opacity:.65;padding:0 1em 0 0;text-align:left;vertical-align:top;font-weight:400"
CELL: Final = "text-align:left;padding:.1em 1em .1em 0;vertical-align:top;overflow-wrap:anywhere"


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows; ``bar`` is (done, total)."""

    title: str
    facts: Sequence[tuple[str, object]] = ()
    bar: tuple[int, int] | None = None
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()

    def html(self) -> str:
        """Returns the card, in the colours of whatever it is shown in; facts without a text are left out."""
        bar = f'<progress value="{self.bar[0]}" max="{self.bar[1]}" style="width:100%"></progress>' if self.bar else ""
        pairs = "".join(
            f'<tr><th scope="row" style="{SOFT}">{spoken(name)}</th><td style="{CELL}">{spoken(text)}</td></tr>'
            for name, text in self.facts
            if text not in ("", None)
        )
        facts = f"<table>{pairs}</table>" if pairs else ""
        return f'<div style="{BOX}"><b>{spoken(self.title)}</b>{bar}{facts}{self._table()}</div>'

    def _table(self) -> str:
        if not self.rows:
            return ""
        heads = "".join(f'<th scope="col" style="{CELL}">{spoken(name)}</th>' for name in self.heads)
        lines = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def spoken(value: object) -> str:
    """Returns a value as HTML text on one line, numbers with six digits.

    >>> spoken("<b>"), spoken(1.23456789), spoken("a\\u202e")
    ('&lt;b&gt;', '1.23457', 'a\\\\u202e')
    """
    whole = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = whole if len(whole) <= LONGEST else whole[: LONGEST - 1] + "…"
    return html.escape("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


def space_of(problem: Problem) -> str:
    """Returns what is varied, in words.

    >>> space_of(Problem({"x": Real(0, 1), "n": Choice([1, 2])}))
    'x from 0 to 1, n of 2 values'
    """
    if isinstance(problem.variables, Pool):
        return f"{len(problem.variables)} candidates ({', '.join(problem.names)})"
    return ", ".join(f"{name} {_span(variable)}" for name, variable in problem.variables.items())


def goal_of(output: Output) -> str:
    """Returns what is wanted of an output, in words."""
    match output.goal:
        case AtMost(limit):
            return f"at most {limit:g}"
        case AtLeast(limit):
            return f"at least {limit:g}"
    return output.goal or "recorded"


def _span(variable: Variable) -> str:
    match variable:
        case Real(unit=unit) if not variable.bounded:
            ends = "unbounded" if variable.within == "finite" else variable.within.removeprefix("finite, ")
            return f"{ends}{f' {unit}' if unit else ''}"
        case Real(lo, hi, unit=unit) | Integer(lo, hi, unit=unit):
            return f"from {lo:g} to {hi:g}{f' {unit}' if unit else ''}"
        case Choice(values):
            return f"of {len(values)} values"
        case Constant(value):
            return f"always {value!r:.40}"
    return f"a {variable.name}"


def _cell(value: object) -> str:
    return f'<td style="{CELL}">{spoken(value)}</td>'
