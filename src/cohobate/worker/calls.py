"""The call of a user's function, the same on every engine."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from types import CoroutineType
from typing import Final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.context import cancellable
from cohobate.core.payload import Payload

NO_FLAG = nullcontext()
CONTAINERS: Final = frozenset({list, tuple, dict})
"""Where futures and slots are looked for; subclasses, named tuples for example, go through as they are."""


def perform(
    fn: Callable[..., Payload],
    args: Sequence[Payload],
    kwargs: Mapping[str, Payload],
    flag: Callable[[], bool] | None = None,
) -> Returned | Raised:
    """Calls ``fn`` here and now, ``flag`` behind ``cohobate.cancelled()``; an ``async def`` is run to its end."""
    with cancellable(flag) if flag else NO_FLAG:
        outcome = capture(fn, *args, **kwargs)
        if isinstance(outcome, Returned) and isinstance(outcome.value, CoroutineType):
            from asyncio import run  # half as costly to import as everything else here together

            outcome = capture(run, outcome.value)
        return outcome


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a value that comes apart from the others, as a parcel."""

    number: int


def unpack(
    data: bytes | bytearray, parcels: Mapping[int, bytes | bytearray]
) -> tuple[tuple[Payload, ...], dict[str, Payload]]:
    """Returns the arguments of a call, with ``parcels`` put into their slots."""
    args, kwargs = pickle.loads(data)
    fill = partial(_filled, parcels=parcels)
    return tuple(map(fill, args)), {name: fill(value) for name, value in kwargs.items()}


def _filled(value: Payload, parcels: Mapping[int, bytes | bytearray]) -> Payload:
    if isinstance(value, Slot):
        return pickle.loads(parcels[value.number])
    if type(value) is dict:
        return {key: _filled(item, parcels) for key, item in value.items()}
    if type(value) in CONTAINERS:
        return type(value)(_filled(item, parcels) for item in value)
    return value


def name_of(fn: Callable[..., Payload]) -> str:
    """Returns what to call a function in a message."""
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)
