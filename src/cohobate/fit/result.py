"""What a fit has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from cohobate.campaign.result import CampaignResult
from cohobate.core.errors import CallFailed
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.parameters import Parameters


@final
@dataclass(frozen=True)
class FitResult:
    """The best parameters of a fit, how sure they are, and what each term makes of them."""

    campaign: CampaignResult
    objective: CombinedObjective
    parameters: Parameters

    @property
    def best(self) -> Mapping[str, Any]:
        """The row of the best candidate."""
        rows = self.campaign.best(1, "loss")
        if not rows:
            raise CallFailed("the fit has no candidate with a loss")
        return rows[0]

    @property
    def values(self) -> dict[str, float]:
        """The free parameters by dotted name."""
        return {name: self.best[name] for name in self.parameters.free}

    @property
    def params(self) -> dict[str, Any]:
        """All parameters, nested as they were given."""
        return self.parameters.nested(self.values)

    @property
    def loss(self) -> float:
        """The least loss."""
        return float(self.best["loss"])
