"""The first turn of a system in a running batch: its forces are computed together with those of all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.inflight.guarded import Guarded
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.stage import Stage

NAME: Final = "boarding"


@final
@dataclass(frozen=True, slots=True)
class Boarding:
    """Leaves systems as they are for a step, which gives them their forces."""

    needs: frozenset[str]

    @property
    def fields(self) -> Mapping[str, Field]:
        """None."""
        return {}

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Nothing."""

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Nothing."""

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Nothing."""


def guarded(dynamics: Dynamics) -> tuple[Dynamics, tuple[Guarded, ...]]:
    """Returns the same dynamics, each of its potentials guarded, and a stage before it in which systems board."""
    guards = {id(stage.potential): Guarded(stage.potential) for stage in dynamics.stages}
    stages = [replace(stage, potential=guards[id(stage.potential)]) for stage in dynamics.stages]
    first = next(stage for stage in stages if stage.code == dynamics.entry)
    code = min(min(stage.code, stage.exit) for stage in stages) - 1
    boarding = Stage(NAME, code, Boarding(first.update.needs), first.potential, n_steps=1, exit=first.code, silent=True)
    together = dynamics.replaced(stages=(boarding, *stages), entry=code)
    return together, tuple(guards.values())


def check_ends(dynamics: Dynamics, n_steps: int | None) -> None:
    """Raises ``UserError`` for dynamics whose systems would never leave."""
    if n_steps is None and (endless := dynamics.plan.endless):
        raise UserError(f"InFlight: the stages {endless} never end; give them n_steps, or until=")
