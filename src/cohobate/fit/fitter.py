"""The public face of a fit: an objective, its parameters, and where the terms run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import Goals
from cohobate.campaign.handle import Handle
from cohobate.campaign.result import CampaignResult
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.fit.candidates import Candidates
from cohobate.fit.methods import SIZED, generator_of
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Bounds, Nested, Parameters
from cohobate.fit.result import FitResult
from cohobate.fit.term import Term
from cohobate.simulate.function import Simulator


@final
class Fitter:
    """Fits parameters to an objective; every method of fitting is a campaign over its free parameters."""

    def __init__(
        self,
        objective: CombinedObjective | Term,
        params: Nested | Parameters,
        *,
        bounds: Bounds | None = None,
        engine: Engine | Executor | None = None,
        run: str | Path | None = None,
        **settings: Payload,
    ) -> None:
        self.objective = CombinedObjective([objective]) if isinstance(objective, Term) else objective
        self.parameters = Parameters.of(params, bounds)
        self._engine, self._run, self._settings = engine, run, settings

    def least_squares(self, *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by ``scipy.optimize.least_squares`` on the residuals; ``options`` are those of that optimiser."""
        return self.run("least_squares", until=until, **options)

    def scipy(self, method: str = "L-BFGS-B", *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by a method of ``scipy.optimize.minimize`` on the loss."""
        return self.run("scipy", until=until, method=method, **options)

    def run(self, how: str = "least_squares", *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits by the method named ``how``, and waits for it."""
        return self._result(self._campaign(how, options).run(until))

    def start(self, how: str = "least_squares", *, until: Goals | None = None, **options: Payload) -> FitHandle:
        """Starts a fit in the background."""
        return FitHandle(self._campaign(how, options).start(until), self)

    async def arun(self, how: str = "least_squares", *, until: Goals | None = None, **options: Payload) -> FitResult:
        """Fits within a running event loop."""
        return self._result(await self._campaign(how, options).arun(until))

    def result(self, campaign: CampaignResult) -> FitResult:
        """Returns what a campaign over this objective has found."""
        return self._result(campaign)

    def _campaign(self, how: str, options: Mapping[str, Any]) -> Campaign:
        candidates = Candidates(self.objective, self.parameters)
        sizes = {"scale": self.parameters.scales} if how in SIZED else {}
        generator = generator_of(how, candidates.problem, self.parameters.start, {**sizes, **options})
        simulator = Simulator(candidates, version=candidates.identity(), name="objective")
        return Campaign(generator, simulator, self._engine, run=self._run, **self._settings)

    def _result(self, campaign: CampaignResult) -> FitResult:
        return FitResult(campaign, self.objective, self.parameters)


@final
@dataclass(frozen=True, slots=True)
class FitHandle:
    """A fit that runs in the background; awaitable, and a ``Handle`` of its campaign."""

    campaign: Handle
    fitter: Fitter

    def result(self, timeout: float | None = None) -> FitResult:
        """Waits for the end and returns the result."""
        return self.fitter.result(self.campaign.result(timeout))

    def __await__(self) -> Generator[Any, None, FitResult]:
        return self._awaited().__await__()

    async def _awaited(self) -> FitResult:
        return self.fitter.result(await self.campaign)
