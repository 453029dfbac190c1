"""The call of a user's function, the same on every engine."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from types import CoroutineType

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.context import cancellable
from cohobate.core.payload import Payload

NO_FLAG = nullcontext()


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


def unpack(
    data: bytes | bytearray, parcels: Mapping[int, bytes | bytearray]
) -> tuple[tuple[Payload, ...], dict[str, Payload]]:
    """Returns the arguments of a call, those put in that were sent apart: ``parcels`` holds them by number."""
    args, kwargs, constants = pickle.loads(data)
    for place, number in constants.items():
        (args if isinstance(place, int) else kwargs)[place] = pickle.loads(parcels[number])
    return tuple(args), kwargs


def name_of(fn: Callable[..., Payload]) -> str:
    """Returns what to call a function in a message."""
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)
