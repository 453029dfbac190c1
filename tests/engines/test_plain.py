"""Plain data is packed as pickle would, and nothing else is."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.engines.plain import Packer

atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=12,
)


@dataclass
class Local:
    """A class that a worker may not be able to import."""

    x: int = 1


@given(st.lists(values, max_size=4))
def test_plain_data_comes_back(given: list[object]):
    packer = Packer()
    assert [pickle.loads(packer.pack(value) or b"") for value in given] == given


@pytest.mark.parametrize(
    "value", [Local, Local(), len, lambda: 1, pytest, np.zeros(2), np.float64(1.0), OrderedDict(a=1), 1j, object()]
)
def test_anything_else_is_left_to_others_and_does_no_harm(value: object):
    packer = Packer()
    assert packer.pack([1, {"a": (value,)}]) is None
    assert pickle.loads(packer.pack([1, "a"]) or b"") == [1, "a"]


def test_what_is_the_same_object_stays_one():
    part, loop = [1], [2]
    loop.append(loop)  # type: ignore[arg-type] # on purpose
    packer = Packer()
    first, second = pickle.loads(packer.pack((part, part)) or b"")
    assert first is second
    back = pickle.loads(packer.pack(loop) or b"")
    assert back[1] is back


def test_what_nests_too_deep_is_left_to_others():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert Packer().pack(deep) is None
