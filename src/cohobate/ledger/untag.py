"""Values from the plain data that ``codec.dumps`` wrote of them."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.errors import Damaged
from cohobate.core.payload import Payload, Plain

ARRAY_KINDS: Final = "biufcSUmM"
"""Kinds of numpy data that are stored: those whose bytes are the whole truth."""
Get = Callable[[str, int], bytes]
"""Returns the content of a sha256 and a size."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Stands for a large content that was not fetched: its name, its size, and what it is."""

    sha256: str
    bytes: int
    what: str


def untagged(value: Plain, get: Get | None = None) -> Payload:
    """Returns the value of plain data written by ``dumps``; raises ``Damaged`` where it is not such."""
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
