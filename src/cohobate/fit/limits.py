"""Bounds of nested parameters, given nested as these are or by dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Real as Number
from typing import Any, TypeAlias

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload

Bounds: TypeAlias = Mapping[str, Any]
Pair: TypeAlias = tuple[Payload, Payload]


def limits_of(bounds: Bounds, names: Mapping[str, Any]) -> dict[str, Pair]:
    """Returns pairs by dotted name; raises ``UserError`` for what is no pair, or of no parameter.

    >>> limits_of({"Ar.sigma": (3, 4), "r0": (0, None)}, {"Ar.sigma": 3.4, "r0[0]": 1.0, "r0[1]": 2.0})
    {'Ar.sigma': (3, 4), 'r0[0]': (0, None), 'r0[1]': (0, None)}
    """
    if not isinstance(bounds, Mapping):
        raise UserError(f"bounds: expected a mapping of names to pairs (lo, hi), got {bounds!r:.80}")
    return {one: pair for name, pair in _pairs(bounds, "") for one in _belonging(name, names)}


def _pairs(bounds: Payload, name: str) -> Iterator[tuple[str, Pair]]:
    listed = bounds.tolist() if isinstance(bounds, np.ndarray) else bounds
    match listed:
        case Mapping():
            for key, inner in listed.items():
                yield from _pairs(inner, f"{name}.{key}" if name else str(key))
        case None:
            yield name, (None, None)
        case (lo, hi) if _is_end(lo) and _is_end(hi):
            yield name, (lo, hi)
        case list() | tuple() if not any(isinstance(one, Number | str) for one in listed):
            for at, inner in enumerate(listed):
                yield from _pairs(inner, f"{name}[{at}]")
        case _:
            raise UserError(f"bounds: expected a pair (lo, hi) for {name!r}, None where it is open, got {bounds!r:.80}")


def _belonging(name: str, names: Mapping[str, Any]) -> Sequence[str]:
    """Returns the parameter of a name, or those of a list of that name."""
    if name in names:
        return [name]
    if found := [one for one in names if one.startswith(f"{name}[")]:
        return found
    if among := [one for one in names if one.startswith(f"{name}.")]:
        raise UserError(f"bounds: {name!r} is not one parameter but {among}: give each a pair")
    raise UserError(f"bounds: no parameter {name!r}{did_you_mean(name, names)}; there are {list(names)}")


def _is_end(value: Payload) -> bool:
    return value is None or isinstance(value, Number | str)
