"""Packed batches: the same bits, or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import Damaged, Foreign
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.packing import MAGIC, pack, unpack
from cohobate.dynamics.making import NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.data.batches import batches, different
from dynamics.systems import CUTOFF, EPSILON, SIGMA, crystal


@given(batches())
def test_what_was_packed_is_the_same_bit_for_bit(batch: Batch):
    again = unpack(pack(batch))
    assert different(again, batch) == []
    assert pack(again) == pack(batch)


def test_a_batch_that_was_packed_within_a_run_goes_on_as_if_it_was_not():
    run = NVTLangevin(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=2.0, temperature=40, n_steps=100)
    batch = run.begin(batch_of([crystal(2, seed=1), crystal(2, seed=2)]))
    for _ in range(10):
        run.step(batch)
    sent = unpack(pack(batch))
    for one in (batch, sent):
        for _ in range(10):
            run.step(one)
    assert [name for name in different(batch, sent) if name not in ("pairs.begin", "pairs.stamp")] == []


def test_what_was_unpacked_can_be_changed():
    batch = unpack(pack(batch_of([crystal(1)])))
    batch["positions"].add_(1.0)
    batch["velocities"].zero_()
    assert np.isfinite(batch["positions"].numpy()).all()


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_or_shortened_batch_is_refused(at: int, change: int):
    data = bytearray(pack(batch_of([crystal(1)])))
    short = bytes(data[: at % len(data)])
    data[at % len(data)] ^= change
    for broken in (bytes(data), short):
        with pytest.raises((Damaged, Foreign), match="packed batch"):
            unpack(broken)


def test_something_else_is_refused():
    with pytest.raises(Foreign, match="expected a packed batch, which begins with"):
        unpack(b"\x93NUMPY")
    data = pack(batch_of([crystal(1)]))
    assert data.startswith(MAGIC)
