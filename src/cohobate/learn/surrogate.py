"""A Gaussian process that follows a campaign: features and fits are made beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import final

import numpy as np

from cohobate.learn.kernels import Kernel
from cohobate.learn.likelihood import Hyper, default, fit
from cohobate.learn.models import View
from cohobate.learn.posterior import Factor, Prediction, predict
from cohobate.learn.refits import Refits, Snapshot


@final
class Surrogate:
    """Predicts a pool; an answer depends on the arguments only, earlier calls just made it cheap.

    Nothing is computed before ``start``; then one thread looks at the pool, and later fits.
    """

    __slots__ = ("_executor", "_factor", "_fitted", "_fitting", "_load", "_next", "_view")

    def __init__(self, load: Callable[[], View]) -> None:
        self._load = load
        self._executor: ThreadPoolExecutor | None = None
        self._view: Future[View] | None = None
        self._factor: Factor | None = None
        self._fitted: Snapshot | None = None
        self._next: Future[Factor] | None = None
        self._fitting: Snapshot | None = None

    def start(self) -> None:
        """Begins to look at the pool, unless it was begun."""
        if self._view is None:
            self._executor = ThreadPoolExecutor(1, "cohobate-learn")
            self._view = self._executor.submit(self._load)

    def view(self) -> View:
        """Returns the pool's features; waits for them."""
        self.start()
        assert self._view is not None
        return self._view.result()

    def predict(self, targets: Mapping[int, float | None], refits: Refits) -> Prediction:
        """Returns what is expected of the pool; ``targets``: the value of each proposed candidate,
        ``None`` for a pending one, in the order of proposal.

        Under the hyperparameters of the current fit; the coming one is begun. O(points pool).
        """
        view = self.view()
        factor = self._factor_of(refits.current, view.kernel)
        factor.follow([point for point in targets if point not in view.unfit])
        prediction = predict(factor, targets)
        self._prepare(refits.coming, factor)
        return prediction

    def close(self) -> None:
        """Lets the thread go; what it is doing now it still finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _factor_of(self, current: Snapshot | None, kernel: Kernel) -> Factor:
        if current is not self._fitted:
            if current is not self._fitting:
                self._begin(current)
            assert self._next is not None
            self._factor, self._fitted = self._next.result(), current
        if self._factor is None:
            self._factor = Factor(kernel, default(kernel))
        return self._factor

    def _prepare(self, coming: Snapshot | None, factor: Factor) -> None:
        """Begins the coming fit; once it is made, its factor follows beside the one in use."""
        if coming is not None and coming is not self._fitting:
            self._begin(coming)
        elif self._next is not None and self._next.done() and self._next.result() is not factor:
            assert self._executor is not None
            self._next = self._executor.submit(_followed, self._next.result(), list(factor.points))

    def _begin(self, snapshot: Snapshot | None) -> None:
        assert self._executor is not None
        assert snapshot is not None
        self._fitting = snapshot
        self._next = self._executor.submit(refitted, self.view(), snapshot, self._factor)


def refitted(view: View, snapshot: Snapshot, factor: Factor | None) -> Factor:
    """Returns ``factor`` where its hyperparameters are still the most likely, else a new one."""
    points = [point for point in snapshot.targets if point not in view.unfit]
    hyper = _hyper(view.kernel, {point: snapshot.targets[point] for point in points})
    if factor is not None and factor.hyper == hyper:
        return factor
    new = Factor(view.kernel, hyper)
    new.follow(points)
    return new


def _followed(factor: Factor, points: list[int]) -> Factor:
    factor.follow(points)
    return factor


def _hyper(kernel: Kernel, targets: Mapping[int, float | None]) -> Hyper:
    known = {point: value for point, value in targets.items() if value is not None}
    return fit(kernel, list(known), np.array(list(known.values()))) if known else default(kernel)
