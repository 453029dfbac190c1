"""A calculator that is made once in each worker, because making it takes long: a model that is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, final, runtime_checkable
from uuid import uuid4

from cohobate.core.errors import SimulatorError
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload
from cohobate.simulate.chem.frames import Named, taken
from cohobate.simulate.function import plain_name
from cohobate.worker.kept import Made, shelf


@runtime_checkable
class Resets(Protocol):
    """A calculator that can forget what it has computed."""

    def reset(self) -> object: ...


@final
@dataclass(frozen=True)
class Kept:
    """Lends a calculator that stays alive; made by ``kept``."""

    factory: Callable[[], Payload]
    assign: Callable[..., object] | None = None
    scope: str = field(default_factory=lambda: uuid4().hex, compare=False)

    @property
    def takes(self) -> dict[str, inspect.Parameter]:
        """The parameters that are put in before each use."""
        return {} if self.assign is None else dict(list(taken(self.assign).items())[1:])

    def use(self, work: Callable[[Payload], dict[str, Any]], parameters: dict[str, Payload]) -> dict[str, Any]:
        """Returns what ``work`` makes of the calculator, which has these parameters and has forgotten all results."""
        found: dict[str, Any] = shelf().call(self.scope, self._make, (work, parameters), {}, rebuild=True)
        return found

    def _make(self) -> Made:
        calculator = self.factory()

        def lend(work: Callable[[Payload], dict[str, Any]], parameters: dict[str, Payload]) -> dict[str, Any]:
            if isinstance(calculator, Resets):
                calculator.reset()
            if self.assign is not None:
                self.assign(calculator, **parameters)
            return work(calculator)

        return lend, _nothing

    def describe(self) -> list[str]:
        """Returns what changes with the code."""
        return [code_hash(self.factory), "" if self.assign is None else code_hash(self.assign)]


def kept(factory: Callable[[], Payload], assign: Callable[..., object] | None = None) -> Kept:
    """Returns a calculator for ``single_point`` and ``relaxation`` that is made once in each worker, and shared.

    ``factory`` takes nothing. ``assign(calculator, **parameters)`` puts parameters in before each evaluation, by the
    names in its signature; without it the calculator has none. Results are forgotten (``reset``) in between, and one
    that raised is made anew. Say so only of a calculator that does not depend on what it computed before.
    """
    needed = [one.name for one in taken(factory).values() if one.kind in Named and one.default is one.empty]
    if needed:
        raise SimulatorError(
            f"kept: {plain_name(factory)} must be called without arguments, but needs {needed}; put them in by assign="
        )
    return Kept(factory, assign)


def _nothing() -> None:
    """A calculator needs no closing."""
