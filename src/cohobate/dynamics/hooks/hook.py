"""The moments of a step, and what may be called at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, final, runtime_checkable

from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch


class HookStage(Enum):
    """The nine moments of a step, in their order."""

    BEFORE_STEP = 0
    BEFORE_PRE_UPDATE = 1
    AFTER_PRE_UPDATE = 2
    BEFORE_COMPUTE = 3
    AFTER_COMPUTE = 4
    BEFORE_POST_UPDATE = 5
    AFTER_POST_UPDATE = 6
    AFTER_STEP = 7
    ON_CONVERGE = 8

    __hash__ = object.__hash__  # a moment is looked up many times in a step, and that of Enum is a call of Python


class Moment(Protocol):
    """What a hook is told beside the batch: when it is called, by whom, and for which systems."""

    @property
    def stage(self) -> HookStage:
        """The moment."""
        ...

    @property
    def step(self) -> int:
        """How many steps the batch has made."""
        ...

    @property
    def current_hook_stage(self) -> HookStage:
        """What nvalchemi calls ``stage``."""
        ...

    @property
    def step_count(self) -> int:
        """What nvalchemi calls ``step``."""
        ...

    @property
    def mask(self) -> Tensor:
        """The systems it is meant for: (B,); those of its stage, or those that have just converged."""
        ...

    @property
    def active(self) -> Tensor:
        """The systems that are in any stage: (B,)."""
        ...

    @property
    def status(self) -> Tensor:
        """The statuses as they were when the step began: (B,)."""
        ...

    def fail(self, which: Tensor, why: str) -> None:
        """Ends systems (B,) as failed, for a reason; all others go on, bit for bit, as if nothing had been.

        Those that were in no stage when the step began stay as they are.
        """
        ...


@runtime_checkable
class Hook(Protocol):
    """Called with the batch at one moment, each ``frequency`` steps counted from 0; may change arrays in place.

    Any object with these names is one, and any function by ``At``.

    ``stage`` names the moment; one with ``stages`` in place of it is called at several. A hook that is a context
    manager is entered before the first step of a run and left after the last; one with only ``close`` is closed then.

    What looks on counts the steps of the batch. What changes systems has ``per_system = True``: then the steps that
    each system has made in its stage count, the mask holds those whose turn it is, and there is no call without any.
    So it does the same to a system whenever that came into the batch. Such hooks are also called before and after
    the forces of systems that begin.
    """

    frequency: int

    def __call__(self, batch: Batch, moment: Moment) -> None: ...


@final
@dataclass(frozen=True, slots=True)
class At:
    """A hook of any function of a batch and a moment: a lambda, a bound method, a partial.

    >>> At(HookStage.AFTER_STEP, lambda batch, moment: print(moment.step), frequency=10).frequency
    10
    """

    stage: HookStage
    function: Callable[[Batch, Moment], Any]
    frequency: int = 1
    per_system: bool = False

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Calls it."""
        self.function(batch, moment)


def listed(hooks: Iterable[Hook]) -> tuple[Hook, ...]:
    """Returns hooks as a tuple; raises ``UserError`` for what is none, or cannot be called when it says."""
    if not isinstance(hooks, Iterable):
        raise UserError(f"hooks: expected a list of them, got {name_of(hooks)} alone; give [{name_of(hooks)}(...)]")
    found = tuple(hooks)
    for hook in found:
        moments_of(hook)
    return found


def name_of(hook: object) -> str:
    """Returns what to call a hook in a message: a function by its own name, all else by its class."""
    inner = hook.function if isinstance(hook, At) else hook
    return getattr(inner, "__qualname__", None) or type(inner).__name__


def moments_of(hook: Hook) -> tuple[HookStage, ...]:
    """Returns when a hook is called; raises ``UserError`` for one that does not say, or a frequency below 1."""
    name, frequency = name_of(hook), getattr(hook, "frequency", None)
    if isinstance(hook, type) or not callable(hook):
        raise UserError(f"hook {name}: expected an object that is called with (batch, moment), got {hook!r:.80}")
    if not hasattr(hook, "stage") and not hasattr(hook, "stages"):
        raise UserError(f"hook {name} does not say when: it needs stage and frequency; or give At(stage, {name})")
    if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
        raise UserError(f"hook {name}: frequency must be a whole number of at least 1, got {frequency!r}")
    several = getattr(hook, "stages", None)
    given: list[object] = list(_listed(several)) if several is not None else [getattr(hook, "stage", None)]
    found = tuple(dict.fromkeys(one for one in given if isinstance(one, HookStage)))
    if not found or not all(isinstance(one, HookStage) for one in given):
        raise UserError(f"hook {name}: stage must be one of HookStage, or stages several of them, got {given!r:.80}")
    return found


def counts_own_steps(hook: Hook) -> bool:
    """Returns whether a hook counts the steps of each system, as those do that change it."""
    return bool(getattr(hook, "per_system", False))


def _listed(given: object) -> Iterable[object]:
    return given if isinstance(given, Iterable) else [given]
