"""Whole campaigns in virtual time: the real scheduler and resume, a simulated engine and disk, crashes anywhere.

Everything a run does follows from its seed. ``simulate`` raises ``AssertionError`` where a promise is broken.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from cohobate.campaign.goals import View, evaluations
from cohobate.campaign.moves import Action, Cancel, CancelWanted, Ended, Heard, StopWanted, Submit, Talk
from cohobate.campaign.policy import Policy, Retries
from cohobate.campaign.resume import remember
from cohobate.core import events as ev
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.protocols import Answer, Exhausted, Later
from cohobate.core.trial import Evaluated, Result, Trial
from cohobate.ledger.ledger import memory_ledger
from cohobate.ledger.tally import Tally

MOST_CRASHES = 8
KINDS = ("ok", "raises", "hangs", "poison", "flaky", "rejected")


class Crash(Exception):
    """The driver dies between two effects."""


@dataclass
class Options:
    """What a seed decides: printed with a failure, so that it can be told again."""

    seed: int
    goal: int
    pool: int
    workers: int
    crash: float
    duplicate: float
    cancel: float
    lag: int
    drain: bool

    @classmethod
    def of(cls, seed: int) -> Options:
        rng = random.Random(f"options {seed}")
        return cls(
            seed=seed,
            goal=rng.randint(1, 30),
            pool=rng.choice([5, 40, 40]),
            workers=rng.randint(1, 5),
            crash=rng.choice([0.0, 0.002, 0.01, 0.03]),
            duplicate=rng.choice([0.0, 0.05]),
            cancel=rng.choice([0.0, 0.0, 0.05]),
            lag=rng.choice([0, 3, 20]),
            drain=rng.random() < 0.8,
        )

    def kind(self, x: int) -> str:
        return random.Random(f"kind {self.seed} {x}").choices(KINDS, [75, 6, 4, 4, 6, 5])[0]


class Counting:
    """A generator whose next choice depends on everything it proposed and was told, in order."""

    finite = True

    def __init__(self, size: int) -> None:
        self.left = list(range(size))
        self.pending: set[int] = set()
        self.trace = 0

    def suggest(self, n: int) -> Answer:
        if not self.left:
            return Exhausted()
        if len(self.pending) >= 6:
            return Later()
        rows = [{"x": self.left.pop(self.trace % len(self.left))} for _ in range(min(n, len(self.left), 3))]
        self._note(rows)
        return rows

    def recall(self, rows: list[dict[str, int]]) -> None:
        for row in rows:
            self.left.remove(row["x"])
        self._note(rows)

    def ingest(self, results: tuple[Result, ...]) -> None:
        for result in results:
            self.pending.remove(result.trial.inputs["x"])
            self.trace = (self.trace * 31 + result.trial.id + 7 * result.ok) % 10_007

    def finalize(self) -> None:
        """Nothing to end."""

    def _note(self, rows: list[dict[str, int]]) -> None:
        self.pending.update(row["x"] for row in rows)
        self.trace = (self.trace * 17 + len(rows)) % 10_007


@dataclass
class Disk:
    """Keeps what was synced; a crash also keeps some of the rest, in order."""

    rng: random.Random
    synced: list[ev.Event] = field(default_factory=list)
    waiting: list[ev.Event] = field(default_factory=list)

    def sync(self, most: int) -> None:
        self.synced += self.waiting[:most]
        del self.waiting[:most]

    def crash(self) -> None:
        self.sync(self.rng.randint(0, len(self.waiting)))
        self.waiting.clear()


class World:
    """One simulated campaign over all its sessions."""

    def __init__(self, options: Options) -> None:
        self.o = options
        self.rng = random.Random(f"world {options.seed}")
        self.disk = Disk(self.rng)
        self.now, self.crashes, self.ticket = 0.0, 0, 0
        self.shown: dict[int, ev.Finished] = {}
        self.starts: dict[int, int] = {}
        self.told: list[tuple[int, ...]] = []

    def run(self) -> None:
        while not self.session():
            self.crashes += 1
        self.check_end()

    def session(self) -> bool:
        """One driver; returns whether it came to its end."""
        self.queue: list[tuple[float, int, Ended]] = []
        self.cancelled: set[int] = set()
        try:
            return self.drive()
        except Crash:
            self.disk.crash()
            return False

    def drive(self) -> bool:
        ledger = memory_ledger()
        ledger.append(self.disk.synced)
        self.generator = Counting(self.o.pool)
        policy = Policy(Retries(raised=1, worker_lost=2), budget=None, seed=self.o.seed)
        past = remember(ledger, self.generator, policy, {})
        self.s = past.scheduler
        self.tally = Tally()
        for event in self.disk.synced:
            self.tally.fold(event)
        assert self.shown.keys() <= self.finals().keys(), "a result that was shown is lost"
        self.record([ev.Opened(self.tally.epoch + 1, self.now), *past.events])
        goal = evaluations(self.o.goal)
        for _ in range(3000):
            view = View(self.tally, 0.0, 0.0)
            if self.s.stopping is None and goal.reached(view):
                self.s.on(StopWanted("goal", self.o.drain), self.now)
            self.s.plan(self.now, self.o.workers - len(self.s.running), goal.limit(view))
            self.perform()
            if self.s.quiet:
                self.disk.sync(len(self.disk.waiting))
                return True
            assert not self.s.stuck, "stuck"
            self.advance()
        raise AssertionError("livelock")

    def perform(self) -> None:
        events, actions = self.s.take()
        self.record(events)
        for action in actions:
            self.act(action)
            self.may_crash()

    def record(self, events: list[ev.Event]) -> None:
        for event in events:
            self.tally.fold(event)
            self.disk.waiting.append(event)
            self.may_crash()
            if len(self.disk.waiting) > self.o.lag:
                self.disk.sync(self.rng.randint(1, len(self.disk.waiting)))
                self.show()

    def show(self) -> None:
        """What is durable is shown to somebody, and must never be lost or changed again."""
        for id, final in self.finals().items():
            assert self.shown.setdefault(id, final) == final, "a second final outcome"

    def finals(self) -> dict[int, ev.Finished]:
        finals = [event for event in self.disk.synced if isinstance(event, ev.Finished)]
        assert len({final.trial for final in finals}) == len(finals), "two finals of one trial"
        return {final.trial: final for final in finals}

    def may_crash(self) -> None:
        if self.crashes < MOST_CRASHES and self.rng.random() < self.o.crash:
            raise Crash

    def act(self, action: Action) -> None:
        match action:
            case Submit(trial, attempt):
                assert trial.id not in self.cancelled, "dispatched after a cancel"
                self.start(trial, attempt)
            case Talk(results, ask):
                self.generator.ingest(results)
                self.s.on(Heard(self.generator.suggest(ask) if ask else None), self.now)
            case Cancel(id) if id in self.s.running:
                self.later(0.1, Ended(id, self.s.running[id], self.report(Cancelled())))

    def start(self, trial: Trial, attempt: int) -> None:
        self.starts[trial.id] = self.starts.get(trial.id, 0) + 1
        x = trial.inputs["x"]
        after = min(self.rng.expovariate(1.0), 9.0)
        outcome = self.outcome(self.o.kind(x), x, self.starts[trial.id])
        ended = Ended(trial.id, attempt, self.report(outcome))
        self.later(10.0 if self.o.kind(x) == "hangs" else after, ended)
        if self.rng.random() < self.o.duplicate:
            self.later(after + self.rng.choice([0.0, 0.5, 30.0]), ended)
        if self.rng.random() < self.o.cancel:
            self.s.on(CancelWanted((trial.id,), "whim"), self.now)
            self.cancelled.add(trial.id)

    def outcome(self, kind: str, x: int, starts: int) -> Value | Failure:
        if kind == "raises":
            return Failure("raised", "boom")
        if kind == "hangs":
            return Failure("timeout", "10 s")
        if kind == "poison" or (kind == "flaky" and starts == 1):
            return Failure("worker_lost", "SIGKILL")
        return Failure("rejected", "ion") if kind == "rejected" else Value({"f": float(x)})

    def report(self, outcome: Value | Failure | Cancelled) -> Evaluated:
        return Evaluated(outcome, self.now, 1.0, "w")

    def later(self, after: float, ended: Ended) -> None:
        self.ticket += 1
        heapq.heappush(self.queue, (self.now + after, self.ticket, ended))

    def advance(self) -> None:
        """Lets time pass until the next thing that happens."""
        due = self.s.due(self.now)
        if self.queue and (due is None or self.queue[0][0] <= due):
            self.now, _, ended = heapq.heappop(self.queue)
            self.s.on(ended, self.now)
        elif due is not None:
            self.now = due
        else:
            assert self.s.conversation.untold or self.s.stopping or self.s.trials or self.s.conversation.exhausted
        self.perform()

    def check_end(self) -> None:
        events = self.disk.synced
        finals = self.finals()
        counted = sum(_counts(final.outcome) for final in finals.values())
        assert counted <= self.o.goal, "more than was asked for"
        assert self.tally.counted <= self.o.goal, "more than was asked for"
        told = [id for event in events if isinstance(event, ev.Told) for id in event.trials]
        assert sorted(told) == sorted(finals), "told something else than what became final, or twice"
        for id, starts in self.starts.items():
            assert starts <= 3 * (1 + self.crashes), f"trial {id} was started {starts} times"
        self.check_values(events, finals)
        self.check_replay(events)

    def check_values(self, events: list[ev.Event], finals: dict[int, ev.Finished]) -> None:
        inputs = {t.id: t.inputs["x"] for e in events if isinstance(e, ev.Proposed) for t in e.trials}
        assert len(set(inputs.values())) == len(inputs), "a candidate was proposed twice"
        for id, final in finals.items():
            if isinstance(final.outcome, Value):
                assert self.o.kind(inputs[id]) in ("ok", "flaky")
                assert final.outcome.outputs == {"f": float(inputs[id])}

    def check_replay(self, events: list[ev.Event]) -> None:
        """A fresh generator, told the same, proposes the same: across every crash."""
        again, results = Counting(self.o.pool), {}
        trials: dict[int, Trial] = {}
        for event in events:
            match event:
                case ev.Proposed():
                    rows = again.suggest(event.asked)
                    assert rows == [dict(t.inputs) for t in event.trials], "replay differs"
                    trials.update((t.id, t) for t in event.trials)
                case ev.Finished(trial=id, outcome=outcome):
                    results[id] = Result(trials[id], outcome)
                case ev.Told(trials=ids):
                    again.ingest(tuple(results[id] for id in ids))


def _counts(outcome: Outcome) -> bool:
    return isinstance(outcome, Value) or (isinstance(outcome, Failure) and outcome.kind != "rejected")


def simulate(seed: int) -> World:
    """Runs the campaign of a seed; raises ``AssertionError`` with the options where a promise is broken."""
    options = Options.of(seed)
    world = World(options)
    try:
        world.run()
    except AssertionError as error:
        raise AssertionError(f"{error} ({options}, {world.crashes} crashes)") from error
    return world
