"""Learns a function in one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import Goals, evaluations, loss_below
from cohobate.campaign.learned import Learned
from cohobate.campaign.policy import FailureBudget, Retries
from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.engines import inline
from cohobate.learn.interpolants.kinds import check_kind
from cohobate.propose.learners.domain import OUTPUT, Domain, axes_of
from cohobate.propose.learners.learner import Learner
from cohobate.propose.learners.line import Learner1D
from cohobate.propose.learners.mesh.learner import LearnerND
from cohobate.simulate.function import Simulator, as_simulator, is_async, plain_name

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

WHO = "learn"
LOSS = 1e-2
"""What is learned until, where nobody says."""
LEAST = 25
"""Evaluations for each axis that it takes at least: what no point has seen yet has no loss."""
MOST = 1000
"""Evaluations that it ends with all the same: of noise there is always more to learn."""
AnyLearner: TypeAlias = Learner[Any]


def learn(
    f: Callable[..., Payload],
    domain: Domain | ConvexHull | AnyLearner,
    until: Goals | None = None,
    *,
    loss: Payload = None,
    kind: str | None = None,
    engine: Engine | Executor | None = None,
    run: str | Path | None = None,
    deadline: float | None = None,
    retries: Retries | None = None,
    failure_budget: FailureBudget | int | float | None = FailureBudget(),  # noqa: B008 frozen value
) -> Learned:
    """Returns what was learned of ``f`` over ``domain``, as a function.

    ``domain`` is an interval (``Learner1D`` samples it), several, in a sequence or by name, or a
    ``scipy.spatial.ConvexHull`` (``LearnerND``), or any learner. ``f`` takes the axes by name; where ``domain``
    names none they are called as the parameters of ``f``. A function of one parameter over several axes
    gets a point as a tuple. It returns a number or an array of one shape; where it raises or returns
    anything else, there is a hole.

    Runs a campaign ``until`` a goal holds, without one ``loss_below(1e-2)`` with 25 evaluations for each axis
    or more, or 1000; a learner that ends by itself needs none. Without an ``engine`` evaluations run one
    after the other in this thread, which is fastest up to some 10 ms each, and the same points every time:
    beyond, give ``co.processes()``. In a ``run`` folder the same lines continue what is there; after Ctrl-C a
    notebook gets what was learned so far. ``loss`` is the learner's, ``kind`` chooses the interpolant
    ("linear", "cubic", ...; by default the one that misses held out values by least); the rest is as in
    ``Campaign``.

    Raises ``LearnerError`` where nothing was learned, ``BudgetExceeded`` where ``f`` keeps failing.

    >>> peak = learn(lambda x: x + 0.01 / (0.01 + x**2), (-1, 1))
    >>> round(peak(0.3), 2)
    0.4
    """
    simulator = as_simulator(f)
    learner = _learner(simulator, domain, loss)
    if learner is not domain:
        check_kind(kind, len(learner.problem.names))  # before anything is evaluated
    campaign = Campaign(
        learner,
        _taking(simulator, learner.problem.names),
        inline() if engine is None and not is_async(simulator) else engine,
        run=run,
        deadline=deadline,
        retries=retries,
        failure_budget=failure_budget,
    )
    if until is None and not learner.finite:
        until = (loss_below(LOSS) & evaluations(LEAST * len(learner.problem.names))) | evaluations(MOST)
    result = campaign.run(until)
    return Learned(_made(learner, kind, result), learner, result)


def _made(learner: AnyLearner, kind: str | None, result: CampaignResult) -> Payload:
    try:
        return learner.learned(kind)
    except LearnerError as error:
        why = next(iter(learner.holes.values()), "")
        raise LearnerError(f"{error}; {result}{f'; one point gave no value: {why}' if why else ''}") from error


def _learner(simulator: Simulator, domain: Domain | ConvexHull | AnyLearner, loss: Payload) -> AnyLearner:
    if isinstance(domain, Learner):
        if loss is not None:
            raise LearnerError(f"{WHO}: expected no loss where a learner is given, got {loss!r:.80}: give it to that")
        return domain
    output = simulator.outputs[0].name if simulator.outputs else OUTPUT
    if hasattr(domain, "equations"):
        return _in_hull(simulator, domain, loss, output)
    axes = _named(simulator, domain)
    if len(axes) == 1:
        return Learner1D(axes, loss, output=output)
    return LearnerND(axes, loss, output=output)


def _in_hull(simulator: Simulator, hull: ConvexHull, loss: Payload, output: str) -> AnyLearner:
    names = _required(simulator)
    return LearnerND(hull, loss, names=names if len(names) == hull.points.shape[1] else None, output=output)


def _named(simulator: Simulator, domain: Domain) -> Mapping[str, Any]:
    """Returns the axes by name: without names, by those of the function's parameters where these are as many."""
    axes = axes_of(domain, WHO)
    names = _required(simulator)
    if isinstance(domain, Mapping) or len(names) != len(axes):
        return axes
    return dict(zip(names, axes.values(), strict=True))


def _taking(simulator: Simulator, names: Sequence[str]) -> Simulator:
    """Returns a simulator that takes axes by name, of one that may take a point."""
    needed = _required(simulator)
    if len(names) == 1 or len(needed) != 1 or needed[0] in names:
        return simulator
    way = _await_point if is_async(simulator) else _at_point
    fn = partial(way, simulator.fn, tuple(names))
    return replace(simulator, fn=fn, name=simulator.name or plain_name(simulator.fn))


def _required(simulator: Simulator) -> list[str]:
    """Returns the parameters that must be given by position; none where that cannot be known."""
    try:
        parameters: Iterable[inspect.Parameter] = inspect.signature(simulator.fn).parameters.values()
    except (ValueError, TypeError):  # a builtin that does not tell
        return []
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in by_position and one.default is inspect.Parameter.empty]


def _at_point(f: Callable[[Any], Payload], names: tuple[str, ...], /, **inputs: float) -> Payload:
    return f(tuple(inputs[name] for name in names))


async def _await_point(f: Callable[[Any], Payload], names: tuple[str, ...], /, **inputs: float) -> Payload:
    return await f(tuple(inputs[name] for name in names))
