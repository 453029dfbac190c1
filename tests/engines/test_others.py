"""What only one of the engines does."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from cohobate.core.capture import Raised, Returned
from cohobate.core.context import cancelled
from cohobate.core.errors import DeadlineExceeded, EngineClosed, TaskRaised, UserError
from cohobate.core.payload import Payload
from cohobate.core.protocols import Cooperative
from cohobate.core.task import Task
from cohobate.engines.coroutines import coroutines
from cohobate.engines.executor import as_engine, executor
from cohobate.engines.inline import inline
from cohobate.engines.processes import processes
from cohobate.engines.threads import threads
from cohobate.worker.alarm import Alarm


def test_inline_performs_calls_in_the_callers_thread():
    engine = inline()
    assert isinstance(engine, Cooperative)
    assert engine.perform(threading.get_ident, (), None) == Returned(threading.get_ident())
    assert isinstance(engine.perform(divmod, (1, 0), None), Raised)
    assert engine.perform(cancelled, (), 0.0) == Returned(True)
    assert engine.perform(cancelled, (), 60.0) == Returned(False)
    engine.close()


def test_inline_is_the_only_one_that_does():
    with threads(1) as a, processes(1) as b, coroutines() as c:
        assert not any(isinstance(engine, Cooperative) for engine in (a, b, c))


def test_a_thread_left_behind_is_counted_and_replaced():
    go = threading.Event()
    with threads(1) as engine:
        stuck = engine.submit(Task(go.wait, (20,), deadline=0.05, grace=0.05))
        behind = engine.call(abs, -1)
        with pytest.raises(DeadlineExceeded, match="thread cannot be killed"):
            stuck.result(10)
        assert behind.result(10) == 1
        assert "1 left behind" in engine.describe()
        go.set()
        freed = threading.Event()
        while "left behind" in engine.describe():
            assert not freed.wait(0.001)
        assert engine.call(abs, -2).result(10) == 2
    with pytest.raises(DeadlineExceeded):
        stuck.result()


def test_executors_are_taken_and_left_open():
    with ThreadPoolExecutor(3) as pool:
        engine = as_engine(pool)
        assert (engine.room(), repr(engine)) == (3, "executor(ThreadPoolExecutor, 3)")
        assert engine.submit(Task(abs, (-1,))).result(10) == 1
        engine.close()
        assert pool.submit(abs, -2).result(10) == 2


def test_an_executor_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    engine = executor(pool)
    pool.shutdown()
    with pytest.raises(EngineClosed, match="cannot schedule new futures"):
        engine.call(abs, -1).result(10)


@pytest.mark.parametrize("thing", [None, 4, "processes", object()])
def test_what_is_no_engine_is_refused(thing: Payload):
    with pytest.raises(UserError, match="expected an engine"):
        as_engine(thing)


def test_coroutines_share_the_loop_they_are_given():
    async def main() -> bool:
        async def here() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        engine = coroutines(asyncio.get_running_loop())
        same = await asyncio.wrap_future(engine.call(here)) is asyncio.get_running_loop()
        engine.close()
        return same

    assert asyncio.run(main())


def test_a_coroutine_is_flagged_then_cancelled():
    seen: list[str] = []

    async def polite() -> str:
        while not cancelled():
            await asyncio.sleep(0.001)
        return "stopped"

    async def rude() -> None:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with coroutines() as engine:
        assert engine.submit(Task(polite, deadline=0.02, grace=20)).result(10) == "stopped"
        with pytest.raises(DeadlineExceeded):
            engine.submit(Task(rude, deadline=0.02, grace=0.02)).result(10)
        future = engine.submit(Task(rude, grace=0.02))
        engine.cancel(future)
        wait([future], 10)
        assert future.cancelled()
    assert seen[0] == "cancelled"


def test_a_coroutine_that_raises_or_exits():
    async def bad(error: BaseException) -> None:
        raise error

    with coroutines() as engine:
        assert isinstance(engine.call(bad, ValueError("x")).exception(10), ValueError)
        assert isinstance(engine.call(bad, SystemExit(3)).exception(10), TaskRaised)
        assert engine.call(bad, KeyError("still here")).exception(10) is not None


def test_closing_cancels_coroutines():
    async def forever() -> None:
        await asyncio.sleep(600)

    engine = coroutines(ntasks=2)
    futures: list[Future[None]] = [engine.call(forever) for _ in range(5)]
    engine.close()
    engine.close()
    assert all(future.cancelled() for future in futures)


def test_an_alarm_rings_no_later_than_asked_for():
    rung: list[float] = []
    done = threading.Event()

    def check(now: float) -> float:
        rung.append(now)
        if len(rung) == 3:
            done.set()
            return float("inf")
        return now + 0.01

    alarm = Alarm(check)
    asked = time.monotonic() + 0.02
    alarm.by(asked + 100)
    alarm.by(asked)
    assert done.wait(10)
    alarm.stop()
    assert rung[0] >= asked
    assert rung[2] >= rung[0] + 0.02
