"""Threads that share the parts of a sum."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from cohobate.host.cores import usable


@final
class Team:
    """Calls a compiled function on shares of the parts, in threads: their results do not depend on how many."""

    __slots__ = ("_pool", "size")

    def __init__(self, size: int | None = None) -> None:
        self.size = size or usable()
        self._pool: ThreadPoolExecutor | None = None

    def share(
        self, parts: NDArray[np.int64], work: NDArray[Any], call: Callable[[NDArray[np.int64]], Any], *, alone: bool
    ) -> None:
        """Calls ``call`` with parts so that each thread has about as much of ``work``: (parts,); or ``alone``."""
        shares = [parts] if alone else self._shares(parts, work)
        if len(shares) == 1:
            call(shares[0])
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.size - 1, thread_name_prefix="cohobate-pairs")
        rest = [self._pool.submit(call, share) for share in shares[1:]]
        call(shares[0])
        for one in rest:
            one.result()

    def _shares(self, parts: NDArray[np.int64], work: NDArray[Any]) -> list[NDArray[np.int64]]:
        if self.size == 1 or len(parts) < 2:
            return [parts]
        ends = np.cumsum(work)
        middles = ends - work / 2
        whose = np.minimum((middles * self.size / max(1.0, float(ends[-1]))).astype(np.int64), self.size - 1)
        return [found for k in range(self.size) if len(found := parts[whose == k])]

    def __reduce__(self) -> tuple[type[Team], tuple[int]]:
        """Travels without its threads."""
        return Team, (self.size,)
