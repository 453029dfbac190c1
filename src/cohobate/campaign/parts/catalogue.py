"""What is the same in the parts of all candidates, so that it is sent to each worker once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from cohobate.campaign.parts.course import Course
from cohobate.campaign.parts.making import Call, Making, Order, Site
from cohobate.core.parts import Part
from cohobate.engines.shipping import unchanging

MOST: Final = 10_000
"""Calls that are sent ahead."""


@final
@dataclass(frozen=True, slots=True)
class Catalogue:
    """The functions of the first candidate's parts, by their names, with arguments that are functions themselves.

    Those that cannot change, that is, and told from others by what they are, not by what they equal. What
    goes by another name, or is another object in each candidate, is sent with each.
    """

    making: Making
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, parts: Sequence[Part] = ()) -> Catalogue:
        """Returns one of these parts."""
        first = [part for part in parts[:MOST] if unchanging(part.fn)]
        calls = tuple([Call(part.fn, tuple(_fixed(part.args))) for part in first])
        return cls(Making(site, calls), {part.name: i for i, part in enumerate(first)})

    def order(self, part: Part, course: Course, inputs: str = "") -> Order:
        """Returns what is sent for a part: as little as its worker needs."""
        number, args = self._call(part)
        return Order(course.trial, course.attempt, part.name, number, args, part.key, inputs)

    def _call(self, part: Part) -> tuple[int, tuple[Any, ...]]:
        """Returns which call it is, with the rest of its arguments."""
        number = self.numbers.get(part.name, -1)
        if number >= 0:
            rest = _without(self.making.calls[number], part.fn, part.args)
            if rest is not None:
                return number, rest
        return -1, (part.fn, *part.args)


def _without(call: Call, fn: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Returns the arguments that are not part of a call, ``None`` where it is another one."""
    if call.fn is not fn:
        return None
    if not call.fixed:
        return args
    rest: list[Any] = []
    last = 0
    for at, value in call.fixed:
        if at >= len(args) or args[at] is not value:
            return None
        rest += args[last:at]
        last = at + 1
    return (*rest, *args[last:])


def _fixed(args: tuple[Any, ...]) -> Iterator[tuple[int, Any]]:
    for at, arg in enumerate(args):
        if callable(arg) and unchanging(arg):
            yield at, arg
