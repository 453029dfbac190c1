"""The public face of a fit: an objective, its parameters, and where the terms run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import Goals
from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import ResumeRefused, UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.protocols import Engine, Posed
from cohobate.fit.evaluation import Evaluation
from cohobate.fit.explain import Explanation
from cohobate.fit.handle import FitHandle
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Bounds, Nested, Parameters
from cohobate.fit.place import Place
from cohobate.fit.result import FitResult
from cohobate.fit.setup import Setup, check
from cohobate.fit.term import Term
from cohobate.ledger.reader import open_reader

Terms = CombinedObjective | Term | Sequence[Term | CombinedObjective]


@final
class Fitter:
    """Fits parameters to an objective; every method of fitting is a campaign over its free parameters.

    ``params`` are nested as the model takes them, numbers or ``Parameter``s; ``bounds`` are (lo, hi) in the same
    nesting, of those that have some. Terms run at ``engine`` (default: all cores). ``run`` names the run
    folder: the same lines with the same folder continue what is there. ``validation`` terms are evaluated
    once, at the best parameters, and never influence these. Further ``settings`` are those of a ``Campaign``:
    ``deadline``, ``retries``, ``failure_budget``, ``needs`` ...

    Raises ``UserError`` for what cannot work, before anything is evaluated.

    >>> from cohobate.engines import inline
    >>> line = Term(lambda a, b: [a, a + b, a + 2 * b], [1.0, 3.1, 4.9], name="line")
    >>> fit = Fitter(line, {"a": 0.0, "b": 1.0}, engine=inline())
    >>> {name: round(value, 6) for name, value in fit.least_squares().values.items()}
    {'a': 1.05, 'b': 1.95}
    """

    def __init__(
        self,
        objective: Terms,
        params: Nested | Parameters,
        *,
        bounds: Bounds | None = None,
        engine: Engine | Executor | None = None,
        run: str | Path | None = None,
        validation: Terms | None = None,
        **settings: Payload,
    ) -> None:
        place = Place(engine, None if run is None else Path(run).absolute(), settings)
        validated = None if validation is None else _objective(validation)
        self.setup = Setup(_objective(objective), Parameters.of(params, bounds), place, validated)
        check(self.setup)

    @property
    def objective(self) -> CombinedObjective:
        """The terms that are fitted to."""
        return self.setup.objective

    @property
    def parameters(self) -> Parameters:
        """The parameters, free, fixed and tied."""
        return self.setup.parameters

    @property
    def problem(self) -> Problem:
        """The free parameters by dotted name, the loss and the residuals: for a generator of one's own."""
        return self.setup.problem

    # ways of fitting

    def least_squares(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by least squares on the residuals: the way for smooth models. ``options`` are those of its method.

        The Jacobian is that of the terms where all have a ``jac``, evaluated with each candidate and recorded; else,
        and with ``jac="2-point"``, it is made by differences. ``jac="terms"`` insists on the former.
        """
        return self.run("least_squares", until=until, **options)

    def scipy(self, method: str = "L-BFGS-B", *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by a method of ``scipy.optimize.minimize`` on the loss; with the ``jac`` of terms where it can."""
        return self.run("scipy", until=until, method=method, **options)

    def nevergrad(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by an optimiser of nevergrad, within bounds; needs a goal such as ``until=evaluations(500)``."""
        return self.run("nevergrad", until=until, **options)

    def cma(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by CMA-ES, within bounds."""
        return self.run("cma", until=until, **options)

    def gp(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by a Gaussian process, within bounds: for few and expensive evaluations."""
        return self.run("gp", until=until, **options)

    def multistart(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits from several starts within the bounds."""
        return self.run("multistart", until=until, **options)

    def pattern_search(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by a pattern search: no derivatives, for noisy losses."""
        return self.run("pattern_search", until=until, **options)

    def run(self, how: Payload = "least_squares", *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by the method named ``how``, or by a generator over ``problem``, and waits for it.

        ``until`` is a goal as of any campaign: ``evaluations(200)``, ``below("loss", 1e-3)``, ``stalled(50)`` ...
        """
        campaign = self._campaign(how, options)
        with _Telling(self.setup.place.folder, how):
            found = campaign.run(until)
        return self.result(found)

    def start(self, how: Payload = "least_squares", *, until: Goals | None = None, **options: Payload) -> FitHandle:
        """Starts a fit in the background."""
        campaign = self._campaign(how, options)
        with _Telling(self.setup.place.folder, how):
            handle = campaign.start(until)
        return FitHandle(handle, self.result)

    async def arun(
        self, how: Payload = "least_squares", *, until: Goals | None = None, **options: Payload
    ) -> FitResult:
        """Fits within a running event loop; cancelling it stops the fit as Ctrl-C does."""
        campaign = self._campaign(how, options)
        with _Telling(self.setup.place.folder, how):
            found = await campaign.arun(until)
        return await asyncio.to_thread(self.result, found)

    # beside fitting

    def evaluate(self, values: Mapping[str, float] | None = None) -> Evaluation:
        """Returns what the terms make of the start, or of other values: a table, nothing of it recorded.

        ``values`` are free parameters by dotted name; those that are left out are at their start.
        """
        start = self.parameters.start
        for name in values or {}:
            if name not in start:
                raise UserError(
                    f"evaluate: no free parameter {name!r}{did_you_mean(name, start)}; there are {list(start)}"
                )
        here = replace(self.setup, place=replace(self.setup.place, folder=None))
        return Evaluation(self.objective, here.evaluate([{**start, **(values or {})}], "check")[0])

    def recorded(self) -> FitResult:
        """Returns what the run folder holds by now, without evaluating anything; also while a fit runs there."""
        folder = self.setup.place.folder
        if folder is None:
            raise UserError("recorded: this fit has no run folder: Fitter(..., run=...) keeps what was evaluated")
        with open_reader(folder) as reader:
            return self._result(CampaignResult("as recorded", reader.tally, folder))

    def explain(self, trial: int, against: int | None = None) -> Explanation:
        """Returns which terms moved between two recorded candidates: from ``against`` (the best) to ``trial``."""
        return self.recorded().explain(trial, against)

    def result(self, campaign: CampaignResult) -> FitResult:
        """Returns what a campaign over this objective has found, validated, and tells it to the run folder."""
        found = self._result(campaign)
        if not found.record.best(1):
            return found
        if self.setup.validation is not None:
            found = replace(found, validated=self.setup.validated([found.values])[0])
        found.keep()
        return found

    def _result(self, campaign: CampaignResult) -> FitResult:
        setup = self.setup
        return FitResult(campaign, setup.objective, setup.parameters, setup.place, setup.validation)

    def _campaign(self, how: Payload, options: Mapping[str, Any]) -> Campaign:
        setup = self.setup
        if isinstance(how, str):
            setup, options = setup.deriving(how, options)
            return setup.place.campaign(setup.generator(how, options), setup.simulator)
        if options:
            raise UserError(f"fit: options {list(options)} beside a generator: give them to the generator itself")
        brought = how.problem if isinstance(how, Posed) else None
        return setup.place.campaign(how, setup.simulator, brought or setup.problem)

    def __repr__(self) -> str:
        free, terms = len(self.parameters.free), len(self.objective.leaves)
        return f"Fitter({terms} terms, {free} free parameters, run={self.setup.place.folder})"


@final
@dataclass(frozen=True, slots=True)
class _Telling:
    """Says of a run folder that was made by another fit what to do instead."""

    folder: Path | None
    how: Payload

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, ResumeRefused) and "has changed since" not in str(error):
            raise ResumeRefused(
                f"{self.folder} holds another fit: {error}. To go on from its result by other means: "
                f"Fitter(objective, result.params, run=<a new folder>)"
            ) from error


def _objective(terms: Terms) -> CombinedObjective:
    match terms:
        case CombinedObjective():
            return terms
        case Term():
            return CombinedObjective([terms])
    return CombinedObjective(list(terms))
