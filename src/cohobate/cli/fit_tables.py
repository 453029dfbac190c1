"""What campaign.toml may say of a fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field

from cohobate.cli.config import Campaign, Finite, Goal, Reference
from cohobate.cli.engine_tables import EngineTable, Processes
from cohobate.cli.tables import Count, Positive, Table, Text
from cohobate.core.payload import Plain

MARKS = ("params", "term", "optimizer")
"""The tables that only a fit has."""
ALONE = "value"
"""What a quantity is called that is the only one of its term."""
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Words = Annotated[list[Text], Field(min_length=1)]
Wanted = float | str | list[Any] | dict[str, Any]


class Gaussian(Table):
    """Known to be ``mean`` give or take ``sigma``."""

    kind: Literal["gaussian"] = "gaussian"
    mean: Finite
    sigma: Positive
    log: bool = False


class Laplace(Table):
    """Known to be ``mean``, or else anything: falls off with the distance itself."""

    kind: Literal["laplace"]
    mean: Finite
    width: Positive
    log: bool = False


class Box(Table):
    """Known to be between ``lo`` and ``hi``, give or take ``sigma``."""

    kind: Literal["box"]
    lo: float
    hi: float
    sigma: Positive
    log: bool = False


def _gaussian(data: Plain) -> Plain:
    """Adds the kind that a prior without one is of."""
    return {"kind": "gaussian", **data} if isinstance(data, Mapping) else data


Prior = Annotated[Annotated[Gaussian | Laplace | Box, Field(discriminator="kind")], BeforeValidator(_gaussian)]


class Parameter(Table):
    """A number of the model: where the fit starts, and within which bounds."""

    value: Finite | None = None
    bounds: Pair | None = None
    log: bool = False
    scale: Positive | None = None
    fixed: bool = False
    expr: Text | None = None
    prior: Prior | None = None
    unit: str = ""


class Read(Table):
    """Where a quantity stands in what a program wrote."""

    file: Text | None = None
    column: Text | Annotated[int, Field(ge=0)] | None = None
    thermo: Text | None = None
    regex: Text | None = None
    json_: Annotated[Text | None, Field(alias="json")] = None
    extxyz: Text | None = None
    use: Reference | None = None
    row: int | Literal["all"] = -1
    per: Positive = 1.0
    end: str | None = None
    unit: str = ""


def _by_name(read: Plain) -> Plain:
    """Returns what to read by the names of the quantities, also where there is only one."""
    if isinstance(read, str):
        return {ALONE: {"use": read}}
    one = isinstance(read, Mapping) and not all(isinstance(value, Mapping) for value in read.values())
    return {ALONE: read} if one else read


Reads = Annotated[dict[str, Read], BeforeValidator(_by_name)]


class Term(Table):
    """A quantity of the model, or one for each row of a table, and what it should be."""

    name: Text
    run: Text | Words | None = None
    python: Reference | None = None
    input: Text | Words = Field(default_factory=list)
    files: Text | Words = Field(default_factory=list)
    threads: Count | None = None
    launch: Words | None = None
    read: Reads = Field(default_factory=dict)
    for_: Annotated[dict[str, list[Any]], Field(alias="for")] = Field(default_factory=dict)
    table: Text | None = None
    target: Wanted | None = None
    sigma: Wanted | None = None
    weight: Weight | Text | list[Weight] | None = None
    loss: Text = "square"
    validation: bool = False
    unit: str = ""
    deterministic: bool = False
    version: Text | None = None
    deadline: Positive | None = None
    needs: dict[str, float] = Field(default_factory=dict)
    keep: Literal["always", "failed", "never"] = "failed"


class Optimizer(Table):
    """The way of fitting; every other key is an option of its own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    method: Text = "least_squares"
    variant: Text | None = None

    @property
    def options(self) -> Mapping[str, Plain]:
        """What the method is told; what is called a method there, too, is a variant here."""
        own = {} if self.variant is None else {"method": self.variant}
        return {**own, **(self.model_extra or {})}


class FitCampaign(Campaign):
    """The loop; a fit ends by itself, so a goal may be left out."""

    goal: Goal = Goal()
    reuse: Text | None = None


class Fit(Table):
    """The whole file."""

    params: Annotated[dict[str, Parameter], Field(min_length=1)]
    term: Annotated[list[Term], Field(min_length=1)]
    optimizer: Optimizer = Optimizer()
    campaign: FitCampaign = FitCampaign()
    engine: Annotated[EngineTable, Field(validation_alias=AliasChoices("resources", "engine"))] = Processes()


def is_fit(data: Mapping[str, Plain]) -> bool:
    """Whether the content of a file says that it is a fit."""
    return any(mark in data for mark in MARKS)


def flattened(data: Mapping[str, Plain]) -> dict[str, Plain]:
    """Returns the content of a file with nested parameters by dotted names, and plain numbers as their values."""
    params = data.get("params")
    return {**data, "params": dict(_flat(params))} if isinstance(params, Mapping) else dict(data)


def _flat(table: Mapping[str, Plain], above: str = "") -> Iterator[tuple[str, Plain]]:
    for key, value in table.items():
        name = f"{above}{key}"
        match value:
            case bool():
                yield name, value
            case int() | float():
                yield name, {"value": value}
            case Mapping() if value and not _is_parameter(value):
                yield from _flat(value, f"{name}.")
            case _:
                yield name, value


def _is_parameter(table: Mapping[str, Plain]) -> bool:
    return any(key in Parameter.model_fields and not isinstance(value, Mapping) for key, value in table.items())
