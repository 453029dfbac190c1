"""Pairs of neighbours as edges, by vesin: for potentials that want them, and for sums by torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.models.origins import ORIGIN, STAMP, cells_of, renewed, wrong_system
from cohobate.host.extras import require

FIELDS: Final = {
    "edge.first": Field("edge", (), torch.int64),
    "edge.second": Field("edge", (), torch.int64),
    "edge.image": Field("edge", (3,), torch.int64),
}
"""Atoms are counted within their system; the image is how many cells the second one is away."""
KEPT: Final = 4
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class EdgeList:
    """``first``, ``second``: (E,) atoms of the batch; ``image``: (E, 3); ``many``: (B,) edges; ``wrong``: why none."""

    first: Tensor
    second: Tensor
    image: Tensor
    many: Tensor
    wrong: dict[int, str] = field(default_factory=dict)

    def vectors(self, batch: Batch) -> Tensor:
        """Returns the way from the first to the second atom of each edge: (E, 3), Å; gradients go through it."""
        found = batch["positions"][self.second] - batch["positions"][self.first]
        if "cell" not in batch or not len(found):
            return found
        cells = batch["cell"][batch.system[self.first]]
        turns = self.image.to(found.dtype)
        shift = turns[:, 0, None] * cells[:, 0] + turns[:, 1, None] * cells[:, 1] + turns[:, 2, None] * cells[:, 2]
        return found + shift


@final
class Edges:
    """All edges within ``cutoff`` + ``skin`` (Å), those of a system again once an atom of it moved half the skin.

    Each pair is there in both directions, or, where ``half``, once. Edges of a system are a function of its origin.
    """

    def __init__(self, cutoff: float, skin: float = 1.0, *, half: bool = False) -> None:
        self.cutoff, self.skin, self.half = cutoff, skin, half
        self._known: dict[int, tuple[Array, Array, Array]] = {}
        self._last: tuple[list[int], list[int], torch.device, EdgeList] | None = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels without its edges, which are found again where it arrives."""
        return partial(Edges, half=self.half), (self.cutoff, self.skin)

    @property
    def reach(self) -> float:
        """How far edges go (Å)."""
        return self.cutoff + self.skin

    def update(self, batch: Batch) -> EdgeList:
        """Returns the edges of a batch; those beyond the cutoff, within the skin, are among them."""
        renewed(batch, self.skin)
        now = batch[STAMP].tolist(), batch.atoms.tolist(), batch.device
        with self._lock:
            if self._last is None or self._last[:3] != now:
                self._last = *now, self._found(batch, now[0])
            return self._last[3]

    def _found(self, batch: Batch, stamps: list[int]) -> EdgeList:
        why = self._make(batch, {stamp: s for s, stamp in enumerate(stamps) if stamp not in self._known})
        wrong = {s: why[stamp] for s, stamp in enumerate(stamps) if stamp in why}
        if len(self._known) > KEPT * len(stamps):
            self._known = {stamp: self._known[stamp] for stamp in stamps if stamp in self._known}
        none = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3), np.int64)
        found = [self._known.get(stamp, none) for stamp in stamps]
        begins = batch.start.tolist()
        first = np.concatenate([one[0] + begin for one, begin in zip(found, begins, strict=False)] or [none[0]])
        second = np.concatenate([one[1] + begin for one, begin in zip(found, begins, strict=False)] or [none[0]])
        image = np.concatenate([one[2] for one in found] or [none[2]])
        many = torch.tensor([len(one[0]) for one in found], dtype=torch.int64)
        return EdgeList(
            _tensor(first, batch), _tensor(second, batch), _tensor(image, batch), many.to(batch.device), wrong
        )

    def put(self, batch: Batch) -> Batch:
        """Returns the batch with its edges as fields; the arrays of all others are the same ones."""
        edges = self.update(batch)
        begin = torch.repeat_interleave(batch.start[:-1], edges.many)
        held = {name: batch[name] for name in batch if batch.kind(name).scope != "edge"}
        kinds = {name: batch.kind(name) for name in held}
        found = {
            "edge.first": edges.first - begin,
            "edge.second": edges.second - begin,
            "edge.image": edges.image.clone(),
        }
        return Batch({**held, **found}, {**kinds, **FIELDS}, batch.atoms, edges.many)

    @staticmethod
    def vectors_of(batch: Batch) -> Tensor:
        """Returns the way from the first to the second atom of each edge that is on a batch: (E, 3), Å."""
        begin = torch.repeat_interleave(batch.start[:-1], batch.edges)
        first, second = batch["edge.first"] + begin, batch["edge.second"] + begin
        return EdgeList(first, second, batch["edge.image"], batch.edges).vectors(batch)

    def _make(self, batch: Batch, lost: dict[int, int]) -> dict[int, str]:
        why: dict[int, str] = {}
        if not lost:
            return why
        cells, periodic = cells_of(batch)
        finder = require("vesin", extra="dynamics").NeighborList(
            cutoff=self.reach, full_list=not self.half, n_threads=1
        )
        for stamp, s in lost.items():
            origin = batch[ORIGIN][int(batch.start[s]) : int(batch.start[s + 1])].double().cpu().numpy()
            if (wrong := wrong_system(origin, cells[s], periodic[s], self.reach)) is not None:
                why[stamp] = wrong
                continue
            i, j, image = finder.compute(origin, cells[s], periodic[s], "ijS", copy=True)
            self._known[stamp] = i.astype(np.int64), j.astype(np.int64), image.astype(np.int64)
        return why


def _tensor(array: Array, batch: Batch) -> Tensor:
    return torch.from_numpy(array).to(batch.device)
