"""Systems as frames of an extended XYZ file, every number bit for bit."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import Damaged, Foreign, UserError
from cohobate.core.structure import INFO
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD, Field, Scope
from cohobate.dynamics.inflight.building import FLEETING
from cohobate.dynamics.inflight.sinks import first
from cohobate.host.extras import require

NAMES: Final = {"positions": "pos", "numbers": "Z", "cell": "Lattice"}
FIELDS_OF: Final = {name: field for field, name in NAMES.items()}
LETTERS: Final = {"f": "R", "i": "I", "u": "I", "b": "L"}
PROPERTIES: Final = "Properties"
KINDS: Final = "kinds"
"""What tells the kinds of numbers of all fields, and the shapes of their entries: ``positions:real:3 tag:int32:``."""
NAME: Final = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


@final
class ExtXYZ:
    """Appends systems to a file, ``capacity`` of them at most; ``drain`` reads them back and empties it.

    Fields of atoms are columns, those of the system stand in the comment line; what only means something in a running
    batch is left out. What comes back is the same bit for bit, in double precision.

    A file that is there is gone on with: a last frame that a crash has cut off is taken away, and a system that comes
    again, being the same bit for bit as one from before, is not written twice.
    """

    def __init__(self, path: str | os.PathLike[str], capacity: int | None = None) -> None:
        if capacity is not None and (isinstance(capacity, bool) or capacity < 1):
            raise UserError(f"ExtXYZ: capacity must be a whole number of at least 1, got {capacity!r}")
        self.path, self.capacity = Path(path), capacity
        self._lock = threading.Lock()
        self._before: Counter[bytes] = Counter()
        self._number = self._taken_up() if self.path.exists() else 0

    def _taken_up(self) -> int:
        """Takes note of the whole frames that are there, and cuts off what is no whole one; returns how many."""
        whole = 0
        for text in texts(self.path):
            self._before[_digest(text)] += 1
            whole += len(text)
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)
        return self._before.total()

    def write(self, batch: Batch, mask: Tensor) -> Tensor:
        """Appends as many as there is room for: all of these, or, where it raises, none."""
        with self._lock:
            told = {row: frame(batch.select([row])).encode() for row in torch.nonzero(mask).ravel().tolist()}
            again = self._again(told)
            fresh = mask.clone()
            fresh[again] = False
            taken = first(fresh, self.capacity, self._number)
            rows = torch.nonzero(taken).ravel().tolist()
            self._append(b"".join(told[row] for row in rows))
            self._before -= Counter(_digest(told[row]) for row in again)
            self._number += len(rows)
            return taken | (mask & ~fresh)

    def _again(self, told: Mapping[int, bytes]) -> list[int]:
        """Returns those that are there from before."""
        left, found = self._before.copy(), []
        for row, text in told.items():
            if left[digest := _digest(text)] > 0:
                left[digest] -= 1
                found.append(row)
        return found

    def _append(self, data: bytes) -> None:
        if not data:
            return
        with self.path.open("ab") as file:
            size = file.tell()
            try:
                file.write(data)
                file.flush()
            except OSError:
                os.truncate(self.path, size)
                raise

    def __len__(self) -> int:
        return self._number

    @property
    def full(self) -> bool:
        """Whether it holds all it may."""
        return self.capacity is not None and self._number >= self.capacity

    def drain(self) -> Batch | None:
        """Returns all, and empties the file."""
        with self._lock:
            read = list(frames(self.path)) if self.path.exists() else []
            self.path.unlink(missing_ok=True)
            self._number = 0
        return joined(read) if read else None


def frame(alone: Batch) -> str:
    """Returns one system as the text of a frame."""
    chemical = require("ase.data", extra="chem").chemical_symbols
    names = [name for name in alone if not name.startswith(FLEETING) and name not in ("numbers", "positions")]
    if wrong := [name for name in names if not NAME.fullmatch(name)]:
        raise UserError(f"ExtXYZ: a field called {wrong[0]!r} cannot be written: use letters, digits, '.', '-' and '_'")
    arrays = {name: alone[name].cpu().numpy() for name in ("positions", "numbers", *names)}
    columns = [name for name in arrays if name == "numbers" or alone.kind(name).scope == "atom"]
    told = [_property(NAMES.get(name, name), arrays[name]) for name in columns]
    info = [_info(name, arrays[name][0]) for name in names if alone.kind(name).scope == "system"]
    kinds = " ".join(_kind(name, alone.kind(name)) for name in arrays if alone.kind(name).scope != "edge")
    lines = [f"{alone.n_atoms}", " ".join([*info, f'{KINDS}="{kinds}" Properties=species:S:1:{":".join(told)}'])]
    for i, number in enumerate(arrays["numbers"]):
        cells = [_cell(x) for name in columns for x in np.ravel(arrays[name][i])]
        lines.append(" ".join([chemical[number] if number < len(chemical) else "X", *cells]))
    return "\n".join(lines) + "\n"


def _property(name: str, array: Any) -> str:  # noqa: ANN401 an array
    return f"{name}:{LETTERS[array.dtype.kind]}:{int(np.prod(array.shape[1:], dtype=int))}"


def _info(name: str, value: Any) -> str:  # noqa: ANN401 an array
    text = " ".join(_cell(x) for x in np.ravel(value))
    return f"{NAMES.get(name, name)}={text}" if np.ndim(value) == 0 else f'{NAMES.get(name, name)}="{text}"'


def _kind(name: str, kind: Field) -> str:
    dtype = "real" if kind.dtype is None else str(kind.dtype).removeprefix("torch.")
    return f"{name}:{dtype}:{'x'.join(map(str, kind.shape))}"


def _cell(value: Any) -> str:  # noqa: ANN401 a number
    if isinstance(value, np.bool_):
        return "T" if value else "F"
    return repr(value.item())


def texts(path: Path) -> Iterator[bytes]:
    """Yields the whole frames of a file; what is cut off at its end is left out."""
    with path.open("rb") as file:
        while (count := file.readline()).strip():
            if not count.strip().isdigit() and count.endswith(b"\n"):
                raise Damaged(f"{path}: expected the number of atoms of a frame, got {count[:60]!r}")
            lines = [count, *(file.readline() for _ in range(int(count) + 1 if count.endswith(b"\n") else 1))]
            if not all(line.endswith(b"\n") for line in lines):
                return
            yield b"".join(lines)


def frames(path: Path) -> Iterator[Batch]:
    """Yields the systems of a file that was written here; raises ``Damaged`` where one is cut off."""
    read = 0
    for text in texts(path):
        read += len(text)
        _, comment, *rows = text.decode().splitlines()
        if f"{KINDS}=" not in comment:
            raise Foreign(f"{path}: expected frames that were written here, which tell their {KINDS}; see read_extxyz")
        yield _read(comment, [row.split() for row in rows])
    if read < path.stat().st_size:
        raise Damaged(f"{path}: its last frame is cut off")


def _read(comment: str, rows: list[list[str]]) -> Batch:
    info = {match[1]: match[2].strip('"') for match in INFO.finditer(comment)}
    told = [one.split(":") for one in info.pop(KINDS).split()]
    columns = info.pop(PROPERTIES).split(":")[3:]
    cells: dict[str, tuple[Scope, list[str]]] = {}
    left = 1
    for name, width in zip(columns[::3], columns[2::3], strict=True):
        right = left + int(width)
        cells[FIELDS_OF.get(name, name)] = "atom", [cell for row in rows for cell in row[left:right]]
        left = right
    cells |= {FIELDS_OF.get(name, name): ("system", text.split()) for name, text in info.items()}
    kinds = {name: _field(cells[name][0], dtype, shape) for name, dtype, shape in told}
    fields = {name: _values(kinds[name], cells[name][1]) for name in kinds}
    return Batch.of([fields], scopes={name: kind for name, kind in kinds.items() if name not in STANDARD})


def _field(scope: Scope, dtype: str, shape: str) -> Field:
    entry = tuple(int(n) for n in shape.split("x")) if shape else ()
    return Field(scope, entry, None if dtype == "real" else getattr(torch, dtype))


def _values(kind: Field, cells: list[str]) -> Tensor:
    dtype = kind.dtype or torch.float64
    read: Callable[[str], Any] = "T".__eq__ if dtype is torch.bool else float if dtype.is_floating_point else int
    return torch.tensor([read(cell) for cell in cells], dtype=dtype).reshape(-1, *kind.shape)


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
