"""What an outpost fetches."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cohobate.core.errors import WorkerLost
from cohobate.engines.abroad import larder
from cohobate.engines.abroad.larder import Larder


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def wanted_by_two(data: bytes | None) -> tuple[list[int], list[Future[bytes]]]:
    """Has two threads want one parcel at the same time; returns what was asked for, and what they got."""
    asked: list[int] = []
    go = threading.Event()

    def ask(number: int) -> None:
        asked.append(number)
        assert go.wait(5)
        stock.put(number, data)

    stock = Larder(ask)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(stock.get, 1, digest(b"abc")) for _ in range(2)]
        while not all(future.running() for future in futures):
            threading.Event().wait(0.001)
        go.set()
    return asked, futures


def test_a_parcel_is_asked_for_once_whoever_wants_it():
    asked, futures = wanted_by_two(b"abc")
    assert [future.result() for future in futures] == [b"abc", b"abc"]
    assert asked == [1]


@pytest.mark.parametrize("data", [None, b"xyz"])
def test_all_who_wait_are_told_that_there_is_none(data: bytes | None):
    for future in wanted_by_two(data)[1]:
        with pytest.raises(WorkerLost, match="could not fetch"):
            future.result()


def test_what_is_not_what_was_announced_is_not_taken():
    stock = Larder(lambda number: stock.put(number, b"something else"))
    with pytest.raises(WorkerLost, match="sent something else"):
        stock.get(1, digest(b"abc"))
    answers = iter([b"abc"])
    stock = Larder(lambda number: stock.put(number, next(answers)))
    assert stock.get(1, digest(b"abc")) == b"abc"


def test_what_was_not_needed_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(larder, "MOST", 25)
    parcels = {number: bytes([number]) * 10 for number in range(8)}
    asked: list[int] = []

    def ask(number: int) -> None:
        asked.append(number)
        threading.Thread(target=stock.put, args=(number, parcels[number])).start()

    stock = Larder(ask)

    def get_all(_: int) -> list[bytes]:
        return [stock.get(number, digest(data)) for number, data in parcels.items()]

    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(get_all, range(100), timeout=20):
            assert got == list(parcels.values())
    assert len(stock._kept) == 2


def test_nobody_waits_at_a_closed_one():
    stock = Larder(lambda _: stock.close())
    with pytest.raises(WorkerLost):
        stock.get(1, b"")
    with pytest.raises(WorkerLost):
        stock.get(2, b"")
