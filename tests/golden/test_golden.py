"""Ledgers that earlier versions wrote are read as they were meant, and continued."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.errors import ResumeRefused
from cohobate.core.events import EVENTS, Closing, Computed, Event, Finished, Learned, Progress, Returned, Revised
from cohobate.core.outcome import KINDS, Failure, Value
from cohobate.ledger.export import export
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.snapshot import snapshot
from cohobate.ledger.verify import verify
from golden.reading import EXPORTS, reading, unpacked
from golden.recorded import VALUES, campaign, history
from ledger.test_codec import same

HERE = Path(__file__).parent
STEERED = {Revised, Computed, Closing, Returned}
LATER: dict[str, set[type[Event]]] = {
    "0.1.0": {Learned, *STEERED, Progress},
    "0.2.0": {*STEERED, Progress},
    "0.3.0": {Progress},
    "0.4.0": set(),
}
"""The events that a version did not have yet."""
ARCHIVES = sorted(HERE.glob("*/*.tar.gz"))


def named(archive: Path) -> str:
    return archive.relative_to(HERE).as_posix().removesuffix(".tar.gz")


every = pytest.mark.parametrize("archive", ARCHIVES, ids=named)
whole = pytest.mark.parametrize("archive", [path for path in ARCHIVES if "whole" in path.name], ids=named)
unfinished = pytest.mark.parametrize("archive", [path for path in ARCHIVES if "whole" not in path.name], ids=named)


def expected(archive: Path, suffix: str) -> Path:
    return archive.with_name(archive.name.removesuffix(".tar.gz") + suffix)


def apart(event: Event) -> object:
    """An event whose outputs are compared bit for bit elsewhere."""
    if isinstance(event, Finished) and isinstance(event.outcome, Value) and "array" in event.outcome.outputs:
        return event.trial, event.attempt, event.at, event.started, event.seconds, event.worker
    if isinstance(event, Progress) and isinstance(event.value["value"], dict):
        return event.trial, event.part, event.value["value"]["forces"].tolist(), event.at, event.seconds, event.worker
    return event


def test_there_are_some_of_this_version():
    assert {f"{co.__version__}/{name}" for name in ("whole", "crashed", "normal")} <= set(map(named, ARCHIVES))


def test_they_are_small():
    assert sum(path.stat().st_size for path in HERE.glob("*/*")) < 200_000


@every
def test_reads_as_when_it_was_made(archive: Path, tmp_path: Path):
    run = unpacked(archive, tmp_path)
    found, said = reading(run), json.loads(expected(archive, ".json").read_text())
    found["tally"] = {name: found["tally"][name] for name in said["tally"]}  # later versions may count more
    assert found == said
    assert verify(run) == []


@every
@pytest.mark.parametrize("suffix", EXPORTS)
def test_exports_as_when_it_was_made(archive: Path, suffix: str, tmp_path: Path):
    run = unpacked(archive, tmp_path)
    export(open_reader(run), tmp_path / f"table{suffix}")
    assert (tmp_path / f"table{suffix}").read_bytes() == expected(archive, suffix).read_bytes()


@every
def test_a_reader_and_a_snapshot_of_it_say_the_same(archive: Path, tmp_path: Path):
    run = unpacked(archive, tmp_path)
    shutil.rmtree(run / "spool", ignore_errors=True)  # it belongs to the driver, not to what is recorded
    assert reading(snapshot(run, tmp_path / "copy")) == reading(run)


@whole
def test_every_event_and_value_comes_back(archive: Path, tmp_path: Path):
    with open_ledger(unpacked(archive, tmp_path)) as ledger:
        found = [event for _, event in ledger.read()]
    version = named(archive).split("/")[0]
    assert list(map(apart, found)) == list(map(apart, history(version)))
    assert {type(event) for event in found} == set(EVENTS.values()) - LATER[version]
    finals = [event.outcome for event in found if isinstance(event, Finished)]
    assert {outcome.kind for outcome in finals if isinstance(outcome, Failure)} == set(KINDS)
    (outputs,) = (outcome.outputs for outcome in finals if isinstance(outcome, Value) and "array" in outcome.outputs)
    for name, value in VALUES.items():
        assert same(outputs[name], value), name


@unfinished
def test_is_continued_to_its_goal(archive: Path, tmp_path: Path):
    run = unpacked(archive, tmp_path)
    with open_reader(run) as reader:
        before = reader.tally.counted
        known = {e.trial: e.outcome for _, e in reader.read() if isinstance(e, Finished)}
    result = campaign(run).run(co.evaluations(12))
    assert before < 12
    assert result.tally.counted == 12
    assert result.tally.open == 0
    with open_reader(run) as reader:
        finals = {e.trial: e.outcome for _, e in reader.read() if isinstance(e, Finished)}
    assert known.items() <= finals.items()
    assert sorted(finals) == list(range(12))
    harvested = [row["id"] for row in result.table() if row["harvested"]]
    assert harvested == ([7] if "crashed" in archive.name else [])
    assert verify(run) == []


@unfinished
def test_is_still_refused_to_another_simulator(archive: Path, tmp_path: Path):
    with pytest.raises(ResumeRefused, match="code has changed"):
        campaign(unpacked(archive, tmp_path), co.simulator(lambda x, n: x + n)).run(co.evaluations(12))


def test_the_crashed_one_has_a_log_and_a_spool(tmp_path: Path):
    for archive in ARCHIVES:
        if "crashed" in archive.name:
            run = unpacked(archive, tmp_path / archive.parent.name)
            assert (run / "campaign.db-wal").stat().st_size > 0
            assert len(list((run / "spool").iterdir())) == 3
