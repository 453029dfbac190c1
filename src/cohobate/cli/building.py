"""Makes the parts of a campaign from its configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from importlib import import_module
from operator import attrgetter, or_
from pathlib import Path
from typing import Any, assert_never

import cohobate.cli.config as toml
from cohobate.campaign import goals
from cohobate.campaign.campaign import Campaign, check_needs
from cohobate.campaign.policy import FailureBudget, Retries
from cohobate.cli.curfew import LEAVE
from cohobate.cli.placing import opened, says
from cohobate.cli.stating import blaming, stated
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import ConfigError, SimulatorError, UserError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.problem import Problem
from cohobate.core.protocols import Engine, Generator
from cohobate.core.steering import Steers
from cohobate.engines.inline import Inline
from cohobate.engines.workplace import Workplace
from cohobate.propose.active import ActiveLearning
from cohobate.propose.sampling import Grid, LatinHypercube, RandomSampler, Sobol
from cohobate.simulate.function import as_simulator, is_async
from cohobate.simulate.outputs import check_outputs

GOALS: Mapping[str, Callable[[Any], goals.Goal]] = {
    "evaluations": goals.evaluations,
    "confirmed": goals.confirmed,
    "seconds": goals.seconds,
    "session_seconds": goals.session_seconds,
    "until": goals.until_walltime,
    "stalled": goals.stalled,
    "loss": goals.loss_below,
    "error": goals.error_below,
}
"""The goals of one number, by their key."""
UNKNOWN = 60.0
"""Seconds kept for what runs when an allocation ends, where no deadline says how long that may take."""


@dataclass(frozen=True, slots=True)
class Job:
    """A configured campaign that can be made as often as needed: each making has a fresh generator."""

    file: Path
    run: Path
    config: toml.Config
    problem: Problem
    simulator: Callable[..., Any]
    goal: goals.Goal
    accept_new_code: bool = False

    @property
    def title(self) -> str:
        """What the campaign is called: its name, else that of its folder."""
        return self.config.campaign.name or self.file.resolve().parent.name

    def generator(self) -> Generator | Steers:
        """Returns a fresh generator."""
        with blaming(self.file, "generator"):
            return generator(self.config.generator, self.problem, self.file.parent)

    def campaign(self, engine: Engine | None = None) -> Campaign:
        """Returns a campaign that has not run; nothing is written before it does."""
        settings = self.config.campaign
        budget = settings.failure_budget
        with blaming(self.file, "campaign.needs"):
            check_needs(settings.needs, engine)
        with blaming(self.file, "simulator.use", SimulatorError):
            return Campaign(
                self.generator(),
                self.simulator,
                engine,
                run=self.run,
                deadline=settings.deadline,
                grace=settings.grace,
                retries=Retries(**settings.retries.model_dump()),
                failure_budget=FailureBudget(budget.count, budget.share, budget.window),
                drain=settings.drain,
                durability=settings.durability,
                needs=settings.needs,
                accept_new_code=self.accept_new_code,
            )

    @property
    def pool(self) -> Pool | None:
        """The candidates, where they are a list."""
        return self.problem.variables if isinstance(self.problem.variables, Pool) else None

    @contextmanager
    def engine(self) -> Iterator[Workplace | Inline]:
        """Opens a fresh engine, and closes it with all that was opened for it."""
        with ExitStack() as stack:
            with blaming(self.file, "engine"):
                engine = stack.enter_context(opened(self.config.engine, self.run, self.longest))
            yield engine

    def site(self) -> list[str]:
        """Returns the line that says what is asked of a cluster, walltime included; none for other engines."""
        with blaming(self.file, "engine"):
            return list(says(self.config.engine, self.run, self.longest))

    @property
    def longest(self) -> float:
        """The seconds to be left for what runs before an allocation ends: a deadline and its grace, or as stated."""
        settings = self.config.campaign
        if settings.margin is not None:
            return settings.margin
        return UNKNOWN if settings.deadline is None else settings.deadline + settings.grace + LEAVE


def build(file: Path, run: Path, config: toml.Config, *, accept_new_code: bool = False) -> Job:
    """Returns the job of a configuration; raises ``ConfigError`` naming file and key. Writes nothing."""
    problem = stated(file, config)
    with blaming(file, "campaign.goal"):
        goal = wanted(config.campaign.goal)
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
    return Job(file, run, config, problem, simulator, goal, accept_new_code)


def wanted(goal: toml.Goal) -> goals.Goal:
    """Returns the conditions of a configured goal, joined by "or"."""
    given = [make(value) for key, make in GOALS.items() if (value := getattr(goal, key)) is not None]
    given += [goals.below(output, limit) for output, limit in goal.below.items()]
    given += [goals.above(output, limit) for output, limit in goal.above.items()]
    if not given:
        raise ConfigError(f"is empty; expected at least one of {', '.join(toml.Goal.model_fields)}")
    return reduce(or_, given)


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


def find(use: str, folder: Path) -> Callable[..., Any]:
    """Returns the function ``"module:function"``; modules beside campaign.toml are found first."""
    module, _, name = use.partition(":")
    home = str(folder.resolve())
    if home not in sys.path:
        sys.path.insert(0, home)
    if module.endswith(".py"):
        raise ConfigError(f"expected a module and a function, got {use!r}; did you mean {module[:-3] + ':' + name!r}?")
    imported = capture(import_module, module)
    if isinstance(imported, Raised):
        raise ConfigError(f"{use!r} cannot be imported: {imported.message}") from imported.error
    found = capture(attrgetter(name), imported.value)
    if isinstance(found, Raised):
        public = [known for known in vars(imported.value) if not known.startswith("_")]
        raise ConfigError(f"there is no {name!r} in {module}{did_you_mean(name, public)}")
    if not callable(found.value):
        raise ConfigError(f"{use!r} is no function but the {type(found.value).__name__} {found.value!r:.60}")
    return found.value  # type: ignore[no-any-return]  # callable() tells mypy too little
