"""One stage of a run: an update, until when, and who looks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import Hook, listed
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.update import Update

RUNNING: Final = 0
CONVERGED: Final = 1
BUDGET_USED: Final = 2
FAILED: Final = 3
CANCELLED: Final = 4
ENDS: Final = {
    RUNNING: "",
    CONVERGED: "converged",
    BUDGET_USED: "budget used",
    FAILED: "failed",
    CANCELLED: "cancelled",
}
"""Why a system has left: the values of the field ``end``."""


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """What is done to the systems whose status is ``code``: at most ``n_steps`` each, or until they have converged.

    ``exit`` is the status they have afterwards. ``hooks`` are given the systems of the stage as their mask.
    ``on_admit`` is given a batch of those that begin with it, before their forces are computed. Hooks of the whole see
    nothing of a ``silent`` stage.
    """

    name: str
    code: int
    update: Update
    potential: Potential
    until: Convergence | None = None
    n_steps: int | None = None
    hooks: tuple[Hook, ...] = ()
    exit: int = 1
    on_admit: Callable[[Batch], None] | None = None
    silent: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "hooks", listed(self.hooks))
        if self.until is not None and not isinstance(self.until, Convergence):
            raise UserError(f"stage {self.name!r}: until must be a Convergence, got {self.until!r:.80}")
        n = self.n_steps
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise UserError(f"stage {self.name!r}: n_steps must be a whole number of at least 1, got {self.n_steps!r}")
        missing = sorted(self.update.needs - self.potential.traits.provides)
        if missing:
            has = sorted(self.potential.traits.provides)
            raise UserError(f"stage {self.name!r} needs {missing} of its potential, which provides {has}")
