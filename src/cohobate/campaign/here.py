"""Attempts that are made in the thread of the driver."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import final

from cohobate.campaign.loads import Back, Post, Terms
from cohobate.campaign.moves import Ended, Halt, Perform, Performed
from cohobate.campaign.reports import recordable, report_of_error
from cohobate.core.capture import Raised, Returned
from cohobate.core.outcome import Cancelled
from cohobate.core.protocols import Cooperative
from cohobate.core.trial import Evaluated, Trial


@final
class Here:
    """Makes attempts when there is nothing else to do: one at a time, or as many as a simulator takes in one call."""

    __slots__ = ("_batch", "_engine", "_post", "_queue", "_terms")

    def __init__(self, engine: Cooperative, terms: Terms, post: Post) -> None:
        self._engine, self._terms, self._post = engine, terms, post
        self._batch = terms.batch or 1
        self._queue: OrderedDict[int, tuple[Trial, int]] = OrderedDict()

    def submit(self, trial: Trial, attempt: int) -> None:
        """Queues one attempt."""
        self._queue[trial.id] = trial, attempt

    def send(self) -> None:
        """Nothing is sent anywhere."""

    def unpack(self, back: Back) -> Iterable[Ended | Halt]:
        """Nothing comes back from anywhere."""
        return ()

    def perform(self, action: Perform) -> None:
        """Makes a call now."""
        task = action.task
        ended = self._engine.perform(partial(task.fn, **task.kwargs), task.args, task.deadline)
        self._post(Performed(action.generator, action.call, recordable(ended)))

    def cancel(self, trial: int) -> None:
        """Takes an attempt out of the queue; none runs while somebody can ask for this."""
        if trial in self._queue:
            _, attempt = self._queue.pop(trial)
            self._post(Ended(trial, attempt, Evaluated(Cancelled(), time.time(), 0.0)))

    def room(self) -> int:
        """One call at a time."""
        return self._batch - len(self._queue)

    def work(self) -> Sequence[Ended]:
        """Makes the attempts that have waited longest."""
        some = [self._queue.popitem(last=False)[1] for _ in range(min(self._batch, len(self._queue)))]
        together = self._together(some) if len(some) > 1 else ()
        return together or [self._alone(trial, attempt) for trial, attempt in some]

    def _together(self, some: Sequence[tuple[Trial, int]]) -> Sequence[Ended]:
        """Makes attempts in one call; nothing comes of it where that was stopped."""
        assert self._terms.several is not None  # where there is a batch
        attempts = tuple((trial.id, attempt, trial.inputs) for trial, attempt in some)
        match self._engine.perform(self._terms.several, attempts, self._terms.deadline):
            case Returned(reports) if reports:
                return [Ended(id, n, report) for (id, n, _), report in zip(attempts, reports, strict=True)]
        return ()

    def _alone(self, trial: Trial, attempt: int) -> Ended:
        match self._engine.perform(self._terms.evaluate, (trial.id, attempt, trial.inputs), self._terms.deadline):
            case Returned(report):
                return Ended(trial.id, attempt, report)
            case Raised(error):
                return Ended(trial.id, attempt, report_of_error(error, attempt, time.time()))

    def leave(self) -> None:
        """Forgets what waits."""
        self._queue.clear()
