"""Values as JSON text, bit for bit: what JSON has no spelling for is tagged.

=====================================  =============================================================
value                                  stored as
=====================================  =============================================================
None, bool, str, finite float, list    itself, as is an int below 2**63 in size
NaN, infinities                        ``{"$float": "nan" | "inf" | "-inf" | 16 hex digits}``
a longer int                           ``{"$int": "0x..."}``
complex                                ``{"$complex": [real, imag]}``
text with surrogates                   ``{"$text": base64 of UTF-8 with surrogates}``
bytes                                  ``{"$bytes": content}``
tuple                                  ``{"$tuple": [...]}``
dict with text keys                    itself, or ``{"$dict": [[key, value], ...]}`` where a key
                                       starts with ``$`` or has surrogates
numpy array                            ``{"$array": dtype, "shape": [...], "data": content}``
``Blob``                               ``{"$blob": suffix, "data": content}``
=====================================  =============================================================

``content`` is base64 text, or ``{"sha256": ..., "bytes": size}`` of a blob from 64 KiB. On the way
numpy scalars become the Python numbers of equal value, named tuples tuples, other mappings dicts,
and numbers and texts of other classes plain ones. Nothing else is storable, and nothing is pickled.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.errors import Damaged, NotStorable
from cohobate.core.payload import Payload, Plain

LARGE: Final = 65_536
"""Bytes from which a content is kept as a blob."""
DEEPEST: Final = 100
"""Containers within containers."""
LONGEST_INT: Final = 2**63
ARRAY_KINDS: Final = "biufcSUmM"
_EXACT: Final = (
    np.bool_,
    np.integer,
    np.float16,
    np.float32,
    np.float64,
    np.complex64,
    np.complex128,
    np.str_,
    np.bytes_,
)

Put = Callable[[bytes], str]
"""Stores a large content and returns its sha256."""
Get = Callable[[str, int], bytes]
"""Returns the content of a sha256 and a size."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Stands for a large content that was not fetched: its name, its size, and what it is."""

    sha256: str
    bytes: int
    what: str


class _Odd(Exception):
    """Why a value is not storable, and where in it, innermost step last."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why, self.path = why, ""

    def inside(self, step: str) -> _Odd:
        self.path = step + self.path
        return self


encode_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def dumps(value: object, put: Put | None = None, *, name: str = "value") -> str:
    """Returns ``value`` as ASCII text; large contents go to ``put`` where there is one.

    Raises ``NotStorable`` naming the place inside ``name``, for example
    ``outputs.geometry[2] is a lock, which cannot be stored``.
    """
    return encode_json(tagged(value, put, name=name))


def loads(text: str, get: Get | None = None) -> Payload:
    """Returns the value that ``dumps`` wrote; raises ``Damaged`` for any other text.

    Without ``get``, what is kept as a blob comes back as ``Kept``.
    """
    try:
        return untagged(json.loads(text), get) if '"$' in text else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"not a stored value: {error}") from error


def check(value: object, *, name: str = "value") -> str | None:
    """Returns why ``value`` cannot be stored, or ``None``; costs about what storing it costs.

    >>> import threading
    >>> check({"geometry": [0.0, threading.Lock()]}, name="outputs")
    'outputs.geometry[1] is a lock, which cannot be stored'
    """
    try:
        tagged(value, name=name)
    except NotStorable as error:
        return str(error)
    return None


def tagged(value: object, put: Put | None = None, *, name: str = "value") -> Plain:
    """Returns ``value`` as plain data for JSON; raises ``NotStorable``."""
    try:
        return _tag(value, put, 0)
    except _Odd as odd:
        raise NotStorable(f"{name}{odd.path} {odd.why}") from None


def _tag(value: Payload, put: Put | None, depth: int) -> Plain:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else {"$float": _spell(value)}
    if kind is str:
        return value if value.isascii() else _text(value)
    if kind is int:
        return value if -LONGEST_INT < value < LONGEST_INT else {"$int": hex(value)}
    if value is None or kind is bool:
        return value
    if kind is dict and depth <= DEEPEST:
        return _mapping(value, put, depth + 1)
    return _compound(value, put, depth)


def _compound(value: Payload, put: Put | None, depth: int) -> Plain:
    if depth > DEEPEST:
        raise _Odd(f"is nested more than {DEEPEST} deep, which cannot be stored")
    match value:
        case np.generic():
            return _tag(_python(value), put, depth)
        case Mapping():
            return _mapping(value, put, depth + 1)
        case list():
            return _items(value, put, depth + 1)
        case tuple():
            return {"$tuple": _items(value, put, depth + 1)}
        case np.ndarray():
            return _array(value, put)
        case _:
            return _leaf(value, put, depth)


def _leaf(value: Payload, put: Put | None, depth: int) -> Plain:
    match value:
        case bytes() | bytearray() | memoryview():
            return {"$bytes": _content(bytes(value), put)}
        case Blob(data, suffix):
            return {"$blob": _tag(suffix, put, depth), "data": _content(data, put)}
        case complex():
            return {"$complex": [_tag(value.real, put, depth), _tag(value.imag, put, depth)]}
        case str():
            return _tag(str.__str__(value), put, depth)
        case int():
            return _tag(int.__int__(value), put, depth)
        case float():
            return _tag(float.__float__(value), put, depth)
    raise _Odd(f"is a {type(value).__name__}, which cannot be stored")


def _python(value: np.generic) -> Payload:
    if not isinstance(value, _EXACT):
        raise _Odd(f"is a {type(value).__name__}, which has no exact Python number; convert it first")
    return value.item()


def _mapping(value: Mapping[Payload, Payload], put: Put | None, depth: int) -> Plain:
    pairs: dict[str, Plain] = {}
    plain = True
    for key, item in value.items():
        if type(key) is not str:
            raise _Odd(f"has the key {key!r:.60} ({type(key).__name__}); keys must be text")
        plain = plain and key[:1] != "$" and (key.isascii() or isinstance(_text(key), str))
        try:
            pairs[key] = _tag(item, put, depth)
        except _Odd as odd:
            raise odd.inside(f".{key}") from None
    return pairs if plain else {"$dict": [[_text(key), item] for key, item in pairs.items()]}


def _items(values: list[Payload] | tuple[Payload, ...], put: Put | None, depth: int) -> list[Plain]:
    out: list[Plain] = []
    for value in values:
        try:
            out.append(_tag(value, put, depth))
        except _Odd as odd:
            raise odd.inside(f"[{len(out)}]") from None
    return out


def _array(value: np.ndarray, put: Put | None) -> Plain:
    if type(value) not in (np.ndarray, np.memmap) or value.dtype.kind not in ARRAY_KINDS:
        raise _Odd(f"is a {type(value).__name__} of {value.dtype}, which cannot be stored")
    if value.dtype.metadata or np.dtype(value.dtype.str) != value.dtype:
        raise _Odd(f"is an array of {value.dtype}, which cannot be stored")
    return {"$array": value.dtype.str, "shape": list(value.shape), "data": _content(value.tobytes(), put)}


def _content(data: bytes, put: Put | None) -> Plain:
    if put is not None and len(data) >= LARGE:
        return {"sha256": put(data), "bytes": len(data)}
    return b64encode(data).decode()


def _text(value: str) -> Plain:
    """JSON would join a pair of surrogates into one character, so text with surrogates is tagged."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$text": b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return value


def _spell(value: float) -> str:
    bits = struct.pack(">d", value)
    return bits.hex() if math.isnan(value) and bits != struct.pack(">d", math.nan) else repr(value)


def untagged(value: Plain, get: Get | None = None) -> Payload:
    """Returns the value of plain data made by ``tagged``; raises ``Damaged`` where it is not such."""
    match value:
        case dict():
            tag = next((key for key in value if key[:1] == "$"), None)
            return {k: untagged(v, get) for k, v in value.items()} if tag is None else _special(tag, value, get)
        case list():
            return [untagged(item, get) for item in value]
    return value


def _special(tag: str, value: Plain, get: Get | None) -> Payload:
    untag = _UNTAG.get(tag)
    if untag is None or value.keys() != _KEYS.get(tag, {tag}):
        raise Damaged(f"not a stored value: the tag {tag!r} with {sorted(value)}; written by a newer version?")
    try:
        away = _away(value.get("data", value[tag])) if get is None and tag in _CONTENTS else None
        return untag(value, get) if away is None else Kept(*away, str(value[tag]) if "data" in value else "bytes")
    except (TypeError, ValueError, KeyError, AttributeError, struct.error, OverflowError, MemoryError) as error:
        raise Damaged(f"not a stored value: {tag}: {error}") from error


def _unspell(text: str) -> float:
    if text in ("nan", "inf", "-inf"):
        return float(text)
    (value,) = struct.unpack(">d", bytes.fromhex(text))
    return float(value)


def _bytes_of(content: Plain, get: Get | None) -> bytes:
    away = _away(content)
    return b64decode(content, validate=True) if away is None or get is None else get(*away)


def _away(content: Plain) -> tuple[str, int] | None:
    """Returns name and size of a content that is kept as a blob."""
    return (
        (str(content["sha256"]), int(content["bytes"])) if isinstance(content, dict) and "sha256" in content else None
    )


def _unarray(value: Plain, get: Get | None) -> Payload:
    data = _bytes_of(value["data"], get)
    dtype = np.dtype(value["$array"])
    if dtype.kind not in ARRAY_KINDS:
        raise ValueError(f"an array of {dtype}")
    flat = np.frombuffer(bytearray(data), dtype) if data else np.empty(0, dtype)
    return flat.reshape(value["shape"])


def _untext(text: str) -> str:
    return b64decode(text, validate=True).decode("utf-8", "surrogatepass")


def _unblob(value: Plain, get: Get | None) -> Blob:
    suffix = untagged(value["$blob"])
    if not isinstance(suffix, str):
        raise TypeError(f"a suffix {suffix!r}")
    return Blob(_bytes_of(value["data"], get), suffix)


def _pairs(value: Plain, get: Get | None) -> dict[str, Payload]:
    return {_key(key): untagged(item, get) for key, item in value["$dict"]}


def _key(key: Plain) -> str:
    name = untagged(key)
    if not isinstance(name, str):
        raise TypeError(f"a key {name!r}")
    return name


_CONTENTS: Final = ("$array", "$blob", "$bytes")
_KEYS: Final = {"$array": {"$array", "shape", "data"}, "$blob": {"$blob", "data"}}
_UNTAG: Final[Mapping[str, Callable[[Plain, Get | None], Payload]]] = {
    "$float": lambda value, _: _unspell(value["$float"]),
    "$int": lambda value, _: int(value["$int"], 16),
    "$complex": lambda value, _: complex(*map(float, untagged(value["$complex"]))),
    "$text": lambda value, _: _untext(value["$text"]),
    "$bytes": lambda value, get: _bytes_of(value["$bytes"], get),
    "$tuple": lambda value, get: tuple(untagged(item, get) for item in value["$tuple"]),
    "$dict": _pairs,
    "$array": _unarray,
    "$blob": _unblob,
}
