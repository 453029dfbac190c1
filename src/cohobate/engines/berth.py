"""What a worker process is bound to from its start: its threads, cores of its own, the devices it sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cohobate.core.needs import CORES, GPU
from cohobate.engines.packing import Grant
from cohobate.host.cores import THREAD_VARIABLES

DEVICES: Final = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Berth:
    """A place for tasks: how many cores were asked for (0: not said), and which were given where they have numbers.

    ``devices`` is ``None`` where nobody counts them, so that all that are there are seen.
    """

    threads: int = 0
    cores: tuple[int, ...] = ()
    devices: tuple[str, ...] | None = None

    def environment(self) -> dict[str, str]:
        """Returns what a worker must find in its environment before it loads anything."""
        threads = dict.fromkeys(THREAD_VARIABLES, str(self.threads)) if self.threads else {}
        return threads if self.devices is None else {**threads, DEVICES: ",".join(self.devices)}

    def beside(self, other: Berth) -> bool:
        """Whether the two have no device in common: an idle process keeps the memory of its device."""
        return set(self.devices or ()).isdisjoint(other.devices or ())


ANYWHERE: Final = Berth()
"""Where there is nothing to be bound to."""


def berth_of(needs: Mapping[str, float], grant: Grant, *, devices: bool) -> Berth:
    """Returns the place for a task with such needs; ``devices`` says whether they are counted at all."""
    threads = int(needs.get(CORES, 0))
    cores = tuple(sorted(int(core) for core in grant.get(CORES, ()))) if threads else ()
    shown = tuple(map(str, grant.get(GPU, ()))) if devices else None
    return Berth(threads, cores, shown) if threads or devices else ANYWHERE


def lacking(wanted: Iterable[Berth], idle: Iterable[Berth]) -> Berth | None:
    """Returns the first place that is wanted oftener than there is an idle worker for it."""
    return next(iter(Counter(wanted) - Counter(idle)), None)


def in_the_way(berth: Berth, wanted: Collection[Berth], idle: Iterable[Berth], *, full: bool) -> Berth | None:
    """Returns the place of an idle worker that must end before one for ``berth`` starts, if there is one.

    That is one with a device of it, or, where there is no room for a further worker, any that is not wanted.
    """
    idle = list(idle)
    spare = Counter(idle) - Counter(wanted)
    return next((each for each in idle if not each.beside(berth) or (full and spare[each])), None)
