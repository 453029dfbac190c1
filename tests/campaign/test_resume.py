"""What a crash left in the spool: taken in only where it belongs, and gone afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.canonical import content_hash
from cohobate.core.errors import GeneratorError
from cohobate.core.events import CancelAsked, Event, Opened, Proposed, Started
from cohobate.core.outcome import Failure, Outcome, Value
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


def lost_tail(folder: Path, *more: Event) -> dict[str, float]:
    """A run folder with one proposal after the first evaluation, whose start is not recorded; returns its inputs."""
    campaign(folder).run(co.evaluations(1))
    row = {"x": 0.25}
    with open_ledger(folder) as ledger:
        ledger.append([Opened(2, 1.0), Proposed("main", 2, (Trial(1, row),), 1), *more])
    return row


def spooled(folder: Path, attempt: int, row: dict[str, float], outcome: Outcome, *, flagged: bool = False) -> None:
    write_spool(folder, 2, 1, attempt, content_hash(row), Evaluated(outcome, 1.0, 3600.0, "w", flagged))


def test_a_result_whose_start_was_lost_counts_once(tmp_path: Path):
    folder = tmp_path / "r"
    spooled(folder, 2, lost_tail(folder), Value({"f": 42.0}))
    result = campaign(folder).run(co.evaluations(3))
    assert [row["harvested"] for row in result.table()] == [False, True, False]
    assert (result.tally.counted, result.tally.open) == (3, 0)


def test_a_value_in_the_spool_wins_over_a_later_failure(tmp_path: Path):
    folder = tmp_path / "r"
    row = lost_tail(folder)
    spooled(folder, 1, row, Value({"f": 42.0}))
    spooled(folder, 2, row, Failure("raised", "boom"))
    assert campaign(folder).run(co.evaluations(2)).table()[1]["f"] == 42.0


def test_a_spooled_failure_that_may_follow_a_cancel_decides_nothing(tmp_path: Path):
    folder = tmp_path / "r"
    row = lost_tail(folder)
    spooled(folder, 1, row, Failure("raised", "asked to stop"), flagged=True)
    assert campaign(folder).run(co.evaluations(2)).table()[1]["f"] == 0.25


def test_a_cancel_excuses_a_failure_in_the_spool(tmp_path: Path):
    folder = tmp_path / "r"
    row = lost_tail(folder, Started(1, 1, 1.0), CancelAsked((1,), "pointless"))
    spooled(folder, 1, row, Failure("raised", "boom"))
    assert campaign(folder).run(co.evaluations(2)).table()[1]["status"] == "cancelled"


def test_what_a_deterministic_simulator_gave_is_not_asked_again_after_a_crash(tmp_path: Path):
    folder, calls = tmp_path / "r", []
    simulator = co.simulator(lambda x: calls.append(x) or x, version="1", deterministic=True)

    def again() -> co.Campaign:
        return co.Campaign(co.RandomSampler({"x": co.Real(0, 1)}, minimize="f"), simulator, co.inline(), run=folder)

    first = again().run(co.evaluations(1)).table()[0]["x"]
    with open_ledger(folder) as ledger:
        ledger.append([Opened(2, 1.0), Proposed("main", 2, (Trial(1, {"x": first}),), 1)])
    table = again().run(co.evaluations(2)).table()
    assert (table[1]["cached"], table[1]["f"]) == (True, first)
    assert calls.count(first) == 1


def test_a_session_is_recorded_before_it_begins(tmp_path: Path):
    session = campaign(tmp_path / "r")._open(co.evaluations(1), None)
    try:
        assert session.ledger.reader.tally.epoch == 1
    finally:
        session.run()


def test_the_manifest_names_the_seed_of_the_generator(tmp_path: Path):
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f", seed=17)
    co.Campaign(sampler, lambda x: x, co.inline(), run=tmp_path / "r").run(co.evaluations(1))
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["seed"] == 17
    assert manifest["versions"]["numpy"]


class Refusing:
    """Proposes, and cannot be told what an earlier session found."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))
        self.deaf, self.finalized = deaf, 0

    def suggest(self, n: int) -> list[dict[str, float]]:
        return [{"x": 0.5}] * n

    def ingest(self, results: object) -> None:
        if self.deaf:
            raise ValueError("not mine")

    def finalize(self) -> None:
        self.finalized += 1


def half(x: float) -> float:
    return x / 2


def test_a_generator_that_cannot_be_brought_back_is_let_go_of(tmp_path: Path):
    co.Campaign(Refusing(), half, co.inline(), run=tmp_path / "r").run(co.evaluations(2))
    deaf = Refusing(deaf=True)
    with pytest.raises(GeneratorError, match=r"ingest raised on what is recorded: ValueError: not mine"):
        co.Campaign(deaf, half, co.inline(), run=tmp_path / "r").run(co.evaluations(3))
    assert deaf.finalized == 1
