"""Every event comes back from its row, and no row makes another kind of error."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cohobate.core.blob import Blob
from cohobate.core.errors import Damaged, NotStorable
from cohobate.core.events import EVENTS, Event, Finished, Opened, Proposed, Started
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.trial import Trial
from cohobate.ledger.record import COLUMNS, Row, _seal, decode, encode

ids = st.integers(0, 2**62)
texts = st.text(st.characters(codec=None), max_size=10)
times = st.floats(allow_nan=False, allow_infinity=False)
mappings = st.dictionaries(texts, st.integers() | times | texts | st.lists(times, max_size=3), max_size=3)
failures = st.builds(Failure, st.sampled_from(KINDS), texts, texts, st.integers(0, 9))
FIELDS: Mapping[str, st.SearchStrategy[object]] = {
    "int": ids,
    "float": times,
    "bool": st.booleans(),
    "str": texts,
    "tuple[int, ...]": st.lists(ids, max_size=4).map(tuple),
    "tuple[Trial, ...]": st.lists(st.builds(Trial, ids, mappings, texts), max_size=3).map(tuple),
    "Mapping[str, Any]": mappings,
    "Outcome": st.builds(Value, mappings) | failures | st.builds(Cancelled, texts),
    "Failure": failures,
}


def any_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, **{field.name: FIELDS[str(field.type)] for field in fields(kind)})


events = st.one_of([any_of(kind) for kind in EVENTS.values()])


@given(st.lists(events, max_size=6))
def test_events_come_back(given: list[Event]):
    assert [decode(row) for row in encode(given)] == given


@pytest.mark.parametrize("count", [1, 127, 128, 129, 300])
def test_many_events_come_back(count: int):
    given = [Started(i, 1, i / 3) if i % 3 else Proposed("g", i, (Trial(i, {"x": i}),)) for i in range(count)]
    assert [decode(row) for row in encode(given)] == given


def test_odd_numbers_among_the_times_come_back():
    event = Finished(np.int64(3), 1, Value({}), np.float32(2.5), math.nan, np.float64(1.0))  # type: ignore[arg-type] # on purpose
    (row,) = encode([Opened(1, 1.0), event])[1:]
    back = decode(row)
    assert isinstance(back, Finished)
    assert (back.trial, back.at, back.seconds, math.isnan(back.started)) == (3, 2.5, 1.0, True)


def test_a_not_a_number_among_the_times_leaves_the_outputs_as_they_are():
    outputs = {"a": [Blob(b"x", ".xyz"), (1,)], "t": "\ud800"}
    event = Finished(3, 1, Value(outputs), 2.0, 0.0, math.nan, "\udc00")
    back = decode(encode([event])[0])
    assert isinstance(back, Finished)
    assert (back.outcome, back.worker, math.isnan(back.seconds)) == (Value(outputs), "\udc00", True)


def test_a_time_that_is_none_is_refused():
    with pytest.raises(NotStorable, match="time of an event must be finite"):
        encode([Started(1, 1, math.inf)])


def test_a_lock_in_the_outputs_is_named():
    with pytest.raises(NotStorable, match=r"outputs\.a\[0\] is a object"):
        encode([Finished(1, 1, Value({"a": [object()]}), 1.0)])


cells = st.none() | st.integers(-5, 5) | times | texts | st.booleans()
plain = st.recursive(cells, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
NAMES = sorted({field.name for kind in EVENTS.values() for field in fields(kind)} - set(COLUMNS))
OUTCOMES = st.dictionaries(st.sampled_from(["value", "failure", "cancelled", "?"]), plain, max_size=2)
bodies = st.dictionaries(st.sampled_from(NAMES) | texts, plain | OUTCOMES, max_size=5) | plain


@given(st.sampled_from([*EVENTS, "?"]), cells, cells, cells, bodies.map(json.dumps) | texts)
@example("finished", 1, 1, 1.0, '{"outcome":{"failure":{"kind":"raised"}}}')
@example("finished", 1, 1, 1.0, '{"outcome":{}}')
@example("finished", 1, 1, 1.0, '{"outcome":{"value":{"x":{"$array":"O","shape":[1],"data":"AAAA"}}}}')
@example("started", 1, 1, None, "{}")
@example("told", None, None, None, '{"generator":"m","trials":[true]}')
@example("stopped", None, None, 1.0, '{"reason":"r","seconds":1,"later":2}')
def test_another_row_is_an_event_or_damaged(kind: str, trial: object, attempt: object, at: object, body: str):
    cells = (5, kind, trial, attempt, at, body)
    with suppress(Damaged):
        assert decode((*cells, 0)) is None  # type: ignore[arg-type] # what a damaged file may hold
    with suppress(Damaged, struct.error, UnicodeEncodeError):
        assert type(decode((*cells, _seal(*cells)))) is EVENTS[kind]  # type: ignore[arg-type]


@given(events, st.data())
def test_the_check_sum_covers_everything(event: Event, data: st.DataObject):
    (row,) = encode([event], since=4)
    changed = data.draw(st.integers(0, 5))
    other: Row = tuple(  # type: ignore[assignment] # on purpose
        data.draw(cells.filter(lambda cell, was=cell: cell != was)) if i == changed else cell
        for i, cell in enumerate(row)
    )
    with pytest.raises(Damaged):
        decode(other)
