"""The rows of a pool that stay in their file."""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, final
from weakref import finalize
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import ProblemError
from cohobate.core.pool_files import BOM, FORMATS, Entry, Feed, Layout, Row, broken, shown, text
from cohobate.core.pool_rows import Listed, Skipped

LARGE = 4 << 20
"""Bytes of a file from which on its rows stay there."""
BLOCK = 1 << 20
"""Bytes of a file that are read at a time."""


class Extents(NamedTuple):
    """Where entries begin and end in a file, the checksums of these bytes, and their line: each (entries,)."""

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    check: NDArray[np.uint32]
    line: NDArray[np.int64]

    def only(self, kept: NDArray[np.int64]) -> Extents:
        """Returns the extents of these entries."""
        return Extents(self.start[kept], self.stop[kept], self.check[kept], self.line[kept])


@final
class Filed:
    """Rows that stay in their file, which is held open: 40 bytes of memory for each.

    A row is found by its hash. What is read must have the checksum it had at first, else
    ``ProblemError``: a file that was written anew never gives a wrong row.
    """

    __slots__ = ("__weakref__", "_extents", "_hashes", "_layout", "_order", "_path", "_place", "_source", "skipped")

    def __init__(self, path: str, file: BinaryIO, layout: Layout, feed: Feed) -> None:
        """``feed``: what ``file`` has below the head that ``layout`` was made from."""
        self._path, self._source, self._layout = path, os.dup(file.fileno()), layout
        self._place = os.path.abspath(path)  # who is sent the rows may work elsewhere
        finalize(self, os.close, self._source)
        self._extents, hashes, skipped = _scan(layout, feed)
        self._order, self._hashes = _sorted(hashes)
        twins = self._twins()
        line = self._extents.line.tolist() if twins else []
        skipped += [Skipped(line[i], f"duplicate of line {line[first]}") for i, first in twins.items()]
        self.skipped = tuple(sorted(skipped, key=attrgetter("line")))
        if twins:
            kept = np.delete(np.arange(len(hashes)), list(twins))
            self._extents = self._extents.only(kept)
            self._order, self._hashes = _sorted(hashes[kept])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, i: int) -> Row:
        row = self._entry(self._bytes(i))[0]
        assert not isinstance(row, str)
        return row

    def __iter__(self) -> Iterator[Row]:
        at = 0
        while at < len(self):
            end = int(np.searchsorted(self._extents.stop, self._extents.start[at] + BLOCK, side="right"))
            yield from self._between(at, max(end, at + 1))
            at = max(end, at + 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._place, self._layout.names[0], self._mark())

    def find(self, row: Row) -> int | None:
        """Returns the position of a row, or ``None``."""
        mark = hash(row)
        at = int(self._hashes.searchsorted(mark))
        while at < len(self) and self._hashes[at] == mark:
            i = int(self._order[at])
            if self[i] == row:
                return i
            at += 1
        return None

    def label(self, i: int) -> Row:
        """Returns the labels of row ``i``, in order."""
        return tuple(map(shown, self._entry(self._bytes(i))[1]))

    def column(self, at: int) -> Column:
        """Returns one value of each row, read when it is asked for."""
        return Column(self, at)

    def _entry(self, raw: bytes) -> Entry:
        return next(self._layout.entries(map(text, raw.splitlines(keepends=True))))

    def _bytes(self, i: int) -> bytes:
        extents = self._extents
        raw = self._read(int(extents.start[i]), int(extents.stop[i]))
        if crc32(raw) != extents.check[i]:
            self._changed(int(extents.line[i]))
        return raw

    def _between(self, at: int, end: int) -> Iterator[Row]:
        """Returns the rows from ``at`` to ``end``, which are near each other, by one look at the file."""
        start, stop, check, line = (each[at:end].tolist() for each in self._extents)
        feed = Feed(self._read(start[0], stop[-1]).splitlines(keepends=True), start[0])
        i = 0
        for row, _, _ in self._layout.entries(feed):
            begin, until, seen = feed.take()
            if begin == start[i]:  # else it was skipped at first
                if isinstance(row, str) or until != stop[i] or seen != check[i]:
                    break
                yield row
                i += 1
            if i == len(start):
                return
        self._changed(line[i])

    def _mark(self) -> int:
        return crc32(self._extents.check.tobytes())

    def _read(self, start: int, stop: int) -> bytes:
        try:
            return os.pread(self._source, stop - start, start)
        except OSError as error:
            raise ProblemError(f"pool {self._path}: can no longer be read: {error.strerror}") from error

    def _changed(self, line: int) -> None:
        raise ProblemError(
            f"pool {self._path}: line {line} is not what it was when the file was opened: put the old file back, "
            "or start anew with this one"
        )

    def _twins(self) -> dict[int, int]:
        """Returns the rows that are equal to one before them, and to which."""
        found: dict[int, int] = {}
        seen: dict[Row | str | bytes, int] = {}
        last = -2
        equal = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        first, other = self._order[equal], self._order[equal + 1]
        extents = self._extents.start[other], self._extents.stop[other]
        for at, i, j, start, stop in zip(*(each.tolist() for each in (equal, first, other, *extents)), strict=True):
            if at != last + 1:
                seen = {self[i]: i, self._bytes(i): i}
            raw = self._read(start, stop)  # to compare bytes is faster than to read what they say
            earlier = seen[raw] if raw in seen else seen.setdefault(self._entry(raw)[0], j)
            if earlier != j:
                found[j] = earlier
            last = at
        return found


@final
class Column(Sequence[Any]):
    """One value of each row of a file, read when it is asked for."""

    __slots__ = ("_at", "_rows")

    def __init__(self, rows: Filed, at: int) -> None:
        self._rows, self._at = rows, at

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> Any:  # noqa: ANN401 (a number gives a value, a slice a list of them)
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        return self._rows[i][self._at]

    def __iter__(self) -> Iterator[Any]:
        return (row[self._at] for row in self._rows)


def _scan(layout: Layout, feed: Feed) -> tuple[Extents, NDArray[np.int64], list[Skipped]]:
    """Returns where the rows are, their hashes, and what was left out."""
    start, stop, check, line, hashes = array("q"), array("q"), array("I"), array("q"), array("q")
    skipped: list[Skipped] = []
    feed.take()
    for row, _, _ in layout.entries(feed):
        begin, end, seen = feed.take()
        if isinstance(row, str):
            skipped.append(Skipped(feed.number, row))
            continue
        start.append(begin)
        stop.append(end)
        check.append(seen)
        line.append(feed.number)
        hashes.append(hash(row))
    extents = Extents(np.array(start), np.array(stop), np.array(check), np.array(line))
    return extents, np.array(hashes), skipped


def _sorted(hashes: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns the positions in the order of their hashes, and these."""
    order = np.argsort(hashes, kind="stable")
    return order.astype(np.int32), hashes[order]


def read(path: str, column: str | None, *, large: int) -> tuple[Layout, Listed | Filed]:
    """Returns the rows of a file; those of one of at least ``large`` bytes stay there. Raises ``ProblemError``."""
    with _opened(Path(path)) as file:
        try:
            return _rows(path, file, column, large)
        except OSError as error:
            raise ProblemError(f"pool {path}: cannot be read: {error.strerror}") from error


def _opened(path: Path) -> BinaryIO:
    if path.suffix.lower() not in FORMATS:
        raise ProblemError(f"pool {path}: expected a file ending in {', '.join(FORMATS)}, got {path.name!r}")
    try:
        if not path.is_file():
            raise ProblemError(f"pool {path}: no such file; give the path of a {', '.join(FORMATS)} file")
        return path.open("rb")
    except OSError as error:
        raise ProblemError(f"pool {path}: cannot be read: {error.strerror}") from error


def _rows(path: str, file: BinaryIO, column: str | None, large: int) -> tuple[Layout, Listed | Filed]:
    stays = os.fstat(file.fileno()).st_size >= large
    content = file if stays else io.BytesIO(file.read())  # at once: a small one may be changed at any time
    marked = content.read(len(BOM)) == BOM
    start = len(BOM) if marked else 0
    content.seek(start)
    feed = Feed(broken(content), start)
    try:
        layout = FORMATS[Path(path).suffix.lower()](feed, column)
    except ProblemError as error:
        raise ProblemError(f"pool {path}: {error}") from error
    if stays and layout.stays:
        return layout, Filed(path, file, layout, feed)
    return layout, Listed((row, labels, line or feed.number) for row, labels, line in layout.entries(feed))


def _again(path: str, column: str, mark: int) -> Filed:
    """Returns the rows of a file that were sent to this process; raises ``ProblemError`` unless they are the same."""
    _, rows = read(path, column, large=0)
    assert isinstance(rows, Filed)
    if rows._mark() != mark:
        raise ProblemError(f"pool {path}: it is not the file that was read where this pool was sent from")
    return rows
