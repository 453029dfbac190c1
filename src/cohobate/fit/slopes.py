"""The Jacobian of residuals, where the terms give the derivatives of their quantities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, final

import numpy as np

from cohobate.core.errors import BadOutput, UserError, did_you_mean
from cohobate.core.parts import Part
from cohobate.core.payload import Payload
from cohobate.fit.calling import Calling, Evaluator, Params, leaves
from cohobate.fit.fresh import PLAIN
from cohobate.fit.losses import RHO
from cohobate.fit.naming import named
from cohobate.fit.reading import Quantities, Targets, Wanted, numbers, picked
from cohobate.fit.term import Term
from cohobate.fit.tree import Leaf
from cohobate.propose.scaling import Numbers


def check_differentiable(leaves: Sequence[Leaf]) -> None:
    """Raises ``UserError`` for terms that cannot tell their derivatives."""
    without = [leaf.term.name for leaf in leaves if leaf.term.jac is None]
    if without:
        raise UserError(f"there is no Jacobian, because these terms have no jac: {without}")


@final
@dataclass(frozen=True, slots=True)
class Differentiator:
    """The part of an evaluation that runs at an engine for derivatives: calls ``jac`` as the quantity is called."""

    call: Evaluator

    def __call__(self, arguments: Params) -> dict[str, Any]:
        """Returns what ``jac`` gave, its numbers and tensors as arrays."""
        found: dict[str, Any] = _arrays(self.call(arguments))
        return found


def differentiable(leaves: Sequence[Leaf]) -> bool:
    """Whether all terms tell their derivatives."""
    return all(leaf.term.jac is not None for leaf in leaves)


def elements(params: Payload, name: str = "") -> Iterator[str]:
    """Returns the names of all numbers in nested parameters, those in lists and arrays numbered.

    >>> list(elements({"Ar": {"epsilon": 0.01}, "c": [1.0, 2.0]}))
    ['Ar.epsilon', 'c[0]', 'c[1]']
    """
    match params:
        case Mapping():
            for key, one in params.items():
                yield from elements(one, f"{name}.{key}" if name else key)
        case list() | tuple():
            for at, one in enumerate(params):
                yield from elements(one, f"{name}[{at}]")
        case np.ndarray() if params.ndim:
            yield from elements(params.tolist(), name)
        case _:
            yield name


def slopes(
    leaf: Leaf, how: Calling, params: Params, quantities: Quantities, *, given: Mapping[str, Any], wanted: Sequence[str]
) -> Numbers:
    """Returns the derivatives of a term's residuals, weights included, by the ``wanted`` parameters: (m, d).

    ``given`` is what its ``jac`` returned.
    """
    term = leaf.term
    assert isinstance(term.compared, Targets)
    by_name = _owned(term, params, list(quantities), given)
    for name in () if how.whole else elements(how.arguments(params, term.name)):
        if name in wanted and not any(own == name for _, own in by_name):
            raise BadOutput(f"term {term.name!r}: jac says nothing of {name!r}, which the quantity uses")
    found = np.concatenate([_of_one(one, term, quantities, by_name, wanted) for one in term.compared.each])
    steep = RHO[str(term.loss)].rooted_slope(term.residuals(quantities))
    if not np.all(np.isfinite(steep)):
        raise BadOutput(f"term {term.name!r}: the root of |r| has no slope where r is 0; use loss='huber'")
    scaled: Numbers = sqrt(leaf.weight) * steep[:, None] * found
    return scaled


def called(part: Part, who: str) -> Mapping[str, Any]:
    """Returns what ``jac`` gives here; what it raises names the term."""
    try:
        found: Mapping[str, Any] = part.fn(*part.args)
        return found
    except Exception as error:
        if (better := named(error, who)) is not error:
            raise better from error
        raise


def _arrays(value: Payload) -> Any:  # noqa: ANN401 nested as it was given
    match value:
        case Mapping():
            return {str(name): _arrays(one) for name, one in value.items()}
        case list() | tuple():
            return [_arrays(one) for one in value]
    return value if type(value) in PLAIN else np.asarray(value)


def _owned(
    term: Term, params: Params, quantities: Sequence[str], given: Mapping[str, Any]
) -> dict[tuple[str, str], Any]:
    """Returns what ``jac`` gave by (quantity, parameter)."""
    known = leaves(params)
    every = {**dict.fromkeys(elements(params)), **known}
    found: dict[tuple[str, str], Any] = {}
    for path, value in leaves(given).items():
        owners = _owners(path, quantities, every)
        if not owners:
            raise BadOutput(
                f"term {term.name!r}: jac must name parameters, or quantities and parameters, but there is no {path!r}"
                f"{did_you_mean(path, every)}; the parameters are {list(known)}"
            )
        for quantity, own in owners:
            found |= {(quantity, name): one for name, one in _spread(value, every[own], own, term.name)}
    return found


def _spread(value: Payload, param: Payload, name: str, who: str) -> Iterator[tuple[str, Any]]:
    """Returns the derivatives by each number of a parameter that is a list or an array.

    Nested as the parameter is, or one array whose last axes are those of the parameter.
    """
    if isinstance(param, Mapping) and isinstance(value, Mapping):
        for key in value.keys() & param.keys():
            yield from _spread(value[key], param[key], f"{name}.{key}", who)
    elif isinstance(param, list | tuple) or np.ndim(param):
        listed = list(value) if isinstance(value, list | tuple) else _last_axes(np.asarray(value), np.shape(param))
        if len(listed) != len(param):
            raise BadOutput(
                f"term {who!r}: jac by {name!r}: expected {len(param)} derivatives, one for each, or an array with "
                f"{np.shape(param)} as its last axes, got {len(listed) or value!r:.60}"
            )
        for at, (one, inner) in enumerate(zip(listed, param, strict=True)):
            yield from _spread(one, inner, f"{name}[{at}]", who)
    else:
        yield name, value


def _last_axes(value: Numbers, shape: tuple[int, ...]) -> list[Numbers]:
    first = value.ndim - len(shape)
    return list(np.moveaxis(value, first, 0)) if first >= 0 else []


def _owners(path: str, quantities: Sequence[str], known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the (quantity, parameter) pairs that a path means: the quantity before, behind, or left out."""
    if path in known:
        return [(name, path) for name in quantities]
    before = [(name, path.removeprefix(f"{name}.")) for name in quantities if path.startswith(f"{name}.")]
    behind = [(name, path.removesuffix(f".{name}")) for name in quantities if path.endswith(f".{name}")]
    return [(name, own) for name, own in (*before, *behind) if own in known]


def _of_one(
    one: Wanted, term: Term, quantities: Quantities, given: Mapping[tuple[str, str], Any], wanted: Sequence[str]
) -> Numbers:
    """Returns the derivatives of the residuals of one quantity; 0 by what ``jac`` says nothing of."""
    name, _ = picked(quantities, one.name, term.name)
    columns = [
        _column(given.get((name, parameter)), one, f"d {name} / d {parameter}", term.name) for parameter in wanted
    ]
    return np.stack(columns, axis=1) if columns else np.empty((one.target.size, 0))


def _column(value: Payload, one: Wanted, label: str, who: str) -> Numbers:
    if value is None:
        return np.zeros(one.target.size)
    slope = numbers(value, label, who)
    if slope.shape != one.target.shape:
        raise BadOutput(f"term {who!r}: {label!r} must have the shape {one.target.shape}, got {slope.shape}")
    scaled: Numbers = (slope / one.sigma).ravel()
    return scaled
