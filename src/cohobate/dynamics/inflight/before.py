"""A batch as it was before a step, so that one that came to nothing can be made again."""

from __future__ import annotations

from typing import final

from torch import Tensor

from cohobate.dynamics.data.batch import Batch


@final
class Before:
    """Keeps a copy of the arrays of a batch, in those of the copy before where they fit."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def keep(self, batch: Batch) -> None:
        """Copies all."""
        before, self._held = self._held, {}
        for name in batch:
            array, held = batch[name], before.get(name)
            fits = held is not None and held.shape == array.shape and held.dtype == array.dtype
            self._held[name] = held.copy_(array) if fits and held is not None else array.clone()

    def give_back(self, batch: Batch) -> None:
        """Puts all back into the same batch; fields that it did not have are as if nobody had set them."""
        for name in batch:
            if (held := self._held.get(name)) is not None:
                batch[name].copy_(held)
            else:
                batch[name].fill_(batch.kind(name).fill)
