"""Parameters of pairs of species: one number for all, one for each species that is mixed, or one for each pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from cohobate.core.errors import UserError

Mixing = Literal["arithmetic", "geometric"]
Given = float | Mapping[int, float] | Mapping[tuple[int, int], float]
RULES: Final[Mapping[str, Callable[[float, float], float]]] = {
    "arithmetic": lambda a, b: (a + b) / 2,
    "geometric": lambda a, b: math.sqrt(a * b),
}


def table_of(
    potential: str, given: Mapping[str, Given], species: Sequence[int] | None, mixing: Mapping[str, Mixing]
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Returns the species, and the parameters of each pair of them: (species, species, parameters).

    Raises ``UserError`` naming the potential and the parameter for one that is missing or no finite number.
    """
    known = _species(potential, given, species)
    table = np.empty((len(known), len(known), len(given)))
    for k, (name, value) in enumerate(given.items()):
        rule = mixing[name]
        if rule not in RULES:
            raise UserError(f"{potential}: mixing must be one of {list(RULES)}, got {rule!r}")
        for a, first in enumerate(known):
            for b, second in enumerate(known):
                table[a, b, k] = _of_pair(f"{potential}: {name}", value, first, second, rule)
    return known, table


def _species(potential: str, given: Mapping[str, Given], species: Sequence[int] | None) -> tuple[int, ...]:
    if species is not None:
        found = tuple(species)
    else:
        keys = [key for value in given.values() if isinstance(value, Mapping) for key in value]
        found = tuple(sorted({z for key in keys for z in (key if isinstance(key, tuple) else (key,))}))
    if not found or len(set(found)) < len(found) or not all(isinstance(z, int) and z >= 0 for z in found):
        raise UserError(f"{potential}: species must be different atomic numbers, at least one, got {list(found)}")
    return found


def _of_pair(who: str, value: Given, a: int, b: int, rule: str) -> float:
    if not isinstance(value, Mapping):
        return _number(who, value)
    pairs = cast("Mapping[object, float]", value)
    for key in ((a, b), (b, a)):
        if key in pairs:
            return _number(f"{who} of {key}", pairs[key])
    if a not in pairs or b not in pairs:
        raise UserError(f"{who}: nothing is said of the pair {(a, b)}, nor of both its species; got {list(pairs)}")
    return float(RULES[rule](_number(f"{who} of {a}", pairs[a]), _number(f"{who} of {b}", pairs[b])))


def _number(who: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UserError(f"{who}: expected a finite number of at least 0, got {value!r}")
    return float(value)
