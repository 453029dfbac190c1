"""One spelling for equal data, so that content has a hash."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256

import numpy as np

from cohobate.core.payload import Payload, Plain


def canonical(value: object) -> str:
    """Returns JSON text that is the same for equal data: keys sorted, floats by their shortest form.

    Mappings, sequences, strings, numbers, booleans, ``None``, numpy scalars and arrays, and objects
    with ``describe()`` are allowed; a number and its numpy twin are spelled alike, ``1`` and ``1.0``
    differ. Raises ``TypeError`` for anything else.

    >>> canonical({"b": np.float64(0.5), "a": (1, True)})
    '{"a":[1,true],"b":0.5}'
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: object) -> str:
    """Returns the sha256 of ``canonical(value)`` as 64 hexadecimal digits."""
    return sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def difference(place: str, was: Plain, now: Plain) -> tuple[str, str, str]:
    """Returns the innermost place where two pieces of data differ, and both sides of it."""
    match was, now:
        case (dict(), dict()):
            for key in [*was, *(key for key in now if key not in was)]:
                if content_hash(was.get(key)) != content_hash(now.get(key)):
                    inner = difference(f"{place}.{key}", was.get(key), now.get(key))
                    return inner[0], inner[1] if key in was else "left out", inner[2] if key in now else "left out"
        case (list(), list() | tuple()) if len(was) == len(now):
            for i, (one, two) in enumerate(zip(was, now, strict=True)):
                if content_hash(one) != content_hash(two):
                    return difference(f"{place}[{i}]", one, two)
    return place, f"{was!r:.80}", f"{now!r:.80}"


def _plain(value: object) -> Plain:
    match value:
        case None | bool() | str():
            return value
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            return _number(float(value))
        case np.bool_():
            return bool(value)
        case _:
            return _compound(value)


def _compound(value: Payload) -> Plain:
    match value:
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case np.ndarray():
            return {"$array": value.dtype.str, "shape": list(value.shape), "data": _plain(value.ravel().tolist())}
        case bytes():
            return {"$bytes": value.hex()}
        case object(describe=_):
            return _plain(value.describe())
    raise TypeError(f"a {type(value).__name__} has no canonical form")


def _number(x: float) -> Plain:
    """Returns ``x``, or a tagged string where JSON has no spelling for it."""
    return x if math.isfinite(x) else {"$float": repr(x)}
