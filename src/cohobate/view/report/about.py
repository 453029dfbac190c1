"""What a report is told of a campaign besides its ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cohobate.core.payload import Plain


def _by_number(trial: int) -> str:
    return f"trial {trial}"


@dataclass(frozen=True, slots=True)
class About:
    """``state`` and ``goal`` in words, ``total`` evaluations at the goal where it is a number of them.

    ``declared`` is what the campaign was declared to be, ``manifest`` what it was made with, ``name``
    returns the candidate of a trial as text, ``written`` is when the report is (s since the epoch).
    """

    title: str
    state: str = ""
    goal: str = ""
    total: int | None = None
    folder: str = ""
    declared: Mapping[str, Plain] = field(default_factory=dict)
    manifest: Mapping[str, Plain] = field(default_factory=dict)
    name: Callable[[int], str] = _by_number
    written: float = 0.0

    @property
    def outputs(self) -> list[Mapping[str, Plain]]:
        """The declared outputs."""
        return list(self.declared.get("problem", {}).get("outputs", ()))

    @property
    def units(self) -> dict[str, str]:
        """The units of outputs that have one."""
        return {one["name"]: one["unit"] for one in self.outputs if one.get("unit")}

    @property
    def input_units(self) -> dict[str, str]:
        """The units of variables that have one."""
        found = self.declared.get("problem", {}).get("variables", ())
        pairs = [] if isinstance(found, Mapping) else found
        return {name: one["unit"] for name, one in pairs if isinstance(one, Mapping) and one.get("unit")}
