"""The widget in a real notebook kernel: a front end sees it change, and its button works."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

pytest.importorskip("ipywidgets", reason="the extra notebook is not installed")

SETUP = """
import time
import cohobate as co

def square(x):
    time.sleep(0.005)
    return x * x

def campaign():
    return co.Campaign(co.RandomSampler({"x": co.Real(0, 1)}, minimize="f"), square, co.threads(2))
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=50)
    try:
        messages(client, SETUP)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def messages(client: Any, code: str) -> list[tuple[str, Any]]:
    """What a front end hears until a cell has ended; fails with its traceback where it raised."""
    sent, heard = client.execute(code, store_history=False), []
    while True:
        try:
            message = client.get_iopub_msg(timeout=30)
        except Empty:
            pytest.fail("the cell never ended")
        kind, content = message["msg_type"], message["content"]
        heard.append((kind, content))
        if message["parent_header"].get("msg_id") == sent:
            if kind == "error":
                pytest.fail("\n".join(content["traceback"]))
            if kind == "status" and content["execution_state"] == "idle":
                return heard


def printed(client: Any, code: str) -> str:
    return "".join(content["text"] for kind, content in messages(client, code) if kind == "stream").strip()


def test_a_front_end_sees_the_card_change_while_a_cell_blocks_the_kernel(client: Any):
    shown = messages(
        client, "handle = campaign().start(co.evaluations(60))\nwidget = co.live(handle, every=0.02)\nwidget"
    )
    assert any("application/vnd.jupyter.widget-view+json" in c["data"] for kind, c in shown if kind == "execute_result")
    card = printed(client, "print(widget.children[0].comm.comm_id)")
    blocking = "while not widget.children[1].disabled: time.sleep(0.005)"
    heard = [c for kind, c in [*shown, *messages(client, blocking)] if kind == "comm_msg" and c["comm_id"] == card]
    values = [c["data"]["state"]["value"] for c in heard if "value" in c["data"].get("state", {})]
    assert any("Campaign: done" in value for value in values)
    assert any("Campaign: running" in value for value in values)


def test_the_button_of_a_front_end_stops_the_campaign(client: Any):
    messages(client, "handle = campaign().start()\nwidget = co.live(handle, every=0.02, plot=False)\nwidget")
    button = printed(client, "print(widget.children[1].comm.comm_id)")
    click = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
    client.shell_channel.send(client.session.msg("comm_msg", click))
    assert printed(client, "print((await handle).reason)") == "stopped by hand"
    assert printed(client, "while not widget.children[1].disabled: time.sleep(0.005)\nprint('over')") == "over"
