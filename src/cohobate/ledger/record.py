"""Events as rows of the ledger: a kind, the trial it is about, and a body of JSON.

The body holds the fields of the event by name, without ``trial`` and without those at their
defaults. How a field is written follows from its type, so that a new event of known field types
needs nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from operator import attrgetter
from typing import Final
from zlib import crc32

from cohobate.core.errors import Damaged
from cohobate.core.events import EVENTS, Event
from cohobate.core.outcome import KINDS, Cancelled, Failure, Outcome, Value
from cohobate.core.payload import Payload, Plain
from cohobate.core.trial import Trial
from cohobate.ledger.codec import Get, Put, encode_json, tagged, untagged

Row = tuple[str, int | None, str]
"""Kind, trial, body."""
Pack = Callable[[Payload, Put | None], Plain]
Unpack = Callable[[Plain, Get | None], Payload]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the events of one kind are written and read; ``single`` ones are about one trial."""

    kind: str
    make: Callable[..., Event]
    single: bool
    values: Callable[[Event], tuple[Payload, ...]]
    packs: tuple[tuple[str, object, Pack | None], ...]
    unpacks: Mapping[str, Unpack]
    needed: frozenset[str]


def encode(event: Event, put: Put | None = None) -> Row:
    """Returns an event as a row; large contents go to ``put``. Raises ``NotStorable``."""
    layout = _LAYOUTS[type(event)]
    body: dict[str, Plain] = {}
    for (name, default, pack), value in zip(layout.packs, layout.values(event), strict=True):
        if value is not default:
            body[name] = pack(value, put) if pack else value
    trial = event.trial if layout.single else None  # type: ignore[union-attr] # single: those that have one
    try:
        return layout.kind, trial, encode_json(body)
    except (TypeError, ValueError):  # a NaN, or a number of numpy, among the times and counts
        return layout.kind, trial, encode_json({name: tagged(value, name=name) for name, value in body.items()})


def seal(seq: int, row: Row) -> int:
    """Returns the check sum kept with a row: it covers the number, the kind, the trial and the body."""
    kind, trial, body = row
    return crc32(f"{seq} {kind} {trial} {body}".encode("utf-8", "surrogatepass"))


def decode(row: Row, get: Get | None = None) -> Event:
    """Returns the event of a row; raises ``Damaged`` where it is not one that ``encode`` made."""
    kind, trial, text = row
    layout = _KINDS.get(kind)
    if layout is None:
        raise Damaged(f"an event of the unknown kind {kind!r:.60}; written by a newer version?")
    try:
        return _read(layout, json.loads(text), trial, get)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(f"an unreadable {kind!r} event: {type(error).__name__}: {error}") from error


def _read(layout: _Layout, body: Plain, trial: int | None, get: Get | None) -> Event:
    unpacks = layout.unpacks
    given = {name: unpacks[name](value, get) for name, value in body.items()}
    if layout.single:
        given["trial"] = _int(trial, get)
    if not layout.needed <= given.keys():
        raise Damaged(f"a {layout.kind!r} event without {sorted(layout.needed - given.keys())}")
    return layout.make(**given)


def pack_outcome(outcome: Outcome, put: Put | None = None) -> Plain:
    """Returns an outcome as plain data."""
    match outcome:
        case Value(outputs):
            return {"value": tagged(outputs, put, name="outputs")}
        case Failure():
            return {"failure": _pack_failure(outcome, put)}
        case Cancelled(reason):
            return {"cancelled": tagged(reason)}


def unpack_outcome(plain: Plain, get: Get | None = None) -> Outcome:
    """Returns the outcome of plain data; raises ``Damaged``, ``TypeError`` or ``ValueError`` for anything else."""
    ((kind, content),) = plain.items()
    match kind:
        case "value":
            return Value(_mapping(content, get))
        case "failure":
            return _failure(content, get)
        case "cancelled":
            return Cancelled(_str(content, get))
    raise Damaged(f"an outcome of the unknown kind {kind!r:.60}")


def _pack_failure(failure: Failure, _put: Put | None) -> Plain:
    return {
        "kind": failure.kind,
        "message": tagged(failure.message),
        "traceback": tagged(failure.traceback),
        "attempt": int(failure.attempt),
    }


def _failure(plain: Plain, get: Get | None) -> Failure:
    kind = plain["kind"]
    if kind not in KINDS or len(plain) != 4:
        raise Damaged(f"a failure of the unknown kind {kind!r:.60} with {sorted(plain)}")
    message, traceback = _str(plain["message"], get), _str(plain["traceback"], get)
    return Failure(kind, message, traceback, _int(plain["attempt"], get))


def _pack_trials(trials: tuple[Trial, ...], put: Put | None) -> Plain:
    return [[t.id, tagged(t.inputs, put, name="inputs"), tagged(t.generator)] for t in trials]


def _trials(plain: Plain, get: Get | None) -> tuple[Trial, ...]:
    return tuple(Trial(_int(i, get), _mapping(inputs, get), _str(name, get)) for i, inputs, name in plain)


def _int(plain: Plain, _get: Get | None) -> int:
    if type(plain) is not int:
        raise TypeError(f"expected a whole number, got {plain!r:.60}")
    return plain


def _ints(plain: Plain, get: Get | None) -> tuple[int, ...]:
    if type(plain) is not list:
        raise TypeError(f"expected a list of whole numbers, got {plain!r:.60}")
    return tuple(_int(item, get) for item in plain)


def _float(plain: Plain, get: Get | None) -> float:
    value = plain if type(plain) is float else untagged(plain, get)
    if type(value) is not float and type(value) is not int:
        raise TypeError(f"expected a number, got {value!r:.60}")
    return value


def _str(plain: Plain, get: Get | None) -> str:
    value = plain if type(plain) is str else untagged(plain, get)
    if type(value) is not str:
        raise TypeError(f"expected text, got {value!r:.60}")
    return value


def _bool(plain: Plain, _get: Get | None) -> bool:
    if type(plain) is not bool:
        raise TypeError(f"expected true or false, got {plain!r:.60}")
    return plain


def _mapping(plain: Plain, get: Get | None) -> Mapping[str, Payload]:
    value = untagged(plain, get)
    if type(value) is not dict:
        raise TypeError(f"expected a mapping, got {value!r:.60}")
    return value


_FIELDS: Final[Mapping[str, tuple[Pack | None, Unpack]]] = {
    "int": (None, _int),
    "float": (None, _float),
    "bool": (None, _bool),
    "str": (lambda value, _: tagged(value), _str),
    "tuple[int, ...]": (lambda value, _: list(map(int, value)), _ints),
    "tuple[Trial, ...]": (_pack_trials, _trials),
    "Mapping[str, Any]": (lambda value, put: tagged(value, put, name="campaign"), _mapping),
    "Outcome": (pack_outcome, unpack_outcome),
    "Failure": (_pack_failure, _failure),
}
"""How a field of each type is written and read."""


def _layout(kind: str, event: type[Event]) -> _Layout:
    rest = [field for field in fields(event) if field.name != "trial"]
    names = [field.name for field in rest]
    get = attrgetter(*names)
    return _Layout(
        kind,
        event,
        single=len(rest) < len(fields(event)),
        values=get if len(names) > 1 else lambda event: (get(event),),
        packs=tuple((field.name, field.default, _FIELDS[str(field.type)][0]) for field in rest),
        unpacks={field.name: _FIELDS[str(field.type)][1] for field in rest},
        needed=frozenset(field.name for field in fields(event) if field.default is MISSING),
    )


_KINDS: Final = {kind: _layout(kind, event) for kind, event in EVENTS.items()}
_LAYOUTS: Final = {event: _KINDS[kind] for kind, event in EVENTS.items()}
