"""Least squares by trial steps within a trust radius, few evaluations being worth more than all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, final

import numpy as np

from cohobate.propose.optimisers.damped import Bend, Model
from cohobate.propose.optimisers.differences import Columns, Differences, Probe
from cohobate.propose.optimisers.robust import cost, weighed
from cohobate.propose.scaling import Numbers

Scheme = Literal["2-point", "3-point", "2-3-point", "given"]
ACCEPTED: Final = 1e-4
"""Share of the gain that was promised, above which a step is taken."""
POOR: Final = 0.25
"""Below this share the radius shrinks, and slopes that were not made here are made anew."""
GOOD: Final = 0.75
"""Above this share the radius may grow."""
STRAIGHT: Final = 0.1
"""Share of a change that the slopes may not have foretold, up to which they are corrected and kept."""
APART: Final = 0.3
"""Sine of the angle beyond which a point known before tells something that others do not."""
TINY: Final = float(np.finfo(float).tiny)
OTHERS: Final = (0.25, 0.0625)
"""Shares of the radius that are tried beside it, where that costs no time."""


@final
@dataclass(frozen=True, slots=True)
class Manner:
    """How a fit goes on and when it ends.

    ``at_once`` evaluations cost the time of one: those beyond what is needed are spent on what will probably
    be needed next. ``ftol`` bounds the gain that is left (relative), ``xtol`` the step (relative), and ``gtol`` the
    cosine between residuals and slopes.
    """

    differences: Differences
    scheme: Scheme = "2-point"
    ftol: float = 1e-12
    xtol: float = 1e-12
    gtol: float = 1e-12
    at_once: int = 1
    loss: str = "linear"
    width: float = 1.0
    radius: float = 1.0
    secants: bool = True


@final
@dataclass(frozen=True, slots=True)
class Known:
    """A point x: (d,) with its residuals: (m,), and their slopes (m, d) where the simulator gives them."""

    x: Numbers
    residuals: Numbers
    slopes: Numbers | None = None


@final
@dataclass(frozen=True, slots=True)
class Slopes:
    """Wants the columns of the Jacobian."""

    columns: Columns
    probes: tuple[Probe, ...]
    central: bool


@final
@dataclass(frozen=True, slots=True)
class Steps:
    """Wants steps of one or several radii, and what the columns after each would be made of: (probes) or none."""

    points: tuple[Numbers, ...]
    gains: tuple[float, ...]
    probes: tuple[tuple[Probe, ...], ...]


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """Wants nothing any more."""

    message: str
    success: bool = True


@final
@dataclass(frozen=True, slots=True)
class State:
    """Where a fit is: the best point, the slopes there (``age`` secant updates old), and what it wants next."""

    at: Known
    slopes: Numbers
    scale: Numbers
    radius: float
    wants: Slopes | Steps | Ended
    past: tuple[Known, ...] = ()
    age: int = 0
    central: bool = False
    steps: int = 0
    jacobians: int = 0


def begin(at: Known, manner: Manner) -> State:
    """Returns the state at the first point."""
    d, m = len(at.x), len(at.residuals)
    state = State(at, np.zeros((m, d)), np.zeros(d), 0.0, Ended(""), central=manner.scheme == "3-point")
    if at.slopes is not None:
        return _onwards(_measured(state, at.slopes, manner), manner)
    return _differing(state, manner)


def wanted(state: State) -> list[Numbers]:
    """Returns the points that are to be evaluated: none where it has ended."""
    match state.wants:
        case Slopes(_, probes):
            return [_off(state.at.x, probe) for probe in probes]
        case Steps(points, _, probes):
            return [*points, *(_off(x, one) for x, ones in zip(points, probes, strict=True) for one in ones)]
    return []


def advance(state: State, answers: Sequence[Known | None], manner: Manner) -> State:
    """Returns the next state; ``answers`` are those of ``wanted``, ``None`` where an evaluation failed."""
    match state.wants:
        case Slopes():
            return _columned(state, state.wants, answers, manner)
        case Steps():
            return _stepped(state, state.wants, answers, manner)
    return state


def _differing(state: State, manner: Manner) -> State:
    """Asks for all columns at the best point."""
    columns = Columns(tuple(range(len(state.at.x))))
    return _probing(state, columns, manner)


def _probing(state: State, columns: Columns, manner: Manner) -> State:
    probes = manner.differences.probes(state.at.x, columns.missing, columns.attempt, central=state.central)
    return replace(state, wants=Slopes(columns, tuple(probes), state.central))


def _columned(state: State, asked: Slopes, answers: Sequence[Known | None], manner: Manner) -> State:
    pairs = [(probe, answer and answer.residuals) for probe, answer in zip(asked.probes, answers, strict=True)]
    columns = asked.columns.take(state.at.residuals, pairs)
    if not columns.over:
        return _probing(state, columns, manner)
    slopes = state.slopes.copy()
    for column, known in columns.known.items():
        slopes[:, column] = known
    return _onwards(_measured(state, slopes, manner), manner)


def _measured(state: State, slopes: Numbers, manner: Manner) -> State:
    """Takes slopes for those of the best point; a scale never shrinks (Moré 1978)."""
    lengths = np.linalg.norm(weighed(state.at.residuals, slopes, manner.loss, manner.width)[1], axis=0)
    scale = np.maximum(state.scale, lengths)
    radius = state.radius or manner.radius * float(np.linalg.norm(_scale(scale) * _typical(state, manner)))
    return replace(state, slopes=slopes, scale=scale, radius=radius, age=0, jacobians=state.jacobians + 1)


def _onwards(state: State, manner: Manner) -> State:
    """Asks for the next step, or ends; before an end, slopes are made anew unless they were made here."""
    model = _model(state, manner)
    q = model.step(state.radius)
    verdict = _verdict(state, model, q, manner)
    if verdict is None:
        return _trying(state, model, q, manner)
    if state.age > 0 and manner.scheme != "given":
        return _differing(state, manner)
    if manner.scheme == "2-3-point" and not state.central:
        return _differing(replace(state, central=True), manner)
    return replace(state, wants=verdict)


def _verdict(state: State, model: Model, q: Numbers, manner: Manner) -> Ended | None:
    left = cost_of(state.at, manner)
    length = float(np.linalg.norm(_scale(state.scale) * _typical(state, manner)))
    lengths = np.linalg.norm(model.slopes, axis=0) * np.linalg.norm(model.residuals)
    if left == 0 or not np.any(np.abs(model.gradient) > manner.gtol * lengths):
        return Ended("no step leads downhill: the residuals are at right angles to all slopes")
    if model.gain(q) <= manner.ftol * left and np.linalg.norm(q) < 0.9 * state.radius:
        return Ended("what a step would gain is below tol")
    if np.linalg.norm(q) <= manner.xtol * length:
        return Ended("the step is below tol")
    return None


def _trying(state: State, model: Model, q: Numbers, manner: Manner) -> State:
    """Asks for a step; where that costs no time also for the columns after it, and for shorter steps with theirs."""
    whole = 1 if manner.scheme == "given" else 1 + len(q) * (2 if state.central else 1)
    sets = manner.at_once // whole
    steps = [q, *(model.step(share * state.radius) for share in OTHERS[: max(sets - 1, 0)])]
    points = tuple(_moved(state, one, manner) for one in steps)
    none = whole == 1 or sets == 0
    probes = tuple(() if none else tuple(_every(x, state, manner)) for x in points)
    return replace(state, wants=Steps(points, tuple(model.gain(one) for one in steps), probes))


def _every(x: Numbers, state: State, manner: Manner) -> list[Probe]:
    return manner.differences.probes(x, range(len(x)), 0, central=state.central)


def _stepped(state: State, asked: Steps, answers: Sequence[Known | None], manner: Manner) -> State:
    n = len(asked.points)
    shares = [_share(state, gain, one, manner) for gain, one in zip(asked.gains, answers[:n], strict=True)]
    k = _chosen(shares, asked.gains)
    best, share = answers[k], shares[k]
    length = float(np.linalg.norm(_scale(state.scale) * (asked.points[k] - state.at.x)))
    moved = replace(state, radius=_radius(state.radius, length, share), steps=state.steps + 1)
    known = [one for one in answers[:n] if one is not None]
    if best is None or share < ACCEPTED:
        return _rejected(state, replace(moved, past=_remembered(known, state)), best, manner)
    there = replace(moved, at=best, past=_remembered([state.at, *(one for one in known if one is not best)], state))
    if best.slopes is not None:
        return _onwards(_measured(there, best.slopes, manner), manner)
    if asked.probes[k]:
        first = n + sum(map(len, asked.probes[:k]))
        return _foreseen(there, asked.probes[k], answers[first : first + len(asked.probes[k])], manner)
    if not manner.secants or _departed(state, best) > STRAIGHT:
        return _differing(there, manner)
    return _onwards(replace(there, slopes=_secant(state, best), age=state.age + 1), manner)


def _share(state: State, gain: float, there: Known | None, manner: Manner) -> float:
    """Returns which share of the gain that was promised came."""
    if there is None:
        return -np.inf
    fallen = cost_of(state.at, manner) - cost_of(there, manner)
    return fallen / gain if gain > 0 else -np.inf


def _chosen(shares: Sequence[float], gains: Sequence[float]) -> int:
    """The longest step unless it was poor, else the one that gained most."""
    if shares[0] >= POOR:
        return 0
    return int(
        np.argmax([share * gain if share > -np.inf else -np.inf for share, gain in zip(shares, gains, strict=True)])
    )


def _foreseen(there: State, probes: Sequence[Probe], answers: Sequence[Known | None], manner: Manner) -> State:
    """Takes the columns that were evaluated together with the step."""
    columns = Columns(tuple(range(len(there.at.x))))
    asked = Slopes(columns, tuple(probes), there.central)
    return _columned(there, asked, answers, manner)


def _rejected(before: State, moved: State, there: Known | None, manner: Manner) -> State:
    """A bad step of old slopes means that they are to be made anew; a failure says nothing of them."""
    if before.age > 0 and there is not None:
        return _differing(replace(moved, radius=before.radius), manner)
    return _onwards(moved, manner)


def _departed(state: State, there: Known) -> float:
    """Returns which share of the change of the residuals the slopes did not foretell."""
    change = there.residuals - state.at.residuals
    missed = change - state.slopes @ (there.x - state.at.x)
    return float(np.linalg.norm(missed)) / max(float(np.linalg.norm(change)), TINY)


def cost_of(one: Known, manner: Manner) -> float:
    """Returns half the sum of the losses at a point."""
    return cost(one.residuals, manner.loss, manner.width)


def _secant(state: State, there: Known) -> Numbers:
    """Returns slopes that give what came of a step, else changed least (Broyden 1965), in scaled coordinates."""
    p = there.x - state.at.x
    weighted = _scale(state.scale) ** 2 * p
    missed = there.residuals - state.at.residuals - state.slopes @ p
    changed: Numbers = state.slopes + np.outer(missed, weighted) / float(weighted @ p)
    return changed


def _model(state: State, manner: Manner) -> Model:
    """Rotated to as few rows as there are directions, which changes no length."""
    residuals, slopes = weighed(state.at.residuals, state.slopes, manner.loss, manner.width)
    scale, limits, d = _scale(state.scale), manner.differences, len(state.at.x)
    low, high = (limits.lo - state.at.x) * scale, (limits.hi - state.at.x) * scale
    bend = _bend(state, manner)
    by = np.empty((len(residuals), 0)) if bend is None else bend.by
    rows = np.linalg.qr(np.column_stack([slopes / scale, by, residuals])).R
    turned = None if bend is None else Bend(bend.along, rows[:, d:-1])
    return Model(rows[:, -1], rows[:, :d], low, high, turned)


def _remembered(known: Sequence[Known], state: State) -> tuple[Known, ...]:
    return (*known, *state.past)[: 2 * len(state.at.x)]


def _bend(state: State, manner: Manner) -> Bend | None:
    """What the slopes do not tell of points known before; with a robust loss they tell of other residuals."""
    if not state.past or manner.loss != "linear":
        return None
    scale = _scale(state.scale)
    by: list[Numbers] = []
    ways: list[Numbers] = []
    for one in state.past:
        if len(ways) == len(scale):
            break
        off = one.x - state.at.x
        if _apart(scale * off, ways):
            ways.append(scale * off)
            by.append(one.residuals - state.at.residuals - state.slopes @ off)
    along = np.array(ways)
    along = along / (along**2).sum(axis=1, keepdims=True)
    shares = (along @ np.array(ways).T) ** 2
    return Bend(along, np.linalg.solve(shares.T, np.array(by)).T)


def _apart(way: Numbers, ways: list[Numbers]) -> bool:
    """Whether a direction is not nearly one of others together."""
    length = float(np.linalg.norm(way))
    if length == 0:
        return False
    if not ways:
        return True
    q, _ = np.linalg.qr(np.array(ways).T)
    return bool(np.linalg.norm(way - q @ (q.T @ way)) > APART * length)


def _moved(state: State, q: Numbers, manner: Manner) -> Numbers:
    x: Numbers = np.clip(state.at.x + q / _scale(state.scale), manner.differences.lo, manner.differences.hi)
    return x


def _typical(state: State, manner: Manner) -> Numbers:
    size: Numbers = np.maximum(np.abs(state.at.x), manner.differences.scale)
    return size


def _scale(scale: Numbers) -> Numbers:
    """A coordinate on which nothing depends has the scale 1."""
    return np.where(scale > 0, scale, 1.0)


def _radius(radius: float, length: float, ratio: float) -> float:
    if ratio < POOR:
        return POOR * min(length, radius)
    return max(radius, 2 * length) if ratio > GOOD else radius


def _off(x: Numbers, probe: Probe) -> Numbers:
    moved = x.copy()
    moved[probe.column] += probe.offset
    return moved
