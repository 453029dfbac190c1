"""An objective of objectives as one list of terms, and how their losses are put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, inf, isfinite, sqrt
from operator import mul
from typing import TypeAlias, final

from cohobate.core.errors import BadOutput, UserError
from cohobate.fit.losses import Reduce
from cohobate.fit.term import Term
from cohobate.simulate.function import plain_name

Reducer = Callable[[Sequence[float]], float]
Child: TypeAlias = "Term | Node"


@final
@dataclass(frozen=True, slots=True)
class Node:
    """Terms and nodes with their weights; ``worst`` counts a failing term relative to the worst seen of it."""

    children: tuple[Child, ...]
    weights: tuple[float, ...]
    reduce: Reduce
    name: str = ""
    worst: bool = False


@final
@dataclass(frozen=True, slots=True)
class Leaf:
    """A term with its weight in the whole: the product of all weights above it, over the sizes of the means."""

    term: Term
    weight: float
    worst: bool = False


@final
@dataclass(frozen=True, slots=True)
class Tree:
    """All terms of an objective, and what their losses make: ``reduced`` takes one loss for each leaf, without weights.

    ``refusal`` says why there are no residuals whose squares sum up to the loss (for a root mean outermost:
    to its square), ``monotone`` that a larger loss of a term never makes a smaller one of the whole, ``linear``
    that it is the sum of weighted losses. ``places`` are those of the leaves by name, ``roots`` those of their weights.
    """

    leaves: tuple[Leaf, ...]
    reduced: Reducer
    refusal: str | None
    monotone: bool
    linear: bool
    places: Mapping[str, int]
    roots: tuple[float, ...]


def planted(root: Node) -> Tree:
    """Returns an objective as one list of terms, with names that are apart."""
    leaves = list(_leaves(root, 1.0, root.worst, ""))
    if all(leaf.weight == 0 for leaf in leaves):
        raise UserError(f"{shown(root)}: all weights are 0, so that nothing counts")
    apart = tuple(_apart(leaves))
    return Tree(
        apart,
        _checked(root),
        _refusal(root),
        _monotone(root),
        _linear(root) is not None,
        {leaf.term.name: place for place, leaf in enumerate(apart)},
        tuple(sqrt(leaf.weight) for leaf in apart),
    )


def shown(node: Node) -> str:
    """Returns how a message names an objective."""
    return f"objective {node.name!r}" if node.name else "CombinedObjective"


def _leaves(node: Node, weight: float, worst: bool, above: str) -> Iterator[Leaf]:
    share = weight if node.reduce not in ("mean", "root_mean") else weight / len(node.children)
    for child, own in zip(node.children, node.weights, strict=True):
        match child:
            case Term():
                term = replace(child, name=above + child.name) if above else child
                yield Leaf(term, share * own * child.weight, worst)
            case Node():
                inner = f"{above}{child.name}/" if child.name else above
                yield from _leaves(child, share * own, worst or child.worst, inner)


def _apart(leaves: list[Leaf]) -> Iterator[Leaf]:
    """Numbers terms of one name in their order."""
    taken = {leaf.term.name for leaf in leaves}
    seen: Counter[str] = Counter()
    for leaf in leaves:
        name = leaf.term.name
        seen[name] += 1
        if seen[name] == 1:
            yield leaf
            continue
        while (apart := f"{name} ({seen[name]})") in taken:
            seen[name] += 1
        taken.add(apart)
        yield replace(leaf, term=replace(leaf.term, name=apart))


def _checked(root: Node) -> Reducer:
    reduced, who = _reducer(root), shown(root)

    def checked(losses: Sequence[float]) -> float:
        loss = reduced(losses)
        if -inf < loss < inf:
            return loss
        raise BadOutput(f"{who}: the loss must be finite, got {loss!r}")

    return checked


def _reducer(node: Node) -> Reducer:
    """A tree of sums and means is one sum: exact, so that how it was put together does not show in the last digits."""
    if (weights := _linear(node)) is not None:
        return lambda losses: _sum(map(mul, weights, losses))
    if node.reduce == "root_mean":
        mean, who = _reducer(replace(node, reduce="mean")), shown(node)
        return lambda losses: _root(mean(losses), who)
    return _of_parts(node)


def _of_parts(node: Node) -> Reducer:
    together, parts, begin = _together(node), [], 0
    for child, weight in zip(node.children, node.weights, strict=True):
        end = begin + size(child)
        parts.append(_part(child, weight, begin, end))
        begin = end
    return lambda losses: together([part(losses) for part in parts])


def _part(child: Child, weight: float, begin: int, end: int) -> Reducer:
    if isinstance(child, Term):
        own = weight * child.weight
        return lambda losses: own * losses[begin]
    inner = _reducer(child)
    return lambda losses: weight * inner(losses[begin:end])


def _together(node: Node) -> Reducer:
    reduce, who = node.reduce, shown(node)
    if reduce == "sum":
        return _sum
    if reduce == "mean":
        return lambda losses: _sum(losses) / len(losses)
    assert callable(reduce)
    custom = reduce
    return lambda losses: _number(custom(losses), who)


def size(child: Child) -> int:
    """Returns how many terms there are in it."""
    return 1 if isinstance(child, Term) else sum(map(size, child.children))


def _linear(node: Node) -> list[float] | None:
    """Returns the weights of all leaves where the loss is a weighted sum of theirs."""
    if node.reduce not in ("sum", "mean"):
        return None
    share = 1 / len(node.children) if node.reduce == "mean" else 1.0
    found: list[float] = []
    for child, weight in zip(node.children, node.weights, strict=True):
        inner = [child.weight] if isinstance(child, Term) else _linear(child)
        if inner is None:
            return None
        found += [share * weight * one for one in inner]
    return found


def _sum(losses: Sequence[float] | Iterator[float]) -> float:
    try:
        return fsum(losses)
    except OverflowError:
        return inf


def _root(mean: float, who: str) -> float:
    if mean < 0:
        raise BadOutput(f"{who}: there is no root of a mean below 0, got {mean!r}")
    return sqrt(mean)


def _number(value: float, who: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BadOutput(f"{who}: reduce must return a number, got {value!r:.60}") from None
    if not isfinite(found):
        raise BadOutput(f"{who}: reduce must return a finite number, got {found!r}")
    return found


def _refusal(root: Node) -> str | None:
    """A root mean outermost has the minimum of the mean under it."""
    under = replace(root, reduce="mean") if root.reduce == "root_mean" else root
    for node in _nodes(under):
        if callable(node.reduce):
            return f"{shown(node)} reduces by {plain_name(node.reduce)}: its loss is no sum of squares of residuals"
        if node.reduce == "root_mean":
            return f"{shown(node)} is a root mean within another: the loss is no sum of squares of residuals"
    return None


def _monotone(root: Node) -> bool:
    return not any(callable(node.reduce) for node in _nodes(root))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        if isinstance(child, Node):
            yield from _nodes(child)
