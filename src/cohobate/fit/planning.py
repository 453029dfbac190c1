"""How the terms of an objective are called with parameters of certain names: decided once for all candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, final

from cohobate.core.canonical import canonical, content_hash
from cohobate.core.errors import UserError
from cohobate.core.parts import Part
from cohobate.fit.calling import Calling, Evaluator, Params
from cohobate.fit.fresh import fresh
from cohobate.fit.slopes import Differentiator
from cohobate.fit.term import Term
from cohobate.fit.tree import Leaf, Tree


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How each term is called.

    ``shared`` holds, for each, the place of the first one of the same deterministic quantity; ``differentiators``
    are those of the terms that have a ``jac``, by the names of their parts.
    """

    calls: tuple[Calling, ...]
    evaluators: tuple[Evaluator, ...]
    shared: tuple[int, ...]
    differentiators: Mapping[str, Differentiator]


def planned(tree: Tree, params: Params) -> Plan:
    """Returns how to call the terms with parameters of these names."""
    calls = tuple(leaf.term.calling(params) for leaf in tree.leaves)
    each = list(zip(tree.leaves, calls, strict=True))
    first: dict[str, int] = {}
    shared = tuple(_first(leaf, how, place, first) for place, (leaf, how) in enumerate(each))
    named = {
        name: Differentiator(Evaluator(leaf.term.jac, how.whole, leaf.term.inputs))
        for name, (leaf, how) in zip(_slope_names(tree), each, strict=True)
        if leaf.term.jac is not None
    }
    return Plan(calls, tuple(leaf.term.evaluator(how) for leaf, how in each), shared, named)


def _slope_names(tree: Tree) -> list[str]:
    """Returns the names of the parts that give the derivatives of the terms; none is that of a term."""
    before = "jac of "
    while any(f"{before}{name}" in tree.places for name in tree.places):
        before += "jac of "
    return [f"{before}{leaf.term.name}" for leaf in tree.leaves]


def parts_of(tree: Tree, plan: Plan, params: Params) -> list[Part]:
    """Returns the calls of all terms; those that are given the same parameters share a copy, which none changes."""
    given = Givens(params)
    return [
        given.of(how, leaf).part(leaf.term.name, evaluator, leaf.term, leaf.term.source)
        for leaf, how, evaluator in zip(tree.leaves, plan.calls, plan.evaluators, strict=True)
    ]


def slope_parts_of(tree: Tree, plan: Plan, params: Params) -> list[Part]:
    """Returns the calls that give the derivatives of all terms, each of which has a ``jac``."""
    given = Givens(params)
    return [
        given.of(how, leaf).part(name, fn, leaf.term, leaf.term.slope_source)
        for leaf, how, (name, fn) in zip(tree.leaves, plan.calls, plan.differentiators.items(), strict=True)
    ]


@final
class Givens:
    """What terms are given of the parameters, copied once for all that are given the same."""

    __slots__ = ("_known", "_params")

    def __init__(self, params: Params) -> None:
        self._params = params
        self._known: dict[tuple[str, ...] | None, Given] = {}

    def of(self, how: Calling, leaf: Leaf) -> Given:
        """Returns what a term is given."""
        if how.picked not in self._known:
            self._known[how.picked] = Given(self._params, how, leaf)
        return self._known[how.picked]


@final
class Given:
    """What terms are given of the parameters."""

    __slots__ = ("_arguments", "_text")

    def __init__(self, params: Params, how: Calling, leaf: Leaf) -> None:
        self._arguments = fresh(how.arguments(params, leaf.term.name))
        self._text: str | None = None

    def part(self, name: str, fn: Callable[[Params], Any], term: Term, source: str) -> Part:
        """Returns a call of a term; ``source`` is what its values belong to."""
        key = self._key(term, source) if term.deterministic else ""
        return Part(name, fn, (self._arguments,), key, term.deadline, term.needs)

    def _key(self, term: Term, source: str) -> str:
        """Returns what tells values apart: the quantity, its inputs and the parameters it uses; no target or weight."""
        if self._text is None:
            try:
                self._text = canonical(self._arguments)
            except TypeError as error:
                raise UserError(f"term {term.name!r}: deterministic needs plain parameters, but {error}") from None
        return sha256(f"{source} {self._text}".encode("utf-8", "surrogatepass")).hexdigest()


def shared_by(plan: Plan) -> Sequence[int] | None:
    """Returns whose value each term has, by place; ``None`` where each has its own."""
    return None if plan.shared == tuple(range(len(plan.calls))) else plan.shared


def _first(leaf: Leaf, how: Calling, place: int, first: dict[str, int]) -> int:
    if not leaf.term.deterministic:
        return place
    return first.setdefault(content_hash([leaf.term.source, how.whole, how.picked]), place)
