"""HTML that cannot be broken by what stands in it: text is escaped wherever it is not markup already."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass

from cohobate.core.payload import Plain
from cohobate.view.text import shown_character

VOID = frozenset({"br", "hr", "input", "link", "meta"})


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML as it is."""

    html: str


Inside = Markup | str | int | None
"""What an element may hold: markup, text (escaped) or nothing."""


def tag(name: str, /, *inside: Inside, **attributes: str | float | bool | None) -> Markup:
    """Returns an element. Attributes are escaped; ``class_`` is ``class``, ``aria_label`` ``aria-label``.

    Those that are ``None`` or false are left out, those that are true stand without a value.

    >>> tag("a", "x < y", class_="big", hidden=True).html
    '<a class="big" hidden>x &lt; y</a>'
    """
    spelled = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    head = f"<{name}{spelled}>"
    return Markup(head if name in VOID else f"{head}{join(inside).html}</{name}>")


def join(parts: Iterable[Inside]) -> Markup:
    """Returns parts one after the other."""
    return Markup("".join(part.html if isinstance(part, Markup) else text(part) for part in parts))


def text(value: str | int | None) -> str:
    """Returns text as HTML, characters that would reorder or hide what stands beside them as escapes."""
    return "" if value is None else html.escape(visible(str(value)))


def visible(value: str) -> str:
    """Returns text with control characters as escapes, but for line ends and tabs.

    >>> visible("a\\u202eb\\x00\\n")
    'a\\\\u202eb\\\\x00\\n'
    """
    if value.isascii() and value.isprintable():
        return value
    return "".join(c if c in "\n\t" else shown_character(c) for c in value)


def embed(data: Plain) -> Markup:
    """Returns JSON data that may stand in a ``<script>``: no ``<``, no ``>``, no ``&``, ASCII only."""
    spelled = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return Markup(spelled.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.removesuffix("_").replace("_", "-")
    match value:
        case True:
            return f" {name}"
        case False | None:
            return ""
    return f' {name}="{html.escape(visible(str(value)))}"'
