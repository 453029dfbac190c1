"""A batch that is refilled in one go is the one that selecting and appending give."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.inflight.looking import Looking
from cohobate.dynamics.inflight.refill import is_swappable, put, refilled
from dynamics.systems import cluster


def made(sizes: list[int], first: int = 0) -> Batch:
    batch = batch_of([cluster(n, seed=first + i) for i, n in enumerate(sizes)])
    batch["id"] = torch.arange(first, first + len(sizes))
    return batch


def assert_equal(one: Batch, other: Batch) -> None:
    assert set(one) == set(other)
    assert one.atoms.tolist() == other.atoms.tolist()
    assert one.edges.tolist() == other.edges.tolist()
    for name in one:
        assert one.kind(name) == other.kind(name)
        assert one[name].dtype == other[name].dtype
        assert torch.equal(one[name].nan_to_num(7.0), other[name].nan_to_num(7.0)), name


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.lists(st.integers(1, 4), max_size=3), st.data())
@settings(max_examples=40, deadline=None)
def test_it_is_selecting_and_appending(sizes: list[int], others: list[int], data: st.DataObject):
    stay = sorted(data.draw(st.sets(st.integers(0, len(sizes) - 1))))
    batch, fresh = made(sizes), made(others, 10) if others else None
    batch.add("only.here", Field("atom", (2,), fill=float("nan")))
    if fresh is not None:
        fresh.add("only.there", Field("system", (), torch.int64, fill=-1))
    kept = batch.select(stay)
    assert_equal(refilled(batch, stay, fresh), kept if fresh is None else joined([kept, fresh]))


def test_a_system_takes_the_place_of_another_one():
    batch, alone = made([2, 3, 2]), made([3], 10)
    batch.add("only.here", Field("atom", (2,), fill=4.0)).fill_(1.0)
    before = batch.copy()
    put(Looking().at(batch), 1, alone, {"id": 77})
    assert batch["id"].tolist() == [0, 77, 2]
    assert torch.equal(batch["positions"][2:5], alone["positions"])
    assert batch["only.here"][2:5].tolist() == [[4.0, 4.0]] * 3
    for name in set(batch) - {"id"}:
        assert torch.equal(batch.select([0, 2])[name], before.select([0, 2])[name])


def test_an_array_that_was_replaced_is_looked_up_again():
    batch = made([2, 3])
    held = Looking().at(batch)
    assert held.open
    batch["positions"] = batch["positions"] + 1
    put(held.at(batch), 0, made([2], 10), {})
    assert torch.equal(batch["positions"][:2], made([2], 10)["positions"])


@pytest.mark.parametrize("kind", [Field("atom", (), torch.bfloat16), Field("edge", ())])
def test_what_numpy_does_not_have_is_read_and_not_written(kind: Field):
    batch = made([2, 3])
    batch.add("odd", kind)
    held = Looking().at(batch)
    assert not held.open
    assert held.arrays["odd"].shape == batch["odd"].shape
    assert not is_swappable(held, made([2], 10))
    assert_equal(refilled(batch, [1], None), batch.select([1]))
