"""The terms of an objective at an engine: from scripts, from loops, from within other terms."""

import asyncio
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import CallFailed, EngineClosed, UserError
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from fit.objectives import nested, params_of, term

PARAMS = {f"x{i}": float(i) for i in range(4)}


@pytest.fixture(scope="module")
def engine():
    with co.threads(4) as place:
        yield place


def four(**changes):
    return CombinedObjective([term(i) for i in range(4)], [1.0, 2.0, 3.0, 4.0], **changes)


def waits_until_cancelled(x0, started=None, stopped=None):
    """A quantity that only ends where it is cancelled."""
    started.set()
    for _ in range(1000):
        if co.cancelled():
            stopped.set()
            break
        time.sleep(0.01)
    return x0


@settings(max_examples=25)
@given(data=st.data(), made=nested(("sum", "mean", "root_mean", max)))
def test_the_bits_are_those_of_the_plain_call(engine, data, made):
    objective, _ = made
    params = params_of(data.draw, objective)
    there = objective.on(engine)
    assert there(params) == objective(params)
    assert np.array_equal(there.evaluate(params).residuals, objective.evaluate(params).residuals)
    assert there.quantities(params) == objective.quantities(params)


@pytest.mark.parametrize("make", [co.inline, lambda: co.processes(2), lambda: ThreadPoolExecutor(2)])
def test_any_engine_and_any_executor(make):
    with make() as place:
        objective = four().on(place)
        assert objective(PARAMS) == four()(PARAMS)
        assert asyncio.run(objective.acall(PARAMS)) == four()(PARAMS)
        assert four(engine=place)(PARAMS) == four()(PARAMS)


def test_binding_changes_nothing_of_what_is_bound(engine):
    objective = four()
    bound = objective.on(engine)
    assert (objective.engine, bound.engine) == (None, engine)
    assert CombinedObjective([bound, term(0)]).engine is engine
    with co.threads(1) as other:
        with pytest.raises(UserError, match="bound to 2 engines: say which by engine= or on"):
            CombinedObjective([bound, objective.on(other)])
        assert CombinedObjective([bound, objective.on(other)], engine=other)(PARAMS) == 2 * objective(PARAMS)


def test_within_a_running_loop(engine):
    objective = four().on(engine)

    async def main():
        many = await asyncio.gather(*[objective.acall(PARAMS) for _ in range(5)])
        return [*many, objective(PARAMS), await four().acall(PARAMS)]

    assert asyncio.run(main()) == [four()(PARAMS)] * 7


def test_the_loop_goes_on_meanwhile(engine):
    gate = threading.Event()

    def waits(x0):
        assert gate.wait(10)
        return x0

    async def main():
        task = asyncio.create_task(CombinedObjective([Term(waits, 0.0)]).on(engine).acall(PARAMS))
        await asyncio.sleep(0)
        gate.set()
        return await task

    assert asyncio.run(main()) == 0.0


def test_a_call_that_is_no_longer_awaited_is_cancelled(engine):
    started, stopped = threading.Event(), threading.Event()
    objective = CombinedObjective(
        [Term(waits_until_cancelled, 0.0, inputs={"started": started, "stopped": stopped})], engine=engine
    )

    async def main():
        task = asyncio.create_task(objective.acall(PARAMS))
        await asyncio.to_thread(started.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert stopped.wait(10)


def test_an_error_surfaces_at_once_and_cancels_the_rest(engine):
    started, stopped = threading.Event(), threading.Event()

    def broken(x1):
        assert started.wait(10)
        raise ValueError("no such crystal")

    slow = Term(waits_until_cancelled, 0.0, inputs={"started": started, "stopped": stopped})
    objective = CombinedObjective([slow, Term(broken, 0.0, name="density")], engine=engine)
    began = time.monotonic()
    with pytest.raises(CallFailed, match=r"^term 'density': ValueError: no such crystal"):
        objective(PARAMS)
    assert time.monotonic() - began < 5  # the slow one ends after 10 s where nobody cancels it
    assert stopped.wait(10)


def test_a_deadline_of_its_own(engine):
    started, stopped = threading.Event(), threading.Event()
    slow = Term(waits_until_cancelled, 1.0, name="slow", deadline=0.05, inputs={"started": started, "stopped": stopped})
    objective = CombinedObjective([slow, term(1)], engine=engine)
    objective(PARAMS)
    assert stopped.is_set()


def test_a_program_that_does_not_stop_is_killed_at_the_deadline():
    def sleeps(x0):
        time.sleep(60)

    with co.processes(1) as place:
        objective = CombinedObjective([Term(sleeps, 1.0, name="slow", deadline=0.1)], engine=place)
        with pytest.raises(CallFailed, match=r"^term 'slow': .*0.1 s"):
            objective(PARAMS)


def test_terms_that_call_objectives_at_the_same_threads_do_not_wait_for_each_other():
    with co.threads(2) as place:
        inner = four(engine=place)
        outer = CombinedObjective([Term(lambda p: inner(dict(p)), 0.0, name=f"o{i}", loss="value") for i in range(4)])
        assert outer.on(place)(PARAMS) == 4 * inner(PARAMS)


def test_objectives_within_objectives_are_one_list_at_one_engine():
    with co.threads(2) as place:
        inner = CombinedObjective([CombinedObjective([term(i)]).on(place) for i in range(4)]).on(place)
        assert CombinedObjective([inner, inner, four()]).on(place)(PARAMS) == 2 * inner(PARAMS) + four()(PARAMS)


def test_what_is_wrong_with_the_parameters_is_told_as_such(engine):
    def f(epsilon, sgima):
        return epsilon

    with pytest.raises(UserError, match="term 'f': f takes"):
        CombinedObjective([Term(f, 1.0)]).on(engine)({"epsilon": 1.0, "sigma": 2.0})


def test_what_is_no_engine_is_refused():
    with pytest.raises(UserError, match="expected an engine"):
        four().on(3)


def test_an_engine_that_was_closed_is_no_failure_of_a_term():
    with co.threads(1) as place:
        objective = CombinedObjective([term(0), term(1)], failed="worst").on(place)
        objective(PARAMS)
    with pytest.raises(EngineClosed):
        objective(PARAMS)


def test_a_failing_term_that_counts_as_worst():
    def at(x0):
        if x0 > 10:
            raise ArithmeticError("diverged")
        return x0

    with co.threads(2) as place:
        objective = CombinedObjective([Term(at, 0.0, name="a"), term(1)], failed="worst").on(place)
        objective({"x0": 2.0, "x1": 0.0})
        score = objective.evaluate({"x0": 11.0, "x1": 1.0})
    assert (score.loss, score.terms["a"]["kind"]) == (pytest.approx(9.0), "raised")


def test_programs_run_side_by_side():
    def sleeps(x0):
        subprocess.run(["sleep", "0.1"], check=True)
        return x0

    objective = CombinedObjective([Term(sleeps, 0.0, name=f"s{i}") for i in range(16)])
    with co.threads(16) as place:
        there = objective.on(place)
        there(PARAMS)
        began = time.perf_counter()
        there(PARAMS)
        assert time.perf_counter() - began < 0.8  # 1.6 s one after the other
