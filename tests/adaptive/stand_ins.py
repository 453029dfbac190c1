"""adaptive's learners by name and signature, each in front of one of ours: for its tests only.

Functions stay with them, as there; values that are lists become arrays, NaN says that there is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, islice, product
from math import factorial, isnan, sqrt
from typing import Any

import losses
import numpy as np
from adaptive.learner.integrator_learner import DivergentIntegralError

import cohobate as co


class StandIn:
    """What adaptive's runners and tests ask of any learner."""

    def __init__(self, function: Callable[..., Any], own: Any) -> None:
        self.function = function
        self.own = own

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Any], list[float]]:
        points, gains = self.own.ask(n, tell_pending=tell_pending)
        if n and not points and not self.own.pending_points:  # adaptive's runners would ask for ever
            raise RuntimeError("nothing is left to learn")
        return [self.theirs(point) for point in points], gains

    def tell(self, point: Any, value: Any) -> None:
        self.own.tell(self.ours(point), told(value))

    def tell_many(self, points: Iterable[Any], values: Iterable[Any], force: bool = False) -> None:
        self.own.tell_many([self.ours(point) for point in points], [told(value) for value in values])

    def tell_pending(self, point: Any) -> None:
        self.own.tell_pending(self.ours(point))

    def remove_unfinished(self) -> None:
        self.own.remove_unfinished()

    def loss(self, real: bool = True) -> float:
        return self.own.loss(real=real)

    @property
    def data(self) -> dict[Any, Any]:
        return dict(self.own.data)

    @property
    def npoints(self) -> int:
        return self.own.npoints

    @property
    def pending_points(self) -> set[Any]:
        return set(self.own.pending_points)

    def new(self) -> StandIn:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, own=self.own.new())
        return made

    def copy_from(self, other: StandIn) -> None:
        self.own.copy_from(other.own)

    def save(self, fname: str, compress: bool = True) -> None:
        self.own.save(fname, compress=compress)

    def load(self, fname: str, compress: bool = True) -> None:
        self.own.load(fname)

    def to_dataframe(self, with_default_function_args: bool = True, **names: Any) -> Any:
        frame = self.own.frame()
        inputs = list(self.own.problem.names)
        frame.attrs |= {"inputs": inputs, "output": frame.columns[len(inputs)]}
        return frame

    def load_dataframe(self, frame: Any, with_default_function_args: bool = True, **names: Any) -> None:
        self.own.load_frame(frame)

    def theirs(self, point: Any) -> Any:
        """Returns a point of ours as adaptive has it."""
        return point

    def ours(self, point: Any) -> Any:
        """Returns a point of adaptive as we have it."""
        return point


def told(value: Any) -> Any:
    """Returns a value as ours take it."""
    if isinstance(value, list | tuple):
        return np.array(value, float)
    return None if isinstance(value, float) and isnan(value) else value


class Learner1D(StandIn):
    def __init__(self, function: Any, bounds: Sequence[float], loss_per_interval: Any = None) -> None:
        super().__init__(function, co.Learner1D(tuple(map(float, bounds)), **losses.of_line(loss_per_interval)))
        self.bounds = tuple(bounds)
        self.loss_of = losses.of_line(loss_per_interval)["loss"]

    @property
    def losses(self) -> dict[tuple[float, float], float]:
        """The loss of each interval between known points, made anew by our loss."""
        known = sorted(self.own.data.items())
        xs, ys = np.array([x for x, _ in known]), np.array([y for _, y in known], float)
        scale = float(np.ptp(ys, axis=0).max()) or 1.0
        found = self.loss_of.over(xs, ys, self.bounds[1] - self.bounds[0], scale)
        return dict(zip(zip(xs.tolist()[:-1], xs.tolist()[1:], strict=True), found.tolist(), strict=True))


class LearnerND(StandIn):
    def __init__(
        self,
        func: Any,
        bounds: Any,
        loss_per_simplex: Any = None,
        *,
        anisotropic: bool = False,
        triangulation_backend: str = "",
        home: str = "learnerND",
    ) -> None:
        is_hull = hasattr(bounds, "simplices")
        domain = bounds if is_hull else [tuple(map(float, pair)) for pair in bounds]
        loss = losses.of_mesh(loss_per_simplex, home)
        super().__init__(func, co.LearnerND(domain, **loss, anisotropic=anisotropic))
        self.bounds = bounds
        self._bounds_points = [] if is_hull else list(product(*bounds))

        self._simplices: Simplices | None = None

    @property
    def tri(self) -> Simplices:
        """Our triangulation, which is of the unit cube; looked at anew after each 25th point."""
        if self._simplices is None or self.npoints % 25 == 0:
            volume = float(np.prod([hi - lo for lo, hi in self.bounds]))
            self._simplices = Simplices(self.own.method._field.tri, volume)
        return self._simplices

    def ours(self, point: Any) -> Any:
        return tuple(map(float, point))


class Simplices:
    """What the tests look at of a triangulation."""

    def __init__(self, own: Any, volume: float) -> None:
        corners = np.array(own.points)[np.array(list(own.vertices.values()))]
        edges = corners[:, 1:] - corners[:, :1]
        self._volumes = np.abs(np.linalg.det(edges)) / factorial(own.d) * volume

    def volumes(self) -> Any:
        return self._volumes


class Learner2D(LearnerND):
    def __init__(self, function: Any, bounds: Any, loss_per_triangle: Any = None) -> None:
        super().__init__(function, bounds, loss_per_triangle, home="learner2D")


class AverageLearner(StandIn):
    def __init__(self, function: Any, atol: Any = None, rtol: Any = None, min_npoints: int = 2) -> None:
        super().__init__(function, co.AverageLearner(atol=atol, rtol=rtol, min_npoints=max(2, min_npoints)))

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Any], list[float]]:
        """Goes on with further seeds where ours is done, as adaptive's knows no end."""
        points, gains = self.own.ask(n, tell_pending=False)
        taken = {*points, *self.own.data, *self.own.pending_points, *self.own.holes}
        points += islice((seed for seed in count() if seed not in taken), n - len(points))
        for point in points if tell_pending else ():
            self.own.tell_pending(point)
        return points, [*gains, *[0.0] * (n - len(gains))]

    @property
    def sum_f(self) -> float:
        return self.own.learned().value * self.npoints

    @property
    def std(self) -> float:
        return self.own.learned().error * sqrt(self.npoints)


class AverageLearner1D(StandIn):
    def __init__(self, function: Any, bounds: Any, loss_per_interval: Any = None, **settings: Any) -> None:
        loss = losses.of_line(loss_per_interval)
        super().__init__(function, co.AverageLearner1D(tuple(map(float, bounds)), **loss, **settings))
        self.bounds = tuple(bounds)

    @property
    def nsamples(self) -> int:
        return self.own.npoints

    @property
    def npoints(self) -> int:
        """How many places have a value."""
        return len({x for _, x in self.own.data})


class IntegratorLearner(StandIn):
    def __init__(self, function: Any, bounds: Any, tol: float) -> None:
        super().__init__(function, co.IntegratorLearner(tuple(bounds), tol=tol))

    def tell(self, point: Any, value: Any) -> None:
        super().tell(point, value)
        if "diverge" in self.own.method.why:
            raise DivergentIntegralError(self.own.method.why)

    def done(self) -> bool:
        return self.own.done()

    @property
    def igral(self) -> float:
        return self.own.learned().value

    @property
    def err(self) -> float:
        return self.own.learned().error


class SequenceLearner(StandIn):
    def __init__(self, function: Any, sequence: Any) -> None:
        super().__init__(OfItem(function), co.SequenceLearner(list(sequence)))
        self.sequence = list(sequence)

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Any], list[float]]:
        return super().ask(0 if self.own.done() else n, tell_pending)

    def theirs(self, point: int) -> tuple[int, Any]:
        return point, self.sequence[point]

    def ours(self, point: tuple[int, Any]) -> int:
        return int(point[0])

    def done(self) -> bool:
        return self.own.done()

    def result(self) -> list[Any]:
        return self.own.learned()


class OfItem:
    """A function of an item, called with its position too."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, point: tuple[int, Any]) -> Any:
        return self.function(point[1])


class BalancingLearner(StandIn):
    def __init__(self, learners: Sequence[StandIn], *, cdims: Any = None, strategy: str = "loss_improvements") -> None:
        super().__init__(
            OfChild([learner.function for learner in learners]),
            co.BalancingLearner([learner.own for learner in learners], strategy=strategy),
        )
        self.learners = list(learners)

    def theirs(self, point: Any) -> Any:
        i, inner = point
        return i, self.learners[i].theirs(inner)

    def ours(self, point: Any) -> Any:
        i, inner = point
        return int(i), self.learners[i].ours(inner)

    @property
    def nsamples(self) -> int:
        return sum(learner.nsamples for learner in self.learners)

    def new(self) -> BalancingLearner:
        return BalancingLearner([learner.new() for learner in self.learners])

    def save(self, fname: Any, compress: bool = True) -> None:
        for learner in self.learners:
            learner.save(fname(learner), compress)

    def load(self, fname: Any, compress: bool = True) -> None:
        for learner in self.learners:
            learner.load(fname(learner), compress)


class OfChild:
    """The functions of several learners as one of which, and where."""

    def __init__(self, functions: list[Callable[[Any], Any]]) -> None:
        self.functions = functions

    def __call__(self, point: tuple[int, Any]) -> Any:
        i, inner = point
        return self.functions[i](inner)


class DataSaver(StandIn):
    def __init__(self, learner: StandIn, arg_picker: Callable[[Any], Any]) -> None:
        super().__init__(learner.function, co.DataSaver(learner.own, arg_picker))
        self.learner = learner
        self.arg_picker = arg_picker

    def new(self) -> DataSaver:
        return DataSaver(self.learner.new(), self.arg_picker)

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Any], list[float]]:
        return self.learner.ask(n, tell_pending)

    @property
    def extra_data(self) -> Mapping[Any, Any]:
        return {self.theirs(point): whole for point, whole in self.own.method.extra.items()}

    @property
    def nsamples(self) -> int:
        return self.learner.nsamples

    def tell(self, point: Any, value: Any) -> None:
        self.own.tell(self.ours(point), value)

    def theirs(self, point: Any) -> Any:
        return self.learner.theirs(point)

    def ours(self, point: Any) -> Any:
        return self.learner.ours(point)
