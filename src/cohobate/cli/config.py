"""What campaign.toml may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cohobate.cli.engine_tables import EngineTable, Processes
from cohobate.cli.tables import Count, Names, Positive, Seed, Table, Text

Finite = Annotated[float, Field(allow_inf_nan=False)]
Reference = Annotated[str, Field(pattern=r"^[^:]+:[^:]+$")]
Points = Annotated[int, Field(ge=1, le=1_000_000)]  # they are all kept in memory


class Goal(Table):
    """When it is enough; several conditions are joined by "or"."""

    evaluations: Count | None = None
    seconds: Positive | None = None
    session_seconds: Positive | None = None
    until: Text | None = None
    stalled: Count | None = None
    confirmed: Count | None = None
    loss: float | None = None
    error: float | None = None
    below: dict[str, float] = Field(default_factory=dict)
    above: dict[str, float] = Field(default_factory=dict)


class Retries(Table):
    """Further attempts after each way of failing."""

    raised: Annotated[int, Field(ge=0)] = 0
    worker_lost: Annotated[int, Field(ge=0)] = 2
    timeout: Annotated[int, Field(ge=0)] = 0


class FailureBudget(Table):
    """When to give up: after ``count`` failures, or a ``share`` of the last ``window`` evaluations."""

    count: Annotated[int, Field(ge=0)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    window: Count = 20


class Campaign(Table):
    """The loop; nothing is started within ``margin`` seconds of the end of an allocation."""

    goal: Goal
    name: Text | None = None
    run: Text = "run"
    deadline: Positive | None = None
    grace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    retries: Retries = Retries()
    failure_budget: FailureBudget = FailureBudget()
    drain: bool = True
    durability: Literal["full", "normal"] = "full"
    margin: Positive | None = None
    needs: dict[str, float] = Field(default_factory=dict)


class Candidates(Table):
    """What every generator is told: where candidates come from, and what is wanted of them."""

    pool: Text | None = None
    column: Text | None = None
    maximize: Names | None = None
    minimize: Names | None = None


class Active(Candidates):
    """A model learns from each result and chooses the most promising candidate of a pool."""

    kind: Literal["active"]
    pool: Text
    model: Literal["tanimoto", "rbf", "knn", "forest"] = "tanimoto"
    acquisition: Literal["ei", "ucb", "pi", "greedy", "thompson", "ehvi"] | None = None
    initial: Count = 8
    batch: Count | None = None
    seed: Seed = 0


class Random(Candidates):
    """Independent random points, or the rows of a pool in random order."""

    kind: Literal["random"]
    seed: Seed = 0


class Sobol(Candidates):
    """Scrambled Sobol' points."""

    kind: Literal["sobol"]
    seed: Seed = 0


class Latin(Candidates):
    """``n`` points of a Latin hypercube."""

    kind: Literal["latin"]
    n: Points
    seed: Seed = 0


class Grid(Candidates):
    """Every combination of evenly spaced values, or the rows of a pool in order."""

    kind: Literal["grid"]
    points: Points | dict[str, Points] = 10


class Own(Candidates):
    """A generator by its name: ``use = "module:function"`` is called with the problem and ``settings``.

    It is a persistent body, or a function that returns a generator.
    """

    kind: Literal["own"]
    use: Reference
    settings: dict[str, Any] = Field(default_factory=dict)


Generator = Annotated[Active | Random | Sobol | Latin | Grid | Own, Field(discriminator="kind")]


class Simulator(Table):
    """What evaluates a candidate: ``use = "module:function"``.

    With ``arguments`` (in order) or ``settings`` (by name) the function is called by them once, and what
    it returns evaluates candidates.
    """

    arguments: list[str | float | int | bool] = Field(default_factory=list)
    settings: dict[str, str | float | int | bool] = Field(default_factory=dict)
    use: Reference


class Real(Table):
    """A real number between ``lo`` and ``hi``."""

    kind: Literal["real"]
    lo: float
    hi: float
    log: bool = False
    unit: str = ""


class Integer(Table):
    """A whole number between ``lo`` and ``hi``."""

    kind: Literal["integer"]
    lo: int
    hi: int
    log: bool = False
    unit: str = ""


class Choice(Table):
    """One of ``values``."""

    kind: Literal["choice"]
    values: list[str | float | int | bool]


class Constant(Table):
    """The same for every candidate."""

    kind: Literal["constant"]
    value: str | float | int | bool


Variable = Annotated[Real | Integer | Choice | Constant, Field(discriminator="kind")]


class Output(Table):
    """What is known of an output: its unit, and the limits it must keep."""

    unit: str = ""
    at_most: Finite | None = None
    at_least: Finite | None = None


class Fidelity(Table):
    """Levels of accuracy, from cheap to full, with the cost of one evaluation at each."""

    name: Text = "level"
    costs: dict[str, Positive]


class Config(Table):
    """The whole file."""

    campaign: Campaign
    generator: Generator
    simulator: Simulator
    engine: EngineTable = Processes()
    variables: dict[str, Variable] = Field(default_factory=dict)
    outputs: dict[str, Output] = Field(default_factory=dict)
    fidelity: Fidelity | None = None
