"""The nonlinear problems of the NIST Statistical Reference Datasets: data, certified values and their errors.

Each file: two starts, the certified values, their standard errors, the sum of squares, then a row for each observation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import cos, exp, pi, sin

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Nist:
    """A problem; ``residuals(b)`` are model - data: (m,)."""

    name: str
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    certified: tuple[float, ...]
    errors: tuple[float, ...]
    squares: float
    data: np.ndarray
    model: Callable[..., np.ndarray]

    def residuals(self, b):
        y, *x = self.data.T
        with np.errstate(all="ignore"):
            return self.model(b, *x) - (np.log(y) if self.name == "Nelson" else y)


def peaks(b, x):
    return b[0] * exp(-b[1] * x) + b[2] * exp(-(((x - b[3]) / b[4]) ** 2)) + b[5] * exp(-(((x - b[6]) / b[7]) ** 2))


def decays(b, x):
    return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x)


def cubic(b, x):
    return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6])))


def chwirut(b, x):
    return exp(-b[0] * x) / (b[1] + b[2] * x)


def waves(b, x):
    year = b[0] + b[1] * cos(2 * pi * x / 12) + b[2] * sin(2 * pi * x / 12)
    first = b[4] * cos(2 * pi * x / b[3]) + b[5] * sin(2 * pi * x / b[3])
    return year + first + b[7] * cos(2 * pi * x / b[6]) + b[8] * sin(2 * pi * x / b[6])


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": waves,
    "Eckerle4": lambda b, x: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": peaks,
    "Gauss2": peaks,
    "Gauss3": peaks,
    "Hahn1": cubic,
    "Kirby2": lambda b, x: (b[0] + x * (b[1] + x * b[2])) / (1 + x * (b[3] + x * b[4])),
    "Lanczos1": decays,
    "Lanczos2": decays,
    "Lanczos3": decays,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x, z: b[0] - b[1] * x * exp(-b[2] * z),
    "Rat42": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / pi,
    "Thurber": cubic,
}


def read(name):
    """Returns the problem of that name."""
    first, *lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    told = [tuple(map(float, line.split()[1:])) for line in (first, *lines[:4])]
    data = np.array([[float(word) for word in line.split()] for line in lines[4:]])
    return Nist(name, (told[0], told[1]), told[2], told[3], told[4][0], data, MODELS[name])


def digits(found, certified):
    """Returns in how many digits all of the numbers agree, 11 at most: those that are certified."""
    off = np.abs(np.asarray(found) - certified) / np.abs(certified)
    return float(-np.log10(max(off.max(), 1e-11)))
