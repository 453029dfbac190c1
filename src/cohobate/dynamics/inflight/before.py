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
    """Keeps a copy of the arrays of a batch, in those of the copy before where they fit."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def keep(self, batch: Batch, arrays: Mapping[str, NDArray[Any]] | None) -> None:
        """Copies all: of ``arrays`` where these are all, since torch lets go of the interpreter for each of its own."""
        before = self._held
        if arrays is not None:
            self._held = {name: _copied(array, before.get(name)) for name, array in arrays.items()}
        else:
            self._held = {name: tensor.clone() for name, tensor in batch.tensors.items()}

    def give_back(self, batch: Batch) -> None:
        """Puts all back into the same batch; fields that it did not have are as if nobody had set them."""
        for name, array in batch.tensors.items():
            if (held := self._held.get(name)) is not None:
                array.copy_(torch.as_tensor(held))
            else:
                array.fill_(batch.kind(name).fill)


def _copied(array: NDArray[Any], room: Any) -> NDArray[Any]:  # noqa: ANN401 whatever was kept before
    if not isinstance(room, np.ndarray) or room.shape != array.shape or room.dtype != array.dtype:
        return array.copy()
    np.copyto(room, array)
    return room
