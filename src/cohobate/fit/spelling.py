"""Plain data that tells the inputs of a quantity apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from cohobate.core.canonical import canonical
from cohobate.core.payload import Payload, Plain
from cohobate.simulate.identity import code_hash


def spelled(value: Payload) -> tuple[Plain, str | None]:
    """Returns ``value`` as data that has a hash, and the type of something in it that only its type stands for.

    >>> spelled({"a": [1, 2.5]})
    ({'a': [1, 2.5]}, None)
    """
    odd: list[str] = []
    return _spelled(value, odd), odd[0] if odd else None


def _spelled(value: Payload, odd: list[str]) -> Plain:
    match value:
        case Mapping():
            return {str(name): _spelled(item, odd) for name, item in value.items()}
        case list() | tuple():
            return [_spelled(item, odd) for item in value]
        case PurePath():
            return {"$path": str(value)}
        case object(todict=Callable() as told):  # ASE atoms
            return {"$of": type(value).__qualname__, "is": _spelled(told(), odd)}
    return _canonical(value, odd)


def _canonical(value: Payload, odd: list[str]) -> Plain:
    try:
        canonical(value)
    except TypeError:
        if callable(value):
            return {"$code": code_hash(value)}
        odd.append(type(value).__qualname__)
        return {"$type": type(value).__qualname__}
    return value
