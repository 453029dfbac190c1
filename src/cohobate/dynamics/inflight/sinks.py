"""Where systems go when they are done: a few sinks in the order of preference."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol, final, runtime_checkable

import torch
from torch import Tensor

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineError, UserError
from cohobate.dynamics.data.batch import Batch, joined


@runtime_checkable
class Sink(Protocol):
    """Takes in systems that are done; called by the thread that steps, may be emptied by any other.

    A sink holds results and nothing else: systems that have to wait stay in the engine, and its progress goes to a
    file of its own.
    """

    def write(self, batch: Batch, mask: Tensor) -> Tensor:
        """Takes in as many systems of the mask (B,) as there is room for; returns those that it took: (B,)."""
        ...

    def __len__(self) -> int:
        """How many systems are in it."""
        ...

    @property
    def full(self) -> bool:
        """Whether it takes in nothing now."""
        ...

    def drain(self) -> Batch | None:
        """Returns all systems that are in it, in the order they came, and empties it; ``None`` where there are none."""
        ...


@final
class Memory:
    """Keeps systems in main memory, ``capacity`` of them at most.

    >>> kept = Memory(capacity=1)
    >>> two = Batch.of([{"numbers": [18], "positions": [[0, 0, 0]]}] * 2)
    >>> kept.write(two, torch.tensor([True, True])).tolist(), len(kept), kept.full
    ([True, False], 1, True)
    """

    def __init__(self, capacity: int | None = None) -> None:
        if capacity is not None and (isinstance(capacity, bool) or capacity < 1):
            raise UserError(f"Memory: capacity must be a whole number of at least 1, got {capacity!r}")
        self.capacity = capacity
        self._held: list[Batch] = []
        self._number = 0
        self._lock = threading.Lock()

    def write(self, batch: Batch, mask: Tensor) -> Tensor:
        """Takes in as many as there is room for."""
        with self._lock:
            taken = first(mask, self.capacity, self._number)
            if bool(taken.any()):
                self._held.append(batch.select(taken).to("cpu"))
                self._number += int(taken.sum())
            return taken

    def __len__(self) -> int:
        return self._number

    @property
    def full(self) -> bool:
        """Whether it holds all it can."""
        return self.capacity is not None and self._number >= self.capacity

    def drain(self) -> Batch | None:
        """Returns all, and empties it."""
        with self._lock:
            held, self._held, self._number = self._held, [], 0
        return joined(held) if held else None


def first(mask: Tensor, capacity: int | None, held: int) -> Tensor:
    """Returns the systems of a mask (B,) for which there is room beside those that are held."""
    return mask if capacity is None else mask & (torch.cumsum(mask, 0) <= capacity - held)


def write_all(sinks: Sequence[Sink], batch: Batch, mask: Tensor) -> Tensor:
    """Gives systems to the first sinks that take them; returns those that found a place: (B,)."""
    left = mask.clone()
    for sink in sinks:
        if not bool(left.any()):
            break
        if not sink.full:
            left &= ~_written(sink, batch, left)
    return mask & ~left


def _written(sink: Sink, batch: Batch, mask: Tensor) -> Tensor:
    match capture(sink.write, batch, mask.clone()):
        case Returned(Tensor(dtype=torch.bool) as taken) if taken.shape == mask.shape:
            return taken
        case Returned(value):
            raise EngineError(f"the sink {_name(sink)} must return {len(mask)} booleans (B,), got {value!r:.60}")
        case Raised(error, message):
            raise EngineError(f"the sink {_name(sink)} raised {message}") from error


def _name(sink: Sink) -> str:
    return type(sink).__name__
