"""Contents of a ledger that were left where they are, and the geometries among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from cohobate.core.blob import Blob, Blobs
from cohobate.core.errors import Rejected
from cohobate.core.payload import Payload
from cohobate.core.structure import columns_of, read_row
from cohobate.ledger.rows import FLAGS, Row
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Readable

GEOMETRIES: Final = (".extxyz", ".xyz")


class Stored(Readable, Protocol):
    """A ``Ledger`` or a ``Reader``: events, and the large contents that they name."""

    @property
    def blobs(self) -> Blobs: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """The last frame of an XYZ file: its second line, and by atom its line, element and coordinates (Å)."""

    comment: str
    atoms: tuple[str, ...]
    symbols: list[str]
    positions: list[tuple[float, float, float]]


def geometries(row: Row, stored: Stored) -> Iterator[tuple[str, Frame]]:
    """Returns the name and the last frame of each geometry that a trial has; of outputs, then of inputs."""
    for name, value in (*row.outputs.items(), *row.trial.inputs.items()):
        found = last_frame(_text(value, stored))
        if found is not None:
            yield name, found


def says(name: str, value: Payload) -> bool:
    """Whether a cell of the table says something that fits a line: no content, not nothing, not a flag that is off."""
    nothing = value is None or (value is False and name in FLAGS) or isinstance(value, Blob | Kept)
    return not nothing and not (isinstance(value, str) and not value)


def _text(value: Payload, stored: Stored) -> str:
    """Returns the text of what may be a geometry, else nothing."""
    match value:
        case Blob(data, suffix) if suffix in GEOMETRIES:
            return data.decode(errors="replace")
        case Kept(sha256, size, what) if what in GEOMETRIES:
            return stored.blobs.get(sha256, size).decode(errors="replace")
        case str() if value[:8].partition("\n")[0].strip().isdecimal():
            return value
    return ""


def last_frame(text: str) -> Frame | None:
    """Returns the last frame of text in XYZ format, ``None`` for any other text."""
    lines = text.splitlines()
    last, at = None, 0
    while at < len(lines) and lines[at].strip().isdecimal():
        end = at + 2 + int(lines[at])
        if end > len(lines):
            break
        last, at = (lines[at + 1], tuple(lines[at + 2 : end])), end
    return None if last is None else _read(*last)


def _read(comment: str, atoms: tuple[str, ...]) -> Frame | None:
    try:
        columns = columns_of(comment)
        read = [read_row(line, columns) for line in atoms]
    except Rejected:
        return None
    return Frame(comment, atoms, [symbol for symbol, _ in read], [at for _, at in read])
