"""Messages survive any way of being cut into pieces."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.worker.wire import SMALL, TASK, Incoming, Outgoing, receive

MESSAGES = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 2**64 - 1), st.binary(max_size=200), st.integers(0, 2**64 - 1))
)


def as_bytes(messages: list[tuple[int, int, bytes, int]]) -> bytes:
    read, write = os.pipe()
    outgoing = Outgoing()
    for kind, number, payload, extra in messages:
        outgoing.put(kind, number, payload, extra=extra)
    assert outgoing.flush(write)
    os.close(write)
    with open(read, "rb") as file:
        return file.read()


@given(MESSAGES, st.integers(1, 100))
def test_any_cut(messages: list[tuple[int, int, bytes, int]], size: int):
    data = as_bytes(messages)
    incoming = Incoming()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    heard = [message for piece in pieces for message in incoming.feed(piece)]
    assert [(m.kind, m.number, bytes(m.payload), m.extra) for m in heard] == messages


def test_what_was_heard_is_not_kept_when_the_hearer_leaves_early():
    incoming = Incoming()
    data = as_bytes([(TASK, number, b"", 0) for number in range(1, 4)])
    assert next(incoming.feed(data)).number == 1
    assert next(incoming.feed(b"")).number == 2
    assert [message.number for message in incoming.feed(b"")] == [3]
    assert list(incoming.feed(b"")) == []


def test_more_than_a_pipe_takes_at_once():
    read, write = os.pipe()
    os.set_blocking(write, False)
    outgoing = Outgoing()
    sizes = [10, SMALL, 1_000_000, 0, SMALL - 1, 300]
    for number, size in enumerate(sizes):
        outgoing.put(TASK, number, bytes([number]) * size)
    heard: list[tuple[int, bytes]] = []
    reader = threading.Thread(target=lambda: heard.extend((m.number, bytes(m.payload)) for m in receive(read)))
    assert not outgoing.flush(write)
    reader.start()
    while not outgoing.flush(write):
        pass
    os.close(write)
    reader.join(10)
    os.close(read)
    assert heard == [(number, bytes([number]) * size) for number, size in enumerate(sizes)]


def test_nobody_reads():
    read, write = os.pipe()
    os.close(read)
    outgoing = Outgoing()
    outgoing.put(TASK, 1, b"x")
    with pytest.raises(BrokenPipeError):
        outgoing.flush(write)
    os.close(write)
