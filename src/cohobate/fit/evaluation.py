"""One candidate, looked at by itself: what each term makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from cohobate.core.card import Card
from cohobate.core.outcome import Value
from cohobate.fit.comparison import TermRow, rows
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.record import Candidate, why
from cohobate.fit.text import HEADS, cells, terms
from cohobate.view.text import number, shown


@final
@dataclass(frozen=True)
class Evaluation:
    """A candidate and its terms; made by ``Fitter.evaluate``. ``ok`` tells whether it has a loss."""

    objective: CombinedObjective
    candidate: Candidate

    @property
    def ok(self) -> bool:
        """Whether all terms gave something that can be compared."""
        return isinstance(self.candidate.outcome, Value)

    @property
    def loss(self) -> float:
        """The loss; raises ``UserError`` where there is none."""
        return self.candidate.loss

    @property
    def terms(self) -> list[TermRow]:
        """The table of terms, the largest share of the loss first."""
        return rows(self.objective, self.candidate)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        values = ", ".join(f"{shown(name, 40)} = {number(value)}" for name, value in self.candidate.values.items())
        if not self.ok:
            yield f"At {values} there is no loss: {why(self.candidate.outcome)}"
            return
        yield f"At {values} the loss is {self.loss:.8g}"
        yield from terms(self.terms)

    def _repr_html_(self) -> str:
        """Returns the table as a card for notebooks."""
        facts = [(name, value) for name, value in self.candidate.values.items()]
        if not self.ok:
            return Card("No loss", [*facts, ("failed", why(self.candidate.outcome))]).html()
        return Card(f"Loss {self.loss:.8g}", facts, heads=HEADS, rows=[cells(row) for row in self.terms]).html()
