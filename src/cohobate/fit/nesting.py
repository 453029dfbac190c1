"""Nested parameters as dotted names, and back: mappings, lists, tuples and arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload

FORBIDDEN = ".[]{}"
"""What dotted names are made with, so that no key may hold it."""


@final
@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that belong together, by key or number, and what they were given in."""

    kind: Literal["mapping", "list", "tuple", "array"]
    items: Mapping[str, Tree]


Tree: TypeAlias = Group | str
"""A group, or the dotted name of one parameter."""


def planted(nested: Mapping[str, Any]) -> tuple[Group, dict[str, Any]]:
    """Returns the shape of nested parameters, and what stands for each by dotted name.

    >>> planted({"Ar": {"epsilon": 0.01}, "r0": [1.0, 2.0]})[1]
    {'Ar.epsilon': 0.01, 'r0[0]': 1.0, 'r0[1]': 2.0}
    """
    if not isinstance(nested, Mapping):
        raise UserError(f"expected parameters as a mapping of names to numbers, got {nested!r:.80}")
    leaves: dict[str, Any] = {}
    tree = _grown(nested, "", leaves)
    assert isinstance(tree, Group)
    return tree, leaves


def grafted(tree: Tree, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 nested as it was given
    """Returns values by dotted name, nested as a tree says: fresh mappings, lists and arrays."""
    match tree:
        case str():
            return values[tree]
        case Group("mapping", items):
            return {key: grafted(one, values) for key, one in items.items()}
        case Group(kind, items):
            listed = [grafted(one, values) for one in items.values()]
            return listed if kind == "list" else tuple(listed) if kind == "tuple" else np.array(listed)


def shape_of(tree: Tree) -> Payload:
    """Returns a tree as plain data."""
    return tree if isinstance(tree, str) else [tree.kind, {key: shape_of(one) for key, one in tree.items.items()}]


def _grown(value: Payload, name: str, leaves: dict[str, Any]) -> Tree:
    match value:
        case Mapping():
            above = f"{name}." if name else ""
            return Group(
                "mapping", {_key(key, name): _grown(one, f"{above}{key}", leaves) for key, one in value.items()}
            )
        case np.ndarray() if value.ndim:
            return Group("array", _numbered(value.tolist(), name, leaves))
        case list() | tuple():
            return Group("list" if isinstance(value, list) else "tuple", _numbered(value, name, leaves))
    leaves[name] = value
    return name


def _numbered(values: list[Payload] | tuple[Payload, ...], name: str, leaves: dict[str, Any]) -> dict[str, Tree]:
    return {str(at): _grown(one, f"{name}[{at}]", leaves) for at, one in enumerate(values)}


def _key(key: Payload, name: str) -> str:
    inside = f" in {name!r}" if name else ""
    if not isinstance(key, str) or not key:
        raise UserError(f"parameters: expected names as keys{inside}, got {key!r:.80}")
    if any(sign in key for sign in FORBIDDEN):
        nest = "{" + ": {".join(map(repr, key.split("."))) + ": ..." + "}" * key.count(".") + "}"
        hint = f"nest it: {nest}" if "." in key and all(key.split(".")) else f"leave out {FORBIDDEN}"
        raise UserError(f"parameters: the key {key!r}{inside} cannot be part of a dotted name: {hint}")
    return key
