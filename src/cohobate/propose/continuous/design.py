"""Points that fill a space of variables before anything is known of it."""

from __future__ import annotations

from typing import Any, final

from cohobate.core.trial import Inputs
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.sampling import philox, sobol
from cohobate.propose.scaling import Row

BLOCK = 1024
BLOCKS = 64
"""After so many blocks without a new point a space counts as exhausted."""
WHOLE = 4096
"""Spaces of so many points are gone through in full, in random order."""


@final
class Design:
    """Hands out scrambled Sobol' points (Owen 1998): of those that are not taken, the first."""

    __slots__ = ("_encoding", "_made", "_seed")

    def __init__(self, encoding: Encoding, seed: int) -> None:
        self._encoding = encoding
        self._seed = seed
        self._made: list[Row] = []

    def next(self, taken: set[tuple[Any, ...]]) -> Inputs | None:
        """Returns the first point that is not taken; ``None`` where there is none."""
        at = 0
        while at < len(self._made) or self._grow():
            if self._encoding.key(self._made[at]) not in taken:
                return self._made[at]
            at += 1
        return None

    def _grow(self) -> bool:
        if self._encoding.size <= WHOLE:
            return self._grow_whole()
        block, rest = divmod(len(self._made), BLOCK)
        assert rest == 0
        if block < BLOCKS:
            self._made += self._encoding.inputs(sobol(len(self._encoding.axes), self._seed, block * BLOCK, BLOCK))
        return block < BLOCKS

    def _grow_whole(self) -> bool:
        if self._made:
            return False
        every = self._encoding.every()
        self._made = self._encoding.inputs(every[philox(self._seed).permutation(len(every))])
        return True
