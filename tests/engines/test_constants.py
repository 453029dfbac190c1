"""A heavy argument goes once to each worker, however many tasks have it; one that has changed goes again."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from cohobate.engines.abroad import line
from cohobate.engines.abroad.hub import Hub
from cohobate.engines.crew import Worker
from cohobate.engines.executor import executor
from cohobate.engines.processes import processes
from cohobate.engines.shipping import HEAVY, Parcel
from cohobate.engines.workplace import Workplace


def use(engine: Workplace) -> None:
    """Twelve calls with one model, which is changed in place half-way."""
    model = bytearray(2 * HEAVY)
    for first in (0, 1):
        model[0] = first
        calls = [engine.call(lambda m, i: (m[0], i), model, i) for i in range(6)]
        assert [call.result(20) for call in calls] == [(first, i) for i in range(6)]


def test_processes_send_it_once_to_each_worker(monkeypatch: pytest.MonkeyPatch):
    sent: Counter[tuple[int, int]] = Counter()
    learn = Worker._learn

    def counted(self: Worker, parcel: Parcel) -> None:
        sent[self.process.pid, parcel.number] += len(parcel.data) >= HEAVY
        learn(self, parcel)

    monkeypatch.setattr(Worker, "_learn", counted)
    with processes(2) as engine:
        use(engine)
    heavy = [number for (_, number), times in sent.items() if times]
    assert max(sent.values()) == 1
    assert len(set(heavy)) == 2
    assert len(heavy) <= 4


def test_outposts_fetch_it_once(monkeypatch: pytest.MonkeyPatch):
    fetched: Counter[int] = Counter()
    heed = Hub._heed

    def counted(self: Hub, at: Any, kind: int, number: int) -> None:
        fetched[number] += kind == line.WANTED
        heed(self, at, kind, number)

    monkeypatch.setattr(Hub, "_heed", counted)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, executor(pool) as engine:
        use(engine)
    assert sorted(times for times in fetched.values() if times) == [1, 1]
