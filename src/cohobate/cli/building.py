"""Makes the parts of a campaign from its configuration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import cohobate.cli.config as toml
from cohobate.campaign import goals
from cohobate.cli.fit_tables import Fit
from cohobate.cli.functions import find
from cohobate.cli.job import Job
from cohobate.cli.stating import blaming, stated
from cohobate.cli.wanting import wanted
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import ConfigError, SimulatorError, UserError
from cohobate.core.problem import Problem
from cohobate.core.protocols import Generator
from cohobate.core.steering import Steers
from cohobate.propose.active import ActiveLearning
from cohobate.propose.sampling import Grid, LatinHypercube, RandomSampler, Sobol
from cohobate.simulate.function import as_simulator, is_async
from cohobate.simulate.outputs import check_outputs


def build(file: Path, run: Path, config: toml.Config | Fit, *, accept_new_code: bool = False) -> Job:
    """Returns the job of a configuration; raises ``ConfigError`` naming file and key. Writes nothing."""
    if isinstance(config, Fit):
        from cohobate.cli.fitting import fitting  # heavy

        return fitting(file, run, config, accept_new_code=accept_new_code)
    problem = stated(file, config)
    with blaming(file, "campaign.goal"):
        goal = wanted(config.campaign.goal)
        if goal is None:
            raise ConfigError(f"is empty; expected at least one of {', '.join(toml.Goal.model_fields)}")
        goals.check_goal(goal, problem.output_names)
    with blaming(file, "simulator.use"):
        simulator = made(find(config.simulator.use, file.parent), config.simulator)
    with blaming(file, "generator", SimulatorError):
        check_outputs(as_simulator(simulator), problem.outputs)
    if is_async(as_simulator(simulator)) != (config.engine.kind == "coroutines"):
        raise ConfigError(
            f'{file}: engine.kind: "coroutines" is for a simulator that is an async def, and for no other; '
            f"got {config.engine.kind!r} for {config.simulator.use!r}"
        )
    make = partial(generator, config.generator, problem, file.parent)
    return Job(file, run, config, problem, simulator, goal, make, accept_new_code)


def generator(wish: toml.Generator, problem: Problem, folder: Path) -> Generator | Steers:
    """Returns the configured generator over a problem; modules in ``folder`` are found first."""
    match wish:
        case toml.Own():
            return own(wish, problem, folder)
        case toml.Active():
            return ActiveLearning(
                problem,
                model=wish.model,
                acquisition=wish.acquisition,
                initial=wish.initial,
                batch=wish.batch,
                seed=wish.seed,
            )
        case toml.Random():
            return RandomSampler(problem, seed=wish.seed)
        case toml.Sobol():
            return Sobol(problem, seed=wish.seed)
        case toml.Latin():
            return LatinHypercube(problem, wish.n, seed=wish.seed)
        case toml.Grid():
            return Grid(problem, wish.points)
    assert_never(wish)


def made(function: Callable[..., Any], wish: toml.Simulator) -> Callable[..., Any]:
    """Returns what evaluates candidates: the function, or what it returns for arguments and settings."""
    if not (wish.arguments or wish.settings):
        return function
    match capture(partial(function, *wish.arguments, **wish.settings)):
        case Raised(error, message):
            raise ConfigError(f"{wish.use!r} with these arguments and settings: {message}") from error
        case Returned(simulator) if callable(simulator):
            return simulator  # type: ignore[no-any-return]  # callable() tells mypy too little
        case Returned(other):
            raise ConfigError(f"{wish.use!r} should return a simulator for arguments and settings, got {other!r:.80}")


def own(wish: toml.Own, problem: Problem, folder: Path) -> Generator | Steers:
    """Returns what ``use`` makes of the problem and the settings."""
    match capture(partial(find(wish.use, folder), problem, **wish.settings)):
        case Raised(UserError() as error, _):
            raise ConfigError(f"{wish.use!r} with these settings: {error}") from error
        case Raised(error, message):
            raise ConfigError(f"{wish.use!r} with these settings raised {message}") from error
        case Returned(found) if isinstance(found, Steers) or callable(getattr(found, "suggest", None)):
            return found  # type: ignore[no-any-return]  # a protocol without a common base
        case Returned(other):
            raise ConfigError(f"{wish.use!r} should return a generator of a problem and settings, got {other!r:.80}")
