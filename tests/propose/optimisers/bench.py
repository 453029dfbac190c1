"""A steer without a campaign: evaluates at once, in an order of its own, or repeats what another did."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.protocols import inputs_of
from cohobate.core.steering import Closed
from cohobate.core.trial import Result, Trial


class Bench:
    """Finishes one of the ``slots`` oldest trials at a time, chosen by ``seed``; closed after ``limit`` evaluations."""

    def __init__(self, f, *, slots=1, seed=None, limit=math.inf):
        self.f, self.slots, self.limit = f, slots, limit
        self.random = None if seed is None else random.Random(seed)
        self.trials, self.rows, self.batches, self.log = [], [], [], []
        self.queue, self.ready, self.cancelled = [], [], set()

    @property
    def points(self):
        """What was evaluated: variables in their order."""
        return [tuple(inputs_of(row).values()) for row in self.rows]

    def suggest(self, points, *, priority=0.0, needs=None):
        made = []
        for row in points:
            trial = Trial(len(self.trials), dict(inputs_of(row)))
            self.trials.append(trial)
            self.rows.append(row)
            self.queue.append(trial)
            made.append(trial)
        return made

    def receive(self, at_least=1, timeout=None):
        while len(self.ready) < at_least and self.queue:
            self._finish()
        if at_least and not self.ready:
            raise Closed
        return self._delivered([self.ready.pop(0) for _ in range(len(self.ready))])

    def evaluate(self, points, *, priority=0.0, needs=None):
        points = list(points)
        if self.limit <= len(self.trials):
            raise Closed
        self.batches.append(len(points))
        made = self.suggest(points)
        others, self.ready = self.ready, []
        while len(mine := self._mine(made)) < len(made):
            self._finish()
        self.ready = others + [r for r in self.ready if r.trial.id not in mine]
        return self._delivered([mine[trial.id] for trial in made])

    def pending(self):
        return [*self.queue, *(r.trial for r in self.ready)]

    def cancel(self, trials, reason=""):
        ids = {t if isinstance(t, int) else t.id for t in trials}
        self.cancelled |= ids
        gone = [t for t in self.queue if t.id in ids]
        self.queue = [t for t in self.queue if t.id not in ids]
        self.ready += [Result(t, Cancelled(reason)) for t in gone]

    def _mine(self, made):
        ids = {trial.id for trial in made}
        return {r.trial.id: r for r in self.ready if r.trial.id in ids}

    def _finish(self):
        if len([t for t in self.trials if t not in self.queue]) >= self.limit:
            raise Closed
        window = min(self.slots, len(self.queue))
        trial = self.queue.pop(self.random.randrange(window) if self.random else 0)
        self.ready.append(Result(trial, self._outcome(self.rows[trial.id])))

    def _outcome(self, row):
        try:
            value = self.f(**inputs_of(row))
        except Exception as error:  # noqa: BLE001 what a campaign does
            return Failure("raised", f"{type(error).__name__}: {error}")
        return Value(value if isinstance(value, Mapping) else {"f": value})

    def _delivered(self, results):
        self.log.append(results)
        return results


class Again:
    """Answers from the log of another bench, and refuses calls that differ from what it was asked."""

    def __init__(self, bench):
        self.recorded, self.log, self.trials = bench, list(bench.log), []

    def suggest(self, points, *, priority=0.0, needs=None):
        made = []
        for row in points:
            trial = self.recorded.trials[len(self.trials)]
            assert dict(inputs_of(row)) == trial.inputs
            self.trials.append(trial)
            made.append(trial)
        return made

    def receive(self, at_least=1, timeout=None):
        if not self.log:
            raise Closed
        return self.log.pop(0)

    def evaluate(self, points, *, priority=0.0, needs=None):
        if not self.log:
            raise Closed
        self.suggest(points)
        return self.log.pop(0)

    def cancel(self, trials, reason=""):
        assert {t if isinstance(t, int) else t.id for t in trials} <= self.recorded.cancelled
