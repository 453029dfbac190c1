"""Systems as frames of an extended XYZ file, every number bit for bit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from cohobate.core.errors import Damaged
from cohobate.core.structure import INFO
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import STANDARD, Scope
from cohobate.dynamics.inflight.building import FLEETING
from cohobate.dynamics.inflight.sinks import first
from cohobate.host.extras import require

NAMES: Final = {"positions": "pos", "numbers": "Z", "cell": "Lattice"}
FIELDS_OF: Final = {name: field for field, name in NAMES.items()}
KINDS: Final = {"f": "R", "i": "I", "b": "L"}
READ: Final[Mapping[str, Callable[[str], Any]]] = {"R": float, "I": int, "L": "T".__eq__}
PROPERTIES: Final = "Properties"


@final
class ExtXYZ:
    """Appends systems to a file, ``capacity`` of them at most; ``drain`` reads them back and empties it.

    Fields of atoms are columns, those of the system stand in the comment line; what only means something in a running
    batch is left out. What comes back is in double precision.
    """

    def __init__(self, path: str | os.PathLike[str], capacity: int | None = None) -> None:
        self.path, self.capacity = Path(path), capacity
        self._lock = threading.Lock()
        self._number = sum(1 for _ in frames(self.path)) if self.path.exists() else 0

    def write(self, batch: Batch, mask: Tensor) -> Tensor:
        """Appends as many as there is room for."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            taken = first(mask, self.capacity, self._number)
            rows = torch.nonzero(taken).ravel().tolist()
            file.writelines(frame(batch.select([row])) for row in rows)
            self._number += len(rows)
        return taken

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
    arrays = {name: alone[name].cpu().numpy() for name in ("positions", "numbers", *names)}
    columns = [name for name in arrays if name == "numbers" or alone.kind(name).scope == "atom"]
    told = [_property(NAMES.get(name, name), arrays[name]) for name in columns]
    info = [_info(name, arrays[name][0]) for name in names if alone.kind(name).scope == "system"]
    lines = [f"{alone.n_atoms}", " ".join([*info, f"Properties=species:S:1:{':'.join(told)}"])]
    for i, number in enumerate(arrays["numbers"]):
        cells = [_cell(x) for name in columns for x in np.ravel(arrays[name][i])]
        lines.append(" ".join([chemical[number] if number < len(chemical) else "X", *cells]))
    return "\n".join(lines) + "\n"


def _property(name: str, array: Any) -> str:  # noqa: ANN401 an array
    return f"{name}:{KINDS[array.dtype.kind]}:{int(np.prod(array.shape[1:], dtype=int))}"


def _info(name: str, value: Any) -> str:  # noqa: ANN401 an array
    cells = [_cell(x) for x in np.ravel(value)]
    text = " ".join(cells)
    return f"{NAMES.get(name, name)}={text}" if np.ndim(value) == 0 else f'{NAMES.get(name, name)}="{text}"'


def _cell(value: Any) -> str:  # noqa: ANN401 a number
    if isinstance(value, np.bool_):
        return "T" if value else "F"
    return repr(value.item())


def frames(path: Path) -> Iterator[Batch]:
    """Yields the systems of a file that was written here; raises ``Damaged`` where one is cut off."""
    with path.open(encoding="utf-8") as file:
        while count := file.readline().strip():
            comment = file.readline()
            rows = [file.readline().split() for _ in range(int(count))]
            if not rows[-1] or PROPERTIES not in comment:
                raise Damaged(f"{path}: its last frame is cut off")
            yield _read(comment, rows)


def _read(comment: str, rows: list[list[str]]) -> Batch:
    info = {match[1]: match[2] for match in INFO.finditer(comment)}
    columns = info.pop(PROPERTIES).split(":")[3:]
    fields: dict[str, Any] = {}
    scopes: dict[str, Scope] = {}
    first = 1
    for name, kind, width in zip(columns[::3], columns[1::3], columns[2::3], strict=True):
        own, last = FIELDS_OF.get(name, name), first + int(width)
        values = np.array([[READ[kind](cell) for cell in row[first:last]] for row in rows])
        fields[own] = values.reshape(len(rows), *STANDARD[own].shape) if own in STANDARD else _narrow(values)
        scopes[own], first = "atom", last
    for name, text in info.items():
        own = FIELDS_OF.get(name, name)
        values = np.array([_value(cell) for cell in text.strip('"').split()])
        shape = STANDARD[own].shape if own in STANDARD else values.shape
        fields[own] = values.reshape(1, *shape) if text[0] == '"' else values
        scopes[own] = "system"
    return Batch.of([fields], scopes=scopes)


def _narrow(values: Any) -> Any:  # noqa: ANN401 an array
    return values[:, 0] if values.shape[1] == 1 else values


def _value(cell: str) -> Any:  # noqa: ANN401 a number
    if cell in ("T", "F"):
        return cell == "T"
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)
