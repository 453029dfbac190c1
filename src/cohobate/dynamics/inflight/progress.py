"""The progress of a running batch as one file: who is in it, and all of its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from cohobate.core.canonical import content_hash, difference
from cohobate.core.errors import Damaged, Foreign, ResumeRefused
from cohobate.core.payload import Plain
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.packing import pack, unpack
from cohobate.dynamics.inflight.seat import Seat
from cohobate.host.filesystem import write_atomic

MAGIC: Final = b"cohobate progress of a batch, version 2\n"
"""What the file begins with. Then one line of JSON, and the batch as it is packed for sending."""
SEAT_KEEPS: Final = ("number", "id", "name", "own", "most")


@final
@dataclass(frozen=True, slots=True)
class Saved:
    """Systems as they were, who they are (see ``SEAT_KEEPS``, and ``key``), and how many steps the batch had made."""

    batch: Batch
    seats: Sequence[Mapping[str, Any]]
    steps: int


def save(path: Path, batch: Batch, seats: Sequence[Seat], recipe: Mapping[str, Plain], steps: int) -> None:
    """Writes the progress of systems: whoever reads it, or a crash at any moment, finds all of it or the one before."""
    header = {
        "dynamics": recipe,
        "steps": steps,
        "seats": [{name: getattr(seat, name) for name in SEAT_KEEPS} | {"key": seat.task.key} for seat in seats],
    }
    write_atomic(path, b"".join([MAGIC, json.dumps(header).encode(), b"\n", pack(batch)]))


def load(path: Path, recipe: Mapping[str, Plain] | None) -> Saved:
    """Reads progress; raises ``Damaged``, ``Foreign``, or ``ResumeRefused`` where it is that of another recipe."""
    magic, _, rest = path.read_bytes().partition(b"\n")
    if magic + b"\n" != MAGIC:
        raise Foreign(f"{path} does not hold the progress of a batch, of version 2: it begins with {magic[:50]!r}")
    text, _, packed = rest.partition(b"\n")
    try:
        batch = unpack(packed)
        header = json.loads(text)
    except (Damaged, Foreign, ValueError) as error:
        raise Damaged(f"{path} was changed or cut off: remove it to start all of its systems again") from error
    if recipe is not None:
        _compare(path, header["dynamics"], recipe)
    return Saved(batch, header["seats"], header["steps"])


def _compare(path: Path, was: Plain, now: Mapping[str, Plain]) -> None:
    if content_hash(was) == content_hash(now):
        return
    place, old, new = difference("dynamics", was, dict(now))
    raise ResumeRefused(
        f"{path} is the progress of other dynamics: {place} was {old}, now it is {new}; restore it, "
        "accept the change (accept_new_code=True), or start again without the file"
    )
