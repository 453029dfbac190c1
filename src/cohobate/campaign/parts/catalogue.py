"""What is the same in the parts of all candidates, so that it is sent to each worker once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from cohobate.campaign.parts.making import Call, Making, Order, Site
from cohobate.core.parts import Part

MOST: Final = 10_000
"""Calls that are sent ahead."""


@final
@dataclass(frozen=True, slots=True)
class Catalogue:
    """The functions of the first candidate's parts, by their names, with arguments that are functions themselves.

    Told from others by what they are, not by what they equal: such objects must not change.
    """

    making: Making
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, parts: Sequence[Part] = ()) -> Catalogue:
        """Returns one of these parts."""
        first = parts[:MOST]
        calls = tuple(
            Call(part.fn, tuple((i, arg) for i, arg in enumerate(part.args) if _lasts(arg))) for part in first
        )
        return cls(Making(site, calls), {part.name: i for i, part in enumerate(first)})

    def order(self, part: Part, trial: int, attempt: int) -> Order:
        """Returns what is sent for a part: as little as its worker needs."""
        number = self.numbers.get(part.name, -1)
        if number >= 0:
            rest = _without(self.making.calls[number], part.fn, part.args)
            if rest is not None:
                return Order(trial, attempt, part.name, number, rest, part.key)
        return Order(trial, attempt, part.name, -1, (part.fn, *part.args), part.key)


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


def _lasts(arg: object) -> bool:
    return callable(arg)
