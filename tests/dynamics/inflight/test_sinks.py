"""Sinks: as many out as in, whatever room they have, and nothing changed on the way."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohobate.core.errors import Damaged, EngineClosed, UserError
from cohobate.core.task import Task
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.extxyz import ExtXYZ
from cohobate.dynamics.inflight.running import run_all
from cohobate.dynamics.inflight.seat import Guest
from cohobate.dynamics.inflight.sinks import Memory, Sink, write_all
from cohobate.dynamics.making import NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal


def tagged(i: int, n: int) -> AtomicData:
    fields = {**cluster(n, seed=i), "tag": np.array([[i, -i]], np.int32), "mark": np.arange(n) % 2 == 0}
    return AtomicData(fields, {"tag": "system", "mark": "atom"})


def heat(n_steps: int = 3):
    return NVTLangevin(lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1), dt=2.0, temperature=30, n_steps=n_steps)


def ids(batches: Sequence[Batch | None]) -> list[int]:
    return [int(id) for batch in batches if batch is not None for id in batch["id"]]


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=12),
    st.lists(st.integers(1, 5), max_size=3),
    st.integers(6, 12),
    st.integers(1, 3),
)
@settings(max_examples=12, deadline=None)
def test_as_many_come_out_as_go_in_for_sinks_of_every_size(
    sizes: list[int], capacities: list[int], most: int, refill: int
):
    systems = [tagged(i, n) for i, n in enumerate(sizes)]
    sinks = [Memory(capacity) for capacity in capacities]
    drained: list[Batch | None] = []
    with InFlight(heat(), max_atoms=most, sinks=sinks, refill_frequency=refill) as engine:
        futures = [engine.call(lambda s=s: s) for s in systems]
        while wait(futures, timeout=0.002).not_done:
            drained += [sink.drain() for sink in sinks]
        told = [future.result() for future in futures]
    drained += [sink.drain() for sink in sinks]
    assert [one["tag"].tolist() for one in told] == [[i, -i] for i in range(len(sizes))]
    if not sinks:
        return
    assert sorted(ids(drained)) == list(range(len(sizes)))
    for batch in drained:
        for alone in batch.split() if batch is not None else ():
            i = int(alone["id"][0])
            assert alone["numbers"].tolist() == [18] * sizes[i]
            assert alone["tag"].dtype == torch.int32
            assert alone["tag"].tolist() == [[i, -i]]
            assert alone["mark"].tolist() == (np.arange(sizes[i]) % 2 == 0).tolist()
            assert np.array_equal(alone["positions"].numpy(), told[i]["positions"])


def test_full_sinks_hold_everything_back_and_nothing_is_lost():
    sink = Memory(2)
    made = threading.Event()

    def build(i: int) -> AtomicData:
        if i == 7:
            made.set()
        return tagged(i, 3)

    with InFlight(heat(), max_atoms=6, max_systems=2, sinks=[sink], ahead=8) as engine:
        futures = [engine.call(build, i) for i in range(8)]
        assert made.wait(20)
        for future in futures[:2]:
            future.result(20)
        seen = [sink.drain()]
        assert sink.full is False
        while wait(futures, timeout=0.002).not_done:
            assert sum(future.done() for future in futures) <= len(ids(seen)) + 2
            seen.append(sink.drain())
        seen.append(sink.drain())
    assert sorted(ids(seen)) == list(range(8))


def test_there_is_no_room_while_results_find_no_place():
    with InFlight(heat(), max_atoms=6, max_systems=2, sinks=[Memory(1)]) as engine:
        futures = [engine.call(lambda i=i: tagged(i, 3)) for i in range(2)]
        for _ in range(10_000):
            if engine.room() <= 0 and sum(future.done() for future in futures) == 1:
                break
            threading.Event().wait(0.002)
        assert engine.room() <= 0
        engine.close()
    assert sorted(future.cancelled() for future in futures) == [False, True]


def test_the_first_sink_with_room_takes_what_it_can():
    batch = batch_of([cluster(2, seed=i) for i in range(5)])
    sinks = [Memory(1), Memory(2), Memory(1)]
    mask = torch.tensor([True, False, True, True, True])
    assert write_all(sinks, batch, mask).tolist() == mask.tolist()
    assert [ids([sink.drain()]) for sink in sinks] == [[0], [2, 3], [4]]
    assert write_all([Memory(1)], batch, mask).tolist() == [True, False, False, False, False]


def test_a_sink_without_room_is_refused():
    with pytest.raises(UserError, match="capacity"):
        Memory(0)


@pytest.mark.parametrize("make", [lambda path: Memory(3), lambda path: ExtXYZ(path / "out.xyz", 3)])
def test_every_sink_keeps_the_protocol(make, tmp_path: Path):
    sink = make(tmp_path)
    assert isinstance(sink, Sink)
    batch = batch_of([tagged(i, 2 + i) for i in range(5)])
    assert (len(sink), sink.full, sink.drain()) == (0, False, None)
    assert sink.write(batch, torch.tensor([True, True, False, False, False])).tolist() == [True, True] + [False] * 3
    assert (len(sink), sink.full) == (2, False)
    assert sink.write(batch, torch.tensor([False, False, True, True, True])).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert sink.full
    held = sink.drain()
    assert held is not None
    assert ids([held]) == [0, 1, 2]
    assert (len(sink), sink.full) == (0, False)
    for name in ("positions", "numbers", "masses", "tag", "mark"):
        assert torch.equal(held[name].double(), batch.select([0, 1, 2])[name].double()), name


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), st.floats(allow_nan=False, allow_infinity=False))
def test_every_bit_is_in_the_file(tmp_path: Path, place: list[float], energy: float):
    batch = batch_of([{"numbers": [18, 1], "positions": [place, [2e3, 0, 0]], "energy": [energy]}])
    sink = ExtXYZ(tmp_path / "bits.xyz")
    sink.write(batch, torch.tensor([True]))
    held = sink.drain()
    assert held is not None
    assert torch.equal(held["positions"], batch["positions"])
    assert held["energy"].tolist() == [energy]


def test_the_file_is_read_by_ase(tmp_path: Path):
    sink = ExtXYZ(tmp_path / "out.xyz")
    batch = heat().run(batch_of([crystal(1), cluster(3)]))
    sink.write(batch, torch.tensor([True, True]))
    first, second = ase.io.read(tmp_path / "out.xyz", index=":")
    assert first.positions == pytest.approx(batch.select([0])["positions"].numpy(), abs=0)
    assert first.pbc.all()
    assert first.cell.array == pytest.approx(batch["cell"][0].numpy(), abs=0)
    assert first.get_potential_energy() == float(batch["energy"][0])
    assert second.get_forces() == pytest.approx(batch.select([1])["forces"].numpy(), abs=0)
    again = ExtXYZ(tmp_path / "out.xyz")
    assert len(again) == 2


def test_a_file_that_is_cut_off_is_damaged(tmp_path: Path):
    sink = ExtXYZ(tmp_path / "out.xyz")
    sink.write(batch_of([cluster(3)]), torch.tensor([True]))
    text = (tmp_path / "out.xyz").read_text()
    (tmp_path / "out.xyz").write_text(text[: text.rindex("\n", 0, -1)] + "\n")
    with pytest.raises(Damaged, match="cut off"):
        sink.drain()


def test_a_last_frame_that_a_crash_has_cut_off_is_taken_away_and_comes_again(tmp_path: Path):
    path = tmp_path / "out.xyz"
    batch = batch_of([tagged(i, 2 + i) for i in range(3)])
    ExtXYZ(path).write(batch, torch.tensor([True, True, True]))
    whole = path.read_bytes()
    begin = whole.index(b"\n4\n") + 1
    for cut in range(begin, len(whole)):
        path.write_bytes(whole[:cut])
        sink = ExtXYZ(path)
        assert len(sink) == 2
        assert sink.write(batch, torch.tensor([False, False, True])).tolist() == [False, False, True]
        assert path.read_bytes() == whole


def test_what_is_there_from_before_is_not_written_twice(tmp_path: Path):
    batch = batch_of([tagged(i, 2 + i) for i in range(3)])
    every = torch.tensor([True, True, True])
    ExtXYZ(tmp_path / "out.xyz").write(batch, torch.tensor([True, False, True]))
    again = ExtXYZ(tmp_path / "out.xyz", capacity=3)
    assert again.write(batch, every).tolist() == [True, True, True]
    held = again.drain()
    assert held is not None
    assert held["id"].tolist() == [0, 2, 1]
    batch["positions"][0] += 1e-15  # another system
    assert again.write(batch, every).tolist() == [True, True, True]
    assert len(again) == 3


def test_kinds_and_shapes_of_all_fields_come_back(tmp_path: Path):
    fields = {
        **cluster(3),
        "tag": np.array([[[1, 2], [3, 4]]], np.int16),
        "weights": np.arange(6, dtype=np.float32).reshape(3, 2),
        "one": np.array([[7]], np.uint8),
        "odd": np.array([np.nan]),
        "flags": np.array([[[True], [False]]] * 3),
    }
    scopes: Any = {"tag": "system", "weights": "atom", "one": "system", "odd": "system", "flags": "atom"}
    batch = batch_of([AtomicData(fields, scopes)])
    sink = ExtXYZ(tmp_path / "out.xyz")
    sink.write(batch, torch.tensor([True]))
    held = sink.drain()
    assert held is not None
    for name in fields:
        assert held[name].dtype == batch[name].dtype, name
        assert held[name].shape == batch[name].shape, name
        assert torch.equal(held[name].nan_to_num(9), batch[name].nan_to_num(9)), name


def test_one_that_was_in_time_and_waits_for_room_is_not_late():
    sink = Memory(1)
    with InFlight(heat(), max_atoms=6, max_systems=2, sinks=[sink]) as engine:
        futures = [engine.submit(Task(lambda i=i: tagged(i, 3), deadline=0.5, grace=0.05)) for i in range(2)]
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            threading.Event().wait(0.01)
        seen = [sink.drain()]
        told = [future.result(20)["status"] for future in futures]
    seen.append(sink.drain())
    assert told == ["budget used"] * 2
    assert sorted(ids(seen)) == [0, 1]


class Bad:
    """A sink that raises, or does not say what it took."""

    full = False

    def __init__(self, returns: Any) -> None:
        self.returns = returns

    def write(self, batch: Batch, mask: torch.Tensor) -> Any:
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns

    def __len__(self) -> int:
        return 0

    def drain(self) -> None: ...


@pytest.mark.parametrize(
    ("returns", "told"),
    [(OSError(28, "No space left on device"), "sink Bad raised OSError"), (None, r"sink Bad must return \d booleans")],
)
def test_a_sink_that_fails_ends_the_engine_in_one_line_and_the_systems_are_kept(
    returns: Any, told: str, tmp_path: Path
):
    path = tmp_path / "progress"
    with InFlight(heat(), max_atoms=10, sinks=[Bad(returns)], progress=path) as engine:
        futures = [engine.submit(Task(lambda i=i: tagged(i, 3), key=str(i))) for i in range(2)]
        for future in futures:
            with pytest.raises(EngineClosed, match=told) as caught:
                future.result(20)
            assert len(str(caught.value).splitlines()) == 1
        with pytest.raises(EngineClosed):
            engine.checkpoint(path)
    kept = Memory()
    with InFlight.resume(path, heat(), max_atoms=10, sinks=[kept]) as engine:
        there = list(engine.restored)  # the other one may not have boarded yet
        found = [future.result(20)["steps"] for future in engine.restored.values()]
    assert there in (["0"], ["0", "1"])
    assert (len(kept), found) == (len(there), [3] * len(there))


def test_want_of_a_place_for_progress_stops_nothing(tmp_path: Path):
    (tmp_path / "gone").mkdir()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with InFlight(heat(), max_atoms=10, progress=tmp_path / "gone" / "progress", progress_every=0.0) as engine:
            (tmp_path / "gone").rmdir()
            future = engine.call(lambda: tagged(0, 3))
            assert future.result(20)["steps"] == 3
    assert "no progress could be written" in str(told[0].message)


class Counted:
    """Argon that counts for how many systems it was asked."""

    def __init__(self) -> None:
        self.inner = lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)
        self.traits, self.systems = self.inner.traits, 0

    def compute(self, batch: Batch, want: frozenset[str]) -> Any:
        self.systems += batch.n_systems
        return self.inner.compute(batch, want)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=12), st.integers(6, 20))
def test_work_done_is_the_sum_of_budgets(systems: list[tuple[int, int]], most: int):
    potential = Counted()
    run = NVTLangevin(potential, dt=2.0, temperature=30, n_steps=100)
    found = run_all(run, [Guest(tagged(i, n), n_steps=k) for i, (n, k) in enumerate(systems)], max_atoms=most)
    assert [one["steps"] for one in found] == [k for _, k in systems]
    assert potential.systems == sum(k + 1 for _, k in systems)  # and once for the first forces of each
