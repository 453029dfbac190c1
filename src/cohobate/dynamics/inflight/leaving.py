"""What is told of a system that has left: plain numbers and arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from cohobate.dynamics.inflight.looking import Looking
from cohobate.dynamics.inflight.seat import MADE, Seat
from cohobate.dynamics.stages.dynamics import END
from cohobate.dynamics.stages.stage import ENDS

TOLD: Final = ("energy", "positions", "forces", "velocities", "numbers", "stress", "cell", "pbc")
PERIODIC: Final = frozenset({"cell", "pbc", "stress"})


def told(
    held: Looking,
    rows: Iterable[int],
    seats: Iterable[Seat],
    outputs: Sequence[str] | None = None,
    others: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Returns for each row what its future resolves with: energy (eV), positions (n, 3; Å), status, steps ...

    Further fields are those that the system brought along; where there are ``outputs``, only these are told.
    What is about a cell is there where the system has one; ``others`` are fields of those that brought them only.
    """
    return [_one(held, row, seat, _names(seat, outputs, others)) for row, seat in zip(rows, seats, strict=True)]


def _names(seat: Seat, outputs: Sequence[str] | None, others: frozenset[str]) -> Sequence[str]:
    names = (*TOLD, *seat.own) if outputs is None else outputs
    return [name for name in names if name not in others or name in seat.own] if others else names


def _one(held: Looking, row: int, seat: Seat, names: Sequence[str]) -> dict[str, Any]:
    arrays, kinds = held.arrays, held.kinds
    found: dict[str, Any] = {
        "id": seat.id,
        "status": ENDS[int(arrays[END][row])],
        "steps": int(arrays[MADE][row]),
    }
    periodic = "pbc" in arrays and bool(arrays["pbc"][row].any())
    for name in names:
        if name in found or name not in arrays or (name in PERIODIC and not periodic and name not in seat.own):
            continue
        scope = kinds[name].scope
        start = held.edges if scope == "edge" else held.start
        array = arrays[name][row] if scope == "system" else arrays[name][start[row] : start[row + 1]]
        found[name] = _plain(array)
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 a number, or an array
    return value.item() if np.ndim(value) == 0 else value.copy()
