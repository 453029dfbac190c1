"""One simulated campaign over all its sessions, in virtual time, with crashes between every two effects.

The real campaign, driver, scheduler, resume, spool and writer run; time, threads, the engine, the disk and the
moments at which anything happens are simulated, and follow from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

import pytest

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import Goal, as_goal, below, evaluations, session_seconds
from cohobate.campaign.members import Member
from cohobate.campaign.moves import CancelWanted, Halt
from cohobate.campaign.session import Session
from cohobate.core.errors import BudgetExceeded, CohobateError, EngineClosed, GeneratorError, GoalError, LedgerError
from cohobate.ledger.writer import Writer
from cohobate.simulate.function import Simulator
from simulation.checks import check_end, check_session
from simulation.chooser import Chooser
from simulation.disk import Disk
from simulation.engine import Engine
from simulation.machine import Inbox, Sink, staged
from simulation.options import Options
from simulation.pieces import Pieces
from simulation.watch import Watch

EFFECTS = 20_000
"""Effects of a session after which it is taken to turn in a circle."""
CALM = 40
"""Sessions without faults that may end by the failure budget."""


class Crash(BaseException):
    """The driver dies between two effects."""


def company(options: Options) -> dict[str, Chooser]:
    """Returns who takes part."""
    first = Chooser(options)
    match options.company:
        case "listener":
            return {"main": first, "ear": first.called("ear", [])}
        case "second":
            half = len(first.pool) // 2
            return {
                "main": first.called("main", first.pool[half:]),
                "second": first.called("second", first.pool[:half]),
            }
    return {"main": first}


def member(name: str, chooser: Chooser) -> Member:
    """Returns what one is told: but for the first, everything."""
    return Member(chooser) if name == "main" else Member(chooser, hears="all", proposes=name != "ear")


class World:
    """What happens besides the driver: time, faults, people; ``story`` collects it in words where it is a list."""

    def __init__(self, options: Options, story: list[str] | None = None) -> None:
        self.o, self.story = options, story
        self.rng = random.Random(f"world {options.seed}")
        self.now = 1000.0
        self.heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.ticket = self.effects = self.turns = self.crashes = 0
        self.dead = self.calm = False
        self.crash_at = 0
        self.inbox = Inbox(self)
        self.disk = Disk(self.effect)
        self.engine = Engine(self)
        self.watch = Watch(self)
        self.expected: set[type[CohobateError]] = set()
        self.endings: set[str] = set()
        self.sessions = 0
        self.choosers = company(options)
        self.chooser = self.choosers["main"]
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
        self.generators = {name: one.fresh(self._broken, self.sessions) for name, one in self.choosers.items()}
        self.generator = self.generators["main"]
        self.campaign.members = {name: member(name, one) for name, one in self.generators.items()}
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
        simulator = Simulator(Pieces(self.engine, o) if o.parts else self.engine.simulate, "1", o.cached)
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


def simulate(seed: int, story: list[str] | None = None, parts: int = 0) -> World:
    """Runs the campaign of a seed; raises ``AssertionError`` with the options where a promise is broken."""
    options = replace(Options.of(seed), parts=parts)
    world = World(options, story)
    with pytest.MonkeyPatch.context() as patch:
        staged(world, patch)
        try:
            world.run()
        except Exception as error:
            again = f"python -m simulation {seed} {parts or ''}"
            told = f"{type(error).__name__}: {error}\nthe whole story: {again}\n{options}"
            raise AssertionError(told) from error
    return world
