"""Gathers what a fit found from its ledger, its best candidate and what is known of its errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from cohobate.core.outcome import Failure
from cohobate.fit.comparison import TermRow, compared, rows
from cohobate.fit.findings import Findings, Pair, ParameterRow, Ranked
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.record import Candidate, Record, why
from cohobate.fit.setup import Setup, bounds_of, succeeded
from cohobate.fit.statistics import Uncertainty

RANKED: Final = 10
"""Candidates in the list of the best."""
SHOWN: Final = 10_000
"""Numbers of a quantity that are kept to be drawn; of more, every so manieth."""


@final
@dataclass(frozen=True, slots=True)
class Known:
    """What is known at the end of a fit."""

    setup: Setup
    record: Record
    best: Candidate
    validated: Candidate | None
    uncertainty: Uncertainty | None
    freedom: int


def findings_of(known: Known) -> Findings:
    """Returns what was found as plain data."""
    record, best, sure = known.record, known.best, known.uncertainty
    tally, told = record.views.tally, _returned(record)
    validated = known.validated if succeeded(known.validated) else None
    return Findings(
        method=method_of(record),
        message=str(told.get("message", "")),
        stopped=record.result.reason,
        evaluations=tally.counted,
        failed=tally.failed,
        seconds=tally.seconds,
        loss=best.loss,
        residuals=len(best.residuals),
        chi_square=float(best.residuals @ best.residuals),
        freedom=known.freedom,
        variance=math.nan if sure is None else sure.variance,
        absolute_sigma=sure is not None and sure.absolute_sigma,
        source="" if sure is None else sure.source,
        parameters=tuple(_parameters(known)),
        names=() if sure is None else sure.names,
        correlations=() if sure is None else tuple(tuple(row) for row in sure.correlations.tolist()),
        terms=tuple(rows(known.setup.objective, best)),
        validation=tuple(_validation(known.setup, validated)),
        validation_loss=math.nan if validated is None else validated.loss,
        priors=priors_of(best),
        ranked=tuple(Ranked(one.trial, one.loss, dict(one.values)) for one in record.best(RANKED)),
        pairs=tuple(_pairs(known.setup, best, validated)),
        notes=tuple(notes(known)),
    )


def method_of(record: Record) -> str:
    """Returns what a fit was made by, as its run was declared."""
    generator = record.views.declared.get("generator", {})
    settings = generator.get("settings", {})
    inner = settings.get("settings", {}) if isinstance(settings, Mapping) else {}
    how = inner.get("method", "") if isinstance(inner, Mapping) else ""
    name = str(settings.get("name", "") or settings.get("body", "") or generator.get("kind", "fit"))
    return f"{name} ({how})" if how else name


def priors_of(best: Candidate) -> dict[str, float]:
    """Returns what the priors of parameters add to the loss, by parameter."""
    told: Mapping[str, Any] = best.outputs.get("priors", {})
    return {name: float(one["loss"] if isinstance(one, Mapping) else one) for name, one in told.items()}


def _returned(record: Record) -> Mapping[str, Any]:
    value = record.result.value
    return value if isinstance(value, Mapping) else {}


def _parameters(known: Known) -> Iterator[ParameterRow]:
    setup, sure = known.setup, known.uncertainty
    every = setup.parameters.every
    variables, near = setup.parameters.variables, bounds_of(setup, known.best.values, near=True)
    errors = sure.errors if sure is not None else {}
    unknown = sure.unknown if sure is not None else {}
    for name, value in setup.parameters.values(known.best.values).items():
        unit = every[name].unit
        if name not in variables:
            yield ParameterRow(name, "tied" if every[name].expr is not None else "fixed", float(value), unit=unit)
            continue
        one, start = variables[name], setup.parameters.start[name]
        error, why_not = errors.get(name, math.nan), unknown.get(name, "")
        yield ParameterRow(name, "free", value, error, why_not, start, one.lo, one.hi, near.get(name, ""), unit)


def _validation(setup: Setup, validated: Candidate | None) -> list[TermRow]:
    if setup.validation is None or validated is None:
        return []
    return rows(setup.validation, validated)


def _pairs(setup: Setup, best: Candidate, validated: Candidate | None) -> Iterator[Pair]:
    yield from _compared(setup.objective, best, validation=False)
    if setup.validation is not None and validated is not None:
        yield from _compared(setup.validation, validated, validation=True)


def _compared(objective: CombinedObjective, candidate: Candidate, *, validation: bool) -> Iterator[Pair]:
    told = candidate.terms
    for leaf in objective.leaves:
        if leaf.term.name not in told:
            continue
        for one in compared(leaf.term, told[leaf.term.name].get("quantities", {})):
            every = max(1, math.ceil(len(one.target) / SHOWN))
            target, value = one.target[::every].tolist(), one.value[::every].tolist()
            yield Pair(one.label, target, value, one.unit, validation)


def notes(known: Known) -> Iterator[str]:
    """Returns what whoever uses the parameters should know."""
    best, free = known.best, known.setup.parameters.free
    if len(best.residuals) and known.freedom < 0:
        yield (
            f"there are fewer residuals ({len(best.residuals)}) than free parameters ({len(free)}): they are not "
            "determined; add data, fix some, or give them priors"
        )
    for name, said in bounds_of(known.setup, best.values, near=True).items():
        yield f"{name} is {said}: the data may want it beyond"
    if known.validated is not None and not succeeded(known.validated):
        yield f"the validation terms gave nothing at the best parameters: {why(known.validated.outcome)}"
    if _returned(known.record).get("success") is False:
        yield f"the method did not converge: {_returned(known.record).get('message', '')}"
    failed = known.record.views.tally.failed
    if failed:
        yield f"{failed} candidates failed: {_commonest(known.record)}"
    if len(best.residuals) and not np.isclose(best.loss, best.residuals @ best.residuals, rtol=1e-6):
        yield "the loss is not the sum of the squared residuals, which is what standard errors are made from"


def _commonest(record: Record) -> str:
    group = record.views.failures()[0]
    return f"{why(Failure(group['kind'], group['message']))} ({group['count']} of them)"
