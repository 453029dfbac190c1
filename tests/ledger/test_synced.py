"""Durability is claimed only where it is true: what was acknowledged had been synced before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cohobate.ledger.ledger import open_ledger
from ledger import acknowledging
from ledger.acknowledging import ALONE
from ledger.witness import Step, read_strace, witnesses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="neither strace nor /proc")
RUN = "above/run"
LOG = f"{RUN}/campaign.db-wal"
COUNT = f"{RUN}/campaign.count"
Seen = Callable[..., list[Step]]


@pytest.fixture(scope="module", params=witnesses(), ids=lambda witness: witness.__name__)
def witness(request: pytest.FixtureRequest) -> Seen:
    return request.param


@pytest.fixture(scope="module")
def full(witness: Seen, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return steps_of(witness, tmp_path_factory.mktemp("full"), "full")


@pytest.fixture(scope="module")
def normal(witness: Seen, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return steps_of(witness, tmp_path_factory.mktemp("normal"), "normal")


def steps_of(witness: Seen, folder: Path, durability: str) -> list[Step]:
    """The steps of the driver, by paths within ``folder``."""
    place = folder / "place"
    place.mkdir()
    steps = witness(folder, acknowledging.__file__, str(place), durability)
    return [Step(what, str(Path(path).relative_to(place))) for what, path in steps if Path(path).is_relative_to(place)]


def until_acks(steps: Sequence[Step]) -> list[list[Step]]:
    """What was done before the first acknowledgement, between it and the second, and so on, and after the last."""
    parts: list[list[Step]] = [[]]
    for step in steps:
        if step == ("write", "acks"):
            parts.append([])
        else:
            parts[-1].append(step)
    return parts


def at(steps: Sequence[Step], *step: str) -> list[int]:
    return [i for i, one in enumerate(steps) if one == step]


def test_an_acknowledged_commit_was_written_and_then_synced(full: list[Step]):
    for part in until_acks(full)[:ALONE]:
        written, synced = at(part, "write", LOG), at(part, "sync", LOG)
        assert written
        assert synced
        assert written[-1] < synced[-1]


def test_there_are_at_least_as_many_syncs_as_acknowledged_commits(full: list[Step]):
    acks = syncs = 0
    for what, path in full[: at(full, "write", "acks")[-2] + 1]:  # the last one is of the spool
        acks += (what, path) == ("write", "acks")
        syncs += (what, path) == ("sync", LOG)
        assert syncs >= acks
    assert acks > ALONE


def test_the_count_follows_the_sync(full: list[Step]):
    """It is taken as proof that as many events are durable."""
    for i in at(full, "write", COUNT):
        before = [step for step in full[:i] if step[1] == LOG]
        assert before[-1] == ("sync", LOG)


def test_the_count_is_durable_once_closed(full: list[Step], normal: list[Step]):
    for steps in (full, normal):
        assert at(steps, "sync", COUNT)
        assert at(steps, "write", COUNT)[-1] < at(steps, "sync", COUNT)[-1]


def test_what_is_not_synced_is_not_claimed(normal: list[Step]):
    """The positive control, too: the same driver on ``normal`` has acknowledgements without any sync."""
    parts = until_acks(normal)
    assert all(at(part, "write", LOG) for part in parts[1:ALONE])
    assert not any(at(part, "sync", LOG) for part in parts[1:ALONE])
    assert not any(at(part, "write", COUNT) for part in parts[:ALONE])
    assert "may be lost by a power cut" in " ".join(str(open_ledger.__doc__).split())


def test_a_blob_is_durable_before_the_row_that_names_it(full: list[Step]):
    parts = [part for part in until_acks(full)[:ALONE] if any("/blobs/" in path for _, path in part)]
    assert len(parts) == ALONE // 4
    for part in parts:
        (renamed,) = [i for i, (what, path) in enumerate(part) if what == "rename" and "/blobs/" in path]
        folder = str(Path(part[renamed].path).parent)
        (content,) = [i for i, (what, path) in enumerate(part) if what == "sync" and path.endswith(".tmp")]
        (entry,) = at(part, "sync", folder)
        assert content < renamed < entry < at(part, "write", LOG)[0]


def test_the_name_of_every_new_folder_is_durable(full: list[Step]):
    made = [(i, path) for i, (what, path) in enumerate(full) if what == "make"]
    assert {"above", RUN, f"{RUN}/blobs", f"{RUN}/spool"} <= {path for _, path in made}
    for i, path in made:
        above = str(Path(path).parent)
        (next_ack, *_) = [ack for ack in at(full, "write", "acks") if ack > i]
        assert any(i < synced < next_ack for synced in at(full, "sync", above)), path


def test_a_spooled_report_is_durable(full: list[Step]):
    *_, part, _ = until_acks(full)
    (renamed,) = [i for i, (what, path) in enumerate(part) if what == "rename" and path.endswith(".result")]
    synced = [i for i, (what, path) in enumerate(part) if what == "sync" and "/spool/" in path]
    assert len(synced) == 1
    assert synced[0] < renamed < at(part, "sync", f"{RUN}/spool")[0]


def test_calls_of_threads_are_told_apart():
    text = (
        '7 write(3</a b/acks>, "1) = 0", 2) = 2\n'
        "8 fdatasync(4</wal> <unfinished ...>\n"
        '7 rename("/x", "/y") = 0\n'
        "8 <... fdatasync resumed>) = 0\n"
        '7 mkdir("/z", 0777) = -1 EEXIST (File exists)\n'
        "7 fsync(5</db>) = -1 EIO (Input/output error)\n"
    )
    expected = [Step("write", "/a b/acks"), Step("rename", "/y"), Step("sync", "/wal")]
    assert list(read_strace(text)) == expected
