"""Who is called at which moment, and the opening and closing around a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final, final

from cohobate.core.capture import describe
from cohobate.core.errors import CohobateError, UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import Hook, HookStage, Moment, counts_own_steps, moments_of, name_of
from cohobate.dynamics.models.failing import TOO_MUCH

WHOLE: Final = -1
"""In place of the number of a stage: hooks of the whole."""
COMPUTING: Final = (HookStage.BEFORE_COMPUTE, HookStage.AFTER_COMPUTE)


@final
class Calls:
    """Hooks of the whole, and of each stage, by moment; those of the whole are not told of ``silent`` stages."""

    __slots__ = ("_every", "_silent", "_table", "moments")

    def __init__(self, whole: Sequence[Hook], stages: Sequence[Sequence[Hook]], silent: Collection[int] = ()) -> None:
        self._silent = frozenset(silent)
        table: dict[tuple[int, HookStage], list[Hook]] = {}
        self._every: list[Hook] = []
        for owner, hooks in ((WHOLE, whole), *enumerate(stages)):
            for hook in hooks:
                self._every.append(hook)
                for moment in moments_of(hook):
                    table.setdefault((owner, moment), []).append(hook)
        self._table = {key: tuple(hooks) for key, hooks in table.items()}
        self.moments: Final = frozenset(moment for _, moment in table)

    def at(self, owner: int, moment: HookStage) -> tuple[Hook, ...]:
        """Returns those to call, in the order in which they were given."""
        return self._table.get((owner, moment), ())

    def forces_of(self, stage: int) -> tuple[int, ...]:
        """Returns which hooks have a say in the forces of a stage's systems, as something to compare by."""
        owners = (stage,) if stage in self._silent else (WHOLE, stage)
        hooks = [hook for moment in COMPUTING for owner in owners for hook in self.at(owner, moment)]
        return tuple(id(hook) for hook in hooks if counts_own_steps(hook))

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Enters hooks that are context managers, once each, and closes those that can only be closed."""
        with ExitStack() as open_ones:
            for hook in {id(hook): hook for hook in self._every}.values():
                if isinstance(hook, AbstractContextManager):
                    open_ones.enter_context(hook)
                elif callable(close := getattr(hook, "close", None)):
                    open_ones.callback(close)
            yield


def call(hook: Hook, batch: Batch, moment: Moment) -> None:
    """Calls a hook; raises ``UserError`` naming it and the moment where it raises, but for ours and want of memory."""
    try:
        hook(batch, moment)
    except (CohobateError, *TOO_MUCH):
        raise
    except Exception as error:
        where = f"hook {name_of(hook)} at {moment.stage.name} of step {moment.step}"
        raise UserError(f"{where} raised {describe(error)}") from error
