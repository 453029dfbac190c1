"""Files of many structures, split into the text of each; what is broken is named and passed over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import final

from cohobate.core.errors import Rejected
from cohobate.core.structure import COUNT, LONGEST, Columns, atom_count, columns_of, comment_info, read_mol, read_row

MOST_LINES = 50_000
"""Lines of one SDF record, its data fields included."""
NAMES = ("name", "title", "id", "label", "molecule", "compound")
"""Keys under which files keep the name of a structure, in the order in which they are believed."""
DATA = re.compile(r">.*<([^>]*)>")
SURROGATE = re.compile("[\ud800-\udfff]")


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """The text of one structure (``\\n`` line ends), the line it starts on, counted from 1, and its name or ``""``."""

    line: int
    text: str
    name: str


@final
@dataclass(frozen=True, slots=True)
class Broken:
    """Where the file holds no structure, and why."""

    line: int
    reason: str


def xyz_frames(lines: Iterable[str]) -> Iterator[Frame | Broken]:
    """Splits an XYZ or extended XYZ file, line by line; never raises for what the lines hold.

    A frame is believed only where the file ends after it or the next one begins: a wrong number of
    atoms shows there. After something broken it goes on at the next line that is a whole number.

    >>> [frame.name for frame in xyz_frames(["1", "helium", "He 0 0 0"])]
    ['helium']
    """
    source = _Lines(lines)
    while source.line is not None:
        if not source.line.strip():
            source.advance()
            continue
        start = source.number
        try:
            yield _xyz_frame(source)
        except Rejected as error:
            yield Broken(start, str(error))
            while source.line is not None and not COUNT.fullmatch(source.line):
                source.advance()


def sdf_records(lines: Iterable[str]) -> Iterator[Frame | Broken]:
    """Splits an SDF (or a mol file) into mol blocks, line by line; never raises for what the lines hold.

    The name is the title, else a data field called ``name``, ``title``, ``id`` or the like; the
    other data fields are passed over.
    """
    source = _Lines(lines)
    while source.line is not None:
        start = source.number
        record = list(islice(source.until("$$$$"), MOST_LINES + 1))
        for _ in source.until("$$$$"):  # what is left of a record that is too long
            pass
        source.advance()
        if any(line.strip() for line in record):
            yield _sdf_record(record, start)


def name_in(info: Mapping[str, str]) -> str:
    """Returns the name among what a structure says of itself, ``""`` where there is none."""
    return next((info[key] for key in NAMES if info.get(key)), "")


@final
class _Lines:
    """Lines one at a time: the current one and its number, ``None`` after the last."""

    __slots__ = ("_rest", "line", "number")

    def __init__(self, lines: Iterable[str]) -> None:
        self._rest = iter(lines)
        self.number = 0
        self.line: str | None = ""
        self.advance()

    def advance(self) -> None:
        line = next(self._rest, None)
        self.number += line is not None
        self.line = None if line is None else line.rstrip("\r\n")

    def until(self, mark: str) -> Iterator[str]:
        """Yields the lines before one that starts with ``mark``, which becomes the current one."""
        while self.line is not None and not self.line.startswith(mark):
            yield self.line
            self.advance()


def _xyz_frame(source: _Lines) -> Frame:
    """Returns the frame that starts at the current line; ``Rejected`` leaves the line after it current."""
    start, count = source.number, source.line or ""
    source.advance()
    atoms = atom_count(count)
    comment = source.line or ""
    columns = columns_of(comment)
    source.advance()
    rows: list[str] = []
    for n in range(1, atoms + 1):
        rows.append(_row(source, columns, f"atom {n} of the {atoms} that line {start} says"))
        source.advance()
    if source.line is not None and source.line.strip() and not COUNT.fullmatch(source.line):
        raise Rejected(f"line {start} says {atoms} atoms, but there is more: {source.line!r:.60}")
    return _frame(start, [count, comment, *rows], name_in(comment_info(comment)))


def _row(source: _Lines, columns: Columns, what: str) -> str:
    """Returns the current line, which is the row of an atom; ``Rejected`` says ``what`` is wrong otherwise."""
    if source.line is None:
        raise Rejected(f"the file ends before {what}")
    try:
        read_row(source.line, columns)
    except Rejected as error:
        raise Rejected(f"{what}: {error}") from None
    return source.line


def _sdf_record(record: list[str], start: int) -> Frame | Broken:
    if len(record) > MOST_LINES:
        return Broken(start, f"the record has more than {MOST_LINES} lines")
    if long := next((len(line) for line in record if len(line) > LONGEST), None):
        return Broken(start, f"the record has a line of {long} characters, at most {LONGEST} are read")
    end = next((i for i, line in enumerate(record) if line.rstrip() == "M  END"), len(record)) + 1
    try:
        info = read_mol("\n".join(record[:end])).info
        return _frame(start, record[:end], name_in({**_data(record[end:]), **info}))
    except Rejected as error:
        return Broken(start, str(error))


def _data(lines: list[str]) -> dict[str, str]:
    """Returns the data fields of a record, each by its first line, keys in lower case."""
    named = ((DATA.match(line), value.strip()) for line, value in pairwise(lines))
    return {match[1].lower(): value for match, value in named if match}


def _frame(start: int, lines: list[str], name: str) -> Frame:
    text = "\n".join([*lines, ""])
    if "\0" in text:
        raise Rejected("holds a NUL character")
    if not text.isascii() and SURROGATE.search(text):
        raise Rejected("is not UTF-8 text")
    return Frame(start, text, name)
