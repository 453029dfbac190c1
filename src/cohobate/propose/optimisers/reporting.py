"""What an optimiser came to, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload, Plain
from cohobate.propose.optimisers.axes import Axes
from cohobate.propose.optimisers.coordinates import Itself
from cohobate.propose.optimisers.desk import Desk
from cohobate.propose.scaling import Numbers

COUNTS = ("nit", "njev", "nhev", "status")
"""What is taken over from a result of scipy where it is there, beside x, fun, success and message."""


def report(found: Mapping[str, Any], axes: Axes, desk: Desk, *, sign: float = 1.0) -> dict[str, Plain]:
    """Returns what scipy found: x, variables, fun, success, message, nfev, and what else there is.

    ``x`` are the values of the reals in the order of the problem, ``jac`` the derivatives by these; ``fun`` and
    ``jac`` have the sign of the output. ``nfev`` counts evaluations, those of finite differences included.
    """
    told = _placed(axes, np.asarray(found["x"], dtype=float), sign * np.asarray(found["fun"], dtype=float))
    told |= {"success": bool(found["success"]), "message": str(found["message"]), "nfev": desk.nfev}
    told |= {name: int(found[name]) for name in COUNTS if found.get(name) is not None}
    if isinstance(found.get("jac"), np.ndarray):
        told["jac"] = (sign * found["jac"] / axes.slopes(_within(axes, found["x"]))).tolist()
    return told


def stopped(axes: Axes, desk: Desk, *, sign: float = 1.0) -> dict[str, Plain] | None:
    """Returns the best so far of an optimiser that the campaign stopped; ``None`` where nothing is known."""
    if desk.best is None:
        return None
    x, seen = desk.best
    told = _placed(axes, x, sign * seen.score)
    return {**told, "success": False, "message": "the campaign stopped; this is the best so far", "nfev": desk.nfev}


def plain(value: Payload, what: str) -> Plain:
    """Returns settings as JSON data, arrays as lists; raises ``UserError`` for what has no such form."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray() | np.generic():
            return plain(value.tolist(), what)
        case Mapping():
            return {str(key): plain(item, f"{what}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain(item, what) for item in value]
    raise UserError(f"{what}: expected plain data, which can be compared on a resume, got the {type(value).__name__}")


def _placed(axes: Axes, x: Numbers, fun: Numbers) -> dict[str, Plain]:
    numbers = axes.values(_within(axes, x))
    return {"x": numbers, "variables": dict(zip(axes.names, numbers, strict=True)), "fun": fun.tolist()}


def _within(axes: Axes, x: Numbers) -> Numbers:
    """Returns coordinates within the bounds; values themselves as they are, beyond them where they are."""
    plain = np.array([isinstance(one, Itself) for one in axes.coordinates])
    inside: Numbers = np.where(plain, x, np.clip(x, axes.lo, axes.hi))
    return inside
