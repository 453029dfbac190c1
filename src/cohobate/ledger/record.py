"""Events as rows of the ledger: a kind, which trial, which attempt, when, and a body of JSON.

The body holds the other fields of the event by name, without those at their defaults. How a field
is written follows from its type, so that a new event of known field types needs nothing here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from math import isfinite
from operator import attrgetter
from typing import Final, TypeVar
from zlib import crc32

from cohobate.core.errors import Damaged, NotStorable
from cohobate.core.events import EVENTS, Event
from cohobate.core.outcome import KINDS, Cancelled, Failure, Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.trial import Note, Trial
from cohobate.ledger.codec import Put, array_of, dumps, name_of, number_of
from cohobate.ledger.untag import Get, untagged

Row = tuple[int, str, int | None, int | None, float | None, str, int]
"""Number, kind, trial, attempt, at, body, check sum."""
COLUMNS: Final = ("trial", "attempt", "at")
"""Fields that have a column of their own."""
_DOUBLE: Final = struct.Struct("<d").pack
T = TypeVar("T")
Spell = Callable[[Payload, Put | None], str]
Unpack = Callable[[Payload], Payload]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the events of one kind are written and read."""

    kind: str
    make: Callable[..., Event]
    columns: Callable[[Event], tuple[Payload, ...]]
    rest: Callable[[Event], tuple[Payload, ...]]
    spells: tuple[tuple[str, object, Spell], ...]
    unpacks: Mapping[str, Unpack]


def encode(events: Sequence[Event], since: int = 0, put: Put | None = None) -> list[Row]:
    """Returns the events that follow number ``since`` as rows; large contents go to ``put``.

    Raises ``NotStorable``.
    """
    rows: list[Row] = []
    for seq, event in enumerate(events, since + 1):
        layout = _LAYOUTS[type(event)]
        kind, text, (trial, attempt, at) = layout.kind, _body(layout, event, put), layout.columns(event)
        rows.append((seq, kind, trial, attempt, at, text, _seal(seq, kind, trial, attempt, at, text)))
    return rows


def decode(row: Row, get: Get | None = None) -> Event:
    """Returns the event of a row; raises ``Damaged`` where it is not one that ``encode`` made."""
    try:
        if _seal(*row[:-1]) != row[-1]:
            raise Damaged("the check sum does not match")
        return _event(row, get)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error) as error:
        raise Damaged(f"an unreadable {row[1]!r:.60} event: {type(error).__name__}: {error}") from error


def _event(row: Row, get: Get | None) -> Event:
    _, kind, trial, attempt, at, text, _ = row
    layout = _KINDS.get(kind)
    if layout is None:
        raise Damaged(f"an event of the unknown kind {kind!r:.60}; written by a newer version?")
    body = json.loads(text) if text != "{}" else {}
    if '"$' in text:
        body = untagged(body, get)
    unpacks = layout.unpacks
    given = {name: unpacks[name](value) for name, value in body.items()}
    for name, value in (("trial", trial), ("attempt", attempt), ("at", at)):
        if value is not None:
            given[name] = unpacks[name](value)
    return layout.make(**given)


def _seal(  # noqa: PLR0917 the cells of a row; called for each, where keywords cost
    seq: int, kind: str, trial: int | None, attempt: int | None, at: float | None, text: str
) -> int:
    """Returns the check sum of everything else in a row."""
    start = 0 if at is None else crc32(_DOUBLE(at))
    return crc32(f"{seq} {kind} {trial} {attempt} {text}".encode(), start)


def _body(layout: _Layout, event: Event, put: Put | None) -> str:
    if not layout.spells:
        return "{}"
    members = [
        start + spell(value, put)
        for (start, default, spell), value in zip(layout.spells, layout.rest(event), strict=True)
        if value is not default
    ]
    return f"{{{','.join(members)}}}"


def spell_outcome(outcome: Outcome, put: Put | None = None) -> str:
    """Returns an outcome as JSON."""
    match outcome:
        case Value(outputs):
            return f'{{"value":{dumps(outputs, put, name="outputs")}}}'
        case Failure():
            return f'{{"failure":{_spell_failure(outcome, put)}}}'
        case Cancelled(reason):
            return f'{{"cancelled":{dumps(reason)}}}'
    raise NotStorable(f"expected an outcome, got the {type(outcome).__name__} {outcome!r:.60}")


def unpack_outcome(plain: Payload) -> Outcome:
    """Returns the outcome of untagged plain data; raises ``ValueError``, ``TypeError`` and the like for other data."""
    ((kind, content),) = plain.items()
    match kind:
        case "value":
            return Value(_mapping(content))
        case "failure":
            return _failure(content)
        case "cancelled":
            return Cancelled(_str(content))
    raise ValueError(f"an outcome of the unknown kind {kind!r:.60}")


def _spell_failure(failure: Failure, _put: Put | None) -> str:
    message, traceback = dumps(failure.message), dumps(failure.traceback)
    return f'{{"kind":{dumps(failure.kind)},"message":{message},"traceback":{traceback},"attempt":{failure.attempt:d}}}'


def _failure(plain: Payload) -> Failure:
    kind = plain["kind"]
    if kind not in KINDS or len(plain) != 4:
        raise ValueError(f"a failure of the unknown kind {kind!r:.60} with {sorted(plain)}")
    return Failure(kind, _str(plain["message"]), _str(plain["traceback"]), _int(plain["attempt"]))


def _spell_trials(trials: tuple[Trial, ...], put: Put | None) -> str:
    return array_of([_spell_trial(trial, put) for trial in trials])


def _spell_trial(trial: Trial, put: Put | None) -> str:
    terms = _spell_terms(trial, put)
    known = "" if trial.note is None else f",{_spell_note(trial.note)}"
    rest = f"{known or ',null'},{terms}" if terms else known
    return f"[{trial.id:d},{dumps(trial.inputs, put, name='inputs')},{name_of(trial.generator)}{rest}]"


def _spell_terms(trial: Trial, put: Put | None) -> str:
    """Returns how a trial wants to be run, or that it need not be; nothing where it does not say."""
    if trial.given is None and trial.bound is None and not (trial.priority or trial.needs):
        return ""
    given = {} if trial.given is None else {"given": dict(trial.given)}
    bound = {} if trial.bound is None else {"bound": float(trial.bound)}
    return dumps({"priority": float(trial.priority), "needs": dict(trial.needs), **given, **bound}, put, name="given")


def wrong_note(note: Note) -> str | None:
    """Returns why a note cannot be recorded, or ``None``."""
    try:
        _note(untagged(json.loads(_spell_note(note)), None))
    except (NotStorable, TypeError, ValueError, AttributeError, RecursionError) as error:
        return f"a note that cannot be recorded: {error}"
    return None


def _spell_note(note: Note) -> str:
    return dumps(note.told(), name="note")


def _spell_ints(values: tuple[int, ...], _put: Put | None) -> str:
    return array_of([str(int(value)) for value in values])


def _trials(plain: Payload) -> tuple[Trial, ...]:
    return tuple([_trial(*spelled) for spelled in plain])


def _trial(id: Payload, inputs: Payload, name: Payload, note: Payload = None, terms: Payload = None) -> Trial:
    known = None if note is None else _note(note)
    if terms is None:
        return Trial(_int(id), _mapping(inputs), _str(name), known)
    given, bound = terms.get("given"), terms.get("bound")
    return Trial(
        _int(id),
        _mapping(inputs),
        _str(name),
        known,
        _float(terms["priority"]),
        _numbers(terms["needs"]),
        None if given is None else _mapping(given),
        None if bound is None else _float(bound),
    )


def _note(plain: Payload) -> Note:
    return Note(**{name: _NOTE[name](value) for name, value in plain.items()})


def _numbers(plain: Payload) -> dict[str, float]:
    return {_str(name): _float(value) for name, value in _mapping(plain).items()}


def _ints(plain: Payload) -> tuple[int, ...]:
    return tuple([_int(item) for item in plain])


def _float(plain: Payload) -> float:
    if type(plain) is not float and type(plain) is not int:
        raise TypeError(f"expected a number, got {plain!r:.60}")
    return plain


def _exactly(kind: type) -> Unpack:
    """Returns what lets values of one type pass."""

    def unpack(plain: Payload) -> Payload:
        if type(plain) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {plain!r:.60}")
        return plain

    return unpack


_int: Final = _exactly(int)
_str: Final = _exactly(str)
_mapping: Final = _exactly(dict)
_NOTE: Final[Mapping[str, Unpack]] = {
    "why": _str,
    "model": _int,
    "mean": _numbers,
    "std": _numbers,
    "score": _float,
}
"""How a field of a note is read."""
FIELDS: Final[Mapping[str, tuple[Spell, Unpack]]] = {
    "int": (dumps, _int),
    "float": (lambda value, _put: number_of(value), _float),
    "bool": (dumps, _exactly(bool)),
    "str": (lambda value, _put: name_of(value), _str),
    "tuple[int, ...]": (_spell_ints, _ints),
    "tuple[Trial, ...]": (_spell_trials, _trials),
    "Mapping[str, Any]": (lambda value, put: dumps(value, put, name="campaign"), _mapping),
    "Outcome": (spell_outcome, unpack_outcome),
    "Failure": (_spell_failure, _failure),
}
"""How a field of each type is written and read."""


def _exact(columns: tuple[Payload, ...]) -> tuple[int | None, int | None, float | None]:
    """Returns columns as the database gives them back: plain and finite."""
    trial, attempt, at = columns
    if type(trial) is int and type(attempt) is int and type(at) is float and isfinite(at):
        return trial, attempt, at
    if at is not None and not isfinite(at):
        raise NotStorable(f"the time of an event must be finite, got {at!r}")
    return _as(int, trial), _as(int, attempt), _as(float, at)


def _as(kind: type[T], value: Payload) -> T | None:
    return None if value is None else kind(value)  # type: ignore[call-arg] # int or float


def _getter(names: list[str]) -> Callable[[Event], tuple[Payload, ...]]:
    """Returns what gives the fields of an event as a tuple."""
    match names:
        case []:
            return lambda _: ()
        case [name]:
            one = attrgetter(name)
            return lambda event: (one(event),)
    many: Callable[[Event], tuple[Payload, ...]] = attrgetter(*names)
    return many


def _columns(names: set[str]) -> Callable[[Event], tuple[int | None, int | None, float | None]]:
    """Returns what gives the columns of an event that has the fields ``names``."""
    if names.issuperset(COLUMNS):
        every = attrgetter(*COLUMNS)
        return lambda event: _exact(every(event))
    if names.isdisjoint(COLUMNS):
        return lambda _: (None, None, None)
    return lambda event: _exact(tuple(getattr(event, name) if name in names else None for name in COLUMNS))


def _layout(kind: str, event: type[Event]) -> _Layout:
    every: dict[str, Field[Payload]] = {field.name: field for field in fields(event)}
    rest = [name for name in every if name not in COLUMNS]
    return _Layout(
        kind,
        event,
        columns=_columns(set(every)),
        rest=_getter(rest),
        spells=tuple((f'"{name}":', every[name].default, FIELDS[str(every[name].type)][0]) for name in rest),
        unpacks={name: FIELDS[str(field.type)][1] for name, field in every.items()},
    )


_KINDS: Final = {kind: _layout(kind, event) for kind, event in EVENTS.items()}
_LAYOUTS: Final = {event: _KINDS[kind] for kind, event in EVENTS.items()}
