"""A finite list of candidates, one of which is chosen at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.frames import Broken, Frame, sdf_records, xyz_frames
from cohobate.core.payload import Payload

READABLE = (".smi", ".csv", ".txt", ".extxyz", ".xyz", ".sdf")
Row = tuple[Any, ...]
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of a pool file (or an item of a list, counted from 1) that was left out, and why."""

    line: int
    reason: str


@final
class Pool:
    """Candidates as rows of named columns; the columns in ``names`` are what is varied.

    ``labels`` are further columns (a name, a source) that are shown but never passed on. Duplicate
    and unreadable rows are left out and listed in ``skipped``. Raises ``ProblemError`` where no row
    is left.

    >>> pool = Pool(["CCO", "CC", "CCO"], name="smiles")
    >>> len(pool), pool[1], pool.skipped
    (2, {'smiles': 'CC'}, (Skipped(line=3, reason='duplicate of line 1'),))
    """

    __slots__ = ("_index", "_labels", "_rows", "labels", "names", "skipped", "source")

    def __init__(self, rows: Iterable[Any], *, name: str = "candidate", source: str = "a list") -> None:
        first, items = _peek(rows)
        self.names: tuple[str, ...] = tuple(first) if isinstance(first, Mapping) else (name,)
        self.labels: tuple[str, ...] = ()
        self.source = source
        self._labels: list[Row] = []
        self.skipped: tuple[Skipped, ...] = ()
        self._fill((line, _row(item, self.names), ()) for line, item in enumerate(items, 1))

    @classmethod
    def read(cls, path: str | Path, *, column: str | None = None) -> Pool:
        """Returns the pool in a ``.smi``, ``.csv``, ``.txt``, ``.extxyz``, ``.xyz`` or ``.sdf`` file (UTF-8).

        ``.smi``: a SMILES, then, after white space, a name. ``.csv``: the first line names the
        columns; ``column`` (default: ``smiles`` where there is one, else the first) is what is
        varied, the others are labels. ``.txt``: a candidate each line. ``.extxyz``, ``.xyz`` and
        ``.sdf``: each ``structure`` is the text of a frame or of a mol block, with its name. Elsewhere
        empty lines are nothing, and lines that start with ``#`` are comments in ``.smi`` and ``.txt``.
        """
        path = Path(path)
        if path.suffix.lower() not in READABLE:
            raise ProblemError(f"pool {path}: expected a file ending in {', '.join(READABLE)}, got {path.name!r}")
        names, labels, lines = _parse(path, _text(path), column)
        pool = object.__new__(cls)
        pool.names, pool.labels, pool.source = names, labels, str(path)
        pool._fill(lines)
        return pool

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return dict(zip(self.names, self._rows[i], strict=True))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, inputs: object) -> bool:
        if not isinstance(inputs, Mapping) or inputs.keys() != set(self.names):
            return False
        return all(isinstance(v, Scalar) for v in inputs.values()) and self._key(inputs) in self._index

    def __repr__(self) -> str:
        return f"Pool({len(self)} rows of {', '.join(self.names)} from {self.source})"

    def index(self, inputs: Mapping[str, Any]) -> int:
        """Returns the position of a row; ``KeyError`` where it is not in the pool."""
        return self._index[self._key(inputs)]

    def id(self, i: int) -> str:
        """Returns the content hash of row ``i``: 16 hexadecimal digits, the same in any pool."""
        return content_hash(self[i])[:16]

    def label(self, i: int) -> dict[str, str]:
        """Returns the labels of row ``i``."""
        return dict(zip(self.labels, self._labels[i], strict=True)) if self.labels else {}

    def column(self, name: str | None = None) -> list[Any]:
        """Returns one varied column (default: the first) over all rows."""
        at = self.names.index(name) if name else 0
        return [row[at] for row in self._rows]

    def describe(self) -> Mapping[str, Any]:
        """Returns size, columns and a hash of all rows, to compare a run with its resume."""
        digest = sha256()
        for row in self._rows:
            digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return {"rows": len(self), "columns": list(self.names), "sha256": digest.hexdigest()}

    def _key(self, inputs: Mapping[str, Any]) -> Row:
        return tuple(inputs[name] for name in self.names)

    def _fill(self, lines: Iterable[tuple[int, Row | str, Row]]) -> None:
        """Takes in (line, row or what is wrong with it, labels)."""
        seen: dict[Row, int] = {}
        index: dict[Row, int] = {}
        skipped: list[Skipped] = []
        self._rows: list[Row] = []
        self._labels = []
        for line, row, labels in lines:
            if isinstance(row, str):
                skipped.append(Skipped(line, row))
            elif row in seen:
                skipped.append(Skipped(line, f"duplicate of line {seen[row]}"))
            else:
                seen[row], index[row] = line, len(self._rows)
                self._rows.append(row)
                if self.labels:
                    self._labels.append(tuple(_shown(label) for label in labels))
        self._index, self.skipped = index, tuple(skipped)
        if not self._rows:
            raise ProblemError(f"the pool from {self.source} is empty: expected at least one readable candidate")


def _peek(rows: Iterable[Any]) -> tuple[Any, Sequence[Any]]:
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise ProblemError(f"a pool needs a list of candidates, got the {type(rows).__name__} {rows!r:.60}")
    items = list(rows)
    return (items[0] if items else None), items


def _row(item: object, names: tuple[str, ...]) -> Row | str:
    """Returns one item of a list as a row, or what is wrong with it."""
    if isinstance(item, Mapping):
        if tuple(item) != names and item.keys() != set(names):
            return f"expected the columns {list(names)}, got {list(item)}"
        values = tuple(item[name] for name in names)
    else:
        values = (item,)
    if len(values) != len(names) or not all(isinstance(v, Scalar) for v in values):
        return f"expected text or numbers, got {item!r:.80}"
    return values


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise ProblemError(f"pool {path}: no such file; give the path of a {', '.join(READABLE)} file")
        return path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise ProblemError(f"pool {path}: cannot be read: {error.strerror}") from error


Parsed = tuple[tuple[str, ...], tuple[str, ...], Iterable[tuple[int, Row | str, Row]]]


def _parse(path: Path, text: str, column: str | None) -> Parsed:
    match path.suffix.lower():
        case ".smi":
            return ("smiles",), ("name",), (_smi(n, line) for n, line in _lines(text))
        case ".txt":
            return (column or "candidate",), (), ((n, _clean(line.strip()), ()) for n, line in _lines(text))
        case ".extxyz" | ".xyz":
            return ("structure",), ("name",), map(_structure, xyz_frames(_ended(text)))
        case ".sdf":
            return ("structure",), ("name",), map(_structure, sdf_records(_ended(text)))
    return _csv(path, text, column)


def _structure(found: Frame | Broken) -> tuple[int, Row | str, Row]:
    return (found.line, found.reason, ()) if isinstance(found, Broken) else (found.line, (found.text,), (found.name,))


def _ended(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Returns the numbered lines that are neither empty nor comments."""
    for number, line in enumerate(_ended(text), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _smi(number: int, line: str) -> tuple[int, Row | str, Row]:
    smiles, *name = line.split(maxsplit=1)
    return number, _clean(smiles), (name[0].strip() if name else "",)


def _csv(path: Path, text: str, column: str | None) -> Parsed:
    reader = csv.reader(StringIO(text.replace("\x00", "\ufffd"), newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise ProblemError(f"pool {path}: the first line is not readable as CSV: {error}") from error
    varied = column or ("smiles" if "smiles" in header else (header[0] if header else ""))
    if varied not in header:
        hint = did_you_mean(varied, header)
        raise ProblemError(f"pool {path}: no column {varied!r:.80} among {header!r:.200}{hint:.100}")
    at = header.index(varied)
    return (varied,), (*header[:at], *header[at + 1 :]), _csv_rows(reader, at, len(header))


def _csv_rows(reader: Payload, at: int, width: int) -> Iterator[tuple[int, Row | str, Row]]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, f"not readable as CSV: {error}", ()
            continue
        if row is None:
            return
        if not row:
            continue
        if len(row) != width:
            yield reader.line_num, f"expected {width} columns, got {len(row)}", ()
        else:
            yield reader.line_num, _clean(row[at].strip()), (*row[:at], *row[at + 1 :])


def _shown(label: str) -> str:
    """Returns a label as text that can be stored: bytes that were not UTF-8 become question marks."""
    return label.encode("utf-8", "replace").decode()


def _clean(value: str) -> Row | str:
    """Returns the one-column row of ``value``, or what is wrong with it."""
    if not value:
        return "no candidate on this line"
    if "\x00" in value or "\ufffd" in value:
        return "holds a NUL character"
    if any("\ud800" <= c <= "\udfff" for c in value):
        return "is not UTF-8 text"
    return (value,)
