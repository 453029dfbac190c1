"""A quantity of which some outputs are divided by a number: an energy per atom, of that of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

from cohobate.core.canonical import content_hash
from cohobate.core.payload import Payload


@runtime_checkable
class Program(Protocol):
    """An external program as a quantity: it shows what it will be given."""

    @property
    def uses(self) -> tuple[str, ...]:
        """The parameters that it has places for."""
        ...

    def render(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns the texts of the input files."""
        ...

    def recipe(self) -> str:
        """Returns what tells it from another."""
        ...

    def __call__(self, /, **params: Any) -> Mapping[str, Any]: ...


@final
@dataclass(frozen=True)
class Scaled:
    """A program whose outputs are divided by what ``per`` says of them.

    >>> from cohobate.simulate.command.command import Command
    >>> from cohobate.simulate.command.read import number
    >>> cell = Command(["cat", "in"], files={"in": "{e}\\n"}, read={"energy": number("stdout")})
    >>> Scaled(cell, {"energy": 4})(e=-1.0)
    {'energy': -0.25}
    """

    program: Program
    per: Mapping[str, float]

    def __call__(self, /, **params: Payload) -> dict[str, Any]:
        """Runs the program, and returns its outputs, divided."""
        found = self.program(**params)
        return {name: value / self.per[name] if name in self.per else value for name, value in found.items()}

    @property
    def uses(self) -> tuple[str, ...]:
        """The parameters that it has places for."""
        return self.program.uses

    def render(self, params: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns the texts of the input files."""
        return self.program.render(params)

    def recipe(self) -> str:
        """Returns what tells it from another."""
        return content_hash([self.program.recipe(), dict(self.per)])
