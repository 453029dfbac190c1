"""The plain call of an objective: all that can be decided before the values are known is decided once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

from cohobate.core.canonical import content_hash
from cohobate.fit.calling import Call, Calling, Evaluator, Params, caller
from cohobate.fit.naming import named
from cohobate.fit.tree import Leaf, Tree

Step: TypeAlias = "tuple[str, Call, Callable[[Any], float]]"


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How all terms are called with parameters of certain names.

    ``shared`` holds, for each term, the place of the first one of the same deterministic quantity.
    """

    calls: tuple[Calling, ...]
    evaluators: tuple[Evaluator, ...]
    shared: tuple[int, ...]


def planned(tree: Tree, params: Params) -> Plan:
    """Returns how to call the terms with parameters of these names."""
    calls = tuple(leaf.term.calling(params) for leaf in tree.leaves)
    first: dict[str, int] = {}
    shared = [_first(leaf, how, place, first) for place, (leaf, how) in enumerate(zip(tree.leaves, calls, strict=True))]
    evaluators = tuple(leaf.term.evaluator(how) for leaf, how in zip(tree.leaves, calls, strict=True))
    return Plan(calls, evaluators, tuple(shared))


def compiled(tree: Tree, plan: Plan, *, deep: bool) -> Callable[[Params], float]:
    """Returns the loss as a function of parameters; ``deep`` where they are nested."""
    steps = [_step(leaf, how, deep=deep) for leaf, how in zip(tree.leaves, plan.calls, strict=True)]
    if plan.shared != tuple(range(len(steps))):
        return _sharing(tree, steps, plan.shared)
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
    return term.name, caller(term.quantity, how, term.inputs, term.name, deep=deep), term.loss_of


def _first(leaf: Leaf, how: Calling, place: int, first: dict[str, int]) -> int:
    if not leaf.term.deterministic:
        return place
    return first.setdefault(content_hash([leaf.term.source, how.whole, how.picked]), place)
