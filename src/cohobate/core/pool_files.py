"""How the candidates of a pool stand in a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final
from zlib import crc32

from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.frames import Broken, Frame, sdf_records, xyz_frames

BOM = b"\xef\xbb\xbf"
Row = tuple[Any, ...]
Entry = tuple[Row | str, Row, int]
"""A row, or what is wrong with it; its labels; and the line it stands on, 0 for the one that was read last."""


class Layout(Protocol):
    """Where a file has its rows: ``names`` are the columns that are varied, ``labels`` the others."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def stays(self) -> bool:
        """Whether rows may stay in the file: what one entry takes from the lines is enough to read it again."""
        ...

    def entries(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Returns what stands in these lines of text, which keep their ends."""
        ...


@final
class Feed:
    """The lines of a file as text, and which bytes were read since the last ``take``."""

    __slots__ = ("_check", "_lines", "_start", "_stop", "number")

    def __init__(self, lines: Iterable[bytes], start: int = 0) -> None:
        self._lines = iter(lines)
        self._start = self._stop = start
        self._check = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        """Goes on where the last iteration stopped."""
        for raw in self._lines:
            self.number += 1
            self._stop += len(raw)
            self._check = crc32(raw, self._check)
            yield text(raw)

    def take(self) -> tuple[int, int, int]:
        """Returns where these bytes begin and end in the file, and their checksum."""
        taken = self._start, self._stop, self._check
        self._start, self._check = self._stop, 0
        return taken


def text(raw: bytes) -> str:
    """Returns bytes as text, in which what is not UTF-8 can still be told."""
    return raw.decode("utf-8", "surrogateescape")


def broken(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Returns lines that end with a newline, broken where they have carriage returns inside."""
    for piece in pieces:
        if b"\r" in piece:
            yield from piece.splitlines(keepends=True)
        else:
            yield piece


@final
@dataclass(frozen=True, slots=True)
class Lines:
    """A candidate each line; empty lines are nothing, and those that start with ``#`` are comments."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    entry: Callable[[str], Entry]
    stays: bool = True

    def entries(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Returns what each line says."""
        entry = self.entry
        for line in lines:
            stripped = line.strip()
            if stripped and stripped[0] != "#":
                yield entry(stripped)


@final
@dataclass(frozen=True, slots=True)
class Table:
    """Comma-separated values under a first line that names the columns."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    at: int
    stays: bool = True

    def entries(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Returns what each record below the first line says."""
        reader, width = _csv(lines), len(self.labels) + 1
        while True:
            try:
                record = next(reader, None)
            except csv.Error as error:
                yield f"not readable as CSV: {error}", (), 0
                continue
            if record is None:
                return
            if not record:
                continue
            if len(record) != width:
                yield f"expected {width} columns, got {len(record)}", (), 0
            else:
                yield _clean(record[self.at].strip()), (*record[: self.at], *record[self.at + 1 :]), 0


@final
@dataclass(frozen=True, slots=True)
class Whole:
    """Candidates that one must see in a row to tell them apart, such as structures of many lines; kept in memory."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    split: Callable[[Iterable[str]], Iterator[Entry]]
    stays: bool = False

    def entries(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Returns what ``split`` finds."""
        return self.split(lines)


def smi(lines: Iterable[str], column: str | None) -> Layout:
    """A SMILES, then, after white space, a name."""
    return Lines(("smiles",), ("name",), _smiles)


def txt(lines: Iterable[str], column: str | None) -> Layout:
    """A candidate each line."""
    return Lines((column or "candidate",), (), lambda line: (_clean(line), (), 0))


def table(lines: Iterable[str], column: str | None) -> Layout:
    """What is varied is ``column``, or else ``smiles``, or else the first."""
    try:
        header = [name.strip() for name in next(_csv(lines), [])]
    except csv.Error as error:
        raise ProblemError(f"the first line is not readable as CSV: {error}") from error
    varied = column or ("smiles" if "smiles" in header else (header[0] if header else ""))
    if varied not in header:
        raise ProblemError(f"no column {varied!r:.80} among {header!r:.200}{did_you_mean(varied, header):.100}")
    at = header.index(varied)
    return Table((varied,), (*header[:at], *header[at + 1 :]), at)


def xyz(lines: Iterable[str], column: str | None) -> Layout:
    """The text of a frame, and its name."""
    return Whole(("structure",), ("name",), lambda lines: map(_structure, xyz_frames(lines)))


def sdf(lines: Iterable[str], column: str | None) -> Layout:
    """The text of a mol block, and its name."""
    return Whole(("structure",), ("name",), lambda lines: map(_structure, sdf_records(lines)))


FORMATS: Mapping[str, Callable[[Iterable[str], str | None], Layout]] = {
    ".smi": smi,
    ".csv": table,
    ".txt": txt,
    ".extxyz": xyz,
    ".xyz": xyz,
    ".sdf": sdf,
}
"""What makes the layout of a file with this ending: it may read the head, and is told which column is varied."""
READABLE = tuple(FORMATS)


def shown(label: str) -> str:
    """Returns a label as text that can be stored: bytes that were not UTF-8 become question marks."""
    return label if label.isascii() else label.encode("utf-8", "replace").decode()


def _structure(found: Frame | Broken) -> Entry:
    return (found.reason, (), found.line) if isinstance(found, Broken) else ((found.text,), (found.name,), found.line)


def _smiles(line: str) -> Entry:
    smiles, *name = line.split(maxsplit=1)
    return _clean(smiles), (name[0] if name else "",), 0


def _csv(lines: Iterable[str]) -> Iterator[list[str]]:
    return csv.reader(line.replace("\x00", "\ufffd") for line in lines)


def _clean(value: str) -> Row | str:
    """Returns the one-column row of ``value``, or what is wrong with it."""
    if not value:
        return "no candidate on this line"
    if "\x00" in value or "\ufffd" in value:
        return "holds a NUL character"
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        return "is not UTF-8 text"
    return (value,)
