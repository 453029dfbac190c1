"""What a started campaign can be asked while it runs: how it stands, what failed, what its generator knows."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.campaign.status import Status
from cohobate.core.errors import UserError
from cohobate.propose.learners.sequence import SequenceLearner


def sampler() -> Any:
    return co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")


def square(x: float) -> float:
    return x * x


def test_a_status_comes_every_so_often_and_once_at_the_end():
    go_on = threading.Event()

    def held(x: float) -> float:
        go_on.wait(30)
        return x

    async def main() -> list[Status]:
        handle = co.Campaign(sampler(), held, co.threads(2)).start(co.evaluations(6))
        seen = []
        async for status in handle.watch(every=0.001):
            seen.append(status)
            if len(seen) == 5:
                go_on.set()
        return seen

    seen = asyncio.run(main())
    assert [status.state for status in seen[:5]] == ["running"] * 5
    assert seen[-1].state == "done"
    assert seen[-1].tally.values == 6


def test_watching_one_that_fails_ends_and_leaves_the_reason_to_the_handle():
    def fail(x: float) -> float:
        raise ValueError("no licence")

    async def main() -> tuple[list[Status], BaseException | None]:
        handle = co.Campaign(sampler(), fail, co.threads(2)).start(co.evaluations(100))
        return [status async for status in handle.watch(every=30)], handle.exception()

    seen, error = asyncio.run(main())
    assert seen[-1].state == "failed"
    assert isinstance(error, co.CohobateError)


def test_who_stops_watching_disturbs_nobody():
    async def main() -> int:
        handle = co.Campaign(sampler(), square, co.threads(2)).start(co.evaluations(200))
        async for _ in handle.watch(every=0.001):
            break
        return (await handle).tally.values

    assert asyncio.run(main()) == 200


def test_coroutines_go_beside_a_campaign():
    """The timer of a notebook: a task that awaits the handle."""

    async def timed(handle: Any) -> float:
        began = asyncio.get_running_loop().time()
        await handle
        return asyncio.get_running_loop().time() - began

    async def main() -> tuple[float, float]:
        handle = co.Campaign(sampler(), square, co.threads(2)).start(co.evaluations(50))
        timer = asyncio.create_task(timed(handle))
        result = await handle
        assert result.tally.values == 50
        return await timer, handle.elapsed_time()

    waited, elapsed = asyncio.run(main())
    assert 0 <= waited <= elapsed + 1


def will_raise(x: float) -> float:
    if 0.4 < x < 0.6:
        raise RuntimeError("something went wrong!")
    return x**2


@pytest.mark.parametrize("folder", [True, False])
def test_a_campaign_runs_on_where_some_points_raise_and_names_them(tmp_path: Path, folder: bool):
    made = co.Campaign(sampler(), will_raise, co.threads(2), run=tmp_path / "run" if folder else None)
    handle = made.start(co.evaluations(60))
    assert handle.result(30).tally.counted == 60
    failed = handle.failed
    assert len(failed) == handle.status().tally.failed > 0
    for one in failed:
        assert 0.4 < one.inputs["x"] < 0.6
        assert one.failure.kind == "raised"
        assert str(one).startswith(f"trial {one.trial} (x = {one.inputs['x']!r}), raised: RuntimeError: something went")
        assert "in will_raise" in str(one)
    assert handle.tracebacks == [(one.trial, one.traceback) for one in failed]


def test_a_lost_worker_has_no_traceback_but_inputs():
    def leave(x: float) -> float:
        __import__("os")._exit(3)

    with co.processes(1) as engine:
        retries = co.Retries(worker_lost=0)
        handle = co.Campaign(sampler(), leave, engine, retries=retries, failure_budget=None).start(co.evaluations(1))
        handle.result(30)
    (one,) = handle.failed
    assert one.failure.kind == "worker_lost"
    assert set(one.inputs) == {"x"}
    assert handle.tracebacks == []
    assert "worker lost" in str(one)


@pytest.mark.parametrize("engine", [co.inline, lambda: co.threads(2), lambda: co.processes(1)])
def test_a_generator_can_be_looked_at_while_it_runs_and_afterwards(engine: Any):
    learner = SequenceLearner(range(20_000))
    with engine() as place:
        handle = co.Campaign(learner, float, place).start()
        counts = [handle.peek(lambda one: (one is learner, one.npoints, len(one.data))) for _ in range(20)]
        handle.cancel()
        handle.result(30)
    counts.append(handle.peek(lambda one: (one is learner, one.npoints, len(one.data))))
    assert all(same and points == known for same, points, known in counts)
    assert [points for _, points, _ in counts] == sorted(points for _, points, _ in counts)
    assert counts[-1][1] == learner.npoints
    assert handle.generators == {"main": learner}


def test_a_look_comes_between_two_turns():
    busy = threading.Lock()

    class Turns:
        problem = co.Problem({"x": co.Real(0, 1)}, (co.Output("f", "minimize"),))

        def suggest(self, n: int) -> list[dict[str, float]]:
            with busy:
                return [{"x": 0.5}]

        def ingest(self, results: Any) -> None:
            with busy:
                list(results)

        def finalize(self) -> None: ...

    handle = co.Campaign(Turns(), square, co.threads(2)).start()
    for _ in range(300):
        assert handle.peek(lambda _: busy.locked()) is False
    handle.cancel()
    handle.result(30)


def test_what_a_look_raises_is_raised_and_ends_nothing():
    handle = co.Campaign(sampler(), square, co.threads(2)).start()
    with pytest.raises(ZeroDivisionError):
        handle.peek(lambda _: 1 / 0)
    with pytest.raises(UserError, match=r"\['main'\], got 'mian'"):
        handle.peek(id, generator="mian")
    assert not handle.done()
    handle.cancel()
    assert handle.result(30).reason == "cancelled"


def test_a_campaign_that_fails_meanwhile_keeps_nobody_waiting():
    entered, go_on = threading.Event(), threading.Event()

    def fail(x: float) -> float:
        entered.set()
        go_on.wait(30)
        raise ValueError("boom")

    learner = SequenceLearner([1.0, 2.0])
    handle = co.Campaign(learner, fail, co.inline(), failure_budget=1).start()
    assert entered.wait(30)
    looked: list[int] = []
    thread = threading.Thread(target=lambda: looked.append(handle.peek(lambda one: one.npoints)))
    thread.start()
    go_on.set()
    thread.join(30)
    assert looked == [0]


def test_a_goal_may_look_at_the_generator_of_an_inline_campaign():
    learner = SequenceLearner(range(100))
    result = co.Campaign(learner, float, co.inline()).run(lambda view: learner.npoints >= 17)
    assert result.tally.values == 18  # one is on its way when the 17th is told


def test_a_goal_that_peeks_is_told_that_it_cannot():
    started: list[Any] = []
    ready = threading.Event()

    def goal(view: Any) -> bool:
        ready.wait(30)
        return started[0].peek(lambda one: one.npoints) > 3

    started.append(co.Campaign(SequenceLearner(range(100)), float, co.threads(1)).start(goal))
    ready.set()
    with pytest.raises(co.CohobateError, match="the campaign itself cannot wait"):
        started[0].result(30)
