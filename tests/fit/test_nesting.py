"""Nested parameters and dotted names: there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.errors import UserError
from cohobate.fit.limits import limits_of
from cohobate.fit.nesting import grafted, planted, shape_of

KEYS = st.text(st.characters(codec="utf-8", exclude_characters=".[]{}"), min_size=1, max_size=6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        NUMBERS,
        lambda inner: st.one_of(
            st.dictionaries(KEYS, inner, max_size=3),
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(TREES)
def test_nested_comes_back_from_dotted_names(nested):
    tree, flat = planted(nested)
    assert grafted(tree, flat) == nested
    assert planted(nested) == (tree, flat)
    assert len(set(flat)) == len(flat)


@given(TREES)
def test_bounds_are_found_nested_and_by_name(nested):
    flat = planted(nested)[1]
    pairs = {name: (float(at), None) for at, name in enumerate(flat)}
    assert limits_of(pairs, flat) == pairs
    tree = planted(nested)[0]
    as_nested = _paired(tree, pairs)
    assert limits_of(as_nested, flat) == pairs


def _paired(tree, pairs):
    """Bounds as a tree: lists become mappings of dotted names where a list of pairs could be taken for one."""
    if isinstance(tree, str):
        return pairs[tree]
    if tree.kind == "mapping":
        found = {}
        for key, one in tree.items.items():
            inner = _paired(one, pairs)
            if isinstance(one, str) or one.kind == "mapping":
                found[key] = inner
            else:
                found |= {f"{key}{name}": pair for name, pair in inner.items()}
        return found
    listed = {}
    for at, one in tree.items.items():
        inner = _paired(one, pairs)
        if isinstance(one, str):
            listed[f"[{at}]"] = inner
        else:
            join = "." if one.kind == "mapping" else ""
            listed |= {f"[{at}]{join}{name}": pair for name, pair in _flat(inner).items()}
    return listed


def _flat(inner, above=""):
    found = {}
    for key, value in inner.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def test_arrays_come_back_as_arrays_and_are_fresh():
    given_ = {"c": np.array([[1.0, 2.0], [3.0, 4.0]]), "d": (1.0, [2.0])}
    tree, flat = planted(given_)
    assert list(flat) == ["c[0][0]", "c[0][1]", "c[1][0]", "c[1][1]", "d[0]", "d[1][0]"]
    first, second = grafted(tree, flat), grafted(tree, flat)
    assert np.array_equal(first["c"], given_["c"])
    assert isinstance(first["c"], np.ndarray)
    assert first["d"] == (1.0, [2.0])
    first["c"][0, 0] = first["d"][1][0] = 9.0
    assert second["c"][0, 0] == 1.0
    assert second["d"] == given_["d"] == (1.0, [2.0])
    assert shape_of(tree) != shape_of(planted({"c": given_["c"].tolist(), "d": given_["d"]})[0])


@pytest.mark.parametrize(
    ("nested", "line"),
    [
        (
            {"Ar.epsilon": 1.0},
            "the key 'Ar.epsilon' cannot be part of a dotted name: nest it: {'Ar': {'epsilon': ...}}",
        ),
        ({"Ar": {"a.b.c": 1.0}}, "the key 'a.b.c' in 'Ar' cannot be part"),
        ({"a[0]": 1.0}, "leave out .[]{}"),
        ({".": 1.0}, "leave out .[]{}"),
        ({"": 1.0}, "expected names as keys, got ''"),
        ({"a": {1: 1.0}}, "expected names as keys in 'a', got 1"),
        ([1.0], "expected parameters as a mapping of names to numbers, got [1.0]"),
    ],
)
def test_keys_that_make_no_names_are_refused(nested, line):
    with pytest.raises(UserError) as raised:
        planted(nested)
    assert line in str(raised.value)
