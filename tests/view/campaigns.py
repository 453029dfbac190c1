"""Made-up campaigns with everything in them that a report or a plot shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.events import AttemptFailed, Declared, Event, Finished, Learned, Opened, Proposed, Started, Stopped
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.trial import Note, Trial
from cohobate.ledger.ledger import Ledger, memory_ledger, open_ledger
from cohobate.ledger.views import Follow, follow

START = 1.7e9
SMILES = (
    "CCO",
    "c1ccccc1",
    "CC(=O)N",
    "FC(F)(F)c1ccon1",
    "N#Cc1ccc(O)cc1",
    "CS(=O)(=O)Cl",
    "C[NH3+].[Cl-]",
    "OP(O)(O)=O",
)


def declared(*, two: bool = False, limit: bool = False) -> Declared:
    """A problem over a pool of SMILES: the energy ``ie``, perhaps a second objective, perhaps a constraint."""
    outputs = [{"is": "Output", "name": "ie", "goal": "maximize", "shape": [], "unit": "eV"}]
    if two:
        outputs.append({"is": "Output", "name": "gap", "goal": "minimize", "shape": [], "unit": "eV"})
    if limit:
        outputs.append(
            {"is": "Output", "name": "mass", "goal": {"is": "AtMost", "limit": 120.0}, "shape": [], "unit": "amu"}
        )
    pool = {"rows": 2521, "columns": ["smiles"], "sha256": "0" * 64}
    settings = {"acquisition": "ei", "initial": 8, "batch": 4, "seed": 7}
    generator = {"kind": "ActiveLearning", "settings": settings}
    return Declared(
        {"problem": {"variables": pool, "outputs": outputs}, "generator": generator, "simulator": "ie 1f3a"}
    )


def events(
    n: int, *, workers: int = 4, two: bool = False, limit: bool = False, smiles=SMILES, predict=("ie",)
) -> Iterator[Event]:
    """A campaign of ``n`` trials in two sessions, 1 in 20 failed, a model fitted every 4 results after 8."""
    rng = np.random.default_rng(0)
    yield Opened(1, START)
    yield declared(two=two, limit=limit)
    free, shift = [START] * workers, 0.0
    for i in range(n):
        version = 0 if i < 8 else i // 4 - 1
        truth = 9 + 4 * rng.beta(2, 5) + 2 * (1 - np.exp(-i / 60))
        known = version > 0
        if known and i % 4 == 0:
            error = {"ie": 0.25 + 0.8 / np.sqrt(i)} if version > 1 else {}
            yield Learned("main", version, i, error, dict.fromkeys(predict, 12 + i / n), free[0])
        note = (
            _note(version, truth + 0.3 * rng.normal(), 0.25 + 0.1 * rng.random(), predict) if known else Note("initial")
        )
        if i == n // 2:
            yield Stopped("stopped cleanly", max(free), max(free) - START)
            shift = 3600.0
            free = [max(free) + shift] * workers
            yield Opened(2, free[0])
        worker = int(np.argmin(free))
        began, seconds = free[worker] + 0.01, float(rng.gamma(4, 0.5))
        free[worker] = began + seconds
        yield Proposed("main", i + 1, (Trial(i, {"smiles": smiles[i % len(smiles)]}, "main", note),), 1, began)
        yield Started(i, 1, began)
        attempt = 1
        if i % 37 == 5:
            lost = Failure("worker_lost", "the worker died: killed by signal 9")
            yield AttemptFailed(i, 1, lost, began + seconds / 2, seconds / 2, f"{4000 + worker}")
            yield Started(i, 2, began + seconds / 2)
            began, seconds, attempt = began + seconds / 2, seconds / 2, 2
        values = {"ie": truth, "gap": 20 - truth + rng.normal(), "mass": 60 + 90 * rng.random()}
        outcome = _outcome(i, {**values, "geometry": Blob(XYZ.encode(), ".extxyz")} if i < 50 else values)
        yield Finished(i, attempt, outcome, began + seconds, began, seconds, f"{4000 + worker}")
    yield Stopped("goal reached: enough", max(free), 0.0)


def _note(version: int, mean: float, std: float, predict: tuple[str, ...]) -> Note:
    return Note("ei", version, dict.fromkeys(predict, mean), dict.fromkeys(predict, std), 0.1)


XYZ = """3
Properties=species:S:1:pos:R:3 pbc="F F F" energy=-5.07 charge=0
O 0.0 0.0 0.119
H 0.0 0.763 -0.477
H 0.0 -0.763 -0.477
"""


def _outcome(i: int, values: dict[str, object]) -> Outcome:
    if i % 20 == 3:
        return Failure(
            "raised", "ValueError: no conformer of this molecule", "Traceback (most recent call last):\n  ...\n"
        )
    if i % 53 == 11:
        return Failure("timeout", "ran longer than 60 s")
    return Value(values)


def campaign(n: int = 120, folder: Path | None = None, **wishes) -> Follow:
    """The views of a made-up campaign, in memory or in a run folder."""
    with ledger_of(folder) as ledger:
        ledger.append(list(events(n, **wishes)))
        ledger.flush()
        return follow(ledger)


def ledger_of(folder: Path | None) -> Ledger:
    """An empty ledger."""
    return open_ledger(folder) if folder else memory_ledger()
