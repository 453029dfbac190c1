"""The pairs that a classical potential sums over, kept for as long as nothing has moved far."""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import Any, Final, Protocol, final, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.origins import FIELDS as ORIGINS
from cohobate.dynamics.models.origins import ORIGIN, STAMP, cells_of, renewed, wrong_system
from cohobate.dynamics.models.potential import Potential

COUNT: Final = "pairs.count"
FIELDS: Final = {**ORIGINS, COUNT: Field("atom", (), torch.int32)}
"""What lists keep on a batch: all but the origins tells only what a list is like at present."""
ROOM: Final = 1 << 16
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the list of a system lies in the store: its pairs, its atoms."""

    pairs: slice
    atoms: slice


@dataclass(frozen=True, slots=True)
class Listed:
    """The lists of a batch. ``pairs``, ``atoms``: (B,) where each begins in the store; ``wrong`` systems have none.

    ``count``: (N,) pairs of each atom; ``offset``: (N, 3) brings each atom to where the lists mean it; ``parts`` are
    what threads share.
    """

    pairs: Array
    atoms: Array
    count: Array
    offset: Array
    parts: Parts
    wrong: dict[int, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of each part the system, its first atom, its last, its rows of forces; ``rows`` in all, and its work."""

    system: Array
    first: Array
    last: Array
    into: Array
    work: Array
    rows: int


@final
class PairLists:
    """Half lists of all pairs within ``cutoff`` + ``skin`` (Å), each made again once an atom moved half the skin.

    All lists lie in one store, by the stamps of their origins; those of other batches are swept out when they are
    most of it. A list that is not in the store (its system came from elsewhere, or it was swept out) is made again
    at its origin: so it is the same list, whatever happened to the batch meanwhile. ``edges`` are the same pairs for
    sums by torch. Who sums over lists holds the ``lock`` until he is done: other threads may make others meanwhile.
    """

    def __init__(self, cutoff: float, skin: float) -> None:
        self.cutoff, self.skin = cutoff, skin
        self.edges: Final = Edges(cutoff, skin, half=True)
        self.lock: Final = RLock()
        self.made = 0
        self._forget()

    def __reduce__(self) -> tuple[type[PairLists], tuple[float, float]]:
        """Travels without its lists, which are made again where it arrives."""
        return PairLists, (self.cutoff, self.skin)

    def _forget(self) -> None:
        self.other: Array = np.empty(ROOM, np.int32)
        self.image: Array = np.empty(ROOM, np.uint16)
        self.count: Array = np.empty(ROOM // 16, np.int32)
        self._offset: Array = np.empty((ROOM // 16, 3))
        self._places: dict[int, Place] = {}
        self._ends = (0, 0)
        self._last: tuple[Array, Array, Listed] | None = None

    @property
    def reach(self) -> float:
        """How far lists look (Å)."""
        return self.cutoff + self.skin

    def update(self, batch: Batch) -> Listed:
        """Brings the lists of a batch up to date, and returns where they are."""
        listed = self._listed(batch)
        if COUNT not in batch:
            batch.add(COUNT, FIELDS[COUNT])
        batch[COUNT].numpy()[:] = listed.count
        return listed

    def _listed(self, batch: Batch) -> Listed:
        renewed(batch, self.skin)
        stamps, atoms = batch[STAMP].numpy(), batch.atoms.numpy()
        if self._last is not None and np.array_equal(self._last[0], stamps) and np.array_equal(self._last[1], atoms):
            return self._last[2]
        found = self._gathered(batch, stamps.tolist(), self._missing(batch, stamps.tolist()))
        self._last = stamps.copy(), atoms.copy(), found
        return found

    def _missing(self, batch: Batch, stamps: list[int]) -> dict[int, str]:
        """Makes lists that are not there; returns the systems that cannot have one, and why."""
        lost = {stamp: s for s, stamp in enumerate(stamps) if stamp not in self._places}
        if not lost:
            return {}
        self._sweep(stamps)
        cells, periodic = cells_of(batch)
        start, origin = batch.start.numpy(), batch[ORIGIN].numpy()
        why = {
            stamp: wrong_system(origin[start[s] : start[s + 1]], cells[s], periodic[s], self.reach)
            for stamp, s in lost.items()
        }
        self._make({stamp: s for stamp, s in lost.items() if why[stamp] is None}, start, origin, cells, periodic)
        return {s: said for s, stamp in enumerate(stamps) if (said := why.get(stamp)) is not None}

    def _make(self, good: dict[int, int], start: Array, origin: Array, cells: Array, periodic: Array) -> None:
        from cohobate.dynamics.kernels.lists import listed_all  # numba takes a while to import

        which = np.fromiter(good.values(), np.int64, len(good))
        many = start[which + 1] - start[which]
        atoms = self._ends[1] + np.cumsum(many) - many
        self._make_room(("count", "_offset"), self._ends[1], self._ends[1] + int(many.sum()))
        ends = np.empty(len(which), np.int64)
        while True:
            end = listed_all(
                which, start, origin, cells, periodic, self.reach, atoms, self._offset, self.count,
                self.other, self.image, ends, self._ends[0]
            )  # fmt: skip
            if end <= len(self.other):
                break
            self._make_room(("other", "image"), self._ends[0], end)
        at = self._ends[0]
        for stamp, last, first, n in zip(good, ends.tolist(), atoms.tolist(), many.tolist(), strict=True):
            self._places[stamp] = Place(slice(at, last), slice(first, first + n))
            at = last
        self.made += len(which)
        self._ends = end, self._ends[1] + int(many.sum())

    def _gathered(self, batch: Batch, stamps: list[int], wrong: dict[int, str]) -> Listed:
        nowhere = Place(slice(0, 0), slice(0, 0))
        places = [self._places.get(stamp, nowhere) for stamp in stamps]
        pairs = np.array([one.pairs.start for one in places], np.int64)
        atoms = np.array([one.atoms.start for one in places], np.int64)
        work = np.array([one.pairs.stop - one.pairs.start for one in places], np.int64)
        offset, count = np.zeros((batch.n_atoms, 3)), np.zeros(batch.n_atoms, np.int32)
        for one, first in zip(places, batch.start.tolist()[:-1], strict=True):
            mine = slice(first, first + one.atoms.stop - one.atoms.start)
            offset[mine], count[mine] = self._offset[one.atoms], self.count[one.atoms]
        return Listed(pairs, atoms, count, offset, self._parts(batch.atoms.numpy(), atoms, work, wrong), wrong)

    def _parts(self, atoms: Array, begin: Array, work: Array, wrong: dict[int, str]) -> Parts:
        from cohobate.dynamics.kernels.pairs import MOST, parts_of

        counted = np.where(np.isin(np.arange(len(atoms)), list(wrong)), 0, atoms)
        room = len(atoms) + MOST * int((atoms > 0).sum() if atoms.max(initial=0) > 0 else 0)
        system, first, last, into = (np.empty(room, np.int64) for _ in range(4))
        made, rows = parts_of(counted, begin, self.count, system, first, last, into)
        found = system[:made]
        shares = work[found] * (last[:made] - first[:made]) / np.maximum(1, atoms[found])
        return Parts(found, first[:made], last[:made], into[:made], shares, rows)

    def _sweep(self, stamps: list[int]) -> None:
        """Keeps only the lists of this batch, once most of the store are others."""
        if self._ends[0] <= ROOM:
            return
        live = {stamp: self._places[stamp] for stamp in stamps if stamp in self._places}
        pairs = sum(place.pairs.stop - place.pairs.start for place in live.values())
        atoms = sum(place.atoms.stop - place.atoms.start for place in live.values())
        if self._ends[0] <= ROOM + 3 * pairs and self._ends[1] <= ROOM + 3 * atoms:
            return
        old = self.other, self.image, self.count, self._offset
        self._forget()
        self._make_room(("other", "image"), 0, pairs)
        self._make_room(("count", "_offset"), 0, atoms)
        for stamp, place in live.items():
            p, a = self._ends
            now = Place(
                slice(p, p + place.pairs.stop - place.pairs.start), slice(a, a + place.atoms.stop - place.atoms.start)
            )
            self.other[now.pairs], self.image[now.pairs] = old[0][place.pairs], old[1][place.pairs]
            self.count[now.atoms], self._offset[now.atoms] = old[2][place.atoms], old[3][place.atoms]
            self._places[stamp], self._ends = now, (now.pairs.stop, now.atoms.stop)

    def _make_room(self, names: tuple[str, ...], used: int, wanted: int) -> None:
        for name in names:
            old = getattr(self, name)
            if len(old) < wanted:
                new = np.empty((2 * wanted, *old.shape[1:]), old.dtype)
                new[:used] = old[:used]
                setattr(self, name, new)


def note(batch: Batch, first: torch.Tensor) -> None:
    """Keeps on a batch how many pairs each atom has, of the first atoms of all pairs: (E,)."""
    held = batch[COUNT] if COUNT in batch else batch.add(COUNT, FIELDS[COUNT])
    held.copy_(torch.bincount(first, minlength=batch.n_atoms))


def pairs_of(batch: Batch) -> torch.Tensor:
    """Returns how many pairs each system has, as far as they have been looked for: (B,)."""
    found = torch.zeros(batch.n_systems, dtype=torch.int64, device=batch.device)
    return found.index_add_(0, batch.system, batch[COUNT].long()) if COUNT in batch else found


@runtime_checkable
class Counting(Potential, Protocol):
    """A potential that keeps lists of pairs, whose length can be known before."""

    def pairs(self, batch: Batch) -> torch.Tensor:
        """Returns how many pairs the lists of each system would hold: (B,); leaves the batch as it is."""
        ...


@runtime_checkable
class Sharing(Potential, Protocol):
    """A potential that can sum over the lists of others."""

    @property
    def lists(self) -> PairLists:
        """The lists it sums over."""
        ...

    def sharing(self, lists: PairLists) -> Potential:
        """Returns the same with lists that look at least as far."""
        ...
