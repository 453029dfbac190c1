"""What a ledger says, as JSON data: to be compared with what it said when it was made."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from pathlib import Path

from cohobate.core.canonical import content_hash
from cohobate.core.payload import Plain
from cohobate.ledger.export import plain
from cohobate.ledger.ledger import Ledger, open_ledger
from cohobate.ledger.resume import Delivered
from cohobate.ledger.spool import harvest
from cohobate.ledger.views import follow

EXPORTS = (".csv", ".jsonl")


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpacks a golden ledger into a new folder and returns the run folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "run"


def reading(folder: Path) -> Plain:
    """Returns everything a driver and a person ask a run folder."""
    with open_ledger(folder) as ledger:
        found = _reading(ledger)
    spool = harvest(folder)
    return json.loads(json.dumps({**found, "spool": [len(spool.spooled), len(spool.unreadable)]}))


def _reading(ledger: Ledger) -> Plain:
    views = follow(ledger)
    rates = views.rates()
    return {
        "events": dict(sorted(Counter(type(event).__name__ for _, event in ledger.read()).items())),
        "tally": ledger.tally.snapshot(),
        "status": dict(sorted(Counter(row.status for row in views.rows.by_trial.values()).items())),
        "best": [plain(row) for row in views.best(3)],
        "failures": views.failures(),
        "rates": [rates.recent, rates.overall],
        "declared": content_hash(ledger.declared()),
        "unfinished": [[u.trial.id, u.attempts, u.failed, u.cancel] for u in ledger.unfinished()],
        "untold": [result.trial.id for result in ledger.untold("main")],
        "story": [
            [result.trial.id for result in step.results] if isinstance(step, Delivered) else f"asked {step.ask}"
            for step in ledger.story("main")
        ],
    }
