"""How much is promised by a candidate of which only a prediction is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from cohobate.core.errors import ProblemError, did_you_mean
from cohobate.core.payload import Plain
from cohobate.host.extras import require
from cohobate.models.kernels import Floats

CHUNK = 8192
"""Candidates at a time, so that what is computed stays near the processor."""


class Acquisition(Protocol):
    """Scores predictions where large values are wanted (for small ones, all signs are turned)."""

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Returns a score for each: (n,), the largest to be taken; ``best`` is the best known value."""
        ...


@dataclass(frozen=True, slots=True)
class ExpectedImprovement:
    """How far a candidate is expected to exceed the best known value (Jones et al. 1998, eq. 15).

    The score is its logarithm, which orders candidates alike and does not vanish far below the best
    (Ament et al. 2023).
    """

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Returns log E[max(f - best, 0)]."""
        scores: Floats = np.log(std) + log_improvement((mean - best) / std)
        return scores


@dataclass(frozen=True, slots=True)
class UpperConfidence:
    """Mean plus ``beta`` standard deviations (Srinivas et al. 2010)."""

    beta: float = 1.0

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Returns the upper confidence bound; ``best`` plays no part."""
        return mean + self.beta * std


@dataclass(frozen=True, slots=True)
class Greedy:
    """The mean alone."""

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Returns the mean."""
        return mean


@dataclass(frozen=True, slots=True)
class ProbabilityOfImprovement:
    """How likely a candidate is to exceed the best known value (Kushner 1964); the score is its logarithm."""

    def __call__(self, mean: Floats, std: Floats, best: float) -> Floats:
        """Returns log P[f > best]."""
        scores: Floats = require("scipy.special", extra="learn").log_ndtr((mean - best) / std)
        return scores


@dataclass(frozen=True, slots=True)
class Thompson:
    """One draw of what the values may be: the candidate that is best in it (Thompson 1933).

    Drawn twice: independently for all candidates, and jointly, with the correlations of the model, for
    the ``shortlist`` best of the first draw; the others are out. A joint draw of the whole pool would
    cost the cube of its size.
    """

    shortlist: int = 100

    def __post_init__(self) -> None:
        if self.shortlist < 1:
            raise ProblemError(f"Thompson(shortlist={self.shortlist!r}): expected at least 1")


@dataclass(frozen=True, slots=True)
class HypervolumeImprovement:
    """How much a candidate is expected to add to the volume that the Pareto front dominates (Emmerich et al. 2011).

    For two objectives and more, each modelled by itself. Exact; the score is its logarithm. Pending
    candidates count in the front as what is expected of them.
    """


Choice = Acquisition | Thompson | HypervolumeImprovement
LOGARITHMIC = ExpectedImprovement | ProbabilityOfImprovement | HypervolumeImprovement
"""Scores that are logarithms of something that is never negative."""
OURS = LOGARITHMIC | UpperConfidence | Greedy | Thompson
ACQUISITIONS: dict[str, Callable[[], Choice]] = {
    "ei": ExpectedImprovement,
    "ucb": UpperConfidence,
    "pi": ProbabilityOfImprovement,
    "greedy": Greedy,
    "thompson": Thompson,
    "ehvi": HypervolumeImprovement,
}


def named(wanted: str | Choice) -> Choice:
    """Returns an acquisition by name; one that is given as an object is returned as it is."""
    if isinstance(wanted, str):
        if wanted not in ACQUISITIONS:
            hint = did_you_mean(wanted, ACQUISITIONS)
            raise ProblemError(f"unknown acquisition {wanted!r}{hint}; there are {', '.join(ACQUISITIONS)}")
        return ACQUISITIONS[wanted]()
    if isinstance(wanted, type) or not (callable(wanted) or isinstance(wanted, OURS)):
        raise ProblemError(
            f"acquisition={wanted!r:.80}: expected {', '.join(map(repr, ACQUISITIONS))}, an acquisition such as "
            "UpperConfidence(2.0), or a function of mean, std and best"
        )
    return wanted


def name_of(chosen: Choice) -> str:
    """Returns the short name of an acquisition of ours, and that of the class or function of another."""
    short = [name for name, one in ACQUISITIONS.items() if type(chosen) is one]
    return short[0] if short else str(getattr(chosen, "__qualname__", type(chosen).__qualname__))


def describe(chosen: Choice) -> Plain:
    """Returns what identifies an acquisition: its name, and its numbers where it is one of ours."""
    name = getattr(chosen, "__qualname__", type(chosen).__qualname__)
    return {"is": name, **(asdict(chosen) if isinstance(chosen, OURS) else {})}


def log_improvement(z: Floats) -> Floats:
    """Returns log(phi(z) + z Phi(z)), exact to about 1e-10 down to any negative z.

    Below -1 the sum cancels and the scaled complement of the error function replaces it, below -100
    its asymptotic series (Ament et al. 2023, eq. 9, one more term).
    """
    flat = z.reshape(-1)
    parts = [_log_improvement(flat[at : at + CHUNK]) for at in range(0, z.size, CHUNK)]
    return np.concatenate(parts).reshape(z.shape) if parts else z


def _log_improvement(z: Floats) -> Floats:
    special = require("scipy.special", extra="learn")
    log_density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    out: Floats = np.empty_like(z)
    near, far = z > -1, z < -100
    between = ~(near | far)
    out[near] = np.log(np.exp(log_density[near]) + z[near] * special.ndtr(z[near]))
    x = z[between]
    out[between] = log_density[between] + np.log1p(x * np.sqrt(np.pi / 2) * special.erfcx(-x / np.sqrt(2)))
    x = z[far]
    out[far] = log_density[far] - 2 * np.log(-x) + np.log1p(-3 / x**2 + 15 / x**4)
    return out


def first_best(scores: Floats, allowed: np.ndarray) -> int:
    """Returns the first allowed candidate whose score is the largest, or as large but for rounding.

    Candidates with equal features have equal scores but for the last bits of a matrix product, which
    depend on the number of threads: a millionth of the upper half's spread counts as equal.
    """
    open_scores = scores[allowed]
    top = open_scores.max()
    half = len(open_scores) // 2
    upper = np.partition(open_scores, half)[half:]
    lowest = upper[np.isfinite(upper)].min(initial=top)
    slack = 1e-6 * top - 1e-6 * lowest if np.isfinite(top) else 0.0
    return int(np.flatnonzero(allowed)[np.argmax(open_scores >= top - slack)])
