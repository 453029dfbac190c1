"""What a campaign has found, read from its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, final

from cohobate.campaign.members import MAIN
from cohobate.campaign.relearning import G, relearn
from cohobate.core.card import Card
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.events import Event, Learned
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.ledger import views
from cohobate.ledger.export import export
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.tally import Tally

SHOWN = 5
"""Candidates on a card."""
LARGE = 20_000
"""Trials from which a card is made of counts alone, at once."""
PLOTS = "cohobate.plots"
"""The entry-point group of functions that draw runs: ``draw({name: Follow}, path)``."""


@final
@dataclass(frozen=True, slots=True)
class _Whole:
    """A ledger of which everything is read, large contents too."""

    ledger: Reader

    def read(self, since: int = 0, *, fetched: bool = True) -> Iterator[tuple[int, Event]]:
        return self.ledger.read(since, fetched=True)


@final
@dataclass(frozen=True)
class CampaignResult:
    """Why a campaign stopped, and everything it recorded."""

    reason: str
    tally: Tally
    source: Path | Reader

    def table(self, *, fetched: bool = True) -> list[dict[str, Any]]:
        """Returns one row for each trial, in the order they were proposed.

        Unless ``fetched``, contents from 64 kB may be left where they are, with ``Kept`` in their
        place, as ``frame`` and ``best`` do.
        """
        with self.reading() as reader:
            return views.table(_Whole(reader) if fetched else reader)

    def frame(self) -> Payload:
        """Returns the table as a pandas ``DataFrame``; raises ``MissingExtra`` without pandas."""
        with self.reading() as reader:
            return views.frame(reader)

    def best(self, n: int = 1, output: str | None = None) -> list[dict[str, Any]]:
        """Returns the ``n`` best rows by an objective (default: the first), best first."""
        with self.reading() as reader:
            return views.best(reader, n, output)

    def front(self) -> list[dict[str, Any]]:
        """Returns the Pareto front: the rows that no other beats in every objective."""
        with self.reading() as reader:
            return views.follow(reader).front()

    @property
    def value(self) -> Payload:
        """What the persistent generator returned last; ``None`` where none has."""
        return next(reversed(self.values.values()), None)

    @property
    def values(self) -> dict[str, Payload]:
        """What each persistent generator returned last, by name, in that order.

        One that had returned, and was told to come to its end when it ran again, may have nothing to add.
        """
        with self.reading() as reader:
            return views.returned(reader.returned())

    @property
    def lessons(self) -> list[Learned]:
        """The fits of the model: version, training size, out-of-sample error and best value of each."""
        with self.reading() as reader:
            return views.follow(reader).lessons

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """The failed evaluations, grouped by kind and reason, most frequent first."""
        with self.reading() as reader:
            return views.failures(reader)

    def relearn(self, generator: G, *, name: str = MAIN) -> G:
        """Returns a fresh ``generator`` after telling it all that this run told its own; see ``cohobate.relearn``."""
        return relearn(self, generator, name=name)

    def plot(self, path: str | Path | None = None, *, kind: str = "history") -> Payload:
        """Draws the result and returns the figure, saved where a path is given.

        ``history``, ``time`` and ``model`` are best-so-far against evaluations, run time and model
        version, ``parity`` is prediction against result, ``workers`` a timeline, ``front`` objectives
        against each other. Kinds are entry points of the group ``cohobate.plots``; raises ``UserError``
        for an unknown one and where there is nothing to draw, ``MissingExtra`` without matplotlib.
        """
        found = {point.name: point for point in entry_points(group=PLOTS)}
        if not found:
            raise UserError("plot: no kind is known, as cohobate is imported without being installed: pip install it")
        if kind not in found:
            raise UserError(f"plot: expected one of {sorted(found)}, got {kind!r}{did_you_mean(kind, found)}")
        with self.reading() as reader:
            return found[kind].load()({self._name: views.follow(reader)}, path)

    def export(self, path: str | Path, *, pool: Pool | None = None) -> int:
        """Writes the trials to a ``.csv``, ``.jsonl``, ``.parquet``, ``.extxyz`` or ``.sdf`` file; returns how many.

        With the ``pool`` they came from, its names too. Raises as ``ledger.export.export`` does.
        """
        with self.reading() as reader:
            return export(reader, path, pool=pool)

    def __str__(self) -> str:
        tally = self.tally
        return f"{tally.counted} evaluations ({tally.failed} failed, {tally.rejected} rejected); stopped: {self.reason}"

    def _repr_html_(self) -> str:
        """Returns the result as a card for notebooks: the counts, and unless it is large, the best and what failed."""
        tally = self.tally
        facts: list[tuple[str, object]] = [
            ("stopped", self.reason),
            ("evaluations", f"{tally.counted} ({tally.failed} failed, {tally.rejected} rejected)"),
            ("time", f"{tally.seconds:.3g} s of running"),
            ("best", ", ".join(f"{name} {found.value:.6g} (trial {found.trial})" for name, found in tally.bests())),
        ]
        if tally.proposed > LARGE:
            return Card("Result of a campaign", facts).html()
        with self.reading() as reader:
            found = views.follow(reader)
        groups = [f"{one['count']} {one['kind'].replace('_', ' ')}: {one['message']}" for one in found.failures()]
        heads, rows = self._best_rows(found)
        return Card("Result of a campaign", [*facts, ("failed", "; ".join(groups[:3]))], heads=heads, rows=rows).html()

    def _best_rows(self, found: views.Follow) -> tuple[list[str], list[list[object]]]:
        """Returns the heads and cells of a table of the best: trial, candidate, objectives."""
        naming, goals = found.rows.naming(), found.tally.goals
        columns = [naming.outputs[name] for name in goals if name in naming.outputs]
        heads = ["trial", *list(naming.inputs.values())[:4], *columns]
        best = found.best(SHOWN) if goals else []
        return heads, [[row["id"], *(row[name] for name in heads[1:])] for row in best]

    @property
    def _name(self) -> str:
        return self.source.name if isinstance(self.source, Path) else "this run"

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Opens what reads its ledger, for as long as the ``with`` lasts."""
        if not isinstance(self.source, Path):
            yield self.source
            return
        reader = open_reader(self.source)
        try:
            yield reader
        finally:
            reader.close()
