"""What other processes and the kernel say is read, or passed over, whatever it is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cohobate.core.errors import AlreadyOpen
from cohobate.host.census import read_ps, read_stat
from cohobate.host.cores import quota
from cohobate.host.filesystem import Mount, covering, read_mount, read_mountinfo
from cohobate.host.groups import Group
from cohobate.host.locks import FolderLock
from cohobate.host.watch import left_behind
from cohobate.worker.wire import HEADER, Incoming, Message, Outgoing
from fuzz.oracle import bounded, ended
from fuzz.seeds import NAMES, NUMBERS

words = st.sampled_from([*NAMES, *NUMBERS, "+", "-", "1", "0", "12345", "Z", "S", " - ", ":", ","]) | st.text(
    max_size=4
)
lines = st.lists(words, max_size=12).map(" ".join) | st.text(max_size=30)
texts = st.lists(lines, max_size=5).map("\n".join)


# the guardian


@given(st.lists(lines.map("{}\n".format) | lines, max_size=8))
@example(["+ m ²\n"])
@example(["+ m " + "9" * 5000 + "\n"])
@example(["+ m 0\n"])
def test_any_lines_to_the_guardian(said: list[str]):
    groups = ended(left_behind, said, errors=())
    assert all(isinstance(group, Group) and group.leader > 1 for group in groups)


marks = st.text("0123456789abcdef", min_size=1, max_size=4)
told = st.lists(st.tuples(st.sampled_from("+-"), marks, st.integers(2, 2**22)), max_size=12)


@given(told, st.integers(0, 9))
def test_the_guardian_keeps_account(told: list[tuple[str, str, int]], cut: int):
    """Against a plain model, with the last line torn by the death of its writer."""
    model: dict[str, int] = {}
    for sign, mark, leader in told:
        model.pop(mark, None)
        if sign == "+":
            model[mark] = leader
    torn = "+ abcdef 1234567\n"[:cut]
    lines = [f"{sign} {mark} {leader}\n" if sign == "+" else f"- {mark}\n" for sign, mark, leader in told]
    assert {group.mark: group.leader for group in left_behind([*lines, torn])} == model


# messages between driver and worker


def chunked(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    return [*chunks, data[at:]]


messages = st.lists(
    st.builds(
        Message,
        st.integers(0, 255),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=40).map(bytearray),
    ),
    max_size=6,
)


@given(messages, st.lists(st.integers(0, 60), max_size=20))
def test_messages_come_through_any_chunks(sent: list[Message], sizes: list[int]):
    data = b"".join(HEADER.pack(m.kind, m.number, m.extra, len(m.payload)) + m.payload for m in sent)
    incoming = Incoming()
    assert [message for chunk in chunked(data, sizes) for message in incoming.feed(chunk)] == sent


@given(messages, st.lists(st.sampled_from([b"", b"x" * (1 << 17)]), max_size=6))
def test_what_goes_out_comes_in(sent: list[Message], large: list[bytes]):
    sent = [m._replace(payload=m.payload + large[i]) if i < len(large) else m for i, m in enumerate(sent)]
    outgoing, incoming, found = Outgoing(), Incoming(), []
    for m in sent:
        outgoing.put(m.kind, m.number, bytes(m.payload), extra=m.extra)
    read, write = os.pipe()
    os.set_blocking(write, False)
    os.set_blocking(read, False)
    try:
        while not outgoing.flush(write):
            found += list(incoming.feed(os.read(read, 1 << 16)))
        os.close(write)
        while chunk := os.read(read, 1 << 16):
            found += list(incoming.feed(chunk))
    finally:
        os.close(read)
    assert found == sent


@given(st.binary(max_size=120), st.lists(st.integers(0, 30), max_size=10))
@example(HEADER.pack(5, 1, 1, 2**64 - 1) + b"xx", [])
def test_any_bytes_are_messages_or_the_beginning_of_one(data: bytes, sizes: list[int]):
    incoming = Incoming()
    with bounded():
        found = [message for chunk in chunked(data, sizes) for message in incoming.feed(chunk)]
    assert sum(HEADER.size + len(message.payload) for message in found) <= len(data)


# the kernel


@given(st.text(st.characters(codec=None), max_size=15) | st.sampled_from([") Z 1 1 1", "a) S 7 7 7 (b", "\n"]))
def test_a_process_may_be_called_anything(name: str):
    assert read_stat(f"7 ({name}) S 3 4 5 0 -1") == ("S", 3, 5)


@given(texts)
@example("1 2 3")
@example("a command\nwhose line is broken 1 2 3 4\n")
@example("1 2 3 S x COHOBATE_MARK=a/b y\n")
def test_any_list_of_processes(text: str):
    found = ended(lambda: list(read_ps(text)), errors=())
    assert all(process.pid >= 0 for process in found)


@given(texts)
@example("a - b")
@example("25 30 0:27 / /a\\040b rw shared:1 - ext4 /dev/x rw\n")
@example("1 2 3 4 \\777 - x")
def test_any_list_of_mounts(text: str):
    for read in (read_mountinfo, read_mount):
        found = ended(read, text, errors=())
        assert all(isinstance(mount, Mount) for mount in found)
        assert isinstance(covering(found, "/a b/c"), str)


@given(texts, lines, lines, lines)
@example("0::/a", "1 0", "5", "0")
@example("x", "max", "-1", "")
@example("4:cpu,x:/../..", "inf 1", "1e3", "1")
def test_any_control_group(
    tmp_path_factory: pytest.TempPathFactory, membership: str, limit: str, granted: str, period: str
):
    root = tmp_path_factory.getbasetemp() / "cgroup"
    for folder in (root / "a", root / "cpu" / "a"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("cpu.max", limit), ("cpu.cfs_quota_us", granted), ("cpu.cfs_period_us", period)):
            (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    (root / "membership").write_bytes(membership.encode("utf-8", "surrogatepass"))
    cores = ended(quota, root, root / "membership", errors=())
    assert cores >= 1.0
    assert not math.isnan(cores)


# locks


@given(st.text(st.characters(codec=None), max_size=40) | lines)
def test_any_holder_of_a_lock_is_named_on_one_line(tmp_path_factory: pytest.TempPathFactory, text: str):
    folder = tmp_path_factory.getbasetemp() / "held"
    folder.mkdir(exist_ok=True)
    with FolderLock.acquire(folder):
        Path(folder / "campaign.lock").write_bytes(text.encode("utf-8", "surrogatepass"))
        said = ended(FolderLock.acquire, folder, errors=AlreadyOpen)
        assert isinstance(said, str)
        assert said.isprintable()
