"""One molecule in space, read from the text of an (extended) XYZ frame or of a mol block, strictly."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import Rejected

Notation = Literal["smiles", "xyz", "mol"]
MOST_ATOMS = 1_000
"""Atoms of one structure that is read; fewer are computed."""
LONGEST = 10_000
"""Characters of one line."""
COUNT = re.compile(r"\s*(\d{1,9})\s*", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
SYMBOL = re.compile(r"[A-Za-z]{1,3}", re.ASCII)
PROPERTIES = re.compile(r"[^:]+:[^:]+:\d{1,3}(?::[^:]+:[^:]+:\d{1,3})*", re.ASCII)
INFO = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*+)\s*+=\s*+("[^"]*"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|[^\s"']+)""",
    re.ASCII,
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Element symbols as written, ``positions: (atoms, 3), Å``, and what else is said (``name``, ``charge``, ...)."""

    symbols: tuple[str, ...]
    positions: NDArray[np.float64]
    info: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True)
class Columns:
    """Where species and the three coordinates stand in a row, and how many columns a row has (0: at least four)."""

    species: int = 0
    position: int = 1
    width: int = 0


def notation(text: str) -> Notation:
    """Tells by its content how a candidate is written; anything of one line is taken for a SMILES.

    >>> notation("CCO"), notation("1\\n\\nHe 0 0 0\\n")
    ('smiles', 'xyz')
    """
    lines = text.split("\n", 4)
    if len(lines) == 1:
        return "smiles"
    if COUNT.fullmatch(lines[0]) and not _is_counts(lines[3:4]):
        return "xyz"
    return "mol" if _is_counts(lines[3:4]) else "smiles"


def is_smiles(column: str) -> bool:
    """Whether a column is one of SMILES, by its name.

    >>> is_smiles("smiles"), is_smiles("canonical_SMILES"), is_smiles("smile")
    (True, True, False)
    """
    return re.search(r"smiles|^smi$", column, re.IGNORECASE) is not None


def read_xyz(text: str) -> Structure:
    """Returns the one frame in ``text``; raises ``Rejected`` naming what is wrong with it."""
    count, _, rest = text.rstrip("\n").partition("\n")
    comment, _, body = rest.partition("\n")
    atoms, columns, rows = atom_count(count), columns_of(comment), body.split("\n")
    if len(rows) != atoms:
        raise Rejected(f"expected {atoms} atoms after the comment line, got {len(rows)} lines")
    read = [read_row(row, columns) for row in rows]
    return Structure(tuple(symbol for symbol, _ in read), _array([at for _, at in read]), comment_info(comment))


def atom_count(line: str) -> int:
    """Returns the number of atoms that the first line of a frame states."""
    if not (match := COUNT.fullmatch(line)):
        raise Rejected(f"expected the number of atoms, got {line!r:.60}")
    atoms = int(match[1])
    if not 1 <= atoms <= MOST_ATOMS:
        raise Rejected(f"the frame says {atoms} atoms, expected 1 to {MOST_ATOMS}")
    return atoms


def comment_info(comment: str) -> dict[str, str]:
    """Returns the ``key=value`` pairs of a comment line; keys in lower case, quotes taken off.

    A line without any is the name.
    """
    if len(comment) > LONGEST:
        raise Rejected(f"the comment line has {len(comment)} characters, at most {LONGEST} are read")
    info = {match[1].lower(): match[2].strip("\"'") for match in INFO.finditer(comment)}
    return info or ({"name": comment.strip()} if comment.strip() else {})


def columns_of(comment: str) -> Columns:
    """Returns where things stand in the rows of a frame, from ``Properties=`` in its comment line."""
    stated = comment_info(comment).get("properties")
    if stated is None:
        return Columns()
    if not PROPERTIES.fullmatch(stated):
        raise Rejected(f"Properties={stated[:60]} cannot be read: expected name:type:columns, repeated")
    parts = stated.split(":")
    ends = list(accumulate(map(int, parts[2::3]), initial=0))
    places = dict(zip(parts[::3], pairwise(ends), strict=True))
    (species, after), (position, end) = places.get("species", (0, 0)), places.get("pos", (0, 0))
    if after - species != 1 or end - position != 3:
        raise Rejected(f"Properties={stated[:60]} has no species:S:1 or no pos:R:3")
    return Columns(species, position, ends[-1])


def read_row(row: str, columns: Columns) -> tuple[str, tuple[float, float, float]]:
    """Returns symbol and position of the atom in one row of a frame."""
    cells = row.split() if len(row) <= LONGEST else []
    wanted = columns.width or 4
    if len(cells) < wanted or (columns.width and len(cells) > wanted):
        raise Rejected(f"expected {wanted} columns, got {row!r:.60}")
    x, y, z = cells[columns.position : columns.position + 3]
    return _symbol(cells[columns.species]), (_number(x), _number(y), _number(z))


def read_mol(text: str) -> Structure:
    """Returns atoms, positions and title of a mol block (V2000 or V3000); raises ``Rejected`` for what is wrong."""
    lines = text.split("\n")
    if not _is_counts(lines[3:4]):
        raise Rejected("a mol block needs V2000 or V3000 at the end of its fourth line")
    title, counts, body = lines[0].strip(), lines[3].rstrip(), [line.rstrip() for line in lines[4:]]
    if "M  END" not in body:
        raise Rejected("the mol block has no M  END: it is cut off")
    rows = _rows_v3000(body) if counts.endswith("V3000") else _rows_v2000(counts, body)
    read = [(_symbol(symbol), (_number(x), _number(y), _number(z))) for symbol, x, y, z in rows]
    info = {"name": title} if title else {}
    return Structure(tuple(symbol for symbol, _ in read), _array([at for _, at in read]), info)


Cells = tuple[str, str, str, str]


def _rows_v2000(counts: str, lines: Sequence[str]) -> list[Cells]:
    """Returns symbol and coordinates of each atom, from their fixed columns."""
    atoms = atom_count(counts[:3])
    if len(lines) < atoms:
        raise Rejected(f"the mol block says {atoms} atoms, but ends after {len(lines)} lines")
    return [_fixed(line) for line in lines[:atoms]]


def _fixed(line: str) -> Cells:
    """Returns the cells of an atom line of V2000: three times ten columns, a blank, and three for the symbol."""
    x, y, z = (line[i:j] for i, j in pairwise((0, 10, 20, 30)))
    if not all(re.fullmatch(r" *[+-]?\d*\.\d{4}", cell, re.ASCII) for cell in (x, y, z)) or line[30:31] != " ":
        raise Rejected(f"expected an atom with coordinates in columns 1 to 30 (%10.4f), got {line!r:.60}")
    return line[31:34].strip(), x.strip(), y.strip(), z.strip()


def _rows_v3000(lines: Sequence[str]) -> list[Cells]:
    """Returns symbol and coordinates of each atom, from between BEGIN ATOM and END ATOM."""
    inside: list[Cells] = []
    at = next((i for i, line in enumerate(lines) if line.split() == ["M", "V30", "BEGIN", "ATOM"]), len(lines))
    for line in lines[at + 1 :]:
        cells = line.split()
        if cells == ["M", "V30", "END", "ATOM"]:
            break
        if len(cells) < 8 or cells[:2] != ["M", "V30"] or len(inside) >= MOST_ATOMS:
            raise Rejected(f"expected an atom (M  V30 index symbol x y z map), got {line!r:.60}")
        inside.append((cells[3], cells[4], cells[5], cells[6]))
    if not inside:
        raise Rejected("the mol block has no atoms")
    return inside


def _is_counts(line: Sequence[str]) -> bool:
    return any(text.rstrip().endswith(("V2000", "V3000")) for text in line)


def _symbol(cell: str) -> str:
    if not SYMBOL.fullmatch(cell):
        raise Rejected(f"expected the symbol of an element, got {cell!r:.30}")
    return cell


def _number(cell: str) -> float:
    value = float(cell) if len(cell) <= 60 and NUMBER.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        raise Rejected(f"expected a finite coordinate (Å), got {cell!r:.30}")
    return value


def _array(rows: Sequence[tuple[float, float, float]]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
