"""What parts give: as it is stored, shared with nobody, and known again by its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from cohobate.campaign.parts import known as knowing
from cohobate.campaign.parts.catalogue import Catalogue
from cohobate.campaign.parts.course import Course
from cohobate.campaign.parts.durations import Durations
from cohobate.campaign.parts.known import Known
from cohobate.campaign.parts.making import Site, file_of, safe_name, storable
from cohobate.core.errors import BadOutput
from cohobate.core.outcome import Value
from cohobate.core.parts import Part
from cohobate.host.once import once


class Counter:
    def __init__(self) -> None:
        self.counted: list[int] = []

    def count(self, n: int) -> None:
        self.counted.append(n)


class Pair(NamedTuple):
    a: float
    b: float


def test_a_value_is_what_a_resumed_session_would_read():
    assert storable(Pair(1.0, 2.0)) == (1.0, 2.0)
    assert type(storable(Pair(1.0, 2.0))) is tuple
    assert type(storable({"x": np.float64(0.5)})["x"]) is float
    with pytest.raises(BadOutput, match="cannot be stored"):
        storable({"x": object()})
    with pytest.raises(BadOutput, match="keys must be text"):
        storable({1: 0.5})


def test_a_value_is_shared_with_nobody():
    array, plain = np.arange(3.0), {"x": 1.0}
    stored: Any = storable({"x": array}), storable(plain)
    array[0], plain["x"] = 9.0, 9.0
    assert stored[0]["x"].tolist() == [0.0, 1.0, 2.0]
    assert stored[1] == {"x": 1.0}


def test_names_of_folders_are_safe_and_differ():
    names = ["a", "a b", "a/b", "../x", "", ".", "x" * 300, "x" * 301, "é", "E(a=5.2)"]
    safe = [safe_name(name) for name in names]
    assert len(set(safe)) == len(names)
    assert all("/" not in name and name.strip(".") and len(name) < 100 for name in safe)
    assert safe[0] == "a"


def test_only_the_latest_values_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(knowing, "MOST", 2)
    known = Known()
    for i in range(3):
        known.keep(str(i), i)
    assert [known.find(str(i)) for i in range(3)] == [None, Value({"value": 1}), Value({"value": 2})]
    assert known.find("") is None


def test_a_file_that_is_no_value_is_as_none(tmp_path: Path):
    known = Known(tmp_path)
    once(file_of(tmp_path, "odd"), lambda: b"{nonsense")
    once(file_of(tmp_path, "good"), lambda: b"[1.5, null]")
    assert known.find("odd") is None
    assert known.find("good") == Value({"value": [1.5, None]})


def test_what_lasts_is_sent_ahead():
    def f(a: float, g: Any, b: float) -> float:
        return float(g(a, b))

    counter = Counter()
    parts = [Part("a", f, (2.0, pow, 3.0)), Part("b", counter.count, (3,))]
    catalogue = Catalogue.of(Site(), parts)
    course = Course(0, 1, parts, None)  # type: ignore[arg-type] # it has no judge
    others = [Part("a", f, (2.0, max, 3.0)), Part("c", f, (2.0, pow, 2.0))]
    orders = [catalogue.order(part, course) for part in (*parts, *others)]
    assert [order.number for order in orders] == [0, -1, -1, -1]
    assert orders[0].args == (2.0, 3.0)
    values = [catalogue.making.make(order).outcome for order in orders]
    assert values == [Value({"value": value}) for value in (8.0, None, 3.0, 4.0)]
    assert counter.counted == [3]


def test_durations_follow_the_latest():
    durations = Durations()
    assert durations.expect("a") is None
    for seconds in (1.0, 3.0, 3.0, 3.0, 3.0, 3.0):
        durations.heed("a", seconds)
    assert durations.expect("a") == pytest.approx(3.0, abs=0.5)
