"""What changed between two candidates: which terms moved, and which parameters moved them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from cohobate.core.card import Card
from cohobate.fit.record import Candidate
from cohobate.fit.texts import aligned, percent
from cohobate.view.text import number, shown


@final
@dataclass(frozen=True, slots=True)
class Move:
    """A term's part of the losses of two candidates; ``share`` is its part of all that changed, up and down."""

    term: str
    before: float
    after: float
    share: float

    @property
    def change(self) -> float:
        """How much more it costs."""
        return self.after - self.before


@final
@dataclass(frozen=True, slots=True)
class Explanation:
    """Two candidates side by side, what moved most first; made by ``explain``."""

    before: Candidate
    after: Candidate
    terms: tuple[Move, ...]

    @property
    def parameters(self) -> dict[str, tuple[float, float]]:
        """The free parameters, before and after."""
        return {name: (value, self.after.values[name]) for name, value in self.before.values.items()}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        one, two = self.before, self.after
        change = two.loss - one.loss
        yield f"From candidate {one.trial} (loss {one.loss:.6g}) to {two.trial} (loss {two.loss:.6g}): {change:+.6g}"
        yield "Terms, what moved most first"
        heads = ("term", "loss before", "after", "change", "of all change")
        yield from aligned([heads, *(self._cells(move) for move in self.terms)])
        yield "Parameters"
        moved = [
            (shown(name, 40), number(a), number(b), f"{b - a:+.4g}", f"{(b - a) / abs(a):+.2%}" if a else "")
            for name, (a, b) in self.parameters.items()
        ]
        yield from aligned([("parameter", "before", "after", "change", "relative"), *moved])

    def _cells(self, move: Move) -> tuple[str, ...]:
        changed = f"{move.change:+.4g}"
        return shown(move.term, 40), number(move.before), number(move.after), changed, percent(move.share)

    def _repr_html_(self) -> str:
        """Returns the terms as a card for notebooks."""
        one, two = self.before, self.after
        facts = [("loss", f"{one.loss:.6g} (candidate {one.trial}) to {two.loss:.6g} (candidate {two.trial})")]
        facts += [(name, f"{a:.6g} to {b:.6g}") for name, (a, b) in self.parameters.items()]
        heads = ("term", "before", "after", "change", "of all change")
        return Card("What moved", facts, heads=heads, rows=[self._cells(move) for move in self.terms]).html()


def explain(before: Candidate, after: Candidate) -> Explanation:
    """Returns what moved between two candidates; raises ``UserError`` where one of them has failed."""
    names = dict.fromkeys([*before.terms, *after.terms])  # raises for one that failed
    losses = {name: (_loss(before, name), _loss(after, name)) for name in names}
    total = sum(abs(b - a) for a, b in losses.values()) or 1.0
    moves = [Move(name, a, b, abs(b - a) / total) for name, (a, b) in losses.items()]
    return Explanation(before, after, tuple(sorted(moves, key=lambda move: -move.share)))


def _loss(candidate: Candidate, term: str) -> float:
    return float(candidate.terms.get(term, {}).get("loss", 0.0))
