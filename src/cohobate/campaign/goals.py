"""When a campaign has done enough: conditions on what is known, combined by ``|`` and ``&``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf, isfinite, isnan
from numbers import Real
from typing import final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import GoalError, did_you_mean
from cohobate.ledger.tally import Tally


@dataclass(frozen=True, slots=True)
class View:
    """What a goal may look at.

    ``alive`` and ``session`` are driver-alive seconds in total and in this run; ``loss`` is what
    the generator says is left to learn, and ``error`` how far its next prediction will be off, NaN
    where it does not say, of several the worst, NaN until all have said it; ``outputs`` are the declared ones;
    ``now`` is the time of day in seconds since 1970.
    """

    tally: Tally
    alive: float
    session: float
    loss: float = float("nan")
    outputs: tuple[str, ...] = ()
    now: float = field(default_factory=time.time)
    error: float = float("nan")

    def best(self, output: str) -> float | None:
        """Returns the best value of an objective so far (the lowest where it has no direction)."""
        maximize = self.tally.goals.get(output) == "maximize"
        extreme = self.tally.best(output, "maximize" if maximize else "minimize")
        return None if extreme is None else extreme.value


EXPECTED_MOMENT = "until_walltime: expected a datetime, ISO text or seconds since 1970, got {!r}"

Reached = Callable[[View], str | None]
Limit = Callable[[View], int | None]


def _unlimited(_: View) -> int | None:
    return None


@final
@dataclass(frozen=True, slots=True)
class Goal:
    """A condition: ``reached`` gives the reason once it holds, ``limit`` the further dispatches allowed.

    ``timed`` says that time alone can make it hold; ``asks`` names the outputs it looks at, ``lossy``
    says that it looks at the generator's loss, ``honest`` at its error, ``confirms`` that ``limit`` counts
    evaluations at the full level, of which there may be any number of others.
    """

    text: str
    reached: Reached
    limit: Limit = _unlimited
    timed: bool = False
    asks: tuple[str, ...] = ()
    lossy: bool = False
    confirms: bool = False
    honest: bool = False

    def __or__(self, one: Goals) -> Goal:
        """Holds as soon as one of the two does."""
        other = as_goal(one)

        def reached(view: View) -> str | None:
            return self.reached(view) or other.reached(view)

        def limit(view: View) -> int | None:
            limits = [n for n in (self.limit(view), other.limit(view)) if n is not None]
            return min(limits, default=None)

        return _joined(self, other, "|", reached, limit)

    def __and__(self, one: Goals) -> Goal:
        """Holds when both do."""
        other = as_goal(one)

        def reached(view: View) -> str | None:
            one, two = self.reached(view), other.reached(view)
            return f"{one} and {two}" if one and two else None

        def limit(view: View) -> int | None:
            open_ = [goal.limit(view) for goal in (self, other) if not goal.reached(view)]
            known = [n for n in open_ if n is not None]
            return max(known, default=0) if len(known) == len(open_) else None

        return _joined(self, other, "&", reached, limit)

    def __str__(self) -> str:
        return self.text


Goals = Goal | Callable[[View], object]


def _joined(one: Goal, two: Goal, sign: str, reached: Reached, limit: Limit) -> Goal:
    return Goal(
        f"({one} {sign} {two})",
        reached,
        limit,
        timed=one.timed or two.timed,
        asks=one.asks + two.asks,
        lossy=one.lossy or two.lossy,
        confirms=one.confirms or two.confirms,
        honest=one.honest or two.honest,
    )


def as_goal(goal: Goals) -> Goal:
    """Returns a goal as it is, and a function of the view as a goal that holds when it is true."""
    if isinstance(goal, Goal):
        return goal
    if not callable(goal):
        raise GoalError(f"expected a goal such as evaluations(60), or a function of the view, got {goal!r}")
    name = getattr(goal, "__name__", type(goal).__name__)

    def reached(view: View) -> str | None:
        match capture(goal, view):
            case Raised(error, message, _):
                raise GoalError(f"the goal {name} raised {message}") from error
            case Returned(holds):
                return f"{name} holds" if holds else None

    return Goal(name, reached, timed=True)


def check_goal(goal: Goal, outputs: tuple[str, ...]) -> None:
    """Raises ``GoalError`` where a goal looks at an output that nobody declared."""
    for name in goal.asks:
        if outputs and name not in outputs:
            hint = did_you_mean(name, outputs)
            raise GoalError(f"goal {goal}: no output {name!r} among {list(outputs)}{hint}")


def evaluations(n: int) -> Goal:
    """Holds after ``n`` evaluations in total over all resumes, and never lets a further one start.

    Final values and failures count; rejected, cancelled, retried and cached trials do not.
    """
    _count("evaluations", n)
    return Goal(
        f"{n} evaluations",
        lambda view: f"{n} evaluations" if view.tally.counted >= n else None,
        lambda view: max(0, n - view.tally.counted - view.tally.open),
    )


def confirmed(n: int) -> Goal:
    """Holds after ``n`` evaluations at the full level of the fidelity, and never lets a further one start.

    Counted as by ``evaluations``; towards its end fewer run at once, as any of them may be a full one.
    """
    _count("confirmed", n)
    return Goal(
        f"{n} confirmed",
        lambda view: f"{n} confirmed" if view.tally.confirmed >= n else None,
        lambda view: max(0, n - view.tally.confirmed - view.tally.open),
        confirms=True,
    )


def seconds(s: float) -> Goal:
    """Holds after ``s`` seconds of driver-alive time, summed over all resumes."""
    _positive("seconds", s)
    return Goal(f"{s:g} s", lambda view: f"{s:g} s of running" if view.alive >= s else None, timed=True)


def session_seconds(s: float) -> Goal:
    """Holds after this run has lasted ``s`` seconds."""
    _positive("session_seconds", s)
    return Goal(f"{s:g} s now", lambda view: f"{s:g} s of this run" if view.session >= s else None, timed=True)


def until_walltime(when: datetime | str | float, *, margin: float = 0.0) -> Goal:
    """Holds from ``margin`` seconds before a moment on, so that what runs then can end before it.

    ``when`` is a ``datetime``, ISO text such as ``"2026-12-24T18:00"`` (local time), or seconds since
    1970, such as a scheduler says of a job. A fitting margin is the deadline of an evaluation plus its grace.
    """
    moment = _moment(when)
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < inf:
        raise GoalError(f"until_walltime(margin=): expected seconds of at least 0, got {margin!r}")
    latest = moment.timestamp() - margin
    reason = f"{margin:g} s before {moment:%F %T}" if margin else f"it is {moment:%F %T}"
    return Goal(f"until {moment:%F %T}", lambda view: reason if view.now >= latest else None, timed=True)


def below(output: str, limit: float) -> Goal:
    """Holds when a value of ``output`` is at most ``limit``."""
    return _threshold(output, limit, "minimize")


def above(output: str, limit: float) -> Goal:
    """Holds when a value of ``output`` is at least ``limit``."""
    return _threshold(output, limit, "maximize")


def loss_below(limit: float) -> Goal:
    """Holds when the generator's loss is at most ``limit``; only for generators that have one."""
    _number("loss_below", limit)
    return Goal(f"loss <= {limit:g}", lambda view: f"loss {view.loss:.3g}" if view.loss <= limit else None, lossy=True)


def error_below(limit: float) -> Goal:
    """Holds when the error that the generator expects of its next prediction is at most ``limit``.

    Only for generators that predict each result before it comes, as learners do: theirs is relative to the
    range of the values, and unknown before ten predictions.
    """
    _number("error_below", limit)
    return Goal(
        f"error <= {limit:g}", lambda view: f"error {view.error:.3g}" if view.error <= limit else None, honest=True
    )


def stalled(n: int) -> Goal:
    """Holds when the first objective has not improved for ``n`` evaluations."""
    _count("stalled", n)
    return Goal(
        f"{n} without improvement",
        lambda view: f"no improvement for {n} evaluations" if view.tally.stalled >= n else None,
    )


def _threshold(output: str, limit: float, goal: str) -> Goal:
    _number("below" if goal == "minimize" else "above", limit)
    sign = "<=" if goal == "minimize" else ">="

    def reached(view: View) -> str | None:
        extreme = view.tally.best(output, "minimize" if goal == "minimize" else "maximize")
        if extreme is None:
            return None
        holds = extreme.value <= limit if goal == "minimize" else extreme.value >= limit
        return f"{output} = {extreme.value:g} {sign} {limit:g}" if holds else None

    return Goal(f"{output} {sign} {limit:g}", reached, asks=(output,))


def _moment(when: datetime | str | float) -> datetime:
    try:
        match when:
            case str():
                return datetime.fromisoformat(when)
            case int() | float() if not isinstance(when, bool):
                return datetime.fromtimestamp(when)
            case datetime():
                return when
    except (ValueError, OverflowError, OSError) as error:
        raise GoalError(EXPECTED_MOMENT.format(when)) from error
    raise GoalError(EXPECTED_MOMENT.format(when))


def _number(name: str, limit: float) -> None:
    if isinstance(limit, bool) or not isinstance(limit, Real) or isnan(limit):
        raise GoalError(f"{name}: expected a number as limit, got {limit!r}")


def _count(name: str, n: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise GoalError(f"{name}(n): expected a whole number of at least 1, got {n!r}")


def _positive(name: str, s: float) -> None:
    if isinstance(s, bool) or not isinstance(s, int | float) or not isfinite(s) or s <= 0:
        raise GoalError(f"{name}(s): expected a positive number of seconds, got {s!r}")
