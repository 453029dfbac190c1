"""Ordinary blocking code as a generator: one function that proposes, waits, cancels and returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.steering import Steer

GRACE = 10.0
"""Seconds that a body gets, by default, to clean up once the campaign stops."""
GIVEN = ("steer", "problem", "rng")
"""Parameters of a body that are filled in by name."""

Body = Callable[..., Any]


@final
@dataclass(frozen=True)
class Persistent:
    """A body with what it is called with; made by ``persistent``.

    The body is called with ``steer``, and by name with ``problem``, ``rng`` (a numpy ``Generator``
    made from ``seed`` and the number of the run) and its ``settings``, where it has such parameters.
    ``apart`` runs it in a process of its own. What a resume compares is its name, ``seed`` and
    ``settings``; of its code only what it does: it must repeat the recorded calls.
    """

    body: Body
    problem: Problem | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    apart: bool = False
    grace: float = GRACE

    def __post_init__(self) -> None:
        if not callable(self.body):
            raise UserError(f"persistent: expected a function of steer, got the {type(self.body).__name__}")
        if not inspect.signature(self.body).parameters:
            raise UserError(f"{self.name}: expected a function of steer, and it takes nothing")
        names = _parameters(self.body)
        for name in self.settings:
            if name in GIVEN:
                raise UserError(f"{self.name}: {name} is filled in, and no setting")
            if names is not None and name not in names:
                raise UserError(f"{self.name}: no parameter {name!r}{did_you_mean(name, names)}; it has {list(names)}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise UserError(f"{self.name}: seed must be a whole number of at least 0, got {self.seed!r}")

    @property
    def name(self) -> str:
        """What the body is called."""
        return _called(self.body)

    @property
    def finite(self) -> bool:
        """True: a body may return."""
        return True

    def __call__(
        self,
        problem: Problem | None = None,
        *,
        seed: int | None = None,
        apart: bool | None = None,
        grace: float | None = None,
        **settings: Payload,
    ) -> Persistent:
        """Returns the same body for a ``problem`` with other settings."""
        return replace(
            self,
            problem=self.problem if problem is None else problem,
            seed=self.seed if seed is None else seed,
            settings={**self.settings, **settings},
            apart=self.apart if apart is None else apart,
            grace=self.grace if grace is None else grace,
        )

    def steer(self, steer: Steer, run: int) -> Payload:
        """Runs the body to its end and returns its value."""
        given = {"problem": self.problem, "rng": np.random.default_rng([self.seed, run])}
        names = _parameters(self.body)
        wanted = {name: value for name, value in given.items() if names is None or name in names}
        return self.body(steer, **wanted, **self.settings)

    def describe(self) -> Mapping[str, Any]:
        """Returns the name of the body, its seed and settings."""
        return {"body": self.name, "seed": self.seed, **self.settings}


def persistent(
    body: Body | None = None,
    *,
    problem: Problem | None = None,
    seed: int = 0,
    apart: bool = False,
    grace: float = GRACE,
) -> Any:  # noqa: ANN401 a Persistent, or what makes one of the function below
    """Makes a function of ``steer`` a generator; with or without arguments, see ``Persistent``.

    >>> @persistent
    ... def twice(steer, problem, rng, n=2):
    ...     results = steer.evaluate([{"x": rng.random()} for _ in range(n)])
    ...     return min(result["f"] for result in results)
    >>> twice(n=3).describe()
    {'body': 'twice', 'seed': 0, 'n': 3}
    """
    if body is None:
        return lambda one: persistent(one, problem=problem, seed=seed, apart=apart, grace=grace)
    return Persistent(body, problem, seed, {}, apart, grace)


def _called(body: Body) -> str:
    return getattr(body, "__qualname__", type(body).__qualname__)


def _parameters(body: Body) -> tuple[str, ...] | None:
    """Returns the names of what a body takes besides ``steer``; ``None`` where it takes any."""
    every = list(inspect.signature(body).parameters.values())
    if not every:
        raise UserError(f"persistent: expected a function of steer, got {_called(body)}, which takes nothing")
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in every[1:]):
        return None
    return tuple(one.name for one in every[1:])
