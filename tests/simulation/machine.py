"""What stands in for the machine under a driver: its queue, its threads and its clock, run by the world."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import Empty
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from cohobate.campaign import campaign, crew, driver, elsewhere, evaluation, here, reports, resume, session
from cohobate.campaign.moves import Broken, Ended, Heard, Talk
from cohobate.campaign.parts import attempts, bench, making
from cohobate.campaign.talker import Talker
from cohobate.core.errors import GeneratorError, LedgerError
from cohobate.core.events import Event
from cohobate.ledger import spool, writer
from cohobate.ledger.writer import Writer

if TYPE_CHECKING:
    from simulation.world import World


TURNS = 20_000
"""Turns of the drivers of a campaign after which it is taken to hang."""


class Inbox:
    """The queue of a driver: waiting for it is how time passes. Some reports come twice."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        world = self.world
        self.items.append(item)
        if isinstance(item, Ended) and world.rng.random() < world.o.duplicate:
            world.later(world.rng.choice([0.0, 0.5, 20.0]), self.items.append, item)

    def empty(self) -> bool:
        return not self.items

    def get(self, timeout: float = 0.0) -> Any:
        world = self.world
        if not self.items:
            self._turn()
            world.watch.turns()
            world.wait(world.now + timeout)
            if not self.items:
                raise Empty
            if world.rng.random() < 0.2:  # the driver is slow
                while world.heap and world.heap[0][0] < world.now + 0.2:
                    world.happen()
        item = self.items.popleft()
        world.tell("heard", item)
        world.watch.heard(item)
        return item

    def _turn(self) -> None:
        self.world.turns += 1
        assert self.world.turns < TURNS, "the campaign hangs"


class Sink:
    """The writer as the driver sees it: each append is an effect, and is written a while later."""

    def __init__(self, world: World, writer: Writer) -> None:
        self.world, self.writer = world, writer
        self.flush, self.close = writer.flush, writer.close

    @property
    def appended(self) -> int:
        return self.writer.appended

    @property
    def durable(self) -> int:
        return self.writer.durable

    @property
    def error(self) -> LedgerError | None:
        return self.writer.error

    def append(self, events: list[Event]) -> None:
        world = self.world
        world.effect("append", *events)
        backlog = self.appended - self.durable
        self.writer.append(events)
        world.watch.appended(events, backlog)
        world.later(world.rng.uniform(0.0, world.o.lag), world.disk.turn)


class Speaker:
    """Calls the generator by way of the real ``Talker``; its answer comes when its time has passed."""

    def __init__(self, world: World, generator: Any, checked: Any, reply: Callable[[Any], None], called: str) -> None:
        self.world, self.reply = world, reply
        self.talker = Talker(generator, checked, reply, threaded=False, called=called)
        self.until = 0.0

    def talk(self, talk: Talk) -> Heard | Broken | None:
        world = self.world
        world.effect("talk", talk.ask, *(result.trial.id for result in talk.results))
        world.watch.talks(talk, self.until)
        fact = self.talker.talk(talk)
        if not world.o.thinking or fact is None:
            world.watch.heard(fact)
            return fact
        after = world.rng.uniform(0.0, world.o.thinking)
        self.until = world.now + after
        world.later(after, self.reply, fact)
        return None

    def finalize(self, timeout: float | None = None) -> GeneratorError | None:
        world = self.world
        if world.dead or (timeout is not None and world.now + timeout < self.until):
            return None
        return self.talker.finalize(timeout)


class Condition:
    """Whoever waits for the writer lets it work; whoever waits in it need not."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def notify_all(self) -> None: ...

    def wait_for(self, holds: Callable[[], Any], timeout: float | None = None) -> Any:
        while not holds() and self._work():
            pass
        return holds()

    def _work(self) -> bool:
        """Lets the writer work; a disk that is full for a while has time to become empty."""
        world = self.world
        while world.disk.stalled:
            world.happen()
        return world.disk.turn()


class Thread:
    """The thread of the writer: works when it is waited for, unless the process is dead."""

    def __init__(self, world: World, target: Callable[[], None]) -> None:
        self.world, self.target = world, target

    def start(self) -> None: ...

    def join(self) -> None:
        if not self.world.dead:
            self.target()


def staged(world: World, patch: pytest.MonkeyPatch) -> None:
    """Puts a world where the machine was: its clock, its queue, its threads, its files."""
    for module in (driver, elsewhere, here, reports, resume, session, writer, attempts, bench):
        patch.setattr(module, "time", world)
    for module in (evaluation, making):
        patch.setattr(module, "time", world.engine)
    patch.setattr(bench, "TARGET", 0.0)  # each part goes alone
    patch.setattr(driver, "SimpleQueue", lambda: world.inbox)
    patch.setattr(crew, "Talker", lambda *args, called, **_: Speaker(world, *args, called))
    patch.setattr(driver, "BACKLOG", world.o.backlog)
    threads = SimpleNamespace(
        Condition=lambda: Condition(world), Thread=lambda target, name, daemon: Thread(world, target)
    )
    patch.setattr(writer, "threading", threads)
    patch.setattr(writer, "MOST", world.o.most)
    patch.setattr(spool, "write_atomic", world.disk.write)
    patch.setattr(spool, "make_folder", lambda folder: None)
    patch.setattr(spool, "read_regular", lambda file, *_, **__: file.read_bytes())
    patch.setattr(campaign, "write_manifest", lambda *_, **__: None)
