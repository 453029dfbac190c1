"""A model that follows a campaign: features and fits are made beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, final

from cohobate.models.prediction import Prediction, Predictor, Targets, Unable, View
from cohobate.models.refits import Known, Refits, Snapshot

Fitted: TypeAlias = tuple[Predictor, ...]


@final
class Surrogate:
    """Predicts ``outputs`` over a pool; an answer depends on the arguments only, earlier calls just made it cheap.

    Nothing is computed before ``start``; then one thread looks at the pool, and later fits.
    """

    __slots__ = ("_coming", "_current", "_executor", "_load", "_outputs", "_view")

    def __init__(self, load: Callable[[], View], outputs: Sequence[str]) -> None:
        self._load = load
        self._outputs = tuple(outputs)
        self._executor: ThreadPoolExecutor | None = None
        self._view: Future[View] | None = None
        self._current: tuple[Snapshot | None, Fitted] | None = None
        self._coming: tuple[Snapshot | None, Future[Fitted]] | None = None

    def start(self) -> None:
        """Begins to look at the pool, unless it was begun."""
        if self._view is None:
            self._executor = ThreadPoolExecutor(1, "cohobate-learn")
            self._view = self._executor.submit(self._load)

    def view(self) -> View:
        """Returns the pool as the model sees it; waits for it."""
        self.start()
        assert self._view is not None
        return self._view.result()

    def predict(self, targets: Known, refits: Refits) -> Mapping[str, Prediction] | Unable:
        """Returns what is expected of the pool; ``targets``: the values of each proposed candidate,
        ``None`` for a pending one, in the order of proposal.

        By the current fit; the coming one is begun.
        """
        fitted = self._fitted(refits.current)
        found: dict[str, Prediction] = {}
        for output, predictor, known in zip(self._outputs, fitted, _each(targets, len(fitted)), strict=True):
            match predictor.predict(known):
                case Unable() as unable:
                    return unable
                case prediction:
                    found[output] = prediction
        self._prepare(refits.coming, targets)
        return found

    def close(self) -> None:
        """Lets the thread go; what it is doing now it still finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _fitted(self, snapshot: Snapshot | None) -> Fitted:
        if self._current is None or self._current[0] is not snapshot:
            if self._coming is None or self._coming[0] is not snapshot:
                self._begin(snapshot)
            assert self._coming is not None
            self._current, self._coming = (snapshot, self._coming[1].result()), None
        return self._current[1]

    def _prepare(self, coming: Snapshot | None, targets: Known) -> None:
        """Begins the coming fit; once it is made, it follows what is known beside the one in use."""
        if coming is None:
            return
        if self._coming is None:
            self._begin(coming)
        elif self._coming[1].done():
            assert self._executor is not None
            fitted = self._coming[1].result()
            self._coming = coming, self._executor.submit(_followed, fitted, dict(targets))

    def _begin(self, snapshot: Snapshot | None) -> None:
        view, targets = self.view(), {} if snapshot is None else snapshot.targets
        assert self._executor is not None
        self._coming = snapshot, self._executor.submit(_fit, view, targets, len(self._outputs))


def _fit(view: View, targets: Known, outputs: int) -> Fitted:
    return tuple(view.fit(known) for known in _each(targets, outputs))


def _followed(fitted: Fitted, targets: Known) -> Fitted:
    for predictor, known in zip(fitted, _each(targets, len(fitted)), strict=True):
        predictor.predict(known)
    return fitted


def _each(targets: Known, outputs: int) -> list[Targets]:
    """Returns what is known of each output."""
    return [{i: None if values is None else values[at] for i, values in targets.items()} for at in range(outputs)]
