"""A finite list of candidates, one of which is chosen at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.errors import ProblemError
from cohobate.core.pool_filed import LARGE, Filed, read
from cohobate.core.pool_files import READABLE as READABLE
from cohobate.core.pool_files import Row
from cohobate.core.pool_rows import Listed, Rows
from cohobate.core.pool_rows import Skipped as Skipped

Scalar = str | int | float | bool


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

    __slots__ = ("_digest", "_rows", "labels", "names", "skipped", "source")
    _digest: str

    def __init__(self, rows: Iterable[Any], *, name: str = "candidate", source: str = "a list") -> None:
        first, items = _peek(rows)
        names = tuple(first) if isinstance(first, Mapping) else (name,)
        listed = Listed((_row(item, names), (), number) for number, item in enumerate(items, 1))
        self._fill(listed, (names, ()), source)

    @classmethod
    def read(cls, path: str | Path, *, column: str | None = None) -> Pool:
        """Returns the pool in a ``.smi``, ``.csv``, ``.txt``, ``.extxyz``, ``.xyz`` or ``.sdf`` file (UTF-8).

        ``.smi``: a SMILES, then, after white space, a name. ``.csv``: the first line names the
        columns; ``column`` (default: ``smiles`` where there is one, else the first) is what is
        varied, the others are labels. ``.txt``: a candidate each line. ``.extxyz``, ``.xyz`` and
        ``.sdf``: each ``structure`` is the text of a frame or of a mol block, with its name. Elsewhere
        empty lines are nothing, and lines that start with ``#`` are comments in ``.smi`` and ``.txt``.

        The rows of another file of more than 4 MB stay in it, so it must not be changed while the pool is
        in use: what is no longer as it was read raises ``ProblemError``. A million SMILES take 40 MB
        of memory and two seconds.
        """
        layout, rows = read(str(path), column, large=LARGE)
        pool = object.__new__(cls)
        pool._fill(rows, (layout.names, layout.labels), str(path))
        return pool

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return dict(zip(self.names, self._rows[i], strict=True))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.names, row, strict=True)) for row in self._rows)

    def __contains__(self, inputs: object) -> bool:
        if not isinstance(inputs, Mapping) or inputs.keys() != set(self.names):
            return False
        return all(isinstance(v, Scalar) for v in inputs.values()) and self._rows.find(self._key(inputs)) is not None

    def __repr__(self) -> str:
        return f"Pool({len(self)} rows of {', '.join(self.names)} from {self.source})"

    def index(self, inputs: Mapping[str, Any]) -> int:
        """Returns the position of a row; ``KeyError`` where it is not in the pool."""
        found = self._rows.find(self._key(inputs))
        if found is None:
            raise KeyError(self._key(inputs))
        return found

    def id(self, i: int) -> str:
        """Returns the content hash of row ``i``: 16 hexadecimal digits, the same in any pool."""
        return content_hash(self[i])[:16]

    def label(self, i: int) -> dict[str, str]:
        """Returns the labels of row ``i``."""
        return dict(zip(self.labels, self._rows.label(i), strict=True)) if self.labels else {}

    def column(self, name: str | None = None) -> Sequence[Any]:
        """Returns one varied column (default: the first) over all rows; that of a large file is read as it is used."""
        return self._rows.column(self.names.index(name) if name else 0)

    def describe(self) -> Mapping[str, Any]:
        """Returns size, columns and a hash of all rows, to compare a run with its resume."""
        if not self._digest:
            digest = sha256()
            for row in self._rows:
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
            self._digest = digest.hexdigest()
        return {"rows": len(self), "columns": list(self.names), "sha256": self._digest}

    def _key(self, inputs: Mapping[str, Any]) -> Row:
        return tuple(inputs[name] for name in self.names)

    def _fill(self, rows: Listed | Filed, columns: tuple[tuple[str, ...], tuple[str, ...]], source: str) -> None:
        """``columns``: the names of what is varied, and of the labels."""
        self.names, self.labels = columns
        self.source = source
        self.skipped: tuple[Skipped, ...] = rows.skipped
        self._rows: Rows = rows
        self._digest = ""  # made when it is asked for
        if not len(rows):
            raise ProblemError(f"the pool from {source} is empty: expected at least one readable candidate")


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
