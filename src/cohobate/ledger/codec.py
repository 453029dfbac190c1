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
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.errors import Damaged, NotStorable
from cohobate.core.payload import Payload
from cohobate.ledger.untag import ARRAY_KINDS, Get, untagged

LARGE: Final = 65_536
"""Bytes from which a content is kept as a blob."""
DEEPEST: Final = 100
"""Containers within containers."""
LONGEST_INT: Final = 2**63
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
_TAGGED: Final = ('"$', "{")
"""How the JSON of a key starts that is a tag, looks like one, or had to be tagged."""

Put = Callable[[bytes], str]
"""Stores a large content and returns its sha256."""


class _Odd(Exception):
    """Why a value is not storable, and where in it, innermost step last."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why, self.path = why, ""

    def inside(self, step: str) -> _Odd:
        self.path = step + self.path
        return self


def dumps(value: object, put: Put | None = None, *, name: str = "value") -> str:
    """Returns ``value`` as ASCII text; large contents go to ``put`` where there is one.

    Raises ``NotStorable`` naming the place inside ``name``, for example
    ``outputs.geometry[2] is a lock, which cannot be stored``.
    """
    if type(value) is dict and (numbers := _numbers(value)) is not None:
        return numbers
    try:
        return _spell(value, put, 0)
    except _Odd as odd:
        raise NotStorable(f"{name}{odd.path} {odd.why}") from None


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
        dumps(value, name=name)
    except NotStorable as error:
        return str(error)
    return None


def array_of(texts: Iterable[str]) -> str:
    """Returns a JSON array of what is JSON already."""
    return f"[{','.join(texts)}]"


def object_of(members: Mapping[str, str]) -> str:
    """Returns a JSON object of what is JSON already, by plain names."""
    return f"{{{','.join([f'{quoted(name)}:{text}' for name, text in members.items()])}}}"


def name_of(text: str) -> str:
    """Returns a text that comes again and again, such as a name, as JSON."""
    return _name(text) if type(text) is str else dumps(text)


def number_of(value: float) -> str:
    """Returns a number as JSON."""
    return repr(value) if type(value) is float and math.isfinite(value) else dumps(value)


def _numbers(values: dict[Payload, Payload]) -> str | None:
    """Returns finite numbers by name as JSON, ``None`` for anything else: the short way of most inputs and outputs."""
    members: list[str] = []
    for key, value in values.items():
        if type(value) is not float or not math.isfinite(value) or type(key) is not str:
            return None
        name = _name(key)
        if name.startswith(_TAGGED):
            return None
        members.append(f"{name}:{value!r}")
    return f"{{{','.join(members)}}}"


def _spell(value: Payload, put: Put | None, depth: int) -> str:
    atom = _ATOMS.get(type(value))
    return _compound(value, put, depth) if atom is None else atom(value)


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'{{"$float":"{_bits(value)}"}}'


def _int(value: int) -> str:
    return repr(value) if -LONGEST_INT < value < LONGEST_INT else f'{{"$int":"{hex(value)}"}}'


def _text(value: str) -> str:
    """JSON would join a pair of surrogates into one character, so text with surrogates is tagged."""
    if value.isascii() or _is_unicode(value):
        return quoted(value)
    return f'{{"$text":{_base64(value.encode("utf-8", "surrogatepass"))}}}'


_name: Final = lru_cache(maxsize=1024)(_text)

_ATOMS: Final[Mapping[type, Callable[[Payload], str]]] = {
    float: _float,
    int: _int,
    str: _text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}


def _compound(value: Payload, put: Put | None, depth: int) -> str:
    if depth > DEEPEST:
        raise _Odd(f"is nested more than {DEEPEST} deep, which cannot be stored")
    match value:
        case dict() | Mapping():
            return _mapping(value, put, depth + 1)
        case np.generic():
            return _spell(_python(value), put, depth)
        case list():
            return _items(value, put, depth + 1)
        case tuple():
            return f'{{"$tuple":{_items(value, put, depth + 1)}}}'
        case np.ndarray():
            return _array(value, put)
        case _:
            return _leaf(value, put, depth)


def _leaf(value: Payload, put: Put | None, depth: int) -> str:
    match value:
        case bytes() | bytearray() | memoryview():
            return f'{{"$bytes":{_content(bytes(value), put)}}}'
        case Blob(data, suffix):
            return f'{{"$blob":{_spell(suffix, put, depth)},"data":{_content(data, put)}}}'
        case complex():
            return f'{{"$complex":[{_float(value.real)},{_float(value.imag)}]}}'
        case str():
            return _text(str.__str__(value))
        case int():
            return _int(int.__int__(value))
        case float():
            return _float(float.__float__(value))
    raise _Odd(f"is a {type(value).__name__}, which cannot be stored")


def _python(value: np.generic) -> Payload:
    if not isinstance(value, _EXACT):
        raise _Odd(f"is a {type(value).__name__}, which has no exact Python number; convert it first")
    return value.item()


def _mapping(value: Mapping[Payload, Payload], put: Put | None, depth: int) -> str:
    pairs: list[tuple[str, str]] = []
    for key, item in value.items():
        if type(key) is not str:
            raise _Odd(f"has the key {key!r:.60} ({type(key).__name__}); keys must be text")
        try:
            pairs.append((_name(key), _spell(item, put, depth)))
        except _Odd as odd:
            raise odd.inside(f".{key}") from None
    return _object(pairs)


def _object(pairs: list[tuple[str, str]]) -> str:
    text = ",".join([f"{key}:{item}" for key, item in pairs])
    if '"$' in text and any(key.startswith(_TAGGED) for key, _ in pairs):
        return f'{{"$dict":{array_of([f"[{key},{item}]" for key, item in pairs])}}}'
    return f"{{{text}}}"


def _items(values: list[Payload] | tuple[Payload, ...], put: Put | None, depth: int) -> str:
    texts: list[str] = []
    for value in values:
        try:
            texts.append(_spell(value, put, depth))
        except _Odd as odd:
            raise odd.inside(f"[{len(texts)}]") from None
    return array_of(texts)


def _array(value: np.ndarray, put: Put | None) -> str:
    if type(value) not in (np.ndarray, np.memmap) or value.dtype.kind not in ARRAY_KINDS:
        raise _Odd(f"is a {type(value).__name__} of {value.dtype}, which cannot be stored")
    if value.dtype.metadata or np.dtype(value.dtype.str) != value.dtype:
        raise _Odd(f"is an array of {value.dtype}, which cannot be stored")
    shape, content = array_of(map(str, value.shape)), _content(value.tobytes(), put)
    return f'{{"$array":{quoted(value.dtype.str)},"shape":{shape},"data":{content}}}'


def _content(data: bytes, put: Put | None) -> str:
    if put is not None and len(data) >= LARGE:
        return f'{{"sha256":"{put(data)}","bytes":{len(data)}}}'
    return _base64(data)


def _base64(data: bytes) -> str:
    return f'"{b64encode(data).decode()}"'


def _is_unicode(text: str) -> bool:
    """Whether there are no surrogates in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bits(value: float) -> str:
    bits = struct.pack(">d", value)
    return bits.hex() if math.isnan(value) and bits != struct.pack(">d", math.nan) else repr(value)
