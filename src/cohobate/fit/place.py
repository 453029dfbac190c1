"""Where more candidates are evaluated beside a fit: at its engine, each kind of question in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, final

from cohobate.campaign.campaign import Campaign, Settings
from cohobate.campaign.result import CampaignResult
from cohobate.core.canonical import content_hash
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.outcome import Cancelled, Outcome
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.protocols import Engine
from cohobate.engines import as_engine, processes
from cohobate.fit.record import Candidate, record_of
from cohobate.propose.given import points
from cohobate.simulate.function import Simulator

BESIDE: Final = "beside"
"""The folder, below that of a run, of what is evaluated after it."""
MOST: Final = 8
"""Fits at once."""
KNOWN: Final = tuple(one.name for one in fields(Settings))


@final
@dataclass(frozen=True)
class Place:
    """An engine (``None``: all cores), a run folder (``None``: nothing is kept) and the settings of a campaign."""

    engine: Engine | Executor | None = None
    folder: Path | None = None
    settings: Mapping[str, Payload] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.settings:
            if name not in KNOWN:
                hint = did_you_mean(name, KNOWN)
                raise UserError(f"Fitter: no setting {name!r}{hint}; expected some of {list(KNOWN)}")

    def campaign(self, generator: Payload, simulator: Simulator, problem: Problem | None = None) -> Campaign:
        """Returns a campaign here."""
        settings: dict[str, Any] = dict(self.settings)
        return Campaign(generator, simulator, self.engine, run=self.folder, problem=problem, **settings)

    def beside(self, what: str, asked: Payload) -> Place:
        """Returns the place of another question: the same ``asked`` finds there what was evaluated before.

        Nothing gives it up: each of its failures is an answer.
        """
        settings = {**self.settings, "failure_budget": None}
        folder = self.folder and self.folder / BESIDE / f"{what}-{content_hash(asked)[:12]}"
        return replace(self, folder=folder, settings=settings)

    @property
    def room(self) -> int:
        """How many fits may run at once: as many as there is room for single evaluations, eight at most."""
        return 1 if self.engine is None else min(MOST, max(1, as_engine(self.engine).room()))

    @contextmanager
    def held(self) -> Iterator[Place]:
        """Keeps one engine open for several campaigns, where none was given."""
        if self.engine is not None:
            yield self
            return
        with processes() as engine:
            yield replace(self, engine=engine)

    def evaluate(
        self, simulator: Simulator, problem: Problem, rows: Sequence[Mapping[str, float]], what: str
    ) -> list[Outcome]:
        """Returns what comes of candidates, in their order; all are evaluated at once."""
        wanted = [dict(row) for row in rows]
        place = self.beside(what, [wanted, simulator.version])
        given = points(problem, wanted, values="again")
        found = _by_values(place.campaign(given, simulator).run())
        return [found.get(_key(row), Cancelled("the evaluation was stopped")) for row in wanted]


def simulator_of(candidates: Callable[..., Any], identity: str) -> Simulator:
    """Returns an objective of free parameters as the simulator of a campaign."""
    return Simulator(candidates, version=identity, name="objective")


def _by_values(result: CampaignResult) -> dict[tuple[tuple[str, float], ...], Outcome]:
    return {_key(one.values): one.outcome for one in _ended(result)}


def _ended(result: CampaignResult) -> Iterator[Candidate]:
    record = record_of(result)
    return (record.candidate(one.trial) for one in record.candidates())


def _key(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(values.items()))
