"""What engines have and show: checked when opened, bound before a worker starts, said in the terms of others."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.capture import Returned
from cohobate.core.errors import Unsendable, UserError
from cohobate.core.task import Task
from cohobate.engines import executor, inline, processes, threads
from cohobate.engines.abroad.carried import carried
from cohobate.engines.berth import Berth, in_the_way, lacking
from cohobate.engines.coroutines import coroutines
from cohobate.engines.packed import Packed
from cohobate.engines.parsl_needs import specification, specified
from cohobate.engines.workplace import Workplace
from cohobate.host.census import census
from cohobate.worker.settling import drop, fail, settle


def seen() -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


# What is said when an engine is opened.


@pytest.mark.parametrize(
    ("resources", "line"),
    [
        ({"licence": -1}, "resources: expected a number of 'licence' from 0 up, got -1"),
        ({"licence": float("inf")}, "from 0 up, got inf"),
        ({"licence": "3"}, "resources: expected a number of 'licence', got '3'"),
        ({"gpu": 1.5}, "resources: expected a whole number of 'gpu', got 1.5"),
        ({"": 1}, "got the name ''"),
        ({3: 1}, "got the name 3"),
        ({"licence": ["a"]}, "resources: expected a number of 'licence', got ['a']"),
        (["gpu"], "resources: expected names with numbers such as {'gpu': 2, 'licence': 3}, got ['gpu']"),
        ({"cores": 3}, "resources: cores are the workers of an engine, got 2 workers and 3 cores"),
    ],
)
@pytest.mark.parametrize("engine", [processes, threads])
def test_what_makes_no_sense_is_refused(engine: Callable[..., Workplace], resources: Any, line: str):
    with pytest.raises(UserError) as caught:
        engine(2, resources=resources)
    assert line in str(caught.value)


@pytest.mark.parametrize("devices", [["0", "0"], ["0,1"], [""], [None], [True]])
def test_devices_are_different_names(devices: list[Any]):
    with pytest.raises(UserError, match=r"expected different devices such as \{'gpu': \['0', '3'\]\}"):
        processes(2, resources={"gpu": devices})


def test_cores_are_the_workers():
    assert processes(resources={"cores": 3}).workers == 3
    assert threads(3, resources={"cores": 3}).has() == {"cores": 3}
    with pytest.raises(UserError, match="at least one of 'cores', got 0"):
        threads(resources={"cores": 0})


def test_a_number_of_devices_means_the_first_we_may_see(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-aa,7")
    with processes(1, resources={"gpu": 2}) as engine:
        assert engine.submit(Task(seen, needs={"gpu": 2})).result(20)[1] == "5,GPU-aa"
    with pytest.raises(UserError, match="gpu 4 are more than CUDA_VISIBLE_DEVICES lets this process see: 5, GPU-aa,7"):
        processes(1, resources={"gpu": 4})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="see: none"):
        processes(1, resources={"gpu": 1})


def test_without_gpus_of_its_own_an_engine_leaves_devices_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    with processes(1, resources={"licence": 1}) as engine:
        for needs in ({}, {"licence": 1}, {"cores": 1}):
            assert engine.submit(Task(seen, needs=needs)).result(20)[1] == "4"


def test_an_engine_that_counts_nothing_refuses_needs():
    with coroutines() as engine, pytest.raises(UserError, match="counts none: open it with resources"):
        engine.submit(Task(seen, needs={"cores": 1}))


def test_one_at_a_time_has_it_all():
    with inline(resources={"oven": 2}) as engine:
        assert engine.has() == engine.free() == {"cores": 1, "oven": 2}
        assert engine.submit(Task(pow, (2, 3), needs={"oven": 2})).result(20) == 8
        with pytest.raises(UserError, match="cores 2 can never be had: there is cores 1, oven 2"):
            engine.submit(Task(pow, (2, 3), needs={"cores": 2}))


# Worker processes and what they are bound to.


def test_a_worker_stays_for_those_that_see_the_same():
    with processes(2, resources={"gpu": 1}) as engine:
        with_it = [engine.submit(Task(seen, needs={"gpu": 1})) for _ in range(10)]
        assert len({future.result(20) for future in with_it}) == 1
        assert engine.call(seen).result(20)[1] == ""
        assert engine.submit(Task(seen, needs={"gpu": 1})).result(20) == with_it[0].result()


def test_an_idle_worker_ends_before_another_starts_on_its_device():
    with processes(3, resources={"gpu": ["a", "b"]}) as engine:
        alone, _ = engine.submit(Task(seen, needs={"gpu": 1})).result(20)

        def alive() -> tuple[str | None, bool]:
            return seen()[1], alone in {process.pid for process in census()}

        assert engine.submit(Task(alive, needs={"gpu": 2})).result(20) == ("a,b", False)


def test_there_are_never_more_workers_than_cores():
    with processes(2, resources={"gpu": ["a", "b"]}) as engine:
        kinds: list[Mapping[str, float]] = [{}, {"gpu": 1}, {"cores": 1}, {"gpu": 2}, {"cores": 2, "gpu": 1}]
        for _ in range(3):
            for needs in kinds:
                engine.submit(Task(seen, needs=needs)).result(20)
                ours = [p for p in census() if p.parent == os.getpid() and _is_worker(p.pid)]
                assert len(ours) <= 2


def _is_worker(pid: int) -> bool:
    try:
        return b"cohobate.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_further_worker_is_wanted_where_idle_ones_do_not_do():
    a, b, both = Berth(devices=("a",)), Berth(devices=("b",)), Berth(devices=("a", "b"))
    assert lacking([a, b], [a]) == b
    assert lacking([a], [a, b]) is None
    assert lacking([a, a], [a]) == a
    assert in_the_way(both, [both], [a], full=False) == a
    assert in_the_way(b, [b], [a], full=False) is None
    assert in_the_way(b, [b], [a], full=True) == a
    assert in_the_way(b, [a, b], [a], full=True) is None


def test_many_of_all_kinds_come_through_though_some_are_cancelled():
    draw = random.Random(5)
    with processes(2, resources={"gpu": 2, "licence": 1}) as engine:
        kinds = [{}, {"gpu": 1}, {"cores": 2}, {"licence": 0.5}, {"gpu": 2}, {"licence": 1, "cores": 1}]
        futures = [engine.submit(Task(pow, (i, 2), needs=draw.choice(kinds))) for i in range(120)]
        dropped = set(draw.sample(range(120), 30))
        for i in dropped:
            engine.cancel(futures[i]) if i % 2 else futures[i].cancel()
        assert wait(futures, 50).not_done == set()
        assert all(future.result() == i * i for i, future in enumerate(futures) if i not in dropped)
        assert all(futures[i].cancelled() or futures[i].result() == i * i for i in dropped)
        # Those that were cancelled by their owner may still be on their way out.
        assert engine.submit(Task(pow, (2, 2), needs={"cores": 2, "gpu": 2, "licence": 1})).result(20) == 4
        assert engine.free() == engine.has()


# Counting, over a backend that does as it is told.


class Desk:
    """Holds what it is given until somebody ends it."""

    workers, kills = 2, True

    def __init__(self) -> None:
        self.running: list[tuple[Task, Future[Any]]] = []
        self.unsendable = self.retired = False

    def run(self, task: Task, future: Future[Any]) -> None:
        if self.unsendable:
            fail(future, Unsendable("no way"))
        else:
            self.running.append((task, future))

    def end(self) -> None:
        task, future = self.running.pop(0)
        settle(future, Returned(task.fn(*task.args)))

    def room(self) -> int:
        return 77

    def cancel(self, future: Future[Any]) -> bool:
        found = [entry for entry in self.running if entry[1] is future]
        for entry in found:
            self.running.remove(entry)
            drop(future)
        return bool(found)

    def pending(self) -> list[Future[Any]]:
        return [future for _, future in self.running]

    def retire(self) -> None:
        self.retired = True

    def stop(self) -> None:
        for _, future in list(self.running):
            self.cancel(future)

    def describe(self) -> str:
        return "a desk"


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.stop()


def test_a_thousand_that_fail_at_once_do_so_one_after_the_other(desk: Desk):
    engine = Workplace(Packed(desk, {"cores": 1}))
    first = engine.call(pow, 1, 1)
    others = [engine.call(pow, 1, 1) for _ in range(5000)]
    desk.unsendable = True
    desk.end()
    assert first.result(0) == 1
    assert all(isinstance(future.exception(0), Unsendable) for future in others)
    assert engine.room() == 1


def test_nothing_is_counted_until_somebody_asks(desk: Desk):
    engine = Workplace(Packed(desk, {"cores": 2}, at_once=False))
    before = [engine.call(pow, 1, 1) for _ in range(5)]
    assert (len(desk.running), engine.room(), engine.free()) == (5, 77, {"cores": 0})
    asking = engine.submit(Task(pow, (2, 2), needs={"cores": 2}))
    after = engine.call(pow, 3, 1)
    assert (len(desk.running), engine.room()) == (5, 2 - 5 - 2 - 1)
    for _ in before:
        assert not asking.done()
        desk.end()
    assert len(desk.running) == 1
    desk.end()
    assert asking.result(0) == 4
    desk.end()
    assert (after.result(0), engine.room(), engine.free()) == (3, 2, {"cores": 2})


def test_a_backend_retires_when_nothing_waits(desk: Desk):
    packed = Packed(desk, {"cores": 1})
    for _ in range(2):
        packed.run(Task(pow, (1, 1)), Future())
    packed.retire()
    desk.end()
    assert not desk.retired
    desk.end()
    assert desk.retired


def test_one_cancelled_by_its_owner_holds_on_until_it_is_over():
    ends: list[Future[Any]] = []
    desk = Desk()
    desk.cancel = lambda future: ends.append(future) is None  # type: ignore[method-assign]  # it takes its time
    engine = Workplace(Packed(desk, {"cores": 1}))
    first, second = engine.call(pow, 1, 1), engine.call(pow, 2, 1)
    first.cancel()
    assert first.cancelled()
    assert [future for _, future in desk.running] == ends
    assert engine.free() == {"cores": 0}
    desk.end()
    assert len(desk.running) == 1
    desk.end()
    assert second.result(0) == 2


def test_submitting_cancelling_and_ending_from_many_threads_at_once():
    with threads(3, resources={"oven": 2}) as engine:
        futures: list[Future[Any]] = []

        def work(seed: int) -> None:
            draw = random.Random(seed)
            for i in range(200):
                future = engine.submit(Task(pow, (i, 1), needs={"oven": draw.choice([0, 0.5, 1, 2])}))
                futures.append(future)
                if draw.random() < 0.3:
                    engine.cancel(future) if draw.random() < 0.5 else future.cancel()

        crowd = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join(30)
        assert len(futures) == 800
        assert wait(futures, 30).not_done == set()
        assert engine.submit(Task(pow, (2, 1), needs={"oven": 2, "cores": 3})).result(20) == 2
        assert engine.free() == engine.has() == {"cores": 3, "oven": 2}


@given(st.lists(st.sampled_from([{"cores": 2}, {"licence": 1}, {"oven": 1, "licence": 1}, {}]), max_size=30))
def test_each_is_done_in_its_turn(stream: list[Mapping[str, float]]):
    desk = Desk()
    engine = Workplace(Packed(desk, {"cores": 2, "licence": 1, "oven": 1}))
    futures = [engine.submit(Task(partial(pow, i), (1,), needs=needs)) for i, needs in enumerate(stream)]
    for turn in range(len(stream)):
        assert desk.running, f"nothing runs at turn {turn}"
        desk.end()
    assert [future.result(0) for future in futures] == list(range(len(stream)))


# Elsewhere.


class Far:
    """A carrier whose workers are on other machines, and whose terms are what the test says."""

    workers, shared, latency, kinds, host = 2, False, 0.01, (), "10.0.0.1"

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        return "needs: not there" if needs.get("gpu") else None

    def close(self) -> None: ...


def test_what_a_carrier_cannot_do_is_refused():
    with carried(Far(), "always", resources={"gpu": 1, "licence": 1}) as engine:
        assert engine.refuse({"gpu": 1}) == "needs: not there"
        assert engine.refuse({"licence": 1}) is None
        assert engine.refuse({"licence": 2}) == "needs: licence 2 can never be had: there is cores 2, gpu 1, licence 1"
    with pytest.raises(UserError, match="gpu is a number"):
        carried(Far(), "always", resources={"gpu": ["0"]})


def executors(*kinds: str, **facts: Any) -> list[Any]:
    return [type(kind, (), facts)() for kind in kinds]


@pytest.mark.parametrize(
    ("kinds", "facts", "expected"),
    [
        (("HighThroughputExecutor",), {}, {}),
        (("TaskVineExecutor",), {}, {"cores": 2, "gpus": 1}),
        (("WorkQueueExecutor",), {"autolabel": True}, {"cores": 2, "gpus": 1}),
        (("WorkQueueExecutor",), {"autolabel": False}, {"gpus": 1}),
        (("MPIExecutor",), {}, {"num_nodes": 2}),
        (("MPIExecutor", "TaskVineExecutor"), {}, {}),
    ],
)
def test_only_what_an_executor_of_parsl_takes_is_passed_on(kinds: Any, facts: Any, expected: dict[str, float]):
    needs = {"cores": 2.0, "gpu": 1, "num_nodes": 2, "licence": 1, "disk": 0}
    assert specification(executors(*kinds, **facts), needs) == expected


def test_parsl_takes_these_specifications():
    module = pytest.importorskip("parsl.executors.high_throughput.mpi_prefix_composer")
    module.validate_resource_spec(specification(executors("MPIExecutor"), {"num_nodes": 2, "ranks_per_node": 2}))
    whole = specification(
        executors("WorkQueueExecutor", autolabel=False), {"cores": 1, "memory": 100, "disk": 10, "gpu": 1}
    )
    assert whole == {"cores": 1, "memory": 100, "disk": 10, "gpus": 1}
    assert specified(pow, 2, 3, parsl_resource_specification=whole) == 8


def test_dask_is_asked_for_what_its_workers_declare():
    distributed = pytest.importorskip("distributed")
    from cohobate.engines.dask import dask

    options = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            resources={"licence": 1},
            scheduler_kwargs=options,
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        dask(client, resources={"licence": 4, "oven": 1}) as engine,
    ):
        asked: list[Any] = []
        submit = client.submit
        client.submit = lambda *args, resources, **more: (
            asked.append(resources) or submit(*args, resources=resources, **more)
        )
        assert engine.submit(Task(pow, (2, 3), needs={"licence": 0.5, "oven": 1})).result(20) == 8
        assert engine.call(pow, 2, 4).result(20) == 16
        assert asked == [{"licence": 0.5}, None]
        assert engine.refuse({"licence": 2}) == "needs: licence 2 can never be had: no dask worker declares so much"


def test_an_executor_shares_what_its_owner_says():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool, executor(pool, resources={"oven": 1}) as engine:
        assert engine.has() == {"cores": 2, "oven": 1}
        assert "its tasks share oven 1" in engine.describe()
