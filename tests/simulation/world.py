"""One simulated campaign over all its sessions, in virtual time, with crashes between every two effects.

The real campaign, driver, scheduler, resume, spool and writer run; time, threads, the engine, the disk and the
moments at which anything happens are simulated, and follow from the seed.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest

from cohobate.campaign import campaign, driver, evaluation, hands, reports, resume, session
from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import Goal, as_goal, below, evaluations, session_seconds
from cohobate.campaign.moves import Broken, CancelWanted, Ended, Halt, Heard, Talk
from cohobate.campaign.session import Session
from cohobate.campaign.talker import Talker
from cohobate.core.errors import BudgetExceeded, CohobateError, EngineClosed, GeneratorError, GoalError, LedgerError
from cohobate.core.events import Event
from cohobate.ledger import spool, writer
from cohobate.ledger.writer import Writer
from cohobate.simulate.function import Simulator
from simulation.checks import Watch, check_end, check_session
from simulation.chooser import Chooser
from simulation.disk import Disk
from simulation.engine import Engine
from simulation.options import Options

TURNS = 20_000
"""Turns of a driver after which it is taken to hang."""
EFFECTS = 20_000
"""Effects of a session after which it is taken to turn in a circle."""
CALM = 40
"""Sessions without faults that may end by the failure budget."""


class Crash(BaseException):
    """The driver dies between two effects."""


class World:
    """What happens besides the driver: time, faults, people; ``story`` collects it in words where it is a list."""

    def __init__(self, options: Options, story: list[str] | None = None) -> None:
        self.o, self.story = options, story
        self.rng = random.Random(f"world {options.seed}")
        self.now = 1000.0
        self.heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.ticket = self.effects = self.turns = self.crashes = self.lost = 0
        self.dead = self.calm = False
        self.crash_at = 0
        self.inbox = Inbox(self)
        self.disk = Disk(self.effect)
        self.engine = Engine(self)
        self.watch = Watch(self)
        self.expected: set[type[CohobateError]] = set()
        self.endings: set[str] = set()
        self.sessions = 0
        self.chooser = Chooser(options)
        self.campaign = self._campaign()

    def run(self) -> None:
        """The whole campaign: sessions with faults, then without until it comes to its end."""
        for _ in range(self.o.sessions):
            self._session()
        self.calm = True
        before = -1
        for _ in range(CALM):
            if self._session():
                check_end(self)
                return
            done = self.disk.counts.final
            assert done > before, "a session without faults made no progress"
            before = done
        raise AssertionError("sessions without faults do not come to the goal")

    # one session

    def _session(self) -> bool:
        """One driver; returns whether it came to its goal, or the end of its candidates."""
        self.sessions += 1
        self.session: Session | None = None
        self.heap, self.dead, self.effects = [], False, 0
        self.expected = set()
        self.inbox.items.clear()
        self.crash_at = 0 if self.calm or not self.o.effects else self.rng.randint(1, self.o.effects)
        self.disk.full = self.disk.stalled = False
        self.tell("session", self.sessions)
        self.watch.opens()
        self.engine.open()
        done = False
        try:
            self._drive()
            done = self.goal.text == f"{self.o.goal} evaluations"
        except Crash:
            assert self.dead
        except CohobateError as error:
            self.tell("ended by", type(error).__name__)
            self.endings.add(type(error).__name__)
            if not (self.dead or isinstance(error, tuple(self.expected))):
                raise AssertionError(f"a session ended by {type(error).__name__}: {error}") from error
        if self.dead:
            self._crashed()
            return False
        if self.session is not None:
            check_session(self)
        self.engine.abandon()
        return done

    def _drive(self) -> None:
        self.generator = self.campaign.generator = self.chooser.fresh(self._broken, self.sessions)
        self.goal = self._goal()
        if self.o.budget is not None:
            self.expected.add(BudgetExceeded)
        self.session = self.campaign._assemble(self.goal, self.disk.open(self._observed), None)
        if not self.calm:
            self._plan_faults(self.session)
        self.tell("resumed")
        self.session.run()

    def _campaign(self) -> Campaign:
        o = self.o
        simulator = Simulator(self.engine.simulate, "1", o.cached)
        return Campaign(
            self.chooser,
            simulator,
            self.engine,
            deadline=o.deadline,
            retries=o.retries,
            failure_budget=o.budget,
            drain=o.drain,
            grace=0.5,
        )

    def _goal(self) -> Goal:
        """Returns how far this session goes: never further than the last."""
        rng, most = self.rng, evaluations(self.o.goal)
        if self.calm or rng.random() >= self.o.target:
            return most
        match rng.choice(["less", "below", "seconds", "raises"]):
            case "less":
                return evaluations(rng.randint(1, self.o.goal))
            case "below":
                return most | below("f", rng.random() / 2)
            case "seconds":
                return most | session_seconds(rng.uniform(0.1, 5.0))
        self.expected.add(GoalError)
        return most | as_goal(self._shaky)

    def _shaky(self, _: Any) -> bool:
        """A goal of a user that raises sooner or later."""
        if self.rng.random() < 0.1:
            raise ZeroDivisionError("goal")
        return False

    def _broken(self) -> str | None:
        if self.calm or self.rng.random() >= self.o.broken:
            return None
        self.expected.add(GeneratorError)
        return self.rng.choice(["raises", "answers nonsense", "waits"])

    def _crashed(self) -> None:
        self.crashes += 1
        self.dead = False
        self.tell("crash")
        if self.rng.random() < 0.1:
            self.disk.files["spool/0-0-0.result"] = b"torn"
        self.engine.abandon()
        if self.o.durability == "normal" and self.rng.random() < 0.5:
            self.disk.lose(self.rng.randint(0, 3))
            self.engine.orphans.clear()
            self.tell("power cut", len(self.disk.stored))
            self.watch.forgets(len(self.disk.stored))

    # faults of a session

    def _plan_faults(self, session: Session) -> None:
        rng, o = self.rng, self.o
        horizon = 0.2 + 1.3 * o.goal * o.seconds / o.workers
        for _ in range(o.cancels):
            self.later(rng.uniform(0.0, horizon), self._cancel)
        if rng.random() < o.halt:
            at = rng.uniform(0.0, horizon)
            self.later(at, self._halt, rng.choice([0.0, 0.3, 3.0]))
            self.later(at + rng.uniform(0.0, 1.0), self._halt, 0.0)
        if rng.random() < o.closing:
            self.later(rng.uniform(0.0, horizon), self._close)
        if rng.random() < o.full:
            self.later(rng.uniform(0.0, horizon), self._fill, rng.random() < 0.5)
        for _ in range(2):
            self.later(rng.uniform(0.0, horizon), self.watch.looks, session)

    def _cancel(self) -> None:
        some = tuple(self.rng.randrange(self.disk.counts.proposed + 3) for _ in range(self.rng.randint(1, 3)))
        self.inbox.put(CancelWanted(some, "whim"))

    def _halt(self, grace: float) -> None:
        self.watch.halts(self.now + grace)
        self.inbox.put(Halt("SIGTERM", grace))

    def _close(self) -> None:
        self.tell("engine closed")
        self.expected.add(EngineClosed)
        self.engine.close()

    def _fill(self, lasting: bool) -> None:
        """The disk is full: for good, or for less than the writer's patience."""
        self.tell("disk full", "for good" if lasting else "for a while")
        if lasting:
            self.expected.add(LedgerError)
            self.disk.full = True
        else:
            self.disk.stalled = True
            self.later(self.rng.uniform(0.1, 5.0), self._empty)

    def _empty(self) -> None:
        self.disk.stalled = False
        self.disk.turn()

    # time

    def later(self, after: float, what: Callable[..., None], *args: Any) -> None:
        """Lets something happen in a while."""
        self.ticket += 1
        heappush(self.heap, (self.now + after, self.ticket, what, args))

    def wait(self, until: float) -> None:
        """Lets time pass until there is something in the inbox, or ``until``."""
        while not self.inbox.items:
            if not self.heap or self.heap[0][0] > until:
                self.now = max(self.now, until)
                return
            self.happen()

    def happen(self) -> None:
        """Lets the next thing happen."""
        at, _, what, args = heappop(self.heap)
        self.now = max(self.now, at)
        what(*args)

    def time(self) -> float:
        return self.now

    monotonic = time

    def effect(self, name: str, *what: Any) -> None:
        """Something that others can see is about to be done: here the driver may die, and others may be quicker."""
        if self.dead:
            raise Crash
        self.effects += 1
        assert self.effects < EFFECTS, "the campaign turns in a circle"
        assert self.disk.writer.durable <= len(self.disk.stored), "events count as durable that are not"
        if self.story is not None:
            self.tell(name, *what)
        if self.effects == self.crash_at:
            self.dead = True
            raise Crash
        if name in ("submit", "talk", "append") and self.rng.random() < 0.1:
            self.disk.turn()

    def tell(self, *what: Any) -> None:
        """Adds a line to the story."""
        if self.story is not None:
            self.story.append(f"{self.now:10.3f}  {' '.join(map(str, what))}")

    def _observed(self, writer: Writer) -> Sink:
        return Sink(self, writer)


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

    def __init__(self, world: World, generator: Any, checked: Any, reply: Callable[[Any], None]) -> None:
        self.world, self.reply = world, reply
        self.talker = Talker(generator, checked, reply, threaded=False)
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
    for module in (driver, hands, reports, resume, session, writer):
        patch.setattr(module, "time", world)
    patch.setattr(evaluation, "time", world.engine)
    patch.setattr(driver, "SimpleQueue", lambda: world.inbox)
    patch.setattr(
        driver, "Talker", lambda generator, problem, reply, threaded: Speaker(world, generator, problem, reply)
    )
    patch.setattr(driver, "BACKLOG", world.o.backlog)
    threads = SimpleNamespace(
        Condition=lambda: Condition(world), Thread=lambda target, name, daemon: Thread(world, target)
    )
    patch.setattr(writer, "threading", threads)
    patch.setattr(writer, "MOST", world.o.most)
    patch.setattr(spool, "write_atomic", world.disk.write)
    patch.setattr(campaign, "write_manifest", lambda *_, **__: None)


def simulate(seed: int, story: list[str] | None = None) -> World:
    """Runs the campaign of a seed; raises ``AssertionError`` with the options where a promise is broken."""
    options = Options.of(seed)
    world = World(options, story)
    with pytest.MonkeyPatch.context() as patch:
        staged(world, patch)
        try:
            world.run()
        except Exception as error:
            told = f"{type(error).__name__}: {error}\nthe whole story: python -m simulation {seed}\n{options}"
            raise AssertionError(told) from error
    return world
