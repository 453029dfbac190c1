"""The fields of a running batch as arrays in main memory, where systems are put and read without a call of torch."""

from __future__ import annotations

from typing import Any, Final, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.data.rows import starts

TORCH_ONLY: Final = frozenset(
    {torch.bfloat16, torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz}
)
"""Kinds of numbers that numpy does not have."""


@final
class Looking:
    """What a batch holds: looked up once, and again where it is another batch or has other arrays by now.

    ``arrays`` share the memory of the batch where it is ``open``: main memory, and nothing of edges; else they are
    copies. ``columns`` are the same with whose they are and what fills them. A call of torch hands over the interpreter
    lock and takes it back, which costs more than what is done with a few systems.
    """

    __slots__ = ("_batch", "_changes", "arrays", "columns", "edges", "kinds", "open", "start")

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._changes = 0
        self.arrays: dict[str, Any] = {}
        self.columns: list[tuple[str, Any, bool, float]] = []
        self.kinds: dict[str, Field] = {}
        self.start: list[int] = []
        self.edges: list[int] = []
        self.open = False

    def at(self, batch: Batch) -> Looking:
        """Returns itself, with what a batch holds now."""
        if batch is not self._batch or batch.changes != self._changes or not self.open:
            self._batch, self._changes = batch, batch.changes
            self._look(batch)
        return self

    def _look(self, batch: Batch) -> None:
        self.kinds = {name: batch.kind(name) for name in batch}
        self.open = batch.device.type == "cpu" and all(kind.scope != "edge" for kind in self.kinds.values())
        self.arrays = {name: self._array(tensor) for name, tensor in batch.tensors.items()}
        self.columns = [(n, self.arrays[n], kind.scope == "atom", kind.fill) for n, kind in self.kinds.items()]
        self.start, self.edges = batch.start.tolist(), starts(batch.edges).tolist()

    def _array(self, tensor: Tensor) -> Any:  # noqa: ANN401 an array
        if tensor.dtype in TORCH_ONLY:
            self.open = False
            return tensor.double().cpu().numpy()
        return tensor.cpu().numpy()
