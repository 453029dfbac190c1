"""How a value is written into a file of some format, without becoming anything else there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from cohobate.core.errors import Rejected, UserError
from cohobate.core.payload import Payload

SPEC: Final = re.compile(r"(?:[<>^=])?[-+ ]?0?\d{0,3}(?:\.\d{1,2})?[dsfFeEgG]?", re.ASCII)
"""What may follow the colon: alignment, sign, width, precision and type, as in Python."""
WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    "word": re.compile(r"[\w.+\-:/=,@%]+", re.ASCII),
    "lammps": re.compile(r"[\w.+\-:/=,@%*]+", re.ASCII),
    "xyz": re.compile(r"[\w.+\-]+", re.ASCII),
    "shell": re.compile(r"[\w.+:/=,@%][\w.+\-:/=,@%]*", re.ASCII),
}
"""What text may be in formats where anything else could end a word, a line or a quotation, or start a command."""
FORMATS: Final = (*WORDS, "plain", "argument", "json")


def spelled(value: Payload, spec: str, form: str) -> str:
    """Returns a value as text for a file of the format ``form``; floats by default in their shortest exact form.

    Raises ``Rejected`` for what cannot be written there: numbers that are not finite, and text with
    anything in it that could mean more than the text itself.
    """
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case bool() | None | Mapping() if form != "json":
            raise Rejected(f"expected a number or text, got {value!r:.60}")
        case float() if not math.isfinite(value):
            raise Rejected(f"expected a finite number, got {value!r}")
        case bool() | None | Mapping():
            return _as_json(value)
        case int():
            return format(int(value), spec)
        case float():
            return format(float(value), spec) if spec else repr(float(value))
        case str():
            return _text(str.__str__(value), spec, form)
        case list() | tuple() | np.ndarray():
            return _several(list(value), spec, form)
    raise Rejected(f"expected a number or text, got the {type(value).__name__} {value!r:.60}")


def check_spec(spec: str) -> None:
    """Raises ``UserError`` for what is no format of a number or of text."""
    if not SPEC.fullmatch(spec):
        raise UserError(f"expected a format such as .12g, 8.3f, 05d or 20s after the colon, got {spec!r}")


def _text(value: str, spec: str, form: str) -> str:
    if form == "json":
        return _as_json(value)
    if (reason := _unfit(value, form)) is not None:
        raise Rejected(f"{reason}, got {value!r:.80}")
    return format(value, spec)


def _unfit(value: str, form: str) -> str | None:
    """Returns what text must be in a format, where it is not."""
    if form in WORDS:
        return None if WORDS[form].fullmatch(value) else f"text in a file of the format {form!r} must be one plain word"
    if not value.isprintable():
        return "text must be one line of printable characters"
    return "text of an argument must not begin with a dash" if form == "argument" and value[:1] == "-" else None


def _several(values: list[Any], spec: str, form: str) -> str:
    if form == "json":
        return f"[{', '.join(spelled(value, spec, form) for value in values)}]"
    if any(isinstance(value, str | list | tuple | np.ndarray) for value in values) or not values:
        raise Rejected(f"expected numbers in one row, got {values!r:.60}")
    return " ".join(spelled(value, spec, form) for value in values)


def _as_json(value: Payload) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Rejected(f"expected what JSON can hold, got {value!r:.60}: {error}") from error
