"""How a candidate is called where people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from cohobate.core.events import Learned
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.ledger.views import Follow
from cohobate.view.text import number, shown


def spoken(inputs: Mapping[str, Payload], pool: Pool | None = None) -> str:
    """Returns a candidate as text: its values, and in parentheses what the pool calls it.

    >>> spoken({"smiles": "CCO"}), spoken({"x": 0.25, "n": 3})
    ('CCO', 'x = 0.25, n = 3')
    """
    if len(inputs) == 1:
        text = "".join(number(value) for value in inputs.values())
    else:
        text = ", ".join(f"{shown(name, 40)} = {number(value)}" for name, value in inputs.items())
    label = _label(inputs, pool)
    return f"{text} ({label})" if label else text


@final
class Candidates:
    """The candidates of a ledger by trial, read as far as they are asked for."""

    __slots__ = ("_follow", "_pool")

    def __init__(self, follow: Follow, pool: Pool | None = None) -> None:
        self._follow, self._pool = follow, pool

    def __call__(self, trial: int) -> str:
        """Returns the candidate of a trial as text; its number where nothing is recorded of it yet."""
        if trial not in self._follow.rows.by_trial:
            self._follow.update()
        row = self._follow.rows.by_trial.get(trial)
        return f"trial {trial}" if row is None else spoken(row.trial.inputs, self._pool)

    def lesson(self) -> Learned | None:
        """Returns the last fit of the model that is recorded by now."""
        self._follow.update()
        lessons = self._follow.lessons
        return lessons[-1] if lessons else None


def _label(inputs: Mapping[str, Payload], pool: Pool | None) -> str:
    if pool is None or inputs not in pool:
        return ""
    return ", ".join(shown(text, 60) for text in pool.label(pool.index(inputs)).values() if text)
