"""Who takes part in a campaign: generators by name, what each is told, and what its end means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Literal, get_args

from cohobate.campaign.conversation import Conversation
from cohobate.campaign.steering.helm import Helm, OnReturn
from cohobate.core.canonical import content_hash
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload, Plain
from cohobate.core.problem import Problem
from cohobate.core.protocols import Described, Finite, Generator, Honest, Lossy, Posed
from cohobate.core.steering import Steers
from cohobate.ledger.resume import Hears

MAIN = "main"
"""What the generator of a campaign is called that has one."""
INITIAL = "initial"
"""What is called that comes before all others."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of several generators of a campaign.

    ``hears``: whose results it is told: its "own", those of "all", or its own and those of the generators
    named. One that does not ``propose`` only listens. ``on_return`` says what the return of a persistent
    generator means: the campaign stops, the "others" go on, or it is started again.
    """

    generator: Generator | Steers
    hears: Literal["own", "all"] | tuple[str, ...] = "own"
    proposes: bool = True
    on_return: OnReturn = "stop"

    def __post_init__(self) -> None:
        if self.on_return not in get_args(OnReturn):
            hint = did_you_mean(str(self.on_return), get_args(OnReturn))
            raise UserError(f"on_return: expected one of {list(get_args(OnReturn))}, got {self.on_return!r}{hint}")
        if isinstance(self.hears, str) and self.hears not in ("own", "all"):
            raise UserError(f"hears: expected 'own', 'all' or a tuple of names, got {self.hears!r}")
        if isinstance(self.generator, Steers) and not self.proposes:
            raise UserError("proposes=False is for generators that are asked: a persistent one just does not suggest")

    @property
    def finite(self) -> bool:
        """Whether it comes to an end by itself, or proposes nothing anyway."""
        return not self.proposes or (isinstance(self.generator, Finite) and self.generator.finite)

    @property
    def hearing(self) -> Hears | None:
        """Tells whose results it is told besides its own; ``None``: nobody's."""
        return hearing_of(self.hears)

    def talk(self, name: str, *, asks: int, runs: int = 0) -> Conversation | Helm:
        """Returns the state of the talk with it after ``asks`` answers and ``runs`` returns."""
        if isinstance(self.generator, Steers):
            return Helm(
                name,
                asks=asks,
                runs=runs,
                hears=self.hearing,
                on_return=self.on_return,
                grace=self.generator.grace,
            )
        return Conversation(name, asks=asks, hears=self.hearing, proposes=self.proposes, first=name == INITIAL)

    def describe(self) -> dict[str, Plain]:
        """Returns its kind and settings as plain data."""
        generator = self.generator
        settings = generator.describe() if isinstance(generator, Described) else {}
        described: dict[str, Plain] = {"kind": type(generator).__qualname__, "settings": settings}
        if self.hears != "own":
            described["hears"] = self.hears if isinstance(self.hears, str) else list(self.hears)
        if not self.proposes:
            described["proposes"] = False
        return described


def hearing_of(hears: str | Sequence[str]) -> Hears | None:
    """Tells whose results one is told besides its own, by its ``hears``; ``None``: nobody's."""
    match hears:
        case "own":
            return None
        case "all":
            return lambda _: True
        case names:
            return frozenset(names).__contains__


Members = Mapping[str, Member]
Given = Generator | Steers | Member | Mapping[str, Generator | Steers | Member]


def members_of(given: Given, initial: Generator | None = None) -> dict[str, Member]:
    """Returns who takes part, by name; everybody hears of what is ``initial``.

    Raises ``UserError`` for names that make no sense.
    """
    named: Mapping[Any, Payload] = given if isinstance(given, Mapping) else {MAIN: given}
    if not named:
        raise UserError("a campaign needs a generator, got an empty mapping")
    members = {name: _member(name, one) for name, one in named.items()}
    if initial is not None:
        if INITIAL in members:
            raise UserError(f"initial=... beside a generator called {INITIAL!r}: give that another name")
        members = {name: _hearing(member, INITIAL) for name, member in members.items()}
        members = {INITIAL: Member(initial), **members}
        if not members[INITIAL].finite:
            raise UserError(
                "initial: expected points that come to an end, such as LatinHypercube(problem, n=20) or points(...)"
            )
    _check_hearing(members)
    return members


def problem_of(members: Members, given: Problem | None) -> Problem:
    """Returns the problem of a campaign; raises ``UserError`` where there is none, or more than one."""
    brought = {name: one.generator.problem for name, one in members.items() if isinstance(one.generator, Posed)}
    posed = {name: problem for name, problem in brought.items() if problem is not None}
    if given is not None:
        return given
    if not posed:
        kind = type(next(iter(members.values())).generator).__name__
        raise UserError(f"{kind} does not say what its problem is: give Campaign(problem=...)")
    first, problem = next(iter(posed.items()))
    for name, other in posed.items():
        if other is not problem and content_hash(other.describe()) != content_hash(problem.describe()):
            raise UserError(f"the generators {first!r} and {name!r} have different problems: they need the same")
    return problem


def describe(members: Members) -> dict[str, Plain]:
    """Returns who takes part as plain data, to compare a run with its resume."""
    if list(members) == [MAIN]:
        return {"generator": members[MAIN].describe()}
    return {"generator": {"kind": "several", "settings": {}, "members": {n: m.describe() for n, m in members.items()}}}


def finite(members: Members) -> bool:
    """Whether a campaign comes to an end by itself: all of them do, or one that stops it when it returns."""
    stops = any(isinstance(one.generator, Steers) and one.on_return == "stop" for one in members.values())
    return stops or all(member.finite for member in members.values())


def lossy(members: Members) -> dict[str, Lossy]:
    """Returns who is asked what is left to learn."""
    asked = {name: member.generator for name, member in members.items() if not isinstance(member.generator, Steers)}
    return {name: one for name, one in asked.items() if isinstance(one, Lossy)}


def honest(members: Members) -> dict[str, Honest]:
    """Returns who is asked how far its predictions are off."""
    asked = {name: member.generator for name, member in members.items() if not isinstance(member.generator, Steers)}
    return {name: one for name, one in asked.items() if isinstance(one, Honest)}


def seed_of(members: Members) -> int:
    """Returns the first seed among their settings, 0 where none has one."""
    seeds = (member.describe()["settings"].get("seed") for member in members.values())
    return next((seed for seed in seeds if isinstance(seed, int)), 0)


def _member(name: object, one: Payload) -> Member:
    if not isinstance(name, str) or not name:
        raise UserError(f"a generator needs a name, got {name!r}")
    if isinstance(one, FunctionType | type):
        raise UserError(
            f"expected a generator, got {one.__qualname__} itself: call it, or where it is a function of steer, "
            "make it one by @persistent"
        )
    return one if isinstance(one, Member) else Member(one)


def _hearing(member: Member, name: str) -> Member:
    match member.hears:
        case "own":
            return replace(member, hears=(name,))
        case "all":
            return member
        case names:
            return replace(member, hears=(*names, name))


def _check_hearing(members: Members) -> None:
    for name, member in members.items():
        for other in member.hears if isinstance(member.hears, tuple) else ():
            if other not in members:
                raise UserError(f"{name!r} hears {other!r}, which is no generator{did_you_mean(other, members)}")
