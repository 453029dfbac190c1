"""What the models of all outputs say of a space, made from what is known and what is pending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cohobate.models.ard import Scales, default
from cohobate.models.kernels import Floats
from cohobate.models.surface import Surface, scales_of
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.continuous.told import Told
from cohobate.propose.sampling import sobol

SPREAD = 512

Targets = Mapping[int, tuple[float, ...] | None]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a fit is made from: values by number, and what had given none by then."""

    targets: Targets
    holes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The scales of each output, and those of success, which is 1 where there is a value and 0 where there is none."""

    outputs: tuple[Scales, ...]
    success: Scales


@dataclass(frozen=True, slots=True)
class Outlook:
    """Surfaces of the outputs, and of success where something failed; points as columns, (n, columns).

    ``values``: (known, outputs), as they came; ``spread``: points all over the space.
    """

    outputs: tuple[Surface, ...]
    success: Surface | None
    known: Floats
    pending: Floats
    values: Floats
    spread: Floats


def fitted(basis: Basis, told: Told, encoding: Encoding, outputs: int) -> Fitted:
    """Returns the most likely scales given what was known."""
    numbers, values = _known(basis.targets, outputs)
    points = encoding.columns(told.points(numbers))
    scales = tuple(scales_of(points, values[:, at], encoding.groups) for at in range(outputs))
    if not basis.holes:
        return Fitted(scales, default(encoding.groups))
    every = encoding.columns(told.points([*numbers, *basis.holes]))
    return Fitted(scales, scales_of(every, _success(len(numbers), len(basis.holes)), encoding.groups))


def outlook(found: Fitted, told: Told, encoding: Encoding) -> Outlook:
    """Returns what is expected now."""
    numbers, values = _known(told.targets, len(found.outputs))
    known = encoding.columns(told.points(numbers))
    pending = encoding.columns(told.points([at for at, one in told.targets.items() if one is None]))
    surfaces = tuple(Surface.of(one, known, values[:, at], pending) for at, one in enumerate(found.outputs))
    success = None
    if told.holes:
        every = np.concatenate((known, encoding.columns(told.points(told.holes))))
        success = Surface.of(found.success, every, _success(len(known), len(told.holes)), pending)
    spread = encoding.columns(sobol(len(encoding.axes), 0, 0, SPREAD))
    return Outlook(surfaces, success, known, pending, values, spread)


def _known(targets: Targets, outputs: int) -> tuple[Sequence[int], Floats]:
    inside = {number: values for number, values in targets.items() if values is not None}
    return list(inside), np.array(list(inside.values()), float).reshape(len(inside), outputs)


def _success(known: int, holes: int) -> Floats:
    return np.concatenate((np.ones(known), np.zeros(holes)))
