"""The pairs that a classical potential sums over, kept for as long as nothing has moved far."""

from __future__ import annotations

import secrets
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field

ORIGIN: Final = "pairs.origin"
BEGIN: Final = "pairs.begin"
COUNT: Final = "pairs.count"
STAMP: Final = "pairs.stamp"
FIELDS: Final = {
    ORIGIN: Field("atom", (3,), unit="Å", fill=float("nan")),
    BEGIN: Field("atom", (), torch.int64),
    COUNT: Field("atom", (), torch.int32),
    STAMP: Field("system", (), torch.int64, fill=-1),
}
"""They follow a system wherever it goes: with its origin a list can be made again, pair by pair the same."""
ROOM: Final = 1 << 16
Array = NDArray[Any]


@final
class PairLists:
    """Half lists of all pairs within ``cutoff`` + ``skin`` (Å), each made again once an atom moved half the skin.

    All lists lie in one store; those that were replaced are swept out when they are more than half of it. Where a
    list is not in the store (its system came from elsewhere, or was swept out), it is made again at its origin: so
    it is the same list, whatever happened to the batch meanwhile.
    """

    def __init__(self, cutoff: float, skin: float) -> None:
        self.cutoff, self.skin = cutoff, skin
        self._other: Array = np.empty(ROOM, np.int32)
        self._image: Array = np.empty(ROOM, np.int16)
        self._end = 0
        self._stamps = secrets.randbits(40) << 22  # no list of another store may be taken for one of this
        self._known: set[int] = set()
        self.made = 0

    def __reduce__(self) -> tuple[type[PairLists], tuple[float, float]]:
        """Travels without its lists, which are made again where it arrives."""
        return PairLists, (self.cutoff, self.skin)

    def update(self, batch: Batch) -> dict[int, str]:
        """Brings the lists of a batch up to date; returns the systems that cannot have one, and why."""
        from cohobate.dynamics.kernels import verlet  # numba takes a while to import

        for name, kind in FIELDS.items():
            if name not in batch:
                batch.add(name, kind)
        start, positions, origin = (batch.start.numpy(), batch["positions"].numpy(), batch[ORIGIN].numpy())
        stale = np.zeros(batch.n_systems, bool)
        verlet.moved(positions, origin, start, (self.skin / 2) ** 2, stale)
        wrong: dict[int, str] = {}
        self._sweep(batch)
        lost = [s for s, stamp in enumerate(batch[STAMP].tolist()) if stamp not in self._known]
        for s in sorted({*np.flatnonzero(stale).tolist(), *lost}):
            if stale[s]:
                origin[start[s] : start[s + 1]] = positions[start[s] : start[s + 1]]
            if (why := self._make(batch, s)) is not None:
                wrong[s] = why
        return wrong

    @property
    def store(self) -> tuple[Array, Array]:
        """The other atom of each pair, counted within its system, and the image of it."""
        return self._other, self._image

    def _make(self, batch: Batch, s: int) -> str | None:
        from cohobate.dynamics.kernels import verlet

        first, last = batch.start[s].item(), batch.start[s + 1].item()
        origin = batch[ORIGIN].numpy()[first:last]
        if not np.isfinite(origin).all():
            return "positions must be finite"
        cell, periodic = cell_of(batch, s)
        begin, count = batch[BEGIN].numpy()[first:last], batch[COUNT].numpy()[first:last]
        while True:
            end = verlet.listed(
                origin, cell, periodic, self.cutoff + self.skin, begin, count, self._other, self._image, self._end
            )
            if end < 0:
                return "the cell is too small for its cutoff: its images cannot be numbered"
            if end <= len(self._other):
                break
            self._make_room(end)
        self._end = end
        self._stamps += 1
        self.made += 1
        self._known.add(self._stamps)
        batch[STAMP][s] = self._stamps
        return None

    def _sweep(self, batch: Batch) -> None:
        """Keeps only the lists of this batch, once most of the store are others."""
        live = int(batch[COUNT].sum())
        if self._end <= ROOM + 3 * live:
            return
        other, image, end = np.empty_like(self._other), np.empty_like(self._image), 0
        begin, count, start = batch[BEGIN].numpy(), batch[COUNT].numpy(), batch.start.tolist()
        known = set()
        for s, stamp in enumerate(batch[STAMP].tolist()):
            if stamp in self._known:
                mine = slice(start[s], start[s + 1])
                was, many = int(begin[start[s]]), int(count[mine].sum())
                other[end : end + many], image[end : end + many] = self._other[was:][:many], self._image[was:][:many]
                begin[mine] += end - was
                end += many
                known.add(stamp)
        self._other, self._image, self._end, self._known = other, image, end, known

    def _make_room(self, wanted: int) -> None:
        for name in ("_other", "_image"):
            old = getattr(self, name)
            new = np.empty(2 * wanted, old.dtype)
            new[: self._end] = old[: self._end]
            setattr(self, name, new)


def cell_of(batch: Batch, s: int) -> tuple[Array, Array]:
    """Returns the cell (3, 3) of a system and in which directions it repeats (3,)."""
    if "cell" not in batch or "pbc" not in batch:
        return np.eye(3), np.zeros(3, bool)
    return batch["cell"][s].double().numpy(), batch["pbc"][s].numpy()
