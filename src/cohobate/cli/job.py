"""A campaign as campaign.toml has it, made as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohobate.campaign import goals
from cohobate.campaign.campaign import Campaign, check_needs
from cohobate.campaign.policy import FailureBudget, Retries
from cohobate.cli.config import Config
from cohobate.cli.curfew import LEAVE
from cohobate.cli.fit_tables import Fit
from cohobate.cli.placing import opened, says
from cohobate.cli.stating import blaming
from cohobate.core.errors import SimulatorError
from cohobate.core.pool import Pool
from cohobate.core.problem import Problem
from cohobate.core.protocols import Engine, Generator
from cohobate.core.steering import Steers
from cohobate.engines.inline import Inline
from cohobate.engines.workplace import Workplace

UNKNOWN = 60.0
"""Seconds kept for what runs when an allocation ends, where no deadline says how long that may take."""


@dataclass(frozen=True, slots=True)
class Job:
    """A configured campaign that can be made as often as needed: each making has a fresh generator.

    ``ready`` raises ``ConfigError`` for what this machine lacks to run it. ``found(result, engine)``, where there is
    one, makes what is printed in the end. ``blamed`` are the keys that say how candidates are proposed and evaluated.
    """

    file: Path
    run: Path
    config: Config | Fit
    problem: Problem
    simulator: Callable[..., Any]
    goal: goals.Goal | None
    make: Callable[[], Generator | Steers]
    accept_new_code: bool = False
    reuse: Path | None = None
    ready: Callable[[], None] | None = None
    found: Callable[..., object] | None = None
    blamed: tuple[str, str] = ("generator", "simulator.use")

    @property
    def title(self) -> str:
        """What the campaign is called: its name, else that of its folder."""
        return self.config.campaign.name or self.file.resolve().parent.name

    def generator(self) -> Generator | Steers:
        """Returns a fresh generator."""
        with blaming(self.file, self.blamed[0]):
            return self.make()

    def campaign(self, engine: Engine | None = None) -> Campaign:
        """Returns a campaign that has not run; nothing is written before it does."""
        settings = self.config.campaign
        budget = settings.failure_budget
        with blaming(self.file, "campaign.needs"):
            check_needs(settings.needs, engine)
        with blaming(self.file, self.blamed[1], SimulatorError):
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
                reuse=self.reuse,
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
        return UNKNOWN if self.deadline is None else self.deadline + settings.grace + LEAVE

    @property
    def deadline(self) -> float | None:
        """The seconds that anything may run: an evaluation, or any term of one; ``None`` where there is no limit."""
        usual = self.config.campaign.deadline
        if not isinstance(self.config, Fit):
            return usual
        given = [term.deadline or usual for term in self.config.term]
        return None if None in given else max(one for one in given if one is not None)
