"""The plain call of an objective: all that can be decided before the values are known is decided once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from cohobate.fit.calling import Call, Calling, Params, caller
from cohobate.fit.naming import named
from cohobate.fit.planning import Plan, shared_by
from cohobate.fit.tree import Leaf, Tree

Step: TypeAlias = "tuple[str, Call, Callable[[Any], float]]"


def compiled(tree: Tree, plan: Plan, *, deep: bool) -> Callable[[Params], float]:
    """Returns the loss as a function of parameters; ``deep`` where they are nested."""
    steps = [_step(leaf, how, deep=deep) for leaf, how in zip(tree.leaves, plan.calls, strict=True)]
    if (shared := shared_by(plan)) is not None:
        return _sharing(tree, steps, shared)
    reduced = tree.reduced

    def loss(params: Params) -> float:
        losses: list[float] = []
        try:
            for _, call, score in steps:
                losses.append(score(call(params)))
        except Exception as error:
            if (better := named(error, steps[len(losses)][0])) is not error:
                raise better from error
            raise
        return reduced(losses)

    return loss


def _sharing(tree: Tree, steps: Sequence[Step], shared: Sequence[int]) -> Callable[[Params], float]:
    def loss(params: Params) -> float:
        losses: list[float] = []
        values: list[Any] = []
        try:
            for (_, call, score), first in zip(steps, shared, strict=True):
                value = call(params) if first == len(values) else values[first]
                values.append(value)
                losses.append(score(value))
        except Exception as error:
            if (better := named(error, steps[len(losses)][0])) is not error:
                raise better from error
            raise
        return tree.reduced(losses)

    return loss


def _step(leaf: Leaf, how: Calling, *, deep: bool) -> Step:
    term = leaf.term
    return term.name, caller(term.quantity, how, term.inputs, term.name, deep=deep), term.scorer.loss
