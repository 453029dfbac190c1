"""What is told of a system that has left: plain numbers and arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.inflight.seat import MADE, Seat
from cohobate.dynamics.stages.dynamics import END
from cohobate.dynamics.stages.stage import ENDS

TOLD: Final = ("energy", "positions", "forces", "velocities", "numbers", "stress", "cell", "pbc")
PERIODIC: Final = frozenset({"cell", "pbc", "stress"})


def told(
    batch: Batch,
    rows: Iterable[int],
    seats: Iterable[Seat],
    outputs: Sequence[str] | None = None,
    others: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Returns for each row what its future resolves with: energy (eV), positions (n, 3; Å), status, steps ...

    Further fields are those that the system brought along; where there are ``outputs``, only these are told.
    What is about a cell is there where the system has one; ``others`` are fields of those that brought them only.
    """
    listed = list(seats)
    names = [*TOLD, *(name for seat in listed for name in seat.own)] if outputs is None else list(outputs)
    arrays = {
        name: (batch.kind(name).scope, batch[name].cpu().numpy())
        for name in {*names, END, MADE, "pbc"}
        if name in batch
    }
    start = batch.start.tolist()
    return [
        _one(arrays, row, start, seat, _names(seat, outputs, others)) for row, seat in zip(rows, listed, strict=True)
    ]


def _names(seat: Seat, outputs: Sequence[str] | None, others: frozenset[str]) -> Sequence[str]:
    names = (*TOLD, *seat.own) if outputs is None else outputs
    return [name for name in names if name not in others or name in seat.own] if others else names


def _one(
    arrays: Mapping[str, tuple[str, Any]], row: int, start: list[int], seat: Seat, names: Sequence[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": seat.id,
        "status": ENDS[int(arrays[END][1][row])],
        "steps": int(arrays[MADE][1][row]),
    }
    periodic = "pbc" in arrays and bool(arrays["pbc"][1][row].any())
    for name in names:
        if name in found or name not in arrays or (name in PERIODIC and not periodic and name not in seat.own):
            continue
        scope, array = arrays[name]
        found[name] = _plain(array[row]) if scope == "system" else array[start[row] : start[row + 1]].copy()
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 a number, or an array
    return value.item() if np.ndim(value) == 0 else value.copy()
