"""What a fit has found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import CallFailed, UserError
from cohobate.core.payload import Payload
from cohobate.fit import findings as plain
from cohobate.fit import text
from cohobate.fit.bootstrap import Bootstrap, Resample, bootstrap
from cohobate.fit.comparison import TermRow, rows
from cohobate.fit.explain import Explanation, explain
from cohobate.fit.findings import Findings
from cohobate.fit.gathering import Known, findings_of, notes, priors_of
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameters
from cohobate.fit.pictures import draw
from cohobate.fit.place import Place
from cohobate.fit.profile import Profile, profile
from cohobate.fit.record import Candidate, Record, record_of
from cohobate.fit.report import write
from cohobate.fit.setup import Setup, bounds_of, succeeded
from cohobate.fit.slope import assemble, stencils
from cohobate.fit.statistics import Uncertainty, estimate
from cohobate.propose.scaling import Numbers

ALIKE: Final = 1e-6
"""How far from the best candidate, in sizes of a parameter, a Jacobian may have been taken."""
ROUGH: Final = 1e-7
"""Accuracy of a Jacobian that an optimiser made by forward differences."""
FINE: Final = 1e-9
"""Accuracy of one by central differences."""


JACOBIAN: Final = "jacobian"


@final
@dataclass(frozen=True, slots=True)
class Slopes:
    """The Jacobian of residuals, (m, d), where it is from, and how accurate it is."""

    jacobian: Numbers
    source: str = "jac of the terms"
    accuracy: float = FINE


@final
@dataclass(frozen=True)
class FitResult:
    """The best parameters of a fit, how sure they are, and what each term makes of them.

    ``print(result)`` tells it all. Nothing here evaluates anything, except ``uncertainty`` where no Jacobian
    is known, ``bootstrap(refit=True)`` and ``profile``: these evaluate at the engine of the fit, and keep
    what they found beside its run folder.
    """

    campaign: CampaignResult
    objective: CombinedObjective
    parameters: Parameters
    place: Place = field(default_factory=Place)
    validated_by: CombinedObjective | None = None
    validated: Candidate | None = None
    _learned: dict[str, Uncertainty] = field(default_factory=dict, repr=False, compare=False)

    @property
    def setup(self) -> Setup:
        """What the fit was of, and where more is evaluated."""
        return Setup(self.objective, self.parameters, self.place, self.validated_by)

    @cached_property
    def record(self) -> Record:
        """The candidates of this fit."""
        return record_of(self.campaign)

    @cached_property
    def candidate(self) -> Candidate:
        """The best candidate; raises ``CallFailed`` where none has a loss."""
        found = self.record.best(1)
        if not found:
            failures = self.record.views.failures()
            said = f": {failures[0]['message']}" if failures else ""
            raise CallFailed(f"the fit has no candidate with a loss ({len(failures)} kinds of failures{said})")
        return found[0]

    @property
    def values(self) -> dict[str, float]:
        """The free parameters by dotted name."""
        return {name: float(self.candidate.values[name]) for name in self.parameters.free}

    @property
    def params(self) -> dict[str, Any]:
        """All parameters, nested as they were given: what a model takes, and another fit can start from."""
        return self.parameters.nested(self.values)

    @property
    def loss(self) -> float:
        """The least loss."""
        return self.candidate.loss

    @property
    def residuals(self) -> Numbers:
        """The residuals of the best candidate: (m,), weighted as in the loss; those of priors are the last."""
        return self.candidate.residuals

    @property
    def chi_square(self) -> float:
        """The sum of the squared residuals."""
        return float(self.residuals @ self.residuals)

    @property
    def degrees_of_freedom(self) -> int:
        """Residuals less free parameters; those at a bound do not count, and priors are residuals."""
        return len(self.residuals) - len(self.parameters.free) + len(bounds_of(self.setup, self.values))

    @property
    def reduced_chi_square(self) -> float:
        """Chi-square for each degree of freedom; NaN where there is none."""
        freedom = self.degrees_of_freedom
        return self.chi_square / freedom if freedom > 0 else math.nan

    @property
    def terms(self) -> list[TermRow]:
        """The table of terms at the best parameters, the largest share of the loss first."""
        return rows(self.objective, self.candidate)

    @property
    def validation(self) -> list[TermRow]:
        """The table of the validation terms; empty where there are none, or they failed."""
        if self.validated_by is None or self.validated is None or not succeeded(self.validated):
            return []
        return rows(self.validated_by, self.validated)

    @property
    def validation_loss(self) -> float:
        """The loss of the validation terms at the best parameters; NaN where there is none."""
        return self.validated.loss if self.validated is not None and succeeded(self.validated) else math.nan

    def validate(self, n: int = 10) -> list[tuple[Candidate, float]]:
        """Returns the ``n`` best candidates, best first, each with its validation loss; NaN where that failed.

        Evaluates the validation terms at the engine: for whoever wants to choose among nearly equal candidates.
        """
        best = self.best(n)
        found = self.setup.validated([one.values for one in best])
        losses = [one.loss if succeeded(one) else math.nan for one in found]
        return list(zip(best, losses, strict=True))

    @property
    def priors(self) -> dict[str, float]:
        """What the priors add to the loss, by parameter."""
        return priors_of(self.candidate)

    @property
    def near_bounds(self) -> dict[str, str]:
        """The parameters that ended near a bound or at it, and which."""
        return bounds_of(self.setup, self.values, near=True)

    @property
    def warnings(self) -> list[str]:
        """What whoever uses the parameters should know."""
        return list(notes(self._known))

    def best(self, n: int = 10) -> list[Candidate]:
        """Returns the ``n`` best candidates, best first."""
        return self.record.best(n)

    # how sure

    @property
    def errors(self) -> dict[str, float]:
        """The standard errors; NaN where they are not known: ``uncertainty()`` says why, or finds out."""
        known = self._uncertainty
        return known.errors if known is not None else dict.fromkeys(self.values, math.nan)

    @property
    def covariance(self) -> Numbers:
        """The covariance of the free parameters: (d, d); NaN where it is not known."""
        known = self._uncertainty
        d = len(self.parameters.free)
        return known.covariance if known is not None else np.full((d, d), np.nan)

    @property
    def correlations(self) -> Numbers:
        """The correlations of the free parameters: (d, d); NaN where they are not known."""
        known = self._uncertainty
        d = len(self.parameters.free)
        return known.correlations if known is not None else np.full((d, d), np.nan)

    def uncertainty(
        self,
        *,
        absolute_sigma: bool = False,
        differences: bool = False,
        rel_step: float | Mapping[str, float] | None = None,
    ) -> Uncertainty:
        """Returns standard errors and correlations; what this result shows from now on.

        They come from the Jacobian of the residuals at the best parameters: that of the terms where all have a ``jac``,
        that of ``least_squares`` where it is known, else, and with ``differences`` or a ``rel_step``, by central
        differences: two evaluations for each parameter, at the engine. ``rel_step`` (6e-6) times the size of a
        parameter is the step; noisy simulations need a larger one. They are scaled such that reduced chi-square
        is 1, as sigmas mostly are guesses; with ``absolute_sigma`` they are taken as they are.
        """
        if not len(self.residuals):
            raise UserError("uncertainty: this objective has no residuals, so that nothing tells how sure its loss is")
        known = None if differences or rel_step is not None else self._jacobian or self._told()
        jacobian, failed = (known.jacobian, {}) if known is not None else self._differences(rel_step)
        found = estimate(
            list(self.values),
            list(self.values.values()),
            self.residuals,
            jacobian,
            at_bounds=bounds_of(self.setup, self.values),
            absolute_sigma=absolute_sigma,
            accuracy=FINE if known is None else known.accuracy,
            source="central differences" if known is None else known.source,
            logarithmic=frozenset(name for name, one in self.parameters.variables.items() if one.log),
            failed=failed,
        )
        self._learned["uncertainty"] = found
        if known is not self._jacobian or known is None:
            self.keep()
        return found

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Returns the intervals of all free parameters; see ``Uncertainty.intervals``."""
        return self._sure.intervals(level)

    def bootstrap(
        self, n: int = 200, seed: int = 0, *, resample: Resample = "residuals", refit: bool = False
    ) -> Bootstrap:
        """Returns the parameters of ``n`` fits to data drawn again: their spread is how sure they are.

        ``resample``: "residuals" draws the residuals again, "terms" whole terms, "parametric" noise from the
        normal distribution. By default a fit is one step of Gauss and Newton, which costs no evaluation and is
        right where the model is nearly linear within the errors; ``refit`` fits each anew at the engine.
        """
        return bootstrap(self.setup, self.candidate, self._sure, n, seed, resample=resample, refit=refit)

    def profile(self, name: str, points: int | Sequence[float] = 9, *, level: float = 0.95) -> Profile:
        """Returns the least loss at fixed values of a parameter, all others fitted anew, at the engine.

        ``points``: the values, or how many of them a third further to either side than the interval of a linear
        model. The interval of probability ``level`` holds where errors are not symmetric too.
        """
        return profile(self.setup, self.candidate, self._sure, name, points, level=level)

    # what is told

    def explain(self, trial: int, against: int | None = None) -> Explanation:
        """Returns which terms moved between two candidates: from ``against`` (the best) to ``trial``."""
        before = self.candidate if against is None else self.record.candidate(against)
        return explain(before, self.record.candidate(trial))

    @property
    def findings(self) -> Findings:
        """Everything that is shown of this fit, as plain data."""
        return findings_of(self._known)

    def json(self, path: str | Path) -> Path:
        """Writes everything that was found to a JSON file; what is not a number is null. Returns its path."""
        plain.write(self.findings, Path(path))
        return Path(path)

    def report(self, path: str | Path = "report.html") -> Path:
        """Writes what was found as one HTML file with plots, which needs nothing else. Returns its path."""
        return write(self.record.views, self.findings, Path(path))

    def plot(self, path: str | Path | None = None, *, kind: str = "parity") -> Payload:
        """Draws the result and returns the figure, saved where a path is given.

        ``parity`` are values against targets, ``terms`` the share of each term, ``correlations`` a matrix; any
        other kind is one of ``CampaignResult.plot``, such as ``history``: the loss against evaluations.
        """
        return draw(self.findings, self.campaign, path, kind=kind)

    def keep(self) -> None:
        """Tells the run folder what was found, for ``cohobate report``; a fit does so at its end."""
        if self.place.folder is not None and self.campaign.source == self.place.folder:
            plain.write(self.findings, self.place.folder / plain.NAME)

    def __repr__(self) -> str:
        if not self.record.best(1):
            return f"FitResult(nothing found, {self.campaign.reason})"
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.values.items())
        return f"FitResult({values}, loss={self.loss:.6g})"

    def __str__(self) -> str:
        return text.report(self.findings) if self.record.best(1) else f"The fit found nothing: {self.campaign}"

    def _repr_html_(self) -> str:
        """Returns the result as a card for notebooks."""
        return text.card(self.findings) if self.record.best(1) else self.campaign._repr_html_()

    @property
    def _known(self) -> Known:
        return Known(
            self.setup, self.record, self.candidate, self.validated, self._uncertainty, self.degrees_of_freedom
        )

    @property
    def _sure(self) -> Uncertainty:
        """What was found of the errors; finds it out where nothing was."""
        known = self._uncertainty
        return self.uncertainty() if known is None else known

    @property
    def _uncertainty(self) -> Uncertainty | None:
        """What is known of the errors without evaluating anything."""
        if "uncertainty" in self._learned:
            return self._learned["uncertainty"]
        return None if self._jacobian is None else self.uncertainty()

    @cached_property
    def _jacobian(self) -> Slopes | None:
        """The Jacobian of the best candidate that was recorded, or that the optimiser returned."""
        if JACOBIAN in self.candidate.outputs:
            return Slopes(np.asarray(self.candidate.outputs[JACOBIAN], dtype=float))
        told = self.campaign.value
        if not isinstance(told, Mapping) or "jac" not in told or "variables" not in told:
            return None
        found = np.asarray(told["jac"], dtype=float)
        values, at, said = self.values, told["variables"], self.setup.sizes
        sizes = {name: max(abs(value), said[name]) for name, value in values.items()}
        there = list(at) == list(values) and all(abs(at[n] - v) <= ALIKE * sizes[n] for n, v in values.items())
        fits = found.shape == (len(self.residuals), len(values)) and bool(np.all(np.isfinite(found)))
        return Slopes(found, "least_squares", ROUGH) if there and fits else None

    def _told(self) -> Slopes | None:
        """The Jacobian that the terms tell, evaluated at the engine; ``None`` where they do not."""
        if not self.objective.differentiable:
            return None
        (found,) = replace(self.setup, derived=JACOBIAN).evaluate([self.values], "jacobian")
        return Slopes(np.asarray(found.outputs[JACOBIAN], dtype=float)) if succeeded(found) else None

    def _differences(self, rel_step: float | Mapping[str, float] | None) -> tuple[Numbers, dict[str, str]]:
        made = stencils(self.values, self.parameters.variables, self.setup.sizes, rel_step)
        asked = [row for one in made for row in one.rows(self.values)]
        outcomes = self.place.evaluate(self.setup.simulator, self.setup.problem, asked, "jacobian")
        return assemble(made, self.values, self.residuals, outcomes)
