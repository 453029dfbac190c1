"""What a seed decides about one simulated campaign: printed with each failure, so that it can be told again."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from cohobate.campaign.policy import FailureBudget, Retries

KINDS = {"fine": 60, "raises": 6, "nan": 3, "rejected": 5, "poison": 5, "flaky": 6, "moody": 5, "hangs": 5, "ghost": 5}
"""What may be wrong with a candidate, and how often (%): see ``engine``."""


@dataclass(frozen=True)
class Options:
    """One campaign: its settings, then which faults its first ``sessions`` sessions meet; times in seconds."""

    seed: int
    goal: int
    pool: int
    different: int
    """Different inputs among the candidates of the pool."""
    at_once: int
    """Rows of one answer at most."""
    window: int
    """Candidates without an outcome from which the generator answers ``Later``."""
    unfit: float
    foreign: bool
    """Whether the generator promises nothing about what it proposes after a resume."""
    cached: bool
    structured: bool
    workers: int
    drain: bool
    retries: Retries
    budget: FailureBudget | None
    deadline: float | None
    seconds: float
    """Mean duration of an evaluation."""
    thinking: float
    """Longest turn of the generator; 0: it answers at once."""
    lag: float
    """Until the writer comes to what was appended."""
    most: int
    """Events of one transaction at most."""
    backlog: int
    durability: Literal["full", "normal"]
    sessions: int
    effects: int
    """A crash comes among the first so many effects of a session; 0: no crash."""
    orphans: float
    """How often a worker outlives its driver and spools its result afterwards."""
    duplicate: float
    cancels: int
    halt: float
    closing: float
    full: float
    broken: float
    target: float
    """How often another goal than a number of evaluations is set as well."""
    parts: int = 0
    """Parts of a candidate; 0: it is evaluated as a whole."""

    @classmethod
    def of(cls, seed: int) -> Options:
        rng = random.Random(f"options {seed}")
        often = rng.choice
        goal = often([1, 2, rng.randint(3, 8), rng.randint(3, 8), rng.randint(9, 16)])
        pool = often([goal, 2 * goal + 2, 3 * goal + 4])
        first = often([0.1, 1.0])
        options = cls(
            seed=seed,
            goal=goal,
            pool=pool,
            different=often([pool, pool, max(1, pool // 2), 2]),
            at_once=often([1, 3, 3, 8]),
            window=often([1, 4, 99, 99]),
            unfit=often([0.0, 0.0, 0.2]),
            foreign=rng.random() < 0.4,
            cached=rng.random() < 0.4,
            structured=rng.random() < 0.2,
            workers=rng.randint(1, 4),
            drain=rng.random() < 0.6,
            retries=Retries(often([0, 0, 1, 2]), often([2, 2, 0, 1]), often([0, 1]), first, often([first, 60.0])),
            budget=often([None, None, None, FailureBudget(count=2), FailureBudget(window=3, share=0.6)]),
            deadline=often([None, 2.0, 5.0]),
            seconds=often([0.1, 1.0, 1.0]),
            thinking=often([0.0, 0.05, 1.0]),
            lag=often([0.001, 0.05, 0.4, 1.0]),
            most=often([1, 3, 5000]),
            backlog=often([4, 10_000, 10_000]),
            durability=often(["full", "full", "full", "normal"]),
            sessions=often([0, 1, 2, 2, 3, 3, 5]),
            effects=often([0, 15, 40, 40, 100, 100]),
            orphans=often([0.1, 0.9]),
            duplicate=often([0.0, 0.1]),
            cancels=often([0, 0, 1, 4]),
            halt=often([0.0, 0.0, 0.5]),
            closing=often([0.0, 0.0, 0.0, 0.5]),
            full=often([0.0, 0.0, 0.5]),
            broken=often([0.0, 0.0, 0.0, 0.1]),
            target=often([0.0, 0.6]),
        )

        return options if seed % 8 else options.recurring()

    def recurring(self) -> Options:
        """Returns a campaign in which trial numbers are likely to come twice, each time with other inputs."""
        scale = {"workers": 4, "seconds": 1.0, "lag": 1.0, "backlog": 10_000, "budget": None}
        return replace(self, foreign=True, orphans=0.9, sessions=3, effects=25, **scale)

    @property
    def company(self) -> str:
        """Who takes part besides the first generator: mostly nobody."""
        return {2: "listener", 4: "second"}.get(self.seed % 5, "")

    def kinds(self) -> list[str]:
        """What is wrong with each of the different inputs."""
        rng = random.Random(f"kinds {self.seed}")
        weights = [0 if kind == "hangs" and self.deadline is None else often for kind, often in KINDS.items()]
        return rng.choices(list(KINDS), weights, k=self.different)
