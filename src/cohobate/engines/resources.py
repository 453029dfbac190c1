"""What a user says an engine has, checked, with names for the pieces of what has some."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from cohobate.core.errors import UserError
from cohobate.core.needs import CORES, GPU, wrong_amount
from cohobate.core.payload import Payload
from cohobate.engines.berth import DEVICES
from cohobate.engines.packing import Id
from cohobate.host.cores import numbers

Resources = Mapping[str, float | Sequence[str] | Sequence[int | str]]
"""Such as ``{"gpu": 2, "licence": 3}``; ``gpu`` may also be a list of devices."""
EXAMPLE: Final = "such as {'gpu': 2, 'licence': 3}"


def counted(resources: Resources | None) -> dict[str, float]:
    """Returns what a user says there is, as numbers; raises ``UserError`` for what makes no sense.

    >>> counted({"gpu": 2, "licence": 3})
    {'gpu': 2, 'licence': 3}
    """
    given: Payload = {} if resources is None else resources
    if not isinstance(given, Mapping):
        raise UserError(f"resources: expected names with numbers {EXAMPLE}, got {given!r:.80}")
    for name, much in given.items():
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"resources: expected names with numbers {EXAMPLE}, got the name {name!r:.80}")
        if name == GPU and isinstance(much, list | tuple):
            raise UserError("resources: tasks cannot be shown certain devices here, only counted: gpu is a number")
        if wrong := wrong_amount(name, much):
            raise UserError(f"resources: {wrong}")
    return {name: float(much) if much % 1 else int(much) for name, much in given.items()}


def slots(n: int | None, has: Mapping[str, float], usual: int) -> int:
    """Returns how many cores there are to be given away; raises ``UserError`` where two numbers were given."""
    cores = has.get(CORES)
    if n is not None and cores is not None and cores != n:
        raise UserError(f"resources: {CORES} are the workers of an engine, got {n} workers and {cores:g} {CORES}")
    if cores is not None and cores < 1:
        raise UserError(f"resources: expected at least one of {CORES!r}, got {cores:g}")
    return next((int(each) for each in (n, cores) if each is not None), usual)


def split(resources: Resources | None) -> tuple[tuple[str, ...] | None, dict[str, float]]:
    """Returns the devices that tasks are to be shown (``None`` where nobody counts them), and all else as numbers.

    A number of devices means the first that this process may see itself.
    """
    devices: Payload = resources.get(GPU) if isinstance(resources, Mapping) else None
    if isinstance(devices, list | tuple):
        rest = {name: much for name, much in (resources or {}).items() if name != GPU}
        return _named(devices), counted(rest)
    has = counted(resources)
    return (None, has) if GPU not in has else (_first(int(has.pop(GPU))), has)


def pieces(
    cores: float | Sequence[Id], devices: Sequence[Id] | None, has: Mapping[str, float]
) -> dict[str, float | Sequence[Id]]:
    """Returns all there is, cores first."""
    shown: dict[str, float | Sequence[Id]] = {} if devices is None else {GPU: devices}
    return {CORES: cores, **shown, **{name: much for name, much in has.items() if name != CORES}}


def core_numbers(slots: int) -> list[Id]:
    """Returns a core for each slot; where there are more slots than cores, some have the same."""
    known = numbers() or range(slots)
    return [known[slot % len(known)] for slot in range(slots)]


def _named(devices: Sequence[Payload]) -> tuple[str, ...]:
    names = tuple(str(each) for each in devices)
    odd = [each for each in devices if isinstance(each, bool) or not isinstance(each, int | str)]
    if odd or len(set(names)) < len(names) or any(not name.strip() or "," in name for name in names):
        raise UserError(f"resources: expected different devices such as {{'gpu': ['0', '3']}}, got {devices!r:.200}")
    return names


def _first(n: int) -> tuple[str, ...]:
    shown = os.environ.get(DEVICES)
    if shown is None:
        return tuple(map(str, range(n)))
    known = [each.strip() for each in shown.split(",") if each.strip()]
    if n > len(known):
        raise UserError(f"resources: gpu {n} are more than {DEVICES} lets this process see: {shown or 'none'}")
    return tuple(known[:n])
