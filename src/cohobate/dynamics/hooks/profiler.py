"""Where the time of a step goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment


@final
class Profiler:
    """Adds up the seconds that went by until each moment since the one before; to be put on the whole.

    ``seconds[AFTER_COMPUTE]`` is what the potentials took, ``seconds[AFTER_PRE_UPDATE]`` the first half step, and
    ``seconds[BEFORE_STEP]`` what came between two steps. Hooks that are called before this one count too.
    """

    stages = tuple(HookStage)
    frequency = 1

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._last = clock, clock()
        self.seconds = dict.fromkeys(HookStage, 0.0)
        self.steps = 0

    def __enter__(self) -> Profiler:
        """Starts the clock of a run."""
        self._last = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Counts what went by."""
        now = self._clock()
        self.seconds[moment.stage] += now - self._last
        self._last = now
        self.steps += moment.stage is HookStage.AFTER_STEP

    def report(self) -> str:
        """Returns a line for each moment: seconds, and its part of all."""
        whole = sum(self.seconds.values()) or 1.0
        lines = [
            f"{moment.name.lower():18} {spent:9.4f} s {spent / whole:6.1%}" for moment, spent in self.seconds.items()
        ]
        return "\n".join([*lines, f"{self.steps} steps, {whole / max(1, self.steps) * 1e3:.3f} ms each"])
