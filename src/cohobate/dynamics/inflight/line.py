"""Who comes next: first come, first served, but a small system may pass a large one for which there is no room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, final

from cohobate.dynamics.inflight.seat import Seat

PASSES: Final = 64
"""How many go ahead of one that does not fit; then all wait until it does."""


@final
@dataclass(frozen=True, slots=True)
class Size:
    """Atoms, edges and systems: what a batch holds at most, or what is left of that."""

    atoms: float
    edges: float = inf
    systems: float = inf

    def fits(self, seat: Seat) -> bool:
        """Whether a system has room in it."""
        return seat.atoms <= self.atoms and seat.edges <= self.edges and self.systems >= 1

    def less(self, seats: Sequence[Seat]) -> Size:
        """Returns what systems leave of it; below zero where they are too many."""
        return self._plus(seats, -1)

    def more(self, seats: Sequence[Seat]) -> Size:
        """Returns what there is when systems have gone."""
        return self._plus(seats, 1)

    def _plus(self, seats: Sequence[Seat], sign: int) -> Size:
        edges = self.edges if self.edges == inf else self.edges + sign * sum(seat.edges for seat in seats)
        return Size(self.atoms + sign * sum(seat.atoms for seat in seats), edges, self.systems + sign * len(seats))


@final
class Line:
    """Systems that wait for room, in the order they came; below ``low`` of them more are to be built."""

    __slots__ = ("_seats", "low")

    def __init__(self) -> None:
        self.low = 1
        self._seats: deque[Seat] = deque()

    def __len__(self) -> int:
        return len(self._seats)

    def __iter__(self) -> Iterator[Seat]:
        return iter(tuple(self._seats))

    def put(self, seat: Seat) -> None:
        """Lets one wait."""
        self._seats.append(seat)

    def put_back(self, seats: Iterable[Seat]) -> None:
        """Lets those that were there before wait ahead of all others."""
        self._seats.extendleft(reversed(list(seats)))

    def remove(self, seat: Seat) -> bool:
        """Takes one out; whether it was there."""
        try:
            self._seats.remove(seat)
        except ValueError:
            return False
        return True

    def take(self, free: Size, *, empty: bool = False) -> list[Seat]:
        """Returns those that go in now; where the batch is ``empty`` the first goes in whatever it needs."""
        taken: list[Seat] = []
        if empty and self._seats and not free.fits(self._seats[0]):
            return [self._seats.popleft()]
        while self._seats and free.fits(self._seats[0]):
            free = free.less([self._seats[0]])
            taken.append(self._seats.popleft())
        if self._seats and free.systems >= 1 and free.atoms >= 1:
            taken += self._take_small(free)
        return taken

    def _take_small(self, free: Size) -> list[Seat]:
        """Returns those that pass the first one; all that stay and are passed were ahead of them."""
        taken: list[Seat] = []
        stay: deque[Seat] = deque()
        for seat in self._seats:
            if stay and stay[0].passed < PASSES and free.fits(seat):
                free = free.less([seat])
                taken.append(seat)
                for other in stay:
                    other.passed += 1
            else:
                stay.append(seat)
        self._seats = stay
        return taken
