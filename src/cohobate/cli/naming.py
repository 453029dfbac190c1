"""How a candidate is called where people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from cohobate.core.events import Learned
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.ledger.views import Follow
from cohobate.view.formula import formula
from cohobate.view.text import number, shown


def spoken(inputs: Mapping[str, Payload], pool: Pool | None = None) -> str:
    """Returns a candidate as text: its values, and in parentheses what the pool calls it.

    >>> spoken({"smiles": "CCO"}), spoken({"x": 0.25, "n": 3}), spoken({"structure": "1\\nhelium\\nHe 0 0 0"})
    ('CCO', 'x = 0.25, n = 3', 'He')
    """
    row, label = _of_pool(inputs, pool)
    text = _values(row) + (f" ({label})" if label else "")
    beside = {name: value for name, value in inputs.items() if name not in row}
    return ", ".join([text, *(f"{shown(name, 40)} = {number(value)}" for name, value in beside.items())])


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


def _of_pool(inputs: Mapping[str, Payload], pool: Pool | None) -> tuple[Mapping[str, Payload], str]:
    """Returns those inputs that are a row of the pool, without a level beside it, and what the pool calls it."""
    row = {name: value for name, value in inputs.items() if pool is not None and name in pool.names}
    if pool is None or row not in pool:
        return inputs, ""
    return row, ", ".join(shown(text, 60) for text in pool.label(pool.index(row)).values() if text)


def _values(row: Mapping[str, Payload]) -> str:
    if len(row) == 1:
        return "".join(_value(value) for value in row.values())
    return ", ".join(f"{shown(name, 40)} = {_value(value)}" for name, value in row.items())


def _value(value: Payload) -> str:
    """Returns a value as text; a structure in space, which has many lines, by its formula."""
    return (isinstance(value, str) and formula(value)) or number(value)
