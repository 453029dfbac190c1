"""Values in files whose structure says what they are: JSON and extended XYZ."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np

from cohobate.core.errors import did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.structure import INFO
from cohobate.simulate.command.read.reading import number

PROPERTIES = re.compile(r"(\w+):([A-Z]):(\d{1,3})")


def of_json(text: str, path: str) -> Payload:
    """Returns what stands at a path of names and positions, parted by dots; numbers in (nested) lists as an array."""
    value: Any = json.loads(text, parse_constant=_not_finite)
    if not isinstance(value, dict | list):  # of a number the last digits may be missing
        raise ValueError(f"expected an object or a list in JSON, got {value!r:.60}")
    for i, key in enumerate(path.split(".") if path else []):
        above = ".".join(path.split(".")[:i]) or "the top"
        value = _below(value, key, above)
    return _as_array(value) if isinstance(value, list) else value


def of_extxyz(text: str, name: str, frame: int) -> Payload:
    """Returns a column of the atoms, (atoms,) or (atoms, k), or a value of the comment line of one frame."""
    frames = _frames(text.splitlines())
    if not -len(frames) <= frame < len(frames):
        raise ValueError(f"expected a frame {frame}, there are {len(frames)}")
    comment, atoms = frames[frame]
    info = {key: value.strip("\"'{}[]") for key, value in INFO.findall(comment)}
    columns = _columns(info.pop("Properties", "species:S:1:pos:R:3"))
    if name in columns:
        return _column(atoms, *columns[name], sum(width for _, width in _spans(columns)))
    if name not in info:
        known = [*columns, *info]
        raise ValueError(f"expected {name!r} in a frame, there are {known}{did_you_mean(name, known)}")
    words = info[name].split()
    return number(words[0]) if len(words) == 1 else np.array([number(word) for word in words])


def _below(value: Payload, key: str, above: str) -> Payload:
    if isinstance(value, dict):
        if key not in value:
            raise ValueError(f"expected {key!r} below {above}, there are {list(value)}{did_you_mean(key, value)}")
        return value[key]
    if isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
        return value[int(key)]
    raise ValueError(f"expected {key!r} below {above}, there is {value!r:.60}")


def _as_array(value: list[Any]) -> Payload:
    try:
        array = np.array(value)
    except ValueError:  # ragged
        return value
    return array if array.dtype.kind in "iuf" else value


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"expected finite numbers, got {name}")


def _frames(lines: list[str]) -> list[tuple[str, list[list[str]]]]:
    frames: list[tuple[str, list[list[str]]]] = []
    at = 0
    while at < len(lines) and lines[at].strip():
        if not lines[at].strip().isdigit():
            raise ValueError(f"expected a number of atoms in line {at + 1}, got {lines[at][:60]!r}")
        count = int(lines[at])
        rows = [line.split() for line in lines[at + 2 : at + 2 + count]]
        if len(rows) < count or at + 1 >= len(lines):
            raise ValueError(f"expected {count} atoms in frame {len(frames)}, got {len(rows)}")
        frames.append((lines[at + 1], rows))
        at += 2 + count
    return frames


def _columns(properties: str) -> dict[str, tuple[str, int, int]]:
    """Returns of each column its kind (S, R, I, L), where it begins and how wide it is."""
    columns, at = {}, 0
    for name, kind, width in PROPERTIES.findall(properties):
        columns[name] = (kind, at, int(width))
        at += int(width)
    return columns


def _spans(columns: dict[str, tuple[str, int, int]]) -> list[tuple[int, int]]:
    return [(at, width) for _, at, width in columns.values()]


def _column(atoms: list[list[str]], kind: str, at: int, width: int, total: int) -> Payload:
    for i, row in enumerate(atoms):
        if len(row) != total:
            raise ValueError(f"expected {total} columns, got {len(row)} for atom {i}")
    cells = [row[at : at + width] for row in atoms]
    if kind not in "RI":
        return [row[0] if width == 1 else row for row in cells]
    values = np.array([[number(cell) for cell in row] for row in cells])
    return values[:, 0] if width == 1 else values
