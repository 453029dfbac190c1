"""Strangers at the door of a hub, lines that break, and what is left when tasks are over."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

import pytest

import cohobate.engines.abroad.line as line
from cohobate.core.task import Task
from cohobate.engines.abroad import hub as hubs
from cohobate.engines.abroad.hub import Hub
from cohobate.engines.abroad.outpost import Outpost
from cohobate.engines.executor import executor
from cohobate.engines.workplace import Workplace
from cohobate.worker.wire import HEADER, SETTINGS, Incoming, Message
from faults.harness import wait_until


@pytest.fixture
def started() -> SimpleQueue[int]:
    return SimpleQueue()


@pytest.fixture
def hub(started: SimpleQueue[int]) -> Iterator[Hub]:
    made = Hub("127.0.0.1", lambda number: bool(started.put(number)), lambda _: None)
    yield made
    made.close()


def connect(hub: Hub) -> tuple[socket.socket, bytes]:
    """Returns a connection, and the challenge that came."""
    connected = socket.create_connection(hub.address[:2], 5)
    return connected, connected.recv(line.PROOF, socket.MSG_WAITALL)


def hung_up(connected: socket.socket) -> bool:
    """Whether the hub says nothing more, and hangs up."""
    try:
        return connected.recv(1) == b""
    except ConnectionResetError:
        return True


def admitted(hub: Hub) -> tuple[socket.socket, Message]:
    """Returns a connection that has proved itself, and the first thing it was told."""
    connected, challenge = connect(hub)
    connected.sendall(line.proof(hub.address.key, challenge))
    incoming = Incoming()
    while True:
        for message in incoming.feed(connected.recv(1 << 16)):
            return connected, message


@pytest.mark.parametrize("answer", [bytes(line.PROOF), secrets.token_bytes(1 << 22), b"GET / HTTP/1.1\r\n" * 9])
def test_who_does_not_know_the_key_is_turned_away(hub: Hub, started: SimpleQueue[int], answer: bytes):
    connected, _ = connect(hub)
    with connected:
        with suppress(OSError):
            connected.sendall(answer + line.NOTE.pack(line.STARTED, 7))
        assert hung_up(connected)
    assert started.empty()


def test_a_proof_heard_elsewhere_is_worth_nothing(hub: Hub):
    first, challenge = connect(hub)
    second, _ = connect(hub)
    with first, second:
        second.sendall(line.proof(hub.address.key, challenge))
        assert hung_up(second)


def test_half_a_proof_is_not_waited_for_for_ever(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hubs, "PROVING", 0.05)
    for said in (b"", b"x" * (line.PROOF - 1)):
        connected, _ = connect(hub)
        with connected:
            connected.sendall(said)
            assert hung_up(connected)


def test_a_crowd_of_strangers_does_not_keep_ours_out(hub: Hub):
    crowd = [socket.create_connection(hub.address[:2], 5) for _ in range(4 * hubs.STRANGERS)]
    try:
        ours, message = admitted(hub)
        assert line.unsealed(hub.address.key, bytes(message.payload)) == [entry or os.getcwd() for entry in sys.path]
        assert len(hub._lines) <= hubs.STRANGERS + 1
        ours.close()
    finally:
        for each in crowd:
            each.close()


def test_garbage_from_one_of_ours_stops_nothing(hub: Hub, started: SimpleQueue[int]):
    ours, _ = admitted(hub)
    with ours:
        ours.sendall(secrets.token_bytes(line.NOTE.size * 1000).replace(b"\1", b"\0").replace(b"\2", b"\0"))
        ours.sendall(line.NOTE.pack(line.STARTED, 7))
        assert started.get(timeout=5) == 7
    assert not hub._where


def test_an_outpost_takes_no_orders_from_whoever_took_the_port_of_its_driver(hub: Hub):
    other = Hub("127.0.0.1", bool, lambda _: None)
    try:
        with socket.create_server(("127.0.0.1", 0)) as thief:
            path = list(sys.path)

            def answer() -> None:
                connected, _ = thief.accept()
                with connected:
                    connected.sendall(bytes(line.PROOF))
                    connected.recv(line.PROOF, socket.MSG_WAITALL)
                    sent = line.sealed(other.address.key, ["/nowhere"])
                    connected.sendall(HEADER.pack(SETTINGS, 0, 0, len(sent)) + sent)
                    connected.recv(1)

            threading.Thread(target=answer).start()
            with pytest.raises(ConnectionRefusedError):
                Outpost(hub.address._replace(port=thief.getsockname()[1]))
            assert sys.path == path
    finally:
        other.close()


def test_a_fork_of_the_driver_keeps_no_line_open(hub: Hub):
    ours, _ = admitted(hub)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)
        os._exit(0)
    try:
        hub.close()
        assert hung_up(ours)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(hub.address[:2], 5)
    finally:
        os.write(write, b"x")
        os.waitpid(pid, 0)
        for each in (read, write):
            os.close(each)
        ours.close()


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as made:
        yield made


def linger(path: Path) -> None:
    """Goes on until a file is there."""
    while not path.exists():
        threading.Event().wait(0.002)


def test_a_line_that_breaks_is_made_anew(pool: ProcessPoolExecutor):
    with executor(pool) as engine:
        assert engine.call(abs, -1).result(20) == 1
        hub: Hub = engine._backend._way._hub  # type: ignore[attr-defined]
        for broken in range(3):
            for each in list(hub._lines):
                each.socket.shutdown(socket.SHUT_RDWR)
            wait_until(lambda: not hub._lines, 5)
            results = [engine.call(abs, -i).result(20) for i in range(4)]
            assert results == [0, 1, 2, 3], broken


def books(engine: Workplace) -> dict[str, int]:
    """The sizes of all that an engine keeps for tasks on their way."""
    carried = engine._backend
    way = carried._way  # type: ignore[attr-defined]
    kept = [(carried, ("_jobs", "_numbered", "_inner", "_holds", "_leaving")), (way, ("_apart", "_users"))]
    kept.append((way._hub, ("_parcels", "_unwanted", "_where", "_orders")))
    return {name: len(getattr(owner, name)) for owner, names in kept for name in names}


def test_nothing_is_kept_of_what_is_over(pool: ProcessPoolExecutor, tmp_path: Path):
    heavy = bytes(1 << 19)
    with executor(pool) as engine:
        futures: list[Future[object]] = [engine.call(len, heavy) for _ in range(20)]
        for i in range(300):
            futures.append(engine.submit(Task(abs, (i,), deadline=5.0)))
            futures.append(engine.call(abs, "what raises"))
            futures.append(engine.call(abs, futures[-2]))
            futures.append(engine.call(abs, futures[-2]))
            engine.cancel(engine.call(linger, tmp_path / "never"))
        slow = [engine.submit(Task(linger, (tmp_path / "never",), deadline=0.03, grace=0.01)) for _ in range(4)]
        assert wait([*futures, *slow], 30).not_done == set()
        # A wish that comes as its task ends, or a note of its beginning.
        wait_until(lambda: not any(books(engine).values()), 5)
        assert books(engine) == dict.fromkeys(books(engine), 0)


def test_engines_come_and_go(pool: ProcessPoolExecutor):
    def open_descriptors(_: object) -> int:
        return len(os.listdir("/proc/self/fd"))

    def once() -> int:
        with executor(pool, supervise="never") as engine:
            return max(engine.call(open_descriptors, i).result(20) for i in range(2))

    first, mine, threads = once(), open_descriptors(0), threading.active_count()
    last = [once() for _ in range(30)][-1]
    assert last <= first + 4
    assert open_descriptors(0) <= mine
    assert threading.active_count() <= threads
