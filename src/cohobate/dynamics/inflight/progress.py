"""The progress of a running batch as one file: all fields of each system, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, final
from zipfile import BadZipFile

import numpy as np
import torch

from cohobate.core.errors import Damaged, Foreign, ResumeRefused
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.inflight.seat import Seat
from cohobate.dynamics.models.lists import COUNT, FIELDS
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.host.filesystem import write_atomic

FORMAT: Final = "cohobate progress of a batch"
VERSION: Final = 1
HERE: Final = frozenset({COUNT})
"""Fields that are made again from others."""
SEAT_KEEPS: Final = ("number", "id", "name", "own", "most")


@final
@dataclass(frozen=True, slots=True)
class Saved:
    """Systems as they were, who they are (see ``SEAT_KEEPS``, and ``key``), and how many steps the batch had made."""

    batch: Batch
    seats: Sequence[Mapping[str, Any]]
    steps: int


def save(path: Path, batch: Batch, seats: Sequence[Seat], dynamics: Dynamics) -> None:
    """Writes the progress of systems: whoever reads it, or a crash at any moment, finds all of it or the one before."""
    names = [name for name in batch if name not in HERE]
    header = {
        "format": FORMAT,
        "version": VERSION,
        "dynamics": described(dynamics),
        "steps": dynamics.step_count,
        "seats": [{name: getattr(seat, name) for name in SEAT_KEEPS} | {"key": seat.task.key} for seat in seats],
        "fields": {name: _spelled(batch.kind(name)) for name in names},
    }
    arrays = {f"field {name}": batch[name].cpu().numpy() for name in names}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    out = BytesIO()
    np.savez(out, allow_pickle=False, header=text, atoms=batch.atoms.cpu().numpy(), **arrays)
    write_atomic(path, out.getvalue())


def load(path: Path, dynamics: Dynamics) -> Saved:
    """Reads progress; raises ``Damaged``, ``Foreign``, or ``ResumeRefused`` where it is that of other dynamics."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (BadZipFile, ValueError, EOFError) as error:
        raise Damaged(f"{path} cannot be read as progress of a batch: {error}") from error
    header = _header(path, held.get("header"))
    now = described(dynamics)
    if header["dynamics"] != now:
        raise ResumeRefused(f"{path} is the progress of other dynamics: {header['dynamics']} there, {now} here")
    kinds = {name: FIELDS.get(name) or _kind(spelled) for name, spelled in header["fields"].items()}
    fields = {name: torch.from_numpy(held[f"field {name}"].copy()) for name in kinds}
    return Saved(Batch(fields, kinds, torch.from_numpy(held["atoms"].copy())), header["seats"], header["steps"])


def described(dynamics: Dynamics) -> list[list[str]]:
    """Returns what dynamics do to a system, as texts that are equal where that is the same; potentials left out."""
    return [[stage.name, str(stage.code), repr(stage.update), str(stage.n_steps)] for stage in dynamics.stages]


def _header(path: Path, held: Any) -> Any:  # noqa: ANN401 JSON
    header = {} if held is None else json.loads(held.tobytes())
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        raise Foreign(f"{path} does not hold the progress of a batch, of version {VERSION}: {header.get('version')!r}")
    return header


def _spelled(kind: Field) -> list[Any]:
    dtype = None if kind.dtype is None else str(kind.dtype).removeprefix("torch.")
    return [kind.scope, list(kind.shape), dtype, kind.unit, repr(float(kind.fill))]


def _kind(spelled: Sequence[Any]) -> Field:
    scope, shape, dtype, unit, fill = spelled
    return Field(scope, tuple(shape), None if dtype is None else getattr(torch, dtype), unit, float(fill))
