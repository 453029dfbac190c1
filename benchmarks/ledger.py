"""How many trials a ledger records each second, and how long it takes to open it and tell its story again."""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cohobate.core.events import Event, Finished, Opened, Proposed, Started, Told
from cohobate.core.outcome import Value
from cohobate.core.trial import Trial
from cohobate.ledger.database import Durability
from cohobate.ledger.ledger import Ledger, memory_ledger, open_ledger

NOW = 1_763_634_955.123


def trial(i: int) -> list[Event]:
    """The four events of one evaluation."""
    at = NOW + i * 1e-3
    return [
        Proposed("main", i + 1, (Trial(i, {"x": i * 0.001}),)),
        Started(i, 1, at),
        Finished(i, 1, Value({"y": 0.123456789 * i}), at + 0.0012, at, 0.0012, "w1"),
        Told("main", (i,)),
    ]


@dataclass(slots=True)
class Clock:
    """Wall and CPU seconds of what happened inside ``timed``."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def feed(ledger: Ledger, trials: int) -> None:
    for i in range(trials):
        ledger.append(trial(i))
        if ledger.appended - ledger.durable > 10_000:
            ledger.flush()
    ledger.flush()


def ready(ledger: Ledger, events: list[list[Event]]) -> None:
    for some in events:
        ledger.append(some)
        if ledger.appended - ledger.durable > 10_000:
            ledger.flush()
    ledger.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    n = given.trials
    events = [trial(i) for i in range(n)]
    gc.freeze()
    clocks: dict[str, Clock] = {
        name: Clock() for name in ("making events", "memory", "full", "normal", "open", "story")
    }
    for _ in range(given.repeats):
        measure(clocks, events, n)
    print(f"{n} trials of 4 events (proposed, started, finished with one float, told); medians of {given.repeats}")
    for name, clock in clocks.items():
        wall, cpu = statistics.median(clock.wall), statistics.median(clock.cpu)
        print(f"{name:14} {n / wall:12,.0f} trials/s {cpu / n * 1e6:8.2f} us CPU/trial {wall:8.3f} s")


def measure(clocks: dict[str, Clock], events: list[list[Event]], n: int) -> None:
    with clocks["making events"].timed():
        for i in range(n):
            trial(i)
    with clocks["memory"].timed():
        ready(memory_ledger(), events)
    with tempfile.TemporaryDirectory() as folder:
        recorded(clocks, Path(folder), events)


def recorded(clocks: dict[str, Clock], folder: Path, events: list[list[Event]]) -> None:
    durabilities: tuple[Durability, ...] = ("full", "normal")
    for durability in durabilities:
        with open_ledger(folder / durability, durability=durability) as ledger:
            ledger.append([Opened(1, NOW)])
            with clocks[durability].timed():
                ready(ledger, events)
    with clocks["open"].timed():
        ledger = open_ledger(folder / "full")
        ledger.unfinished()
        ledger.untold("main")
    with clocks["story"].timed():
        told = sum(1 for _ in ledger.story("main"))
    assert told == 2 * len(events)
    ledger.close()


if __name__ == "__main__":
    main()
