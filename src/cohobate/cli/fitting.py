"""Makes the parts of a fit from its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any, assert_never, final

import cohobate.cli.fit_tables as toml
from cohobate.campaign import goals
from cohobate.campaign.result import CampaignResult
from cohobate.cli.engine_tables import Inline, Loky, Processes, Threads
from cohobate.cli.fit_methods import check_end, generator
from cohobate.cli.fit_quantities import command_of
from cohobate.cli.fit_terms import terms_of
from cohobate.cli.job import Job
from cohobate.cli.stating import blaming
from cohobate.cli.wanting import wanted
from cohobate.core.errors import BadOutput, CallFailed, ConfigError, Rejected, UserError
from cohobate.core.protocols import Engine
from cohobate.fit.candidates import Candidates
from cohobate.fit.fitter import Fitter
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameter, Parameters
from cohobate.fit.priors import BoxPrior, GaussianPrior, LaplacePrior, Prior
from cohobate.fit.term import Term
from cohobate.simulate.function import Simulator
from cohobate.view.text import shown

LONGEST = 900
"""Characters of what is wrong with a term: programs may say much."""


@final
@dataclass(frozen=True, slots=True)
class Group:
    """The terms of a table ``[[term]]``."""

    wish: toml.Term
    terms: Sequence[Term]

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the quantities of which one is stated."""
        return {name: read.unit for name, read in self.wish.read.items() if read.unit}


@final
@dataclass(frozen=True, slots=True)
class Fitting:
    """A configured fit: its parameters, and the terms of each table."""

    file: Path
    config: toml.Fit
    parameters: Parameters
    groups: Sequence[Group]

    def fitter(self, run: Path, engine: Engine | None = None) -> Fitter:
        """Returns the fit as one is made in Python."""
        terms, others = (
            [t for g in self.groups if g.wish.validation is kind for t in g.terms] for kind in (False, True)
        )
        if not terms:
            raise ConfigError("term: all of them say validation = true; a fit needs one that it is fitted to")
        validation = CombinedObjective(others) if others else None
        return Fitter(CombinedObjective(terms), self.parameters, engine=engine, run=run, validation=validation)

    def found(self, run: Path, result: CampaignResult, engine: Engine | None = None) -> object:
        """Returns what a campaign has found, validated at an engine."""
        return self.fitter(run, engine).result(result)

    def need_programs(self) -> None:
        """Raises ``ConfigError`` where a program is not installed, and the terms run on this machine."""
        if not isinstance(self.config.engine, Processes | Threads | Inline | Loky):
            return
        for group in self.groups:
            with blaming_term(self.file, group.wish.name), _key("run"):
                command_of(group.terms[0].quantity)


def fitting_of(file: Path, config: toml.Fit) -> Fitting:
    """Returns a configured fit; raises ``ConfigError`` naming file, term and key."""
    parameters = parameters_of(file, config.params)
    return Fitting(file, config, parameters, _groups(file, config, parameters))


def fitting(file: Path, run: Path, config: toml.Fit, *, accept_new_code: bool = False) -> Job:
    """Returns the job of a fit; raises ``ConfigError`` naming file, term and key. Writes nothing."""
    if config.engine.kind == "coroutines":
        raise ConfigError(f'{file}: resources.kind: "coroutines" is for a simulator that is an async def')
    fit = fitting_of(file, config)
    with blaming_term(file, ""):
        fitter = fit.fitter(run)
    candidates = Candidates(fitter.objective, fitter.parameters)
    with blaming(file, "params"):
        problem = candidates.problem
    with blaming(file, "campaign.goal"):
        goal = wanted(config.campaign.goal)
        if goal is not None:
            goals.check_goal(goal, problem.output_names)
    job = Job(
        file,
        run,
        config,
        problem,
        Simulator(candidates, version=candidates.identity(), name="objective"),
        goal,
        partial(generator, config.optimizer, problem, fitter.parameters),
        accept_new_code,
        None if config.campaign.reuse is None else file.parent / config.campaign.reuse,
        found=partial(fit.found, run),
        ready=fit.need_programs,
        blamed=("optimizer", "term"),
    )
    made = job.generator()
    if goal is None:
        with blaming(file, "campaign.goal"):
            check_end(made)
    return job


def parameters_of(file: Path, wishes: Mapping[str, toml.Parameter]) -> Parameters:
    """Returns the parameters of a fit by their dotted names; raises ``ConfigError`` naming the one that is wrong."""
    made = {name: _parameter(file, name, wish) for name, wish in wishes.items()}
    with blaming(file, "params"):
        parameters = Parameters(_nested(made))
        if not parameters.free:
            raise ConfigError(f"none of {', '.join(made)} is free; a fit needs one that is neither fixed nor tied")
        return parameters


def _parameter(file: Path, name: str, wish: toml.Parameter) -> Parameter:
    with blaming(file, f"params.{name}"):
        if wish.value is None and wish.expr is None:
            raise ConfigError("value is missing: where the fit starts")
        lo, hi = wish.bounds or (None, None)
        prior = None if wish.prior is None else _prior(wish.prior)
        return Parameter(wish.value, lo, hi, wish.log, wish.scale, wish.fixed, wish.expr, prior, wish.unit)


def _nested(made: Mapping[str, Parameter]) -> dict[str, Any]:
    """Returns parameters by dotted name in tables within tables."""
    found: dict[str, Any] = {}
    for name, one in made.items():
        *above, last = name.split(".")
        reduce(lambda table, key: table.setdefault(key, {}), above, found)[last] = one
    return found


def _prior(wish: toml.Gaussian | toml.Laplace | toml.Box) -> Prior:
    match wish:
        case toml.Gaussian():
            return GaussianPrior(wish.mean, wish.sigma, wish.log)
        case toml.Laplace():
            return LaplacePrior(wish.mean, wish.width, wish.log)
        case toml.Box():
            return BoxPrior(wish.lo, wish.hi, wish.sigma, wish.log)
    assert_never(wish)


def _groups(file: Path, config: toml.Fit, parameters: Parameters) -> list[Group]:
    """Returns the terms of each table; raises ``ConfigError`` naming the term and the key."""
    _check_names(file, config)
    whole = parameters.nested(parameters.start)
    groups: list[Group] = []
    for wish in config.term:
        with blaming_term(file, wish.name):
            groups.append(Group(wish, list(terms_of(wish, whole, file.parent))))
    with blaming_term(file, ""):
        _check_used(file, [term for group in groups for term in group.terms], parameters)
    return groups


def _check_names(file: Path, config: toml.Fit) -> None:
    names = [wish.name for wish in config.term]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{file}: term {twice!r}: there are two of this name")


def _check_used(file: Path, terms: Sequence[Term], parameters: Parameters) -> None:
    """Raises ``ConfigError`` for a free parameter that no term takes, not even by way of others."""
    whole = parameters.nested(parameters.start)
    taken = {name.partition(".")[0] for term in terms for name in term.calling(whole).arguments(whole, term.name)}
    tied = " ".join(one.expr for one in parameters.every.values() if one.expr is not None)
    for name in parameters.free:
        if name.partition(".")[0] not in taken and name not in tied:
            raise ConfigError(f"{file}: params.{name}: no term takes it: leave it out, or say fixed = true")


@contextmanager
def blaming_term(file: Path, name: str) -> Iterator[None]:
    """Names file and term in what is wrong with a term, or went wrong in it; what names them already passes."""
    try:
        yield
    except (UserError, BadOutput, CallFailed, Rejected) as error:
        text = str(error)
        if text.startswith(f"{file}: "):
            raise
        kind = ConfigError if isinstance(error, UserError) else CallFailed
        named = text if text.startswith("term ") or not name else f"term {name!r}: {text}"
        raise kind(f"{file}: {shown(named, LONGEST)}") from error


@contextmanager
def _key(key: str) -> Iterator[None]:
    """Names the key in what is wrong with a value."""
    try:
        yield
    except UserError as error:
        raise ConfigError(f"{key}: {error}") from error
