"""How the terms of an objective are called with parameters of certain names: decided once for all candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import final

from cohobate.core.canonical import canonical, content_hash
from cohobate.core.errors import UserError
from cohobate.core.parts import Part
from cohobate.fit.calling import Calling, Evaluator, Params
from cohobate.fit.fresh import fresh
from cohobate.fit.tree import Leaf, Tree


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How each term is called.

    ``shared`` holds, for each, the place of the first one of the same deterministic quantity.
    """

    calls: tuple[Calling, ...]
    evaluators: tuple[Evaluator, ...]
    shared: tuple[int, ...]


def planned(tree: Tree, params: Params) -> Plan:
    """Returns how to call the terms with parameters of these names."""
    calls = tuple(leaf.term.calling(params) for leaf in tree.leaves)
    each = list(zip(tree.leaves, calls, strict=True))
    first: dict[str, int] = {}
    shared = tuple(_first(leaf, how, place, first) for place, (leaf, how) in enumerate(each))
    return Plan(calls, tuple(leaf.term.evaluator(how) for leaf, how in each), shared)


def parts_of(tree: Tree, plan: Plan, params: Params) -> list[Part]:
    """Returns the calls of all terms; those that are given the same parameters share a copy, which none changes."""
    given: dict[tuple[str, ...] | None, Given] = {}
    parts: list[Part] = []
    for leaf, how, evaluator in zip(tree.leaves, plan.calls, plan.evaluators, strict=True):
        if how.picked not in given:
            given[how.picked] = Given(params, how, leaf)
        parts.append(given[how.picked].part(leaf, evaluator))
    return parts


@final
class Given:
    """What terms are given of the parameters."""

    __slots__ = ("_arguments", "_text")

    def __init__(self, params: Params, how: Calling, leaf: Leaf) -> None:
        self._arguments = fresh(how.arguments(params, leaf.term.name))
        self._text: str | None = None

    def part(self, leaf: Leaf, evaluator: Evaluator) -> Part:
        """Returns the call of a term."""
        term = leaf.term
        key = self._key(leaf) if term.deterministic else ""
        return Part(term.name, evaluator, (self._arguments,), key, term.deadline, term.needs)

    def _key(self, leaf: Leaf) -> str:
        """Returns what tells values apart: the quantity, its inputs and the parameters it uses; no target or weight."""
        if self._text is None:
            try:
                self._text = canonical(self._arguments)
            except TypeError as error:
                raise UserError(f"term {leaf.term.name!r}: deterministic needs plain parameters, but {error}") from None
        return sha256(f"{leaf.term.source} {self._text}".encode("utf-8", "surrogatepass")).hexdigest()


def shared_by(plan: Plan) -> Sequence[int] | None:
    """Returns whose value each term has, by place; ``None`` where each has its own."""
    return None if plan.shared == tuple(range(len(plan.calls))) else plan.shared


def _first(leaf: Leaf, how: Calling, place: int, first: dict[str, int]) -> int:
    if not leaf.term.deterministic:
        return place
    return first.setdefault(content_hash([leaf.term.source, how.whole, how.picked]), place)
