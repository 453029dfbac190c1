"""What a model promises: to look at a pool, to be fitted to what is known, and to predict the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from cohobate.core.pool import Pool
from cohobate.core.trial import Inputs
from cohobate.models.kernels import Floats
from cohobate.models.refits import Pace

Targets: TypeAlias = Mapping[int, float | None]
"""The value of each proposed candidate, ``None`` while it is out, in the order of proposal."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean and standard deviation (without noise) over the pool: each (pool,).

    ``std`` is ``None`` for a model that has none. ``correlation`` returns that among some candidates,
    (items, items); without it they are taken as independent. ``told`` returns that of each of some with
    one other, the same candidate at another level: (items,).
    """

    mean: Floats
    std: Floats | None
    correlation: Callable[[Sequence[int]], Floats] | None = None
    told: Callable[[Sequence[int], Sequence[int]], Floats] | None = None


@dataclass(frozen=True, slots=True)
class Unable:
    """Why there is no prediction now; there may be one later."""

    why: str


class Predictor(Protocol):
    """A fitted model."""

    def predict(self, targets: Targets) -> Prediction | Unable:
        """Returns what is expected of the pool: a function of what it was fitted to and of ``targets``.

        Earlier calls may make a later one cheap, and must not show in its answer.
        """
        ...


class View(Protocol):
    """A pool as a model sees it."""

    @property
    def unfit(self) -> Mapping[int, str]:
        """Why some of its rows cannot be seen."""
        ...

    def fit(self, targets: Targets) -> Predictor:
        """Returns the model fitted to what is known, which may be nothing; may take long, runs beside the choices."""
        ...


@runtime_checkable
class Model(Protocol):
    """A model before it has seen a pool; one output is modelled at a time."""

    @property
    def uncertain(self) -> bool:
        """Whether its predictions have a standard deviation."""
        ...

    @property
    def pace(self) -> Pace:
        """How often it is fitted."""
        ...

    def view(self, pool: Pool) -> View:
        """Returns the pool's features; may take long, runs in a thread of its own."""
        ...

    def unreadable(self, row: Inputs) -> str | None:
        """Returns why a row would be among the view's ``unfit``, or ``None`` where that is not known at once."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Returns what identifies the model."""
        ...
