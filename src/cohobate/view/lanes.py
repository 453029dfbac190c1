"""When each worker was busy, and what came of it: the rows of a timeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from cohobate.ledger.views import Follow
from cohobate.view.clock import run_time

FINE = 1 / 2000
"""The share of the whole time below which two bars of one outcome are drawn as one, and none is drawn shorter."""

Attempt = tuple[str, str, float, float]
"""Worker, outcome, begin and end (s since the epoch)."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One worker: by outcome, the begin and length (s of run time) of its bars, as (n, 2)."""

    worker: str
    bars: dict[str, np.ndarray]


def lanes(views: Follow) -> list[Lane]:
    """Returns a lane for each worker, in the order they first worked; attempts that failed are bars too.

    Cost and size stay small for any number of trials: bars that a picture could not tell apart are one.
    """
    attempts = list(_attempts(views))
    if not attempts:
        return []
    workers, outcomes, begins, ends = zip(*attempts, strict=True)
    times = run_time(np.array([*begins, *ends]), views.opened)
    begin, end = times[: len(attempts)], times[len(attempts) :]
    fine = FINE * max(float(times.max()), 1e-9)
    groups: dict[str, dict[str, list[int]]] = {}
    for i in np.argsort(begin, kind="stable"):
        groups.setdefault(workers[i], {}).setdefault(outcomes[i], []).append(int(i))
    return [
        Lane(worker, {outcome: _merged(begin[found], end[found], fine) for outcome, found in bars.items()})
        for worker, bars in groups.items()
    ]


def outcomes(found: Iterable[Lane]) -> list[str]:
    """Returns the outcomes that occur, ``done`` first."""
    names = dict.fromkeys(name for lane in found for name in lane.bars)
    return sorted(names, key=lambda name: (name != "done", name))


def _attempts(views: Follow) -> Iterator[Attempt]:
    for row in views.rows.by_trial.values():
        for failed in row.earlier:
            yield named(failed.worker), failed.failure.kind, failed.at - failed.seconds, failed.at
        final = row.final
        if final is not None and final.attempt > 0 and not final.cached and final.started:
            yield named(final.worker), row.status, final.started, final.started + final.seconds


def named(worker: str) -> str:
    """Returns what a worker is called in a picture; threads of a pool by their number.

    >>> named("1234"), named(""), named("ThreadPoolExecutor-0_3")
    ('pid 1234', 'unknown', 'ThreadPoolExecutor-0_3')
    """
    return f"pid {worker}" if re.fullmatch(r"\d+", worker) else worker or "unknown"


def _merged(begin: np.ndarray, end: np.ndarray, fine: float) -> np.ndarray:
    """Returns (begin, length) of intervals sorted by begin, those that touch within ``fine`` as one: (n, 2)."""
    reach = np.maximum.accumulate(end)
    new = np.concatenate([[True], begin[1:] > reach[:-1] + fine])
    first = np.flatnonzero(new)
    last = np.concatenate([first[1:], [len(begin)]]) - 1
    return np.stack([begin[first], np.maximum(reach[last] - begin[first], fine)], axis=1)
