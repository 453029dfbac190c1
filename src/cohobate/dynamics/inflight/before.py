"""A batch as it was before a step, so that one that came to nothing can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from cohobate.dynamics.data.batch import Batch


@final
class Before:
    """Keeps a copy of the arrays of a batch, in those of the copy before where it is of the same."""

    __slots__ = ("_held", "_of", "_pairs")

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}
        self._of: Mapping[str, NDArray[Any]] | None = None
        self._pairs: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def keep(self, batch: Batch, arrays: Mapping[str, NDArray[Any]] | None) -> None:
        """Copies all: of ``arrays`` where these are all, since torch lets go of the interpreter for each of its own."""
        if arrays is None:
            self._held = {name: tensor.clone() for name, tensor in batch.tensors.items()}
        elif arrays is self._of:
            for room, array in self._pairs:
                np.copyto(room, array)
            return
        else:
            self._held = {name: array.copy() for name, array in arrays.items()}
            self._pairs = [(self._held[name], array) for name, array in arrays.items()]
        self._of = arrays

    def give_back(self, batch: Batch) -> None:
        """Puts all back into the same batch; fields that it did not have are as if nobody had set them."""
        for name, array in batch.tensors.items():
            if (held := self._held.get(name)) is not None:
                array.copy_(torch.as_tensor(held))
            else:
                array.fill_(batch.kind(name).fill)
