"""Tasks as bytes, for a live pipe to a worker of ours; what came back, as outcomes."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from types import BuiltinFunctionType, FunctionType
from typing import Final, NamedTuple, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import TaskRaised, Unsendable
from cohobate.core.payload import Payload
from cohobate.core.task import Task
from cohobate.engines.origins import send_unimportable_by_value
from cohobate.engines.plain import Packer
from cohobate.worker.calls import Slot, name_of
from cohobate.worker.settling import RemoteTraceback

KEPT: Final = 64
"""Parcels that a driver knows by number, and a worker keeps at hand."""
HEAVY: Final = 1 << 18
"""Bytes from which an argument is sent apart, once to each worker however many tasks have it."""


class Parcel(NamedTuple):
    """A function, or a heavy argument, as bytes; equal bytes have equal digests and numbers."""

    number: int
    digest: bytes
    data: bytes


class Cargo(NamedTuple):
    """The arguments of a call as bytes, but for ``constants``, which are sent apart."""

    data: bytes
    constants: tuple[Parcel, ...] = ()


@final
class Shipper:
    """Packs functions and arguments; a function that was packed before is recognised."""

    def __init__(self) -> None:
        import cloudpickle

        self._dumps: Callable[[Payload], bytes] = cloudpickle.dumps
        self._packer = Packer()
        self._numbers = count(1)
        # The function is kept beside its parcel, lest another one gets its identity.
        self._known: OrderedDict[int, tuple[Callable[..., Payload], Parcel]] = OrderedDict()
        self._numbered: OrderedDict[bytes, int] = OrderedDict()

    def function(self, fn: Callable[..., Payload]) -> Parcel:
        """Returns ``fn`` packed; raises ``Unsendable``."""
        known = self._known.get(id(fn))
        if known is not None:
            return known[1]
        send_unimportable_by_value(fn)
        match capture(self._dumps, fn):
            case Returned(data):
                parcel = self._parcel(data)
            case Raised(_, message, _):
                raise Unsendable(f"the function {name_of(fn)} cannot be sent to a worker: {message}")
        if unchanging(fn):
            self._known[id(fn)] = (fn, parcel)
            _shorten(self._known)
        return parcel

    def arguments(self, task: Task) -> Cargo:
        """Returns the arguments packed; raises ``Unsendable`` naming the one to blame."""
        values = task.args, dict(task.kwargs)
        if (data := self._packer.pack(values)) is None:
            match capture(self._dumps, values):
                case Returned(packed):
                    data = bytes(packed)
                case Raised(_, message, _):
                    culprits = " and ".join(self._culprits(task)) or "the arguments"
                    raise Unsendable(f"{culprits} of {name_of(task.fn)} cannot be sent to a worker: {message}")
        return Cargo(data) if len(data) < HEAVY else self._apart(task)

    def _apart(self, task: Task) -> Cargo:
        """Packs each argument for itself, and lists the heavy ones as constants."""
        heavy: dict[int, Parcel] = {}

        def light(value: Payload) -> Payload:
            data = bytes(self._dumps(value))
            if len(data) < HEAVY:
                return value
            parcel = self._parcel(data)
            heavy[parcel.number] = parcel
            return Slot(parcel.number)

        args, kwargs = tuple(map(light, task.args)), {name: light(value) for name, value in task.kwargs.items()}
        return Cargo(self._dumps((args, kwargs)), tuple(heavy.values()))

    def _parcel(self, data: bytes) -> Parcel:
        digest = hashlib.sha256(data).digest()
        if digest not in self._numbered:
            self._numbered[digest] = next(self._numbers)
            _shorten(self._numbered)
        return Parcel(self._numbered[digest], digest, data)

    def _culprits(self, task: Task) -> Iterator[str]:
        named = [*((f"argument {i + 1}", arg) for i, arg in enumerate(task.args)), *task.kwargs.items()]
        for name, value in named:
            if isinstance(capture(self._dumps, value), Raised):
                yield f"{name} ({name_of(type(value))})"


def outcome_of(good: bool, data: bytes | bytearray) -> Returned | Raised:
    """Returns what became of a call, from what ``reporting.report`` made of it on the other side."""
    return _value(data) if good else _error(data)


def _value(data: bytes | bytearray) -> Returned | Raised:
    match capture(pickle.loads, data):
        case Raised(_, message, trace):
            text = f"the result cannot be loaded here: {message}"
            return Raised(Unsendable(text), text, trace)
        case returned:
            return returned


def _error(report: bytes | bytearray) -> Raised:
    """The very exception where that can be, else a ``TaskRaised``; its cause is the traceback there."""
    data, message, trace = pickle.loads(report)
    loaded = None if data is None else capture(pickle.loads, data)
    match loaded:
        case Returned(Exception() as error):
            pass
        case _:
            error = TaskRaised(f"the task raised {message}")
    error.__cause__ = RemoteTraceback(trace)
    return Raised(error, message, trace)


def unchanging(fn: Callable[..., Payload]) -> bool:
    """Whether what ``fn`` does cannot have changed since it was last packed, but by way of globals."""
    if isinstance(fn, (FunctionType, BuiltinFunctionType, type)):
        return True
    return dataclasses.is_dataclass(fn) and type(fn).__dataclass_params__.frozen  # type: ignore[attr-defined]  # typeshed


def _shorten(kept: OrderedDict[Payload, Payload]) -> None:
    if len(kept) > KEPT:
        kept.popitem(last=False)
