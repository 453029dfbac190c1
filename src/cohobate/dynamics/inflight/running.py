"""Many systems at once through a batch that never holds more than it may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from cohobate.core.capture import describe
from cohobate.core.errors import EngineClosed
from cohobate.core.task import Task
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.samplers import until_raised
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.stage import ENDS, FAILED

Told = dict[str, Any]


def run_all(dynamics: Dynamics, systems: Iterable[Any], *, max_atoms: int, **given: Any) -> list[Told]:
    """Returns what came of each system, in the order they were given; see ``InFlight`` for what ``given`` may be.

    Systems may come from a generator; they are asked for as there is room. A system that failed has the status
    "failed", and ``why``.
    """
    found = dict(as_they_leave(dynamics, systems, max_atoms=max_atoms, **given))
    return [found[number] for number in range(len(found))]


def as_they_leave(
    dynamics: Dynamics, systems: Iterable[Any], *, max_atoms: int, **given: Any
) -> Iterator[tuple[int, Told]]:
    """Yields the number of each system and what came of it, as they leave.

    What the source of systems raises is raised once those that came before have left.
    """
    raised: list[Exception] = []
    source, done, out = enumerate(until_raised(systems, raised)), SimpleQueue[tuple[int, Future[Told]]](), 0
    with InFlight(dynamics, max_atoms=max_atoms, **given) as engine:
        more = True
        while more or out:
            while more and (engine.room() > 0 or not out):
                number, system = next(source, (-1, None))
                if more := number >= 0:
                    _submitted(engine, number, system, done)
                    out += 1
            if out:
                number, future = done.get()
                out -= 1
                yield number, _told(future)
    for error in raised:
        raise error


def _submitted(engine: InFlight, number: int, system: Any, done: SimpleQueue[tuple[int, Future[Told]]]) -> None:  # noqa: ANN401
    future = engine.submit(Task(_itself, (system,), key=str(number)))
    future.add_done_callback(lambda ended: done.put((number, ended)))


def _itself(system: Any) -> Any:  # noqa: ANN401 a system of any kind
    return system


def _told(future: Future[Told]) -> Told:
    error = future.exception()
    if isinstance(error, EngineClosed):
        raise error
    return future.result() if error is None else {"status": ENDS[FAILED], "why": describe(error)}
