"""What a crash left in the spool: taken in only where it belongs, and gone afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import cohobate as co
from cohobate.core.canonical import content_hash
from cohobate.core.events import Opened, Proposed, Started
from cohobate.core.outcome import Value
from cohobate.core.trial import Evaluated, Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.spool import write_spool


def campaign(folder: Path) -> co.Campaign:
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
    return co.Campaign(sampler, lambda x: x, co.inline(), run=folder)


def crashed(folder: Path) -> list[dict[str, float]]:
    """A run folder whose driver died with two evaluations running; returns their inputs."""
    campaign(folder).run(co.evaluations(1))
    rows = [{"x": 0.25}, {"x": 0.75}]
    with open_ledger(folder) as ledger:
        trials = tuple(Trial(i, row) for i, row in enumerate(rows, 1))
        ledger.append([Opened(2, 1.0), Proposed("main", 2, trials, 2), Started(1, 1, 1.0), Started(2, 1, 1.0)])
    return rows


def test_spooled_results_are_taken_in_where_their_proposal_is_recorded(tmp_path: Path):
    folder = tmp_path / "r"
    first, second = crashed(folder)
    report = Evaluated(Value({"f": 42.0}), 1.0, 3600.0, "w")
    write_spool(folder, 2, 1, 1, content_hash(first), report)
    write_spool(folder, 2, 2, 1, content_hash({"x": 0.123}), report)
    write_spool(folder, 2, 99, 1, content_hash(second), report)
    (folder / "spool" / "3-2-1.result").write_bytes(b"torn")
    result = campaign(folder).run(co.evaluations(4))
    table = result.table()
    assert [row["harvested"] for row in table] == [False, True, False, False]
    assert (table[1]["f"], table[1]["seconds"]) == (42.0, 3600.0)
    assert table[2]["f"] == 0.75
    assert result.tally.counted == 4
    assert list((folder / "spool").iterdir()) == []
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["sessions"][-1]["spool"] == {"found": 3, "taken": 1, "unreadable": 1}


def test_the_manifest_names_the_seed_of_the_generator(tmp_path: Path):
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f", seed=17)
    co.Campaign(sampler, lambda x: x, co.inline(), run=tmp_path / "r").run(co.evaluations(1))
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["seed"] == 17
    assert manifest["versions"]["numpy"]
