"""Plain data that tells quantities and their inputs apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import FunctionType
from typing import Any

from cohobate.core.canonical import canonical
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload, Plain
from cohobate.simulate.function import Simulator


def source_of(quantity: Callable[..., Any], version: str | None) -> Plain:
    """Returns what a quantity is: its code, or its version in the place of that.

    A version stands for the code of what has a name of its own. Of anything else (a lambda, a function made within
    another, an object) there may be several with one version, so that the code counts too.
    """
    if isinstance(quantity, Simulator):
        return source_of(quantity.fn, quantity.version if version is None else version)
    if version is None:
        return code_hash(quantity)
    named = isinstance(quantity, FunctionType) and "<" not in quantity.__qualname__
    return [version, f"{quantity.__module__}.{quantity.__qualname__}" if named else code_hash(quantity)]


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
