"""The scheduler alone at a table of bodies and others: every order of events that could be, no thread, no clock."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import (
    Broken,
    Cancel,
    Ended,
    Heard,
    Perform,
    Performed,
    Reply,
    Restart,
    Said,
    StopWanted,
    Submit,
    Talk,
)
from cohobate.campaign.policy import Policy
from cohobate.campaign.scheduler import Scheduler
from cohobate.campaign.steering.helm import Helm, OnReturn
from cohobate.campaign.steering.requests import (
    Awaiting,
    Calling,
    Cancelling,
    Computing,
    Ending,
    Knowing,
    Over,
    Receiving,
    Request,
    Revising,
    Suggesting,
)
from cohobate.campaign.steering.script import Script
from cohobate.core import events as ev
from cohobate.core.errors import GeneratorError
from cohobate.core.outcome import Cancelled, Value
from cohobate.core.protocols import Exhausted, Later
from cohobate.core.task import Task
from cohobate.core.trial import Evaluated, Result
from cohobate.ledger.ledger import memory_ledger

ROOM = 3
Speech = Iterator[Request]
"""A body without a thread: yields what it says, is sent what it is answered."""


def talkative(seed: int, run: int, said: list[Any]) -> Any:
    """A body that says all kinds of things, and takes in what is left before it returns; notes its answers."""
    rng = random.Random(f"{seed} {run}")
    mine: list[int] = []
    got: set[int] = set()
    for number in range(rng.randint(0, 8)):
        for request in _some(rng, number, mine, run):
            answer = yield request
            said.append((request, answer))
            if isinstance(answer, Over):
                yield Ending("closed")
                return
            if isinstance(request, Suggesting):
                mine += [trial.id for trial in answer]
            if isinstance(request, Receiving):
                got |= {result.trial.id for result in answer}
    while set(mine) - got and rng.random() < 0.8:
        request = Receiving(rng.randint(1, 3), rng.choice([None, None, 2.0]))
        answer = yield request
        said.append((request, answer))
        if isinstance(answer, Over):
            break
        got |= {result.trial.id for result in answer}
    yield Ending(sorted(got))


def _some(rng: random.Random, number: int, mine: list[int], run: int) -> list[Request]:
    """Returns what a body says next."""
    call = run * 2**20 + number
    rows = tuple({"x": float(number)} for _ in range(rng.randint(1, 4)))
    kinds: list[Callable[[], list[Request]]] = [
        lambda: [Suggesting(rows, rng.choice([0.0, 0.0, 1.0]))],
        lambda: [Receiving(rng.randint(0, 3), rng.choice([None, 1.5]))],
        lambda: [Receiving(0), Receiving(0)],
        lambda: [Cancelling(tuple(rng.sample(mine, min(2, len(mine)))), "why")] if mine else [],
        lambda: [Revising(rng.choice(mine), {"x": 5.0}, {"note": number})] if mine else [],
        lambda: [Knowing(call), Computing(call, Value({"value": number}))],
        lambda: [Calling(call, Task(abs, (number,))), Awaiting(call, wait=rng.random() < 0.5)],
    ]
    return rng.choice(kinds)()


def listening(said: list[Any]) -> Any:
    """A body that only waits for what others find."""
    while True:
        answer = yield Receiving()
        said.append((Receiving(), answer))
        if isinstance(answer, Over):
            yield Ending(None)
            return


@dataclass
class Sitting:
    """One at the table: a body, or one that is asked."""

    talk: Any
    body: Callable[[int, list[Any]], Any] | None = None
    asked: Callable[[int], Any] | None = None
    lives: list[list[Any]] = field(default_factory=list)
    speech: Any = None


@dataclass
class World:
    """A scheduler, what it is waiting for, and who takes part; ``rng`` says what happens next."""

    rng: random.Random
    sittings: dict[str, Sitting]
    scheduler: Scheduler
    now: float = 0.0
    events: list[ev.Event] = field(default_factory=list)
    says: dict[str, Request] = field(default_factory=dict)
    talks: dict[str, Talk] = field(default_factory=dict)
    calls: list[Perform] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)
    delivered: dict[str, list[int]] = field(default_factory=dict)

    def start(self) -> None:
        for name, sitting in self.sittings.items():
            if sitting.body is not None:
                self.begin(name, 0)
        self.turn()

    def begin(self, name: str, run: int) -> None:
        sitting = self.sittings[name]
        sitting.lives.append([])
        assert sitting.body is not None
        sitting.speech = sitting.body(run, sitting.lives[-1])
        self.says[name] = next(sitting.speech)

    def turn(self) -> None:
        """Lets the scheduler plan until it has nothing more to do at once."""
        self.perform()
        self.scheduler.plan(self.now, ROOM - len(self.scheduler.running), None)
        self.perform()
        assert len(self.scheduler.running) <= ROOM

    def perform(self) -> None:
        """Does what is asked, all of it recorded before."""
        events, actions = self.scheduler.take()
        self.events += events
        told = [event for event in events if isinstance(event, ev.Told)]
        for action in actions:
            match action:
                case Reply(name, answer):
                    self.reply(name, answer, told)
                case Talk():
                    self.deliver(action.generator, action.results, told)
                    self.talks[action.generator] = action
                case Perform():
                    self.calls.append(action)
                case Restart(name, run):
                    self.begin(name, run)
                case Cancel(trial):
                    assert trial in self.scheduler.running
                    self.cancelled.add(trial)
                case Submit():
                    assert action.trial.id not in self.finished()

    def finished(self) -> list[int]:
        return [event.trial for event in self.events if isinstance(event, ev.Finished)]

    def reply(self, name: str, answer: Any, told: list[ev.Told]) -> None:
        if isinstance(answer, tuple) and answer and isinstance(answer[0], Result):
            self.deliver(name, answer, told)
        self.says[name] = self.sittings[name].speech.send(answer)

    def deliver(self, name: str, results: tuple[Result, ...], told: list[ev.Told]) -> None:
        if not results:
            return
        ids = tuple(result.trial.id for result in results)
        assert ids in [event.heard + event.trials for event in told if event.generator == name]
        self.delivered.setdefault(name, []).extend(ids)

    # what may happen

    def possible(self) -> list[Callable[[], None]]:
        fresh = [name for name in self.says if self.speaks(name)]
        facts = [lambda name=name: self.say(name) for name in fresh]
        facts += [lambda name=name: self.hear(name) for name in self.talks]
        facts += [lambda trial=trial: self.end(trial) for trial in self.scheduler.running]
        facts += [lambda call=call: self.call(call) for call in self.calls]
        return facts

    def speaks(self, name: str) -> bool:
        return not self.scheduler.table.helm(name).ended

    def say(self, name: str) -> None:
        self.scheduler.on(Said(name, self.says.pop(name)), self.now)

    def hear(self, name: str) -> None:
        talk, asked = self.talks.pop(name), self.sittings[name].asked
        assert asked is not None
        self.scheduler.on(Heard(asked(talk.ask) if talk.ask else None, generator=name), self.now)

    def end(self, trial: int) -> None:
        outcome = Cancelled() if trial in self.cancelled and self.rng.random() < 0.5 else Value({"f": 1.0})
        self.scheduler.on(Ended(trial, self.scheduler.running[trial], Evaluated(outcome, self.now, 1.0)), self.now)

    def call(self, call: Perform) -> None:
        self.calls.remove(call)
        self.scheduler.on(Performed(call.generator, call.call, Value({"value": abs(call.task.args[0])})), self.now)

    def step(self) -> None:
        """Lets something happen, or time pass where nothing can."""
        facts = self.possible()
        if facts and self.rng.random() < 0.9:
            self.rng.choice(facts)()
        elif (due := self.scheduler.due(self.now)) is not None:
            self.now = max(self.now, due)
        else:
            assert facts or self.scheduler.stuck, "a deadlock: nothing runs, nobody speaks, and nothing is due"
            self.now += 1.0
        self.turn()

    def run(self, stop_at: int) -> None:
        self.start()
        for number in range(5_000):
            if self.scheduler.quiet:
                return
            if number == stop_at:
                self.scheduler.on(StopWanted("enough"), self.now)
                self.turn()
            if self.scheduler.stuck and self.scheduler.stopping is None:
                self.scheduler.on(StopWanted("stuck"), self.now)
            self.step()
        raise AssertionError("it does not come to an end")


def asked_of(rng: random.Random, left: int) -> Callable[[int], Any]:
    """One that is asked for candidates, answers Later at times, and comes to its end."""
    state = {"left": left, "waited": False}

    def answer(n: int) -> Any:
        if not state["left"]:
            return Exhausted()
        if not state["waited"] and rng.random() < 0.3:
            state["waited"] = True
            return Later()
        state["waited"] = False
        n = min(n, state["left"], rng.randint(1, 3))
        state["left"] -= n
        return [{"x": 0.0}] * n

    return answer


def world_of(seed: int, kinds: list[str], on_return: OnReturn, *, initial: bool) -> World:
    rng = random.Random(seed)
    sittings: dict[str, Sitting] = {}
    if initial:
        sittings["initial"] = Sitting(Conversation("initial", first=True), asked=asked_of(rng, 4))
    for number, kind in enumerate(kinds):
        name = f"{kind}{number}"
        hears = (lambda _: True) if kind != "body" or rng.random() < 0.3 else None
        match kind:
            case "body":
                helm = Helm(name, hears=hears, on_return=on_return, grace=5.0)
                body = lambda run, said, number=number: talkative(seed * 10 + number, run, said)  # noqa: E731
                sittings[name] = Sitting(helm, body=body)
            case "ear":
                sittings[name] = Sitting(
                    Helm(name, hears=hears, on_return="others", grace=5.0), body=lambda run, said: listening(said)
                )
            case "asked":
                sittings[name] = Sitting(Conversation(name), asked=asked_of(rng, rng.randint(0, 6)))
            case "listener":
                talk = Conversation(name, hears=hears, proposes=False)
                sittings[name] = Sitting(talk, asked=lambda n: None)
    scheduler = Scheduler(Policy(budget=None), talks=[sitting.talk for sitting in sittings.values()])
    return World(rng, sittings, scheduler)


KINDS = st.lists(st.sampled_from(["body", "ear", "asked", "listener"]), min_size=1, max_size=4)


@settings(max_examples=int(os.environ.get("COHOBATE_TABLES", "150")))
@given(st.integers(0, 10**6), KINDS, st.sampled_from(["stop", "others", "restart"]), st.booleans(), st.integers(0, 60))
def test_it_comes_to_an_end_and_delivers_everything_once(
    seed: int, kinds: list[str], on_return: OnReturn, initial: bool, stop_at: int
):
    world = world_of(seed, kinds, on_return, initial=initial)
    world.run(stop_at if on_return == "restart" or stop_at < 30 else 10**9)
    final = world.finished()
    assert len(final) == len(set(final))
    proposed = {trial.id: trial for event in world.events if isinstance(event, ev.Proposed) for trial in event.trials}
    assert sorted(proposed) == list(range(len(proposed)))
    for name, sitting in world.sittings.items():
        _heard_all(world, name, sitting, proposed, final)
    _as_its_script_says(world)


def _heard_all(world: World, name: str, sitting: Sitting, proposed: dict[int, Any], final: list[int]) -> None:
    """Checks that one was told of each trial that concerns it, and of none twice."""
    told, hears = world.delivered.get(name, []), sitting.talk.hears
    if (end := next((event for event in world.events if event == ev.Closing(name)), None)) is not None:
        before = world.events[: world.events.index(end)]  # others may cancel what they suggest after that
        final = [event.trial for event in before if isinstance(event, ev.Finished)]
    concerned = [id for id in final if proposed[id].generator == name or (hears and hears(proposed[id].generator))]
    assert len(told) == len(set(told))
    assert set(told) <= set(concerned)
    if sitting.body is None or any(isinstance(answer, Over) for _, answer in sitting.lives[-1]):
        assert sorted(told) == sorted(concerned)


def _as_its_script_says(world: World) -> None:
    """Checks that a body that says the same again is answered the same from the log, and polls are merged."""
    with memory_ledger() as ledger:
        ledger.append(world.events)
        for name, sitting in world.sittings.items():
            closed = ev.Closing(name) in world.events
            for run, life in enumerate(sitting.lives):
                _repeats(Script(ledger.script(name, hears=sitting.talk.hears, run=run), {}), life, closed=closed)
    told = [event for event in world.events if isinstance(event, ev.Told) and not event.trials and not event.heard]
    assert all(event.times >= 1 for event in told)


def _repeats(script: Script, life: list[Any], *, closed: bool) -> None:
    """Checks all answers until the log is at its end: what came after was said when all was over."""
    for request, answer in life:
        if isinstance(request, Computing) and answer is not None:
            continue  # known from the call before
        known = script.answer(request)
        if known is None:
            assert closed or answer in (None, (), False), f"{request} was answered {answer}, which is not recorded"
            return
        assert isinstance(request, Knowing) or known.value == answer


# cases worth a name


def bodies(*names: str, hears: bool = False) -> Scheduler:
    listens = (lambda _: True) if hears else None
    return Scheduler(Policy(budget=None), talks=[Helm(name, hears=listens, grace=5.0) for name in names])


def replies(scheduler: Scheduler) -> list[Any]:
    return [(action.generator, action.answer) for action in scheduler.take()[1] if isinstance(action, Reply)]


def test_two_that_wait_for_each_other_are_told_that_nothing_comes():
    scheduler = bodies("one", "two", hears=True)
    for name in ("one", "two"):
        scheduler.on(Said(name, Receiving()), 0.0)
        scheduler.plan(0.0, 1, None)
    assert replies(scheduler) == [("one", Over()), ("two", Over())]


def test_who_waits_for_a_while_only_keeps_the_others_waiting():
    scheduler = bodies("one", "two", hears=True)
    scheduler.on(Said("one", Receiving(1, 3.0)), 0.0)
    scheduler.on(Said("two", Receiving()), 0.0)
    scheduler.plan(0.0, 1, None)
    assert replies(scheduler) == []
    assert scheduler.due(0.0) == 3.0
    scheduler.plan(3.0, 1, None)
    assert replies(scheduler) == [("one", ())]
    assert scheduler.stopping is None


def test_room_is_shared_by_all_who_are_asked_and_each_is_first_in_turn():
    talks = [Conversation("a"), Conversation("b"), Conversation("c")]
    scheduler = Scheduler(Policy(budget=None), talks=talks)
    scheduler.plan(0.0, 7, None)
    _, actions = scheduler.take()
    assert {action.generator: action.ask for action in actions} == {"a": 3, "b": 2, "c": 2}
    for name in ("a", "b", "c"):
        scheduler.on(Heard([{"x": 0.0}], generator=name), 0.0)
    scheduler.plan(0.0, 7, None)
    _, actions = scheduler.take()
    asked = {action.generator: action.ask for action in actions if isinstance(action, Talk)}
    assert sum(asked.values()) == 4
    assert max(asked.values()) - min(asked.values()) <= 1
    assert max(asked, key=lambda name: asked[name]) == "b"


def test_a_broken_one_is_not_spoken_to_and_the_others_are_told_to_end():
    scheduler = bodies("one", "two")
    scheduler.on(Said("two", Receiving(1, 100.0)), 0.0)
    scheduler.on(Broken(GeneratorError("oh"), "one"), 0.0)
    scheduler.plan(0.0, 1, None)
    assert replies(scheduler) == [("two", Over())]
    scheduler.on(Said("two", Ending()), 0.0)
    assert scheduler.quiet


@pytest.mark.parametrize("grace", [0.0, 5.0, inf])
def test_who_computes_on_after_the_end_has_its_grace(grace: float):
    scheduler = Scheduler(Policy(budget=None), talks=[Helm("one", grace=grace)])
    scheduler.on(StopWanted("enough"), 10.0)
    scheduler.plan(10.0, 1, None)
    assert not scheduler.quiet
    due = scheduler.due(10.0)
    assert due == (None if grace == inf else 10.0 + grace)
    if due is not None:
        scheduler.plan(due, 1, None)
        assert scheduler.quiet
