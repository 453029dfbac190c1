"""What a term is compared with, checked before anything is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from numbers import Real
from typing import Any

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.fit.losses import Loss
from cohobate.fit.reading import Computed, Targets, Wanted, array
from cohobate.propose.scaling import Numbers

Target = float | Sequence[float] | Numbers | Mapping[str, Any]


def comparison(
    target: Target | None, sigma: Target, read: str | None, residual: Callable[..., Any] | None, who: str
) -> Targets | Computed | None:
    """Returns what makes residuals of quantities; ``None`` where nothing does. Raises ``UserError``."""
    if residual is not None:
        _check_residual(target, sigma, residual, who)
        return Computed(residual, _sigma(sigma, None, "sigma", who))
    if target is None:
        return None
    if not isinstance(target, Mapping):
        return Targets((_wanted(read, target, sigma, who),))
    if read is not None:
        raise UserError(f"term {who!r}: read={read!r} picks one quantity, so the target must be no mapping")
    each = tuple(_wanted(name, one, _of(sigma, name, target, who), who) for name, one in target.items())
    if not each:
        raise UserError(f"term {who!r}: the target is empty, so there is nothing to compare")
    return Targets(each)


def check_loss_of(residuals: Targets | Computed | None, loss: Loss, jac: Payload, who: str) -> None:
    """Raises ``UserError`` where there is nothing that the loss could be made of."""
    own = callable(loss) or loss == "value"
    if residuals is None and not own:
        raise UserError(
            f"term {who!r}: there is nothing to compare: give a target, residual=, a loss that is a function of "
            "the quantities, or loss='value' where the quantity is the loss already"
        )
    if own and isinstance(residuals, Computed):
        raise UserError(f"term {who!r}: residual= and loss={loss!r:.40} both make the loss: give one of them")
    if jac is not None and (own or isinstance(residuals, Computed)):
        raise UserError(f"term {who!r}: jac needs a target: the slopes of residual= and of loss= are not known")


def check_weight(weight: Payload, who: str) -> None:
    """Raises ``UserError`` for what is no weight."""
    if not isinstance(weight, Real) or isinstance(weight, bool) or not 0 <= float(weight) < inf:
        raise UserError(f"{who}: weight must be a finite number of at least 0, got {weight!r:.60}")


def check_deadline(deadline: Payload, who: str) -> None:
    """Raises ``UserError`` for what is no deadline."""
    if deadline is not None and (not isinstance(deadline, Real) or not 0 < float(deadline) <= inf):
        raise UserError(f"term {who!r}: deadline must be a number of seconds above 0, got {deadline!r:.60}")


def _check_residual(target: Target | None, sigma: Target, residual: Payload, who: str) -> None:
    if not callable(residual):
        raise UserError(f"term {who!r}: residual must be a function of the quantities, got {residual!r:.60}")
    if target is not None:
        raise UserError(f"term {who!r}: residual= and a target both make residuals: give one of them")
    if isinstance(sigma, Mapping):
        raise UserError(f"term {who!r}: with residual=, sigma must be a number or one for each residual")


def _wanted(name: str | None, target: Payload, sigma: Payload, who: str) -> Wanted:
    label = "target" if name is None else f"target of {name!r}"
    found = _numbers(target, label, who)
    if found.size == 0:
        raise UserError(f"term {who!r}: the {label} is empty, so there is nothing to compare")
    if isinstance(sigma, Mapping):
        sigma = _of(sigma, name, {name: target}, who)
    return Wanted(name, found, _sigma(sigma, found.shape, label.replace("target", "sigma"), who))


def _of(sigma: Target, name: str | None, target: Mapping[Any, Any], who: str) -> Payload:
    """Returns the sigma of a quantity: one for all, or its own."""
    if not isinstance(sigma, Mapping):
        return sigma
    for other in sigma:
        if other not in target:
            there = list(target)
            raise UserError(
                f"term {who!r}: sigma of {other!r}, but the targets are {there}{did_you_mean(other, there)}"
            )
    if name is None or name not in sigma:
        raise UserError(f"term {who!r}: no sigma of {name!r}, only of {list(sigma)}")
    return sigma[name]


def _sigma(sigma: Payload, shape: tuple[int, ...] | None, label: str, who: str) -> Numbers:
    found = _numbers(sigma, label, who)
    if not np.all(found > 0):
        raise UserError(f"term {who!r}: {label} must be above 0, got {sigma!r:.60}")
    if shape is None or found.shape == shape:
        return found
    if found.shape != ():
        raise UserError(f"term {who!r}: {label} must be a number or have the shape {shape}, got {found.shape}")
    return array(np.broadcast_to(found, shape))


def _numbers(value: Payload, label: str, who: str) -> Numbers:
    try:
        found = np.asarray(value)
    except ValueError:  # rows of several lengths
        found = np.asarray(None)
    if found.dtype.kind not in "fiu" and found.size:
        raise UserError(f"term {who!r}: {label} must be numbers, got {value!r:.60}")
    if not np.all(np.isfinite(found.astype(float))):
        raise UserError(f"term {who!r}: {label} must be finite, got {value!r:.60}: leave out what is not known")
    return array(found)
