"""Every value comes back as it was, and what cannot is refused by name."""

from __future__ import annotations

import json
import math
import struct
import threading
from collections import OrderedDict, namedtuple
from contextlib import suppress
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cohobate.core.blob import Blob
from cohobate.core.errors import Damaged, NotStorable
from cohobate.ledger.blobs import MemoryBlobs, fetch
from cohobate.ledger.codec import DEEPEST, LARGE, check, dumps, loads
from cohobate.ledger.untag import Kept

texts = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(["\ud800\udc00", "\0", "$float", "é", ""])
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
    | hnp.unicode_string_dtypes(max_len=3)
    | hnp.byte_string_dtypes(max_len=3)
    | hnp.datetime64_dtypes()
)
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
blobs = st.builds(Blob, st.binary(max_size=20), texts)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.complex_numbers()
    | texts
    | st.binary(max_size=20)
    | arrays
    | blobs
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=12,
)


def bits(value: object) -> object:
    """A spelling that differs where type or any bit does."""
    match value:
        case float():
            return struct.pack("d", value)
        case complex():
            return "complex", bits(value.real), bits(value.imag)
        case list() | tuple():
            return type(value), [bits(item) for item in value]
        case dict():
            return [(key, bits(item)) for key, item in value.items()]
        case np.ndarray():
            return value.dtype, value.shape, value.tobytes()
    return type(value), value


def same(a: object, b: object) -> bool:
    return bits(a) == bits(b)


@given(values)
@example(-0.0)
@example(struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0])
@example({"$float": "nan", "plain": 1})
@example({"$dict": []})
@example(10**5000)
@example(np.zeros((0, 3)))
@example(np.array(3.5))
@example("\ud83d\ude00")
def test_a_value_comes_back_bit_for_bit(value: object):
    text = dumps(value)
    assert text.isascii()
    json.loads(text, parse_constant=pytest.fail)
    assert same(loads(text), value)
    assert check(value) is None


def test_numpy_scalars_become_python_numbers():
    given = {"a": np.float32(0.1), "b": np.int8(-3), "c": np.bool_(True), "d": np.complex64(1j), "e": np.str_("x")}
    back = loads(dumps(given))
    assert back == {"a": float(np.float32(0.1)), "b": -3, "c": True, "d": 1j, "e": "x"}
    assert [type(v) for v in back.values()] == [float, int, bool, complex, str]


def test_relatives_become_plain():
    point = namedtuple("point", "x y")(1, 2.0)
    back = loads(dumps([point, OrderedDict(a=1), MappingProxyType({"b": 2}), bytearray(b"c")]))
    assert back == [(1, 2.0), {"a": 1}, {"b": 2}, b"c"]


def test_a_strided_array_comes_back():
    array = np.arange(24.0).reshape(4, 6)[::2, ::-3].T
    back = loads(dumps(array))
    assert np.array_equal(back, array)
    back[0, 0] = 7.0  # it may be written to


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"geometry": [0, 1, threading.Lock()]}, "outputs.geometry[2] is a lock, which cannot be stored"),
        ({"a": {3: 1}}, "outputs.a has the key 3 (int); keys must be text"),
        ({"a": ({"b": {1, 2}},)}, "outputs.a[0].b is a set, which cannot be stored"),
        ({"a": np.array([object()])}, "outputs.a is a ndarray of object, which cannot be stored"),
        ({"a": np.ma.array([1.0])}, "outputs.a is a MaskedArray of float64, which cannot be stored"),
        ({"a": np.zeros(2, [("x", "f8")])}, "outputs.a is a ndarray of"),
        ({"a": print}, "outputs.a is a builtin_function_or_method, which cannot be stored"),
        ({"a": np.longdouble(1)}, "outputs.a is a longdouble, which has no exact Python number"),
    ],
)
def test_what_cannot_be_stored_is_named(value: object, why: str):
    assert str(check(value, name="outputs")).startswith(why)
    with pytest.raises(NotStorable):
        dumps(value)


def test_what_never_ends_is_refused():
    loop: list[object] = []
    loop.append(loop)
    assert "deep" in str(check(loop))
    deep: object = 1
    for _ in range(DEEPEST):
        deep = [deep]
    assert check(deep) is None
    assert same(loads(dumps(deep)), deep)


@given(st.integers(-1, 1), st.sampled_from([bytes, Blob, np.array]))
def test_large_contents_go_to_blobs(more: int, make: type):
    data = bytes(LARGE + more)
    value = np.frombuffer(data, np.uint8) if make is np.array else make(data)
    kept = MemoryBlobs()
    text = dumps([value, value], kept.put)
    assert (len(text) < 1000) == (more >= 0)
    assert same(loads(text, fetch(kept)), [value, value])
    if more >= 0:
        (first, _) = loads(text)
        assert isinstance(first, Kept)
        assert first.bytes == LARGE + more


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            texts
            | st.sampled_from(["$float", "$int", "$array", "$blob", "$dict", "$tuple", "$complex", "shape", "data"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
tagged = st.dictionaries(st.sampled_from(["$array", "$blob", "$bytes", "shape", "data", "sha256"]), plain, max_size=3)


@given(
    plain | tagged | st.builds(lambda tag, x: {tag: x}, st.sampled_from(["$float", "$int", "$text", "$dict"]), plain)
)
@example({"$array": "O", "shape": [1], "data": "AAAAAAAAAAA="})
@example({"$array": "<f8", "shape": [2**40], "data": ""})
@example({"$array": "<f8", "shape": [-1], "data": ""})
@example({"$bytes": {"sha256": 1}})
@example({"$bytes": {"sha256": "x", "bytes": 3}})
@example({"$complex": [1, 2, 3]})
@example({"$pickle": "x"})
def test_other_json_is_a_value_or_damaged(data: object):
    kept = MemoryBlobs()
    for get in (None, fetch(kept)):
        with suppress(Damaged):
            assert loads(json.dumps(data), get) is not NotImplemented


@given(st.text(max_size=30))
@example("[" * 100_000)
@example("1" * 5000)
def test_other_text_is_a_value_or_damaged(text: str):
    with suppress(Damaged):
        assert check(loads(text)) is None


def test_infinities_have_names():
    assert dumps([math.inf, -math.inf, math.nan]) == '[{"$float":"inf"},{"$float":"-inf"},{"$float":"nan"}]'
