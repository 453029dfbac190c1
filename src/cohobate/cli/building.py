"""Makes the parts of a campaign from its configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from operator import attrgetter, or_
from pathlib import Path
from typing import Any, assert_never

import cohobate.cli.config as toml
from cohobate.campaign import goals
from cohobate.campaign.campaign import Campaign
from cohobate.campaign.policy import FailureBudget, Retries
from cohobate.cli.curfew import LEAVE
from cohobate.cli.placing import opened, says
from cohobate.core.capture import Raised, capture
from cohobate.core.errors import ConfigError, SimulatorError, UserError, did_you_mean
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Integer, Problem, Real, Variable
from cohobate.core.protocols import Engine, Generator
from cohobate.engines.inline import Inline
from cohobate.engines.workplace import Workplace
from cohobate.propose.active import ActiveLearning
from cohobate.propose.posing import Space, pose
from cohobate.propose.sampling import Grid, LatinHypercube, RandomSampler, Sobol
from cohobate.simulate.function import as_simulator, is_async
from cohobate.simulate.outputs import check_outputs

GOALS: Mapping[str, Callable[[Any], goals.Goal]] = {
    "evaluations": goals.evaluations,
    "seconds": goals.seconds,
    "session_seconds": goals.session_seconds,
    "until": goals.until_walltime,
    "stalled": goals.stalled,
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

    def generator(self) -> Generator:
        """Returns a fresh generator."""
        with _blaming(self.file, "generator"):
            return generator(self.config.generator, self.problem)

    def campaign(self, engine: Engine | None = None) -> Campaign:
        """Returns a campaign that has not run; nothing is written before it does."""
        settings = self.config.campaign
        budget = settings.failure_budget
        with _blaming(self.file, "simulator.use", SimulatorError):
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
            with _blaming(self.file, "engine"):
                engine = stack.enter_context(opened(self.config.engine, self.run, self.longest))
            yield engine

    def site(self) -> list[str]:
        """Returns the line that says what is asked of a cluster, walltime included; none for other engines."""
        with _blaming(self.file, "engine"):
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
    problem = _problem(file, config)
    with _blaming(file, "campaign.goal"):
        goal = wanted(config.campaign.goal)
        goals.check_goal(goal, problem.output_names)
    with _blaming(file, "simulator.use"):
        simulator = find_simulator(config.simulator.use, file.parent)
    with _blaming(file, "generator", SimulatorError):
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


def generator(wish: toml.Generator, problem: Problem) -> Generator:
    """Returns the configured generator over a problem."""
    match wish:
        case toml.Active():
            return ActiveLearning(
                problem, acquisition=wish.acquisition, initial=wish.initial, batch=wish.batch, seed=wish.seed
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


def find_simulator(use: str, folder: Path) -> Callable[..., Any]:
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


def read_pool(file: Path, config: toml.Config) -> Pool | None:
    """Returns the configured pool, ``None`` where there is none."""
    wish = config.generator
    if wish.pool is None:
        return None
    with _blaming(file, "generator.pool"):
        return Pool.read(file.parent / wish.pool, column=wish.column)


def _problem(file: Path, config: toml.Config) -> Problem:
    wish = config.generator
    space = _space(file, config)
    with _blaming(file, "generator"):
        if not (wish.maximize or wish.minimize):
            raise ConfigError('expected maximize or minimize, for example maximize = "ie"')
        return pose(space, maximize=wish.maximize, minimize=wish.minimize)


def _space(file: Path, config: toml.Config) -> Space:
    pool = read_pool(file, config)
    if pool is not None and config.variables:
        raise ConfigError(f"{file}: variables: a campaign has a pool or variables, not both")
    if pool is not None:
        return pool
    if not config.variables:
        raise ConfigError(f"{file}: generator.pool: expected a pool, or [variables], got neither")
    return {name: _variable(file, name, wish) for name, wish in config.variables.items()}


def _variable(file: Path, name: str, wish: toml.Variable) -> Variable:
    with _blaming(file, f"variables.{name}"):
        match wish:
            case toml.Real():
                return Real(wish.lo, wish.hi, log=wish.log, unit=wish.unit)
            case toml.Integer():
                return Integer(wish.lo, wish.hi, log=wish.log, unit=wish.unit)
            case toml.Choice():
                return Choice(wish.values)
            case toml.Constant():
                return Constant(wish.value)
        assert_never(wish)


@contextmanager
def _blaming(file: Path, key: str, kind: type[UserError] = UserError) -> Iterator[None]:
    """Names file and key in what is wrong with a value; what names them already passes."""
    try:
        yield
    except kind as error:
        if str(error).startswith(f"{file}: "):
            raise
        raise ConfigError(f"{file}: {key}: {error}") from error
