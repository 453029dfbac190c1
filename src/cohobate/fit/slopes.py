"""The Jacobian of residuals, where the terms give the derivatives of their quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from cohobate.core.errors import BadOutput, UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.fit.calling import Calling, Evaluator, Params, leaves
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


def slopes(leaf: Leaf, how: Calling, params: Params, quantities: Quantities, wanted: Sequence[str]) -> Numbers:
    """Returns the derivatives of a term's residuals, weights included, by the ``wanted`` parameters: (m, d)."""
    term = leaf.term
    assert isinstance(term.compared, Targets)
    by_name = _given(term, how, params, list(quantities))
    found = np.concatenate([_of_one(one, term, quantities, by_name, wanted) for one in term.compared.each])
    steep = RHO[str(term.loss)].rooted_slope(term.residuals(quantities))
    if not np.all(np.isfinite(steep)):
        raise BadOutput(f"term {term.name!r}: the root of |r| has no slope where r is 0; use loss='huber'")
    scaled: Numbers = sqrt(leaf.weight) * steep[:, None] * found
    return scaled


def _given(term: Term, how: Calling, params: Params, quantities: Sequence[str]) -> dict[tuple[str, str], Any]:
    """Returns what ``jac`` gave by (quantity, parameter)."""
    arguments, known = how.arguments(params, term.name), leaves(params)
    given = leaves(_called(term, how, arguments))
    found = {(name, own): value for path, value in given.items() for name, own in _owners(path, quantities, known)}
    for path in given:
        if not _owners(path, quantities, known):
            raise BadOutput(
                f"term {term.name!r}: jac must name parameters, or quantities and parameters, but there is no {path!r}"
                f"{did_you_mean(path, known)}; the parameters are {list(known)}"
            )
    for name in () if how.whole else leaves(arguments):
        if not any(own == name for _, own in found):
            raise BadOutput(f"term {term.name!r}: jac says nothing of {name!r}, which the quantity uses")
    return found


def _called(term: Term, how: Calling, arguments: Params) -> Quantities:
    assert term.jac is not None
    try:
        return Evaluator(term.jac, how.whole, term.inputs)(arguments)
    except Exception as error:
        if (better := named(error, term.name)) is not error:
            raise better from error
        raise


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
