"""A steer whose evaluations take virtual time on a number of workers, some ten times as long as others."""

from __future__ import annotations

import random
from heapq import heappop, heappush

from cohobate.core.outcome import Cancelled, Value
from cohobate.core.protocols import Chosen, inputs_of
from cohobate.core.steering import Closed
from cohobate.core.trial import Result, Trial


class Clock:
    """Trials start in the order they are handed in; it closes after ``limit`` of them have ended.

    Where ``aborts``, what is beyond the bound of its trial is cancelled once half its time is over.
    """

    def __init__(self, f, *, workers, limit, slow=0.25, seed=1, aborts=False):
        self.f, self.workers, self.limit, self.slow, self.aborts = f, workers, limit, slow, aborts
        self.rng = random.Random(seed)
        self.now = self.busy = 0.0
        self.rows, self.queue, self.running, self.ended, self.cancelled = [], [], [], 0, 0

    @property
    def utilisation(self):
        """The share of the time up to the end that workers were busy."""
        done = self.busy - sum(end - self.now for end, *_ in self.running if end > self.now)
        return done / (self.now * self.workers)

    def suggest(self, points, *, priority=0.0, needs=None):
        made = []
        for row in points:
            self.queue.append(len(self.rows))
            made.append(Trial(len(self.rows), dict(inputs_of(row))))
            self.rows.append(row)
        self._start()
        return made

    def receive(self, at_least=1, timeout=None):
        if not self.running or self.ended >= self.limit:
            raise Closed
        end, number, outcome = heappop(self.running)
        self.now = end
        self.ended += 1
        self._start()
        return [Result(Trial(number, dict(inputs_of(self.rows[number]))), outcome)]

    def evaluate(self, points, *, priority=0.0, needs=None):
        ids = [trial.id for trial in self.suggest(points)]
        found = {}
        while len(found) < len(ids):
            result = self.receive()[0]
            found[result.trial.id] = result
        return [found[number] for number in ids]

    def _start(self):
        while self.queue and len(self.running) < self.workers:
            number = self.queue.pop(0)
            seconds = 10.0 if self.rng.random() < self.slow else 1.0
            row = self.rows[number]
            value = self.f(**inputs_of(row))
            outcome = Value(value if isinstance(value, dict) else {"f": value})
            if self.aborts and isinstance(row, Chosen) and row.bound is not None and value > row.bound:
                outcome, seconds = Cancelled("beyond its bound"), seconds / 2
                self.cancelled += 1
            self.busy += seconds
            heappush(self.running, (self.now + seconds, number, outcome))
