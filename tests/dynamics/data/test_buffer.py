"""Buffers: no system is ever lost, and none comes out changed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch, joined
from cohobate.dynamics.data.buffer import Buffer, Capacity
from dynamics.data.batches import batches, different

LIMIT = st.none() | st.integers(0, 12)


def systems(n: int, dtype: torch.dtype = torch.float64) -> Batch:
    made = [{"numbers": [6, 8], "positions": [[0, 0, 0], [0, 0, 1 + i / 10]], "tag": [i]} for i in range(n)]
    return Batch.of(made, dtype=dtype, scopes={"tag": "system"}, first=10)


@given(batches(), LIMIT, LIMIT, LIMIT)
def test_what_goes_in_comes_out_for_buffers_of_every_size(batch: Batch, most: int, atoms: int, edges: int):
    buffer = Buffer(Capacity(most, atoms, edges))
    fits = buffer.capacity.fits(batch)
    left, out = batch, []
    while bool(buffer.capacity.fits(left).any()):
        taken = buffer.put(left)
        assert bool(taken.any())
        left = left.trim(taken)
        out.append(buffer.take())
    through = joined([batch.empty_like(), *out, left])
    assert sorted(through["id"].tolist()) == sorted(batch["id"].tolist())
    assert left["id"].tolist() == batch.trim(fits)["id"].tolist()
    assert different(through.select(through.find(batch["id"].tolist())), batch) == []


@given(batches(), LIMIT, LIMIT, LIMIT)
def test_a_buffer_holds_no_more_than_it_may(batch: Batch, most: int, atoms: int, edges: int):
    buffer = Buffer(Capacity(most, atoms, edges))
    taken = buffer.put(batch)
    left = buffer.room
    held = buffer.take()
    assert different(held, batch.select(taken)) == []
    for name, limit in (("systems", most), ("atoms", atoms), ("edges", edges)):
        used = len(held) if name == "systems" else int(getattr(held, name).sum())
        assert getattr(left, name) == (None if limit is None else limit - used)
        assert limit is None or used <= limit
    again = batch.trim(taken)
    assert not any(bool(left.fits(again)[i]) for i in range(len(again)))


def test_whole_numbers_and_ids_are_sent():
    """Defect 1 of the reference: only float32 is copied, atoms arrive as Z = 0 and systems without their id."""
    buffer, sent = Buffer(Capacity(systems=4, atoms=8)), systems(4, torch.float32)
    assert buffer.put(sent).tolist() == [True] * 4
    out = buffer.take()
    assert (out["numbers"].tolist(), out["id"].tolist(), out["tag"].tolist()) == (
        [6, 8] * 4,
        [10, 11, 12, 13],
        [0, 1, 2, 3],
    )


def test_double_precision_is_sent():
    """Defect 2 of the reference: of float64 nothing is put, and the run ends well without its systems."""
    buffer, sent = Buffer(Capacity(systems=12)), systems(12, torch.float64)
    assert buffer.put(sent).sum() == 12
    assert different(buffer.take(), sent) == []


def test_back_pressure_loses_nothing():
    """Defect 3 of the reference: a buffer of 2, a batch of 4, 12 systems: 6 of them vanish."""
    waiting, active, buffer, out = systems(12), systems(0 + 12).select([]), Buffer(Capacity(systems=2)), []
    while len(waiting) or len(active):
        coming = list(range(min(4 - len(active), len(waiting))))
        active, waiting = active.append(waiting.select(coming)), waiting.trim(coming)
        active = active.trim(buffer.put(active))
        full = buffer.put(active)
        assert full.tolist() == [False] * len(active)
        out.append(buffer.take())
    everything = joined(out)
    assert sorted(everything["id"].tolist()) == list(range(10, 22))
    assert different(everything.select(everything.find(range(10, 22))), systems(12)) == []


def test_a_mask_says_which_are_wanted_and_which_were_taken():
    buffer, batch = Buffer(Capacity(systems=2)), systems(4)
    assert buffer.put(batch, torch.tensor([False, True, True, True])).tolist() == [False, True, True, False]
    assert buffer.put(batch, [0]).tolist() == [False] * 4
    assert len(buffer) == 2
    assert buffer.take()["id"].tolist() == [11, 12]
    assert buffer.put(batch, [3, 0]).tolist() == [True, False, False, True]
    assert buffer.take()["id"].tolist() == [13, 10]


def test_what_cannot_be_put_is_told():
    buffer, batch = Buffer(Capacity()), systems(2)
    buffer.put(batch)
    with pytest.raises(UserError, match="a system with the id 10 already"):
        buffer.put(batch)
    other = Batch.of([{"numbers": [1], "positions": [[0, 0, 0]], "tag": [1]}], scopes={"tag": "atom"})
    with pytest.raises(UserError, match="'tag' is declared as"):
        buffer.put(other)
    assert different(buffer.take(), batch) == []
    with pytest.raises(UserError, match="atoms must be a whole number of at least 0, or None, got -1"):
        Capacity(atoms=-1)


def test_an_empty_buffer_gives_no_systems():
    assert len(Buffer(Capacity()).take()) == 0
    buffer = Buffer(Capacity(systems=0))
    buffer.put(systems(2))
    assert list(buffer.take()) == list(systems(2))
