"""The geometries of the trials as one extended XYZ file, what is known of each in its second line.

As ASE reads and writes it: ``key=value`` with text in double quotes; what ASE would take for
something else (``F`` for false, ``12`` for a number) is spelled as JSON behind ``_JSON``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.ledger.export.plain import plain
from cohobate.ledger.export.whole import Frame, Stored, geometries, says
from cohobate.ledger.views import Follow

KEY = re.compile(r'(?:^|\s)"?([^\s="]+)"?=')
WORDS = re.compile(r"[A-Za-z_(][\w()#@/.\-]*( [A-Za-z_(][\w()#@/.\-]*)*")
"""Text that needs no JSON: it is no number, no list and no word for true or false."""
BOOLEANS = frozenset({"t", "f", "true", "false", "nan", "inf", "infinity"})
DEFAULTS = 'Properties=species:S:1:pos:R:3 pbc="F F F"'


def to_extxyz(views: Follow, stored: Stored) -> tuple[bytes, int]:
    """Returns a frame for each geometry of each trial, and how many trials that are; raises ``UserError`` for none."""
    frames: list[str] = []
    trials = 0
    naming = views.rows.naming()
    for row in views.rows.by_trial.values():
        found = list(geometries(row, stored))
        trials += bool(found)
        facts = _facts(naming.cells(row)) if found else {}
        for name, frame in found:
            several = {"geometry_of": name} if len(found) > 1 else {}
            frames.append(spelled(frame, {**facts, **several}))
    if not frames:
        raise UserError("nothing to export: no trial has a geometry, a Blob or text in (extended) XYZ format")
    return "".join(frames).encode("utf-8", "backslashreplace"), trials


def spelled(frame: Frame, facts: dict[str, Payload]) -> str:
    """Returns a frame with ``facts`` added to its second line, under names that are not taken there yet."""
    known = KEY.findall(frame.comment)
    comment = frame.comment if "Properties" in known else f"{DEFAULTS} comment={_value(frame.comment)}"
    taken = {name.lower() for name in KEY.findall(comment)}
    parts = [comment.strip()]
    for name, value in facts.items():
        key = _free(re.sub(r"[^\w.\-]", "_", name, flags=re.ASCII), taken)
        taken.add(key.lower())
        parts.append(f"{key}={_value(value)}")
    return "\n".join([str(len(frame.atoms)), " ".join(parts), *frame.atoms]) + "\n"


def _facts(cells: dict[str, Any]) -> dict[str, Payload]:
    """Returns what of a row can stand in a line: no contents, nothing that is not there."""
    lines = {
        name: value
        for name, value in cells.items()
        if says(name, value) and not (isinstance(value, str) and "\n" in value)
    }
    return {"trial": lines.pop("id"), **lines}


def _free(key: str, taken: set[str]) -> str:
    names: Iterator[str] = (f"{key}{'_' * i}" for i in range(len(taken) + 1))
    return next(name for name in names if name.lower() not in taken)


def _value(value: Payload) -> str:
    match value:
        case bool():
            return "T" if value else "F"
        case int() | float():
            return repr(value)
        case str() if WORDS.fullmatch(value) and not BOOLEANS.intersection(value.lower().split()):
            return f'"{value}"'
    spelled = json.dumps(plain(value)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"_JSON {spelled}"'
