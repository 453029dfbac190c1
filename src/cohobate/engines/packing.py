"""Who may start, and with which of the resources: what a task waits for is kept for it, all else may be taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, final

from cohobate.core.needs import CORES, Exact, exact, occupied, plain

Id = int | str
Grant = Mapping[str, tuple[Id, ...]]
"""Which cores and devices a task was given, by name of the resource."""
Kind = tuple[tuple[str, Exact], ...]
NONE: Final[frozenset[str]] = frozenset()


@dataclass(slots=True, eq=False)
class Line:
    """Those that wait for the same amounts; ``kept`` names what is kept for the first of them."""

    amounts: Mapping[str, Exact]
    waiting: deque[tuple[int, Hashable]] = field(default_factory=deque)
    kept: frozenset[str] = NONE


@final
class Packing:
    """Keeps what is free, and decides who may start; for one thread at a time.

    ``has`` gives each resource (cores among them) as a number, or as the names of its pieces. Tasks
    are known by keys.
    They start in the order they came, but for one thing: what cannot start yet holds up only those
    that need what it waits for. From when it first found a resource short until it starts, that much
    of it is kept for it; so it waits only for tasks that came before it, or had started by then.
    """

    def __init__(self, has: Mapping[str, float | Sequence[Id]]) -> None:
        self._pieces = {name: list(reversed(much)) for name, much in has.items() if isinstance(much, Sequence)}
        self._has = {name: exact(much if isinstance(much, int | float) else len(much)) for name, much in has.items()}
        self._free = dict(self._has)
        self._unasked = dict(self._has)
        self._lines: dict[Kind, Line] = {}
        self._arrivals = 0
        self._waiting: dict[Hashable, Kind] = {}
        self._held: dict[Hashable, tuple[Mapping[str, Exact], Grant]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def knows(self, key: Hashable) -> bool:
        """Whether a task waits or runs."""
        return key in self._waiting or key in self._held

    def has(self) -> dict[str, float]:
        """Returns all there is."""
        return {name: plain(much) for name, much in self._has.items()}

    def free(self) -> dict[str, float]:
        """Returns what is free beyond what waits."""
        return {name: plain(max(0, much)) for name, much in self._unasked.items()}

    def room(self) -> int:
        """Returns how many cores are free beyond what waits; below zero where more wait than can start."""
        return int(self._unasked[CORES])

    def ask(self, key: Hashable, needs: Mapping[str, float]) -> None:
        """Takes in a task, as the last one that waits; its needs can be met."""
        amounts = {name: exact(much) for name, much in occupied(needs, self._has).items() if much}
        kind = tuple(sorted(amounts.items()))
        line = self._lines.get(kind)
        if line is None:
            line = self._lines[kind] = Line(amounts)
        self._arrivals += 1
        line.waiting.append((self._arrivals, key))
        self._waiting[key] = kind
        self._count(amounts, -1)

    def start(self) -> list[tuple[Hashable, Grant]]:
        """Takes out all that may start now, in the order they came, each with what it was given."""
        started: list[tuple[Hashable, Grant]] = []
        spare = dict(self._free)
        first = [(line.waiting[0][0], kind) for kind, line in self._lines.items()]
        first.sort()
        while first and spare[CORES] > 0:
            _, kind = heappop(first)
            line = self._lines[kind]
            short = frozenset(name for name, much in line.amounts.items() if much > spare[name])
            line.kept |= short
            if short:
                for name in line.kept:
                    spare[name] -= line.amounts[name]
                continue
            started.append(self._begin(kind, line, spare))
            if line.waiting:
                heappush(first, (line.waiting[0][0], kind))
        return started

    def give_back(self, key: Hashable) -> None:
        """Takes back what a task was given. Pieces used last are given again first: a worker may be bound to them."""
        amounts, grant = self._held.pop(key)
        self._count(amounts, 1)
        for name, much in amounts.items():
            self._free[name] += much
        for name, ids in grant.items():
            self._pieces[name].extend(reversed(ids))

    def drop(self, key: Hashable) -> bool:
        """Forgets a task that waits; False where it does not."""
        kind = self._waiting.pop(key, None)
        if kind is None:
            return False
        line = self._lines[kind]
        self._count(line.amounts, 1)
        self._trim(kind, line)
        return True

    def _trim(self, kind: Kind, line: Line) -> None:
        """Takes those off the front of a line that do not wait any longer; nothing is kept for the next one yet."""
        while line.waiting and line.waiting[0][1] not in self._waiting:
            line.waiting.popleft()
            line.kept = NONE
        if not line.waiting:
            del self._lines[kind]

    def _begin(self, kind: Kind, line: Line, spare: dict[str, Exact]) -> tuple[Hashable, Grant]:
        _, key = line.waiting[0]
        del self._waiting[key]
        self._trim(kind, line)
        for name, much in line.amounts.items():
            self._free[name] -= much
            spare[name] -= much
        grant = {name: self._hand_out(name, line.amounts[name]) for name in line.amounts if name in self._pieces}
        self._held[key] = line.amounts, grant
        return key, grant

    def _hand_out(self, name: str, much: Exact) -> tuple[Id, ...]:
        pieces = self._pieces[name]
        return tuple(pieces.pop() for _ in range(int(much)))

    def _count(self, amounts: Mapping[str, Exact], sign: int) -> None:
        for name, much in amounts.items():
            self._unasked[name] += sign * much
