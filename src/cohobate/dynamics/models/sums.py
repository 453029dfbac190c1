"""Sums of potentials."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.lists import Counting, PairLists, Sharing
from cohobate.dynamics.models.potential import Potential, Results, Traits


@final
class Sum:
    """Adds what all of its terms provide, in their order; terms over pairs share one list of the largest cutoff.

    A system that one of them cannot compute has no sum.
    """

    def __init__(self, *terms: Potential) -> None:
        flat = [one for term in terms for one in (term.terms if isinstance(term, Sum) else (term,))]
        if not flat:
            raise UserError("a sum of potentials needs at least one term, got none")
        self.terms: tuple[Potential, ...] = _sharing(flat)
        self.traits = _traits(self.terms)

    def __add__(self, other: Potential) -> Sum:
        """Returns the sum with one more term."""
        return Sum(self, other)

    def pairs(self, batch: Batch) -> Tensor:
        """Returns how many pairs the longest lists of each system hold: (B,)."""
        each = [term.pairs(batch) for term in self.terms if isinstance(term, Counting)]
        return torch.stack(each).amax(0) if each else torch.zeros_like(batch.atoms)

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns the sums of what is wanted, and of all terms why they have none."""
        found = [term.compute(batch, want & self.traits.provides) for term in self.terms]
        values, ok, why = dict(found[0].values), found[0].ok, dict(found[0].why)
        for one in found[1:]:
            values = {name: value + one.values[name] for name, value in values.items()}
            ok = ok & one.ok
            why = {**one.why, **why}
        return Results(values, ok, why)


def _sharing(terms: list[Potential]) -> tuple[Potential, ...]:
    pairs = [term.lists for term in terms if isinstance(term, Sharing)]
    if len(pairs) < 2:
        return tuple(terms)
    lists = PairLists(max(one.cutoff for one in pairs), max(one.skin for one in pairs))
    return tuple(term.sharing(lists) if isinstance(term, Sharing) else term for term in terms)


def _traits(terms: tuple[Potential, ...]) -> Traits:
    each = [term.traits for term in terms]
    cutoffs = [one.cutoff for one in each if one.cutoff is not None]
    known = [one.species for one in each if one.species is not None]
    return Traits(
        provides=frozenset.intersection(*(one.provides for one in each)) - _not_additive(each),
        cutoff=max(cutoffs) if cutoffs else None,
        exact=all(one.exact for one in each),
        species=frozenset.intersection(*known) if known else None,
        dtypes=[one for one in each[0].dtypes if all(one in other.dtypes for other in each)],
        devices=[one for one in each[0].devices if all(one in other.devices for other in each)],
    )


def _not_additive(each: list[Any]) -> frozenset[str]:
    every = frozenset().union(*(one.provides for one in each))
    return every - {"energy", "forces", "stress", "energies"}
