"""Copies of what a user's function is given, so that it may change them without harm to anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

import numpy as np

from cohobate.core.payload import Payload

PLAIN: Final = frozenset(
    {float, int, bool, str, bytes, complex, type(None), np.float64, np.float32, np.int64, np.bool_}
)
"""Types of values that nobody can change."""


def plain(values: Mapping[str, Any]) -> bool:
    """Whether a copy of the mapping alone is as good as a copy of all that is in it."""
    return PLAIN.issuperset(map(type, values.values()))


def fresh(value: Payload) -> Payload:
    """Returns a copy, nested mappings, lists and arrays included.

    Other objects are copied as ``copy.deepcopy`` does; one that cannot be copied (a lock, an open file) is shared.

    >>> params = {"Ar": {"epsilon": 0.01}}
    >>> fresh(params)["Ar"].update(epsilon=0)
    >>> params
    {'Ar': {'epsilon': 0.01}}
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Mapping):
        return {name: fresh(item) for name, item in value.items()}
    if kind is list or kind is tuple:
        return kind(map(fresh, value))
    return _copied(value)


def _copied(value: Payload) -> Payload:
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001 copying is code of others, and not everything has a copy
        return value
