"""Campaigns in a real notebook kernel, whose event loop is running all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """
import asyncio, time
import cohobate as co

def square(x):
    time.sleep(0.01)
    return x * x

async def slow(x):
    await asyncio.sleep(0.001)
    return x

def campaign(simulator=square, engine=None, seed=0):
    sampler = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f", seed=seed)
    return co.Campaign(sampler, simulator, engine or co.threads(2))
"""


@pytest.fixture(scope="module")
def notebook() -> Iterator[tuple[Any, Any]]:
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=50)
    try:
        run(client, SETUP)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def send(client: Any, code: str) -> str:
    return client.execute(code, store_history=False)


def printed(client: Any, sent: str) -> str:
    """What a cell printed; fails with its traceback where it raised."""
    text = ""
    while True:
        try:
            message = client.get_iopub_msg(timeout=30)
        except Empty:
            pytest.fail("the cell never ended")
        if message["parent_header"].get("msg_id") != sent:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                text += content["text"]
            case "error":
                pytest.fail("\n".join(content["traceback"]))
            case "status" if content["execution_state"] == "idle":
                return text.strip()


def run(client: Any, code: str) -> str:
    return printed(client, send(client, code))


def test_a_cell_that_blocks_the_kernel_does_not_stop_a_started_campaign(notebook: tuple[Any, Any]):
    _, client = notebook
    run(client, "handle = campaign().start(co.evaluations(20))")
    assert run(client, "while not handle.done(): time.sleep(0.005)\nprint(handle.result().tally.values)") == "20"
    assert run(client, "print((await handle).reason)") == "20 evaluations"


def test_arun_run_and_coroutine_simulators_work_in_a_cell(notebook: tuple[Any, Any]):
    _, client = notebook
    assert run(client, "print((await campaign().arun(co.evaluations(7))).tally.values)") == "7"
    assert run(client, "print(campaign().run(co.evaluations(8)).tally.values)") == "8"
    code = "async_one = co.Campaign(co.RandomSampler({'x': co.Real(0, 1)}), slow, ntasks=3)\n"
    assert run(client, code + "print((await async_one.arun(co.evaluations(9))).tally.values)") == "9"
    code = code.replace("async_one", "other")
    assert run(client, code + "print(other.run(co.evaluations(10)).tally.values)") == "10"


def test_functions_of_a_notebook_run_in_worker_processes(notebook: tuple[Any, Any]):
    _, client = notebook
    code = (
        "engine = co.processes(2)\nprint(campaign(lambda x: square(x) + 1, engine).run(co.evaluations(5)).tally.values)"
    )
    assert run(client, code) == "5"
    assert run(client, "engine.close()") == ""


def test_interrupting_the_kernel_stops_cleanly_and_returns_what_there_is(notebook: tuple[Any, Any], tmp_path: Path):
    manager, client = notebook
    going = tmp_path / "going"
    run(client, f"def touch(x):\n    open({str(going)!r}, 'w').close()\n    return square(x)")
    sent = send(client, "result = campaign(touch).run(co.evaluations(10**6))\nprint(result.reason)")
    end = time.monotonic() + 30
    while not going.exists() and time.monotonic() < end:
        threading.Event().wait(0.01)
    manager.interrupt_kernel()
    assert printed(client, sent) == "SIGINT"
    assert int(run(client, "print(result.tally.values)")) < 10**6
