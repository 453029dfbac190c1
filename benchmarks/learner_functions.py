"""Functions to be learned, and how many points it takes; runs in our environment and in adaptive's own (numpy only)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Ask = Callable[[int], list[Any]]
"""Chooses points."""
Tell = Callable[[list[Any], list[float]], None]
"""Takes in their values."""
Curve = Callable[[Any], Any]
"""Returns values at places."""
GRID, PLANE = 40_001, 301
"""Places where the error is looked at: on a line, and along each side of a plane."""
FEWEST, LARGEST = 100, 4_000
"""Points on a plane from which the error is looked at, and after which the count is given up."""
STEP, WIDE = 1.02, 1.05
"""Numbers of points at which the error is looked at grow so (on a plane: wide); by one at first."""


def peak(x: float) -> float:
    return x + 1e-4 / (1e-4 + (x - 0.1234) ** 2)


def wave(x: float) -> float:
    return math.sin(30 * x)


def bend(x: float) -> float:
    return math.tanh(50 * x) + 0.1 * math.sin(20 * x)


def root(x: float) -> float:
    return math.sqrt(abs(x - 0.3))


def morse(x: float) -> float:
    """The wall and the well of two atoms, for bond lengths of 0.5 to 6 (x in [-1, 1])."""
    return (1 - math.exp(-1.9 * (0.5 + 2.75 * (x + 1) - 1.4))) ** 2


def step(x: float) -> float:
    return 1.0 if x > 0.2345 else -1.0


def crossing(x: float) -> float:
    """The lower of two states that avoid each other by 0.01 at x = -0.37."""
    along = x + 0.37
    return 0.3 * x * x - math.hypot(along, 0.005)


def titration(x: float) -> float:
    """Three steps of different width."""
    return sum(0.5 + 0.5 * math.tanh((x - at) * steep) for at, steep in ((-0.6, 100), (0.05, 20), (0.7, 450)))


def chirp(x: float) -> float:
    return math.sin(4 / (x + 1.25)) * math.exp(-((x + 0.2) ** 2))


def ring(at: tuple[float, float]) -> float:
    x, y = at
    return x + math.exp(-((x * x + y * y - 0.5625) ** 2) / 0.0016)


def sphere(at: tuple[float, float, float]) -> float:
    x, y, z = at
    return x + math.exp(-((x * x + y * y + z * z - 0.16) ** 2) / 0.0016) + z * z


def ridge(at: tuple[float, float]) -> float:
    x, y = at
    return math.tanh(12 * (y - 0.35 * math.sin(4 * x))) + 0.2 * x * y


def wells(at: tuple[float, float]) -> float:
    """A landscape of three wells and a saddle, softened above."""
    x, y = 1.1 * at[0] - 0.3, 0.9 * at[1] + 0.7
    depth = (
        -200 * math.exp(-((x - 1) ** 2) - 10 * y**2)
        - 100 * math.exp(-(x**2) - 10 * (y - 0.5) ** 2)
        - 170 * math.exp(-6.5 * (x + 0.5) ** 2 + 11 * (x + 0.5) * (y - 1.5) - 6.5 * (y - 1.5) ** 2)
        + 15 * math.exp(0.7 * (x + 1) ** 2 + 0.6 * (x + 1) * (y - 1) + 0.7 * (y - 1) ** 2)
    )
    return 100 * math.tanh(depth / 100)


@dataclass(frozen=True, slots=True)
class Target:
    """A function on [-1, 1] or its square, and the error that is wanted.

    On a line the largest one, relative to the range of the values; on a plane the root mean square.
    ``aside`` is left out: (where, how far).
    """

    of: Callable[..., float]
    error: float
    limit: int
    aside: tuple[float, float] | None = None


CURVED = 6
"""Points below which a curve is a straight line."""
LINES = {
    "peak": Target(peak, 1e-3, 3_000),
    "peak, absolute": Target(peak, 1e-3 / 2.1234, 3_000),  # of values from -1 to 1.1234
    "sin(30x)": Target(wave, 1e-2, 1_500),
    "tanh(50x)+sin": Target(bend, 1e-3, 2_000),
    "sqrt|x-0.3|": Target(root, 1e-3, 2_000),
    "Morse wall": Target(morse, 1e-3, 2_000),
    "step": Target(step, 1e-3, 1_000, (0.2345, 1e-3)),
    "avoided crossing": Target(crossing, 1e-3, 2_000),
    "titration": Target(titration, 1e-3, 2_000),
    "chirp": Target(chirp, 1e-3, 3_000),
}
PLANES = {
    "ring": Target(ring, 1e-2, LARGEST),
    "ridge": Target(ridge, 3e-3, LARGEST),
    "wells": Target(wells, 0.2, LARGEST),
}
INTEGRALS: dict[str, tuple[Callable[[float], float], tuple[float, float], float]] = {
    "exp": (math.exp, (0.0, 1.0), math.e - 1),
    "peak": (lambda x: 1e-4 / (1e-4 + (x - 0.3) ** 2), (0.0, 1.0), 0.01 * (math.atan(70) + math.atan(30))),
    "sin(50x)+1": (lambda x: math.sin(50 * x) + 1, (0.0, 1.0), 1 + (1 - math.cos(50)) / 50),
    "sqrt(x)": (math.sqrt, (0.0, 1.0), 2 / 3),
    "|x-0.3|": (lambda x: abs(x - 0.3), (0.0, 1.0), 0.29),
    "step": (lambda x: 1.0 if x > 0.3 else 0.0, (0.0, 1.0), 0.7),
    "1/(1+x^4)": (lambda x: 1 / (1 + x**4), (0.0, 1.0), 0.866972987339911),
}
TOLERANCES = (1e-4, 1e-8)


def needed(target: Target, ask: Ask, tell: Tell, curve: Callable[[], Curve] | None = None) -> float:
    """Returns the number of points from which straight lines, or a curve through them, are good enough, or infinity."""
    grid, true = places(target)
    points: list[float] = []
    values: list[float] = []
    for n in counts(target.limit):
        while len(points) < n:
            new = ask(1)
            seen = [target.of(x) for x in new]
            tell(new, seen)
            points += new
            values += seen
        order = np.argsort(points)
        if curve is None or n < CURVED:
            line = np.interp(grid, np.array(points)[order], np.array(values)[order])
        else:
            line = curve()(grid)
        if np.abs(line - true).max() <= target.error * np.ptp(true):
            return n
    return math.inf


def evenly(target: Target) -> float:
    """Returns how many evenly spaced points are needed."""
    grid, true = places(target)
    for n in counts(100_000):
        points = np.linspace(-1, 1, n)
        line = np.interp(grid, points, [target.of(x) for x in points])
        if np.abs(line - true).max() <= target.error * np.ptp(true):
            return n
    return math.inf


def places(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the error is looked at, and the true values there: (places,) each."""
    grid = np.linspace(-1, 1, GRID)
    if target.aside:
        at, far = target.aside
        grid = grid[np.abs(grid - at) > far]
    return grid, np.array([target.of(x) for x in grid])


def plane(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places of a plane, (places, 2), and the true values there, (places,)."""
    axis = np.linspace(-1, 1, PLANE)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return grid, np.array([target.of((x, y)) for x, y in grid.tolist()])


def evenly_on_plane(target: Target) -> float:
    """Returns how many points of a square grid are needed."""
    from scipy.interpolate import RegularGridInterpolator

    grid, true = plane(target)
    for side in range(4, 300, 2):
        axis = np.linspace(-1, 1, side)
        values = [[target.of((x, y)) for y in axis.tolist()] for x in axis.tolist()]
        found = RegularGridInterpolator((axis, axis), np.array(values))(grid)
        if math.sqrt(np.mean((found - true) ** 2)) <= target.error:
            return side * side
    return math.inf


def counts(limit: int, first: int = 3, step: float = STEP) -> Iterator[int]:
    """Returns the numbers of points at which the error is looked at."""
    n = first
    while n <= limit:
        yield n
        n = max(n + 1, int(n * step))


def cost(n: int, function: Callable[..., float], ask: Ask, tell: Callable[[Any, float], None]) -> float:
    """Returns the CPU time of choosing ``n`` points one by one and taking in their values (us per point)."""
    began = time.process_time()
    for _ in range(n):
        (x,) = ask(1)
        tell(x, function(x))
    return 1e6 * (time.process_time() - began) / n
