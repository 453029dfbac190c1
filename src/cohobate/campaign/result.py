"""What a campaign has found, read from its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, final

from cohobate.core.errors import UserError
from cohobate.core.events import Event, Learned
from cohobate.core.payload import Payload
from cohobate.ledger import views
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.tally import Tally

PLOTS = "cohobate.plots"
"""The entry-point group of functions that draw a result: ``draw(rows, goals, path)``."""


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
        with self._open() as reader:
            return views.table(_Whole(reader) if fetched else reader)

    def frame(self) -> Payload:
        """Returns the table as a pandas ``DataFrame``; raises ``MissingExtra`` without pandas."""
        with self._open() as reader:
            return views.frame(reader)

    def best(self, n: int = 1, output: str | None = None) -> list[dict[str, Any]]:
        """Returns the ``n`` best rows by an objective (default: the first), best first."""
        with self._open() as reader:
            return views.best(reader, n, output)

    def front(self) -> list[dict[str, Any]]:
        """Returns the Pareto front: the rows that no other beats in every objective."""
        with self._open() as reader:
            return views.follow(reader).front()

    @property
    def lessons(self) -> list[Learned]:
        """The fits of the model: version, training size, out-of-sample error and best value of each."""
        with self._open() as reader:
            return views.follow(reader).lessons

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """The failed evaluations, grouped by kind and reason, most frequent first."""
        with self._open() as reader:
            return views.failures(reader)

    def plot(self, path: str | Path | None = None, *, kind: str = "history") -> Payload:
        """Draws the result and returns the figure, saved where a path is given.

        ``history`` is best-so-far against evaluations. Kinds are entry points of the group
        ``cohobate.plots``; raises ``UserError`` for an unknown one, ``MissingExtra`` without matplotlib.
        """
        found = {point.name: point for point in entry_points(group=PLOTS)}
        if kind not in found:
            raise UserError(f"plot: expected one of {sorted(found)}, got {kind!r}")
        return found[kind].load()(self.table(fetched=False), self.tally.goals, path)

    def __str__(self) -> str:
        tally = self.tally
        return f"{tally.counted} evaluations ({tally.failed} failed, {tally.rejected} rejected); stopped: {self.reason}"

    @contextmanager
    def _open(self) -> Iterator[Reader]:
        if not isinstance(self.source, Path):
            yield self.source
            return
        reader = open_reader(self.source)
        try:
            yield reader
        finally:
            reader.close()
