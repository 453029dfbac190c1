"""What a fit is of: terms, parameters, terms to validate by, and the place where it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

from cohobate.core.errors import UserError
from cohobate.core.outcome import Value
from cohobate.core.problem import Problem
from cohobate.fit.candidates import Candidates, Derived
from cohobate.fit.methods import SIZED, generator_of
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameters
from cohobate.fit.place import Place, simulator_of
from cohobate.fit.record import Candidate
from cohobate.fit.statistics import at_bound, near_bound
from cohobate.fit.term import Term
from cohobate.propose.optimisers.local import SLOPES, STEEP
from cohobate.simulate.function import Simulator

ROOTED: Final = ("square", "absolute", "huber", "soft_l1", "cauchy")
"""Losses that are made of one residual each."""
TERMS: Final = "terms"
"""As ``jac`` of a method: the derivatives are those that the terms tell."""
DERIVED: Final[Mapping[str, Derived]] = {"least_squares": "jacobian", "scipy": "gradient"}
"""Which derivatives each method uses."""


@final
@dataclass(frozen=True)
class Setup:
    """A fit before any method: everything that can be evaluated, and where.

    ``validation`` terms are evaluated at what was found, and never influence it. ``derived`` derivatives belong to
    each candidate, where a method was asked for with ``deriving``.
    """

    objective: CombinedObjective
    parameters: Parameters
    place: Place
    validation: CombinedObjective | None = None
    derived: Derived = ""

    @property
    def candidates(self) -> Candidates:
        """The objective as a function of the free parameters."""
        return Candidates(self.objective, self.parameters, self.derived)

    def deriving(self, how: str, options: Mapping[str, Any]) -> tuple[Setup, Mapping[str, Any]]:
        """Returns the fit with the derivatives that a method uses, and its options.

        Where all terms have a ``jac``, methods of derivatives take them from there, unless ``jac`` says otherwise.
        """
        asked, able = options.get("jac"), self.objective.differentiable and _uses_slopes(how, options)
        if asked != TERMS and ("jac" in options or not able):
            return self, options
        if how not in DERIVED:
            raise UserError(f"{how}: jac={TERMS!r} is for {' and '.join(DERIVED)}")
        self.objective.check_slopes()
        return replace(self, derived=DERIVED[how]), {**options, "jac": DERIVED[how]}

    @property
    def problem(self) -> Problem:
        """The free parameters and what is wanted."""
        return self.candidates.problem

    @property
    def sizes(self) -> dict[str, float]:
        """The size of changes of each free parameter that matter, by what was said of it before the fit."""
        free = self.parameters.free
        return {name: free[name].scale or abs(value) for name, value in self.parameters.start.items()}

    def generator(self, how: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 a Generator, or what steers
        """Returns the method named ``how``, at its start; raises ``UserError`` for one that is not known."""
        if how == "least_squares" and options.get("loss", "linear") != "linear":
            raise UserError(
                f"least_squares: loss={options['loss']!r} would fit to another loss than the one that is recorded: "
                "give it to the terms, Term(..., loss=...)"
            )
        why = self.objective.refusal
        if how == "least_squares" and why is not None:
            raise UserError(f"least_squares needs residuals, and there are none: {why}; fit by scipy(...) instead")
        sizes = {"scale": self.parameters.scales} if how in SIZED else {}
        return generator_of(how, self.problem, self.parameters.start, {**sizes, **options})

    @property
    def simulator(self) -> Simulator:
        """The objective as a campaign evaluates it."""
        return simulator_of(self.candidates, identity_of(self.candidates))

    def evaluate(self, rows: Sequence[Mapping[str, float]], what: str) -> list[Candidate]:
        """Returns what comes of candidates, evaluated at the engine at once."""
        outcomes = self.place.evaluate(self.simulator, self.problem, rows, what)
        return [Candidate(at, dict(row), one) for at, (row, one) in enumerate(zip(rows, outcomes, strict=True))]

    def validated(self, rows: Sequence[Mapping[str, float]]) -> list[Candidate]:
        """Returns what the validation terms make of candidates; raises ``UserError`` where there are none."""
        if self.validation is None:
            raise UserError("this fit has no validation terms: Fitter(..., validation=[...])")
        return replace(self, objective=self.validation, validation=None, derived="").evaluate(rows, "validation")

    def holding(self, name: str, value: float) -> Setup:
        """Returns the fit with one parameter held at a value."""
        held = replace(self.parameters.every[name], value=value, fixed=True)
        return replace(self, parameters=self.parameters.replaced({name: held}))

    def starting(self, values: Mapping[str, float]) -> Setup:
        """Returns the fit with another start."""
        started = {name: replace(self.parameters.every[name], value=value) for name, value in values.items()}
        return replace(self, parameters=self.parameters.replaced(started))


def _uses_slopes(how: str, options: Mapping[str, Any]) -> bool:
    if how == "scipy":
        return str(options.get("method", "L-BFGS-B")).lower() in SLOPES | STEEP
    return how in DERIVED


def identity_of(candidates: Candidates) -> str:
    """Returns what recorded losses belong to."""
    return candidates.identity()


def counts(objective: CombinedObjective, best: Candidate) -> list[int]:
    """Returns how many residuals each term has."""
    return [_count(leaf.term, best.terms[leaf.term.name]["quantities"]) for leaf in objective.leaves]


def _count(term: Term, quantities: Mapping[str, Any]) -> int:
    """Returns how many residuals a term has: one where its loss is a number of its own."""
    own = callable(term.loss) or term.loss not in ROOTED
    return 1 if own else len(term.residuals(quantities))


def check(setup: Setup) -> None:
    """Raises ``UserError`` for a fit that cannot work, before anything is evaluated."""
    parameters = setup.parameters
    if not parameters.free:
        raise UserError(
            f"Fitter: no free parameter among {list(parameters.every)}: every one is fixed or tied to others"
        )
    setup.objective.parts(parameters.nested({}))
    if setup.validation is not None:
        _check_apart(setup.objective, setup.validation)
        setup.validation.parts(parameters.nested({}))


def _check_apart(training: CombinedObjective, validation: CombinedObjective) -> None:
    trained = {leaf.term.name for leaf in training.leaves}
    if both := [leaf.term.name for leaf in validation.leaves if leaf.term.name in trained]:
        raise UserError(f"validation: {both} are among the terms of the fit too: validate by others, or rename them")


def bounds_of(setup: Setup, values: Mapping[str, float], *, near: bool = False) -> dict[str, str]:
    """Returns which parameters are at a bound, or ``near`` one, and which."""
    look, sizes = near_bound if near else at_bound, setup.sizes
    limits = setup.parameters.variables
    found = {name: look(values[name], one.lo, one.hi, sizes[name]) for name, one in limits.items()}
    return {name: said for name, said in found.items() if said}


def succeeded(candidate: Candidate | None) -> bool:
    """Whether a candidate has outputs."""
    return candidate is not None and isinstance(candidate.outcome, Value)
