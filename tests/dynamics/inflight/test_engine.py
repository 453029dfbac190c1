"""The running batch as an engine: every system goes the way it would alone, whatever happens around it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import Any

import numpy as np
import pytest
import torch

from cohobate.core.errors import DeadlineExceeded, DependencyFailed, EngineClosed, SystemFailed, UserError
from cohobate.core.protocols import Engine, Staffed
from cohobate.core.task import Task
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.changing import WrapPositions
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.inflight import flight
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.inflight.running import as_they_leave, run_all
from cohobate.dynamics.inflight.seat import Guest
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.stage import BUDGET_USED, CONVERGED, ENDS
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal


def argon():
    return lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)


def relax(potential: Any = None, *, frequency: int = 1, n_steps: int = 400, **given: Any) -> Dynamics:
    until = Convergence.from_fmax(0.01, frequency=frequency)
    return FIRE(potential or argon(), until=until, n_steps=n_steps, **given)


def heat(potential: Any = None, n_steps: int | None = 25, **given: Any) -> Dynamics:
    return NVTLangevin(potential or argon(), dt=2.0, temperature=40, n_steps=n_steps, **given)


SYSTEMS = [cluster(n, seed=n) for n in (5, 13, 7, 9, 4, 11, 6, 8)] + [crystal(1, seed=3)]
RUNS: dict[str, Callable[..., Dynamics]] = {
    "FIRE": relax,
    "Langevin": heat,
    "FIRE + Langevin": lambda: relax() + heat(),
}


def alone(dynamics: Dynamics, system: AtomicData, id: int) -> Batch:
    batch = batch_of([system])
    batch["id"][0] = id
    return dynamics.run(batch)


def assert_as_alone(found: dict[str, Any], batch: Batch) -> None:
    for name in ("positions", "forces", "velocities"):
        if name in batch and name in found:
            assert np.array_equal(found[name], batch[name].numpy()), name
    assert found["energy"] == float(batch["energy"][0])
    assert found["status"] == ENDS[int(batch["end"][0])]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("most", [{"max_atoms": 20}, {"max_atoms": 1000, "max_systems": 3}, {"max_atoms": 1000}])
def test_a_system_goes_the_way_it_goes_alone(name: str, most: dict[str, int]):
    found = run_all(RUNS[name](), iter(SYSTEMS), **most)
    assert [one["id"] for one in found] == list(range(len(SYSTEMS)))
    for i, one in enumerate(found):
        assert_as_alone(one, alone(RUNS[name](), SYSTEMS[i], i))


@pytest.mark.parametrize("refill", [2, 7])
def test_how_often_systems_are_let_in_changes_no_trajectory(refill: int):
    often = run_all(relax(), SYSTEMS, max_atoms=25)
    seldom = run_all(relax(), SYSTEMS, max_atoms=25, refill_frequency=refill)
    for one, other in zip(often, seldom, strict=True):
        assert np.array_equal(one["positions"], other["positions"])
        assert (one["steps"], one["status"]) == (other["steps"], other["status"])


def test_how_often_convergence_is_looked_at_is_counted_by_the_steps_of_each_system():
    found = run_all(relax(frequency=6), SYSTEMS, max_atoms=25)
    for i, one in enumerate(found):
        assert_as_alone(one, alone(relax(frequency=6), SYSTEMS[i], i))
        assert one["status"] != "converged" or one["steps"] % 6 == 1


@pytest.mark.parametrize("frequency", [1, 7])
def test_hooks_of_the_whole_change_systems_as_if_each_were_alone(frequency: int):
    def wrapped() -> Dynamics:
        hot = NVTLangevin(argon(), dt=4.0, temperature=80, n_steps=40)
        return hot.replaced(hooks=(WrapPositions(frequency=frequency),))

    systems = [crystal(2, seed=1), crystal(1, seed=2), crystal(2, seed=3)]
    for i, one in enumerate(run_all(wrapped(), systems, max_atoms=36)):
        assert_as_alone(one, alone(wrapped(), systems[i], i))


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


class Pause:
    """A hook that holds the batch at each step until it is let go."""

    frequency = 1
    stage = HookStage.BEFORE_STEP

    def __init__(self, gate: threading.Event, at: int = 0, systems: int = 1) -> None:
        self.gate, self.at, self.systems, self.there = gate, at, systems, threading.Event()

    def __call__(self, batch: Batch, moment: Moment) -> None:
        if moment.step >= self.at and batch.n_systems >= self.systems:
            self.there.set()
            assert self.gate.wait(20)


def test_it_is_an_engine():
    with InFlight(relax(), max_atoms=64, max_systems=4) as engine:
        assert isinstance(engine, Engine)
        assert isinstance(engine, Staffed)
        assert engine.workers == 2  # of a usual size
        assert engine.room() >= engine.workers
        assert "fire" in engine.describe()
        assert engine.call(lambda: SYSTEMS[0]).result(20)["status"] == "converged"
    with pytest.raises(EngineClosed):
        engine.call(lambda: SYSTEMS[0])


def test_a_system_may_be_given_as_arrays_as_atoms_and_as_a_batch_of_one():
    system = SYSTEMS[1]
    kinds: list[Any] = [system, dict(system), system.to_ase(), batch_of([system]), Guest(system)]
    found = run_all(relax(), kinds, max_atoms=100)
    for one in found:
        assert one["energy"] == found[0]["energy"]


def test_systems_are_submitted_while_the_batch_runs(gate: threading.Event):
    pause = Pause(gate, at=5)
    with InFlight(heat(hooks=[pause]), max_atoms=100) as engine:
        first = engine.submit(Task(lambda: SYSTEMS[0], key="0"))
        assert pause.there.wait(20)
        later = engine.submit(Task(lambda: SYSTEMS[1], key="1"))
        gate.set()
        wait([first, later], 20)
    assert_as_alone(first.result(), alone(heat(), SYSTEMS[0], 0))
    assert_as_alone(later.result(), alone(heat(), SYSTEMS[1], 1))


def test_what_a_function_raises_is_the_error_of_its_future():
    def bad() -> None:
        raise ValueError("no such structure")

    with InFlight(relax(), max_atoms=100) as engine:
        futures = [engine.call(bad), engine.call(lambda: SYSTEMS[0]), engine.call(lambda: 7)]
        with pytest.raises(ValueError, match="no such structure"):
            futures[0].result(20)
        with pytest.raises(UserError, match="must return a system"):
            futures[2].result(20)
        assert futures[1].result(20)["status"] == "converged"


def test_one_that_is_larger_than_the_budget_fails_and_the_others_go_on():
    found = run_all(relax(), [SYSTEMS[0], cluster(30), SYSTEMS[2]], max_atoms=20)
    assert [one["status"] for one in found] == ["converged", "failed", "converged"]
    assert "30 atoms, more than max_atoms=20" in found[1]["why"]


def test_futures_are_arguments_so_that_batches_are_chained():
    def again(told: dict[str, Any]) -> dict[str, Any]:
        return {name: told[name] for name in ("numbers", "positions", "masses")}

    with InFlight(relax(), max_atoms=50) as relaxing, InFlight(heat(), max_atoms=50) as heating:
        first = relaxing.call(lambda: SYSTEMS[1])
        second = heating.call(again, first)
        bad = heating.call(again, relaxing.call(lambda: 7))
        assert second.result(20)["steps"] == 25
        assert isinstance(bad.exception(20), DependencyFailed)


def test_one_that_runs_is_cancelled_and_the_others_go_on(gate: threading.Event):
    pause = Pause(gate, at=5, systems=4)
    with InFlight(heat(hooks=[pause], n_steps=300), max_atoms=100) as engine:
        futures = [engine.submit(Task(lambda s=s: s, key=str(i))) for i, s in enumerate(SYSTEMS[:4])]
        assert pause.there.wait(20)
        engine.cancel(futures[1])
        assert futures[2].cancel()
        gate.set()
        assert futures[1].result(20)["status"] == "cancelled"
        assert futures[1].result()["steps"] < 300
    assert futures[2].cancelled()
    for i in (0, 3):
        assert_as_alone(futures[i].result(), alone(heat(n_steps=300), SYSTEMS[i], i))


def test_what_waits_never_boards_once_it_is_cancelled(gate: threading.Event):
    pause = Pause(gate)
    seen: list[int] = []
    with InFlight(
        heat(hooks=[pause], on_admit=lambda batch: seen.append(int(batch["id"][0]))),
        max_atoms=100,
        max_systems=1,
        ahead=1,
    ) as engine:
        futures = [engine.submit(Task(lambda s=s: s, key=str(i))) for i, s in enumerate(SYSTEMS[:5])]
        assert pause.there.wait(20)
        engine.cancel(futures[4])
        assert futures[3].cancel()
        gate.set()
        wait(futures, 20)
    assert [future.cancelled() for future in futures] == [False, False, False, True, True]
    assert seen == [0, 1, 2]


def test_each_has_a_limit_of_steps_of_its_own():
    with InFlight(relax() + heat(), max_atoms=100) as engine:
        short = engine.call(lambda: Guest(SYSTEMS[1], n_steps=7))
        whole = engine.call(lambda: SYSTEMS[1])
        assert (short.result(20)["status"], short.result()["steps"]) == (ENDS[BUDGET_USED], 7)
        assert whole.result(20)["steps"] > 25


def test_time_is_over_for_one_and_not_for_the_others():
    class Slow:
        frequency = 1
        stage = HookStage.AFTER_STEP

        def __call__(self, batch: Batch, moment: Moment) -> None:
            threading.Event().wait(0.002)

    with InFlight(heat(n_steps=60, hooks=[Slow()]), max_atoms=100) as engine:
        late = engine.submit(Task(lambda: Guest(SYSTEMS[0], name="late one"), deadline=0.02))
        other = engine.submit(Task(lambda: SYSTEMS[1], key="1"))
        with pytest.raises(DeadlineExceeded, match="'late one' ran longer than its deadline"):
            late.result(20)
        assert_as_alone(other.result(20), alone(heat(n_steps=60), SYSTEMS[1], 1))


class Moody:
    """Argon that raises, or is out of memory, for what it is told to."""

    def __init__(self, raises: Callable[[Batch], BaseException | None]) -> None:
        self.inner, self.raises, self.calls = argon(), raises, 0

    @property
    def traits(self) -> Traits:
        return self.inner.traits

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        self.calls += 1
        if (error := self.raises(batch)) is not None:
            raise error
        return self.inner.compute(batch, want)


def test_a_potential_that_raises_fails_only_the_guilty():
    def seven(batch: Batch) -> BaseException | None:
        return RuntimeError("I cannot stand seven atoms") if 7 in batch.atoms.tolist() else None

    found = run_all(heat(Moody(seven)), SYSTEMS, max_atoms=40, refill_frequency=3)
    for i, one in enumerate(found):
        if len(SYSTEMS[i]["numbers"]) == 7:
            assert one["status"] == "failed"
            assert "system 2 failed after 0 steps: RuntimeError: I cannot stand seven atoms" in one["why"]
        else:
            assert_as_alone(one, alone(heat(), SYSTEMS[i], i))


def test_too_little_memory_halves_the_batch_and_changes_no_trajectory():
    def most(batch: Batch) -> BaseException | None:
        return torch.OutOfMemoryError("no room") if batch.n_atoms > 30 else None

    potential = Moody(most)
    with InFlight(heat(potential), max_atoms=1000) as engine:
        futures = [engine.submit(Task(lambda s=s: s, key=str(i))) for i, s in enumerate(SYSTEMS)]
        wait(futures, 20)
    for i, future in enumerate(futures):
        assert_as_alone(future.result(), alone(heat(), SYSTEMS[i], i))
    assert engine.workers < len(SYSTEMS)


def test_a_system_that_memory_is_too_small_for_fails():
    def most(batch: Batch) -> BaseException | None:
        return torch.OutOfMemoryError("no room") if batch.n_atoms > 12 else None

    found = run_all(heat(Moody(most)), SYSTEMS[:4], max_atoms=1000)
    assert [one["status"] for one in found] == ["budget used", "failed", "budget used", "budget used"]
    assert "OutOfMemoryError: no room" in found[1]["why"]


def test_a_failed_system_is_named_with_why():
    bad = AtomicData({"numbers": [18, 99], "positions": [[0, 0, 0], [0, 0, 4.0]]}, name="odd")
    with InFlight(relax(), max_atoms=100) as engine:
        future = engine.call(lambda: bad)
        with pytest.raises(SystemFailed, match="system 'odd' failed after 0 steps: atomic number 99"):
            future.result(20)


def test_fields_of_the_user_come_back():
    systems = [
        AtomicData(
            {**SYSTEMS[i], "tag": np.array([[i, 7]], np.int32), "mark": np.arange(SYSTEMS[i].n_atoms) % 3 == 0},
            {"tag": "system", "mark": "atom"},
        )
        for i in range(4)
    ]
    for i, one in enumerate(run_all(relax(), systems, max_atoms=25)):
        assert one["tag"].tolist() == [i, 7]
        assert one["mark"].dtype == bool
        assert one["mark"].tolist() == (np.arange(SYSTEMS[i].n_atoms) % 3 == 0).tolist()
        assert one["numbers"].tolist() == list(SYSTEMS[i]["numbers"])


def test_edges_come_back():
    bonds = [[[0, 1]], [[0, 1], [1, 2], [0, 3]], []]
    systems = [
        AtomicData({**SYSTEMS[i], "bonds": np.array(bonds[i], np.int64).reshape(-1, 2)}, {"bonds": "edge"})
        for i in range(3)
    ]
    for i, one in enumerate(run_all(relax(), systems, max_atoms=25)):
        assert one["bonds"].tolist() == bonds[i]


def test_only_what_is_wanted_is_told():
    (found,) = run_all(relax(), SYSTEMS[:1], max_atoms=25, outputs=["energy", "fmax"])
    assert sorted(found) == ["energy", "fmax", "id", "status", "steps"]
    assert found["fmax"] <= 0.01


def test_a_field_that_others_declare_otherwise_is_refused(gate: threading.Event):
    pause = Pause(gate)
    one = AtomicData({**SYSTEMS[0], "tag": np.array([1])}, {"tag": "system"})
    two = AtomicData({**SYSTEMS[1], "tag": np.array([1.5])}, {"tag": "system"})
    with InFlight(relax(hooks=[pause]), max_atoms=100) as engine:
        first = engine.call(lambda: one)
        assert pause.there.wait(20)
        second = engine.call(lambda: two)
        gate.set()
        assert first.result(20)["tag"] == 1
        with pytest.raises(UserError, match="field 'tag'"):
            second.result(20)


def test_runs_that_never_end_are_refused():
    with pytest.raises(UserError, match="never end"):
        InFlight(NVE(argon(), dt=1.0), max_atoms=10)
    found = run_all(NVE(argon(), dt=1.0), SYSTEMS[:2], max_atoms=100, n_steps=4)
    assert [one["steps"] for one in found] == [4, 4]


@pytest.mark.parametrize(
    "wrong", [{"max_atoms": 0}, {"max_systems": 0}, {"max_edges": -1}, {"refill_frequency": 0}, {"n_steps": 0}]
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, int]):
    with pytest.raises(UserError, match=next(iter(wrong))):
        InFlight(relax(), **{"max_atoms": 10, **wrong})


def test_masses_that_are_needed_and_missing_are_named():
    with InFlight(heat(), max_atoms=10) as engine:
        future = engine.call(lambda: {"numbers": [18], "positions": [[0, 0, 0]]})
        with pytest.raises(UserError, match=r"need the fields \['masses'\]"):
            future.result(20)


def test_a_generator_is_asked_only_for_what_there_is_room_for():
    asked: list[int] = []

    def source() -> Iterator[AtomicData]:
        for i, system in enumerate(SYSTEMS * 5):
            asked.append(i)
            yield system

    leaving = as_they_leave(heat(n_steps=5), source(), max_atoms=20, max_systems=2, ahead=1)
    next(leaving)
    assert len(asked) <= 6
    assert len(list(leaving)) == 5 * len(SYSTEMS) - 1


def test_closing_ends_everything(gate: threading.Event):
    pause = Pause(gate, at=3)
    engine = InFlight(heat(hooks=[pause]), max_atoms=14, max_systems=1)
    futures = [engine.call(lambda s=s: s) for s in SYSTEMS]
    assert pause.there.wait(20)
    gate.set()
    engine.close()
    assert wait(futures, 20).not_done == set()
    assert futures[-1].cancelled()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cohobate-f")]


def test_an_engine_nobody_holds_still_does_its_work():
    futures = [InFlight(relax(), max_atoms=100).call(lambda: SYSTEMS[0])]
    assert futures[0].result(20)["status"] == ENDS[CONVERGED]
    latest = time.monotonic() + 20
    while any(thread.name.startswith("cohobate-flight") for thread in threading.enumerate()):
        assert time.monotonic() < latest


def test_there_is_room_again_when_a_future_is_done():
    seen: list[int] = []
    with InFlight(relax(), max_atoms=100, max_systems=2, ahead=0) as engine:
        future = engine.call(lambda: SYSTEMS[0])
        future.add_done_callback(lambda _: seen.append(engine.room()))
        future.result(20)
    assert seen == [2]


def test_what_is_told_of_a_system_does_not_follow_from_what_others_brought_along():
    moving, resting = SYSTEMS[8], SYSTEMS[0]
    assert "velocities" in moving
    assert "velocities" not in resting
    (alone,) = run_all(relax(), [resting], max_atoms=100)
    _, beside = run_all(relax(), [moving, resting], max_atoms=100)
    assert sorted(beside) == sorted(alone)
    assert "velocities" in run_all(relax(), [resting, moving], max_atoms=100)[1]


def test_a_function_that_does_not_come_back_is_left_behind(gate: threading.Event):
    def stuck() -> AtomicData:
        gate.wait(20)
        return SYSTEMS[0]

    with InFlight(relax(), max_atoms=100) as engine:
        late = engine.submit(Task(stuck, deadline=0.05, grace=0.05))
        other = engine.call(lambda: SYSTEMS[1])
        with pytest.raises(DeadlineExceeded, match=r"stuck took longer .* left behind"):
            late.result(20)
        assert other.result(20)["status"] == "converged"
        gate.set()


def test_a_step_that_does_not_end_keeps_nobody_waiting_who_has_a_deadline(gate: threading.Event):
    def stuck(batch: Batch) -> BaseException | None:
        if batch.n_systems == 2:
            gate.wait(20)
        return None

    with InFlight(heat(Moody(stuck)), max_atoms=100) as engine:
        late = engine.submit(Task(lambda: SYSTEMS[0], deadline=0.05, grace=0.05))
        other = engine.submit(Task(lambda: SYSTEMS[1], key="1"))
        with pytest.raises(DeadlineExceeded, match="its step has not ended"):
            late.result(20)
        assert not other.done()
        gate.set()
        assert_as_alone(other.result(20), alone(heat(), SYSTEMS[1], 1))


def test_closing_does_not_wait_for_ever(gate: threading.Event, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flight, "PATIENCE", 0.05)
    pause = Pause(gate)
    engine = InFlight(heat(hooks=[pause]), max_atoms=100)
    future = engine.call(lambda: SYSTEMS[0])
    assert pause.there.wait(20)
    with pytest.warns(RuntimeWarning, match="a step has not ended within"):
        engine.close()
    assert future.cancelled()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "cohobate-flight":
            thread.join(20)


def test_chains_of_futures_may_be_long_and_fail():
    with InFlight(relax(), max_atoms=100) as engine:
        futures = [engine.call(lambda: 1 / 0)]
        for _ in range(2000):
            futures.append(engine.call(lambda told: told, futures[-1]))
        with pytest.raises(DependencyFailed, match="was not run: what it depends on failed with ZeroDivisionError"):
            futures[-1].result(20)
