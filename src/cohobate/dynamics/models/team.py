"""Threads that share the systems of a batch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from cohobate.host.cores import usable


@final
class Team:
    """Calls a compiled function on shares of the systems, in threads: their results do not depend on how many."""

    __slots__ = ("_pool", "size")

    def __init__(self, size: int | None = None) -> None:
        self.size = size or usable()
        self._pool: ThreadPoolExecutor | None = None

    def share(self, work: NDArray[np.int64], call: Callable[[NDArray[np.int64]], Any]) -> None:
        """Calls ``call`` with systems so that each thread has about as much of ``work``: (B,)."""
        parts = self._parts(work)
        if len(parts) == 1:
            call(parts[0])
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.size - 1, thread_name_prefix="cohobate-pairs")
        rest = [self._pool.submit(call, part) for part in parts[1:]]
        call(parts[0])
        for one in rest:
            one.result()

    def _parts(self, work: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        ends = np.cumsum(work)
        if self.size == 1 or len(work) < 2:
            return [np.arange(len(work))]
        shares = np.minimum((ends - work) * self.size // max(1, ends[-1]), self.size - 1)
        return [found for k in range(self.size) if len(found := np.flatnonzero(shares == k))]

    def __reduce__(self) -> tuple[type[Team], tuple[int]]:
        """Travels without its threads."""
        return Team, (self.size,)
