"""Watching a campaign to its end, on a terminal and elsewhere."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

import cohobate as co
from cohobate.campaign.status import Status
from cohobate.ledger.tally import Tally
from cohobate.view import watch as watching
from cohobate.view.watch import watch


def started(n=20, simulate=None):
    space = co.RandomSampler({"x": co.Real(0, 1)}, minimize="f")
    campaign = co.Campaign(space, simulate or (lambda x: {"f": x}), co.threads(2))
    return campaign.start(co.evaluations(n))


def watched(handle, **console):
    out = StringIO()
    watch(handle, title="bowl", name=lambda trial: f"no. {trial}", console=Console(file=out, width=100, **console))
    return out.getvalue()


def test_elsewhere_there_is_a_line_at_the_start_and_one_at_the_end():
    lines = watched(started()).splitlines()
    assert len(lines) in (1, 2)
    assert lines[-1].startswith("bowl: 20 of 20 done, stopped, ")
    assert "best f 0.0" in lines[-1]
    assert "no. " in lines[-1]


class Scripted:
    """A handle whose campaign lasts so many frames of 20 seconds."""

    def __init__(self, frames):
        self.left, self.frames = frames, frames

    def exception(self, timeout):
        assert timeout == watching.FRAME
        self.left -= 1
        if self.left:
            raise TimeoutError

    def done(self):
        return self.left == 0

    def status(self):
        past = 20.0 * (self.frames - self.left)
        return Status("running" if self.left else "done", Tally(values=int(past)), "", "", past)


def test_there_is_a_line_a_minute():
    counts = [int(text.split()[1]) for text in watched(Scripted(31)).splitlines()]
    assert counts == [*range(0, 601, 60), 620]


def test_on_a_terminal_there_is_a_panel_and_a_visible_cursor():
    text = watched(started(), force_terminal=True)
    assert "20 of 20" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_what_ended_a_campaign_is_left_to_whoever_asks_for_the_result():
    def fail(x):
        raise ValueError("no [bold]licence[/bold]")

    handle = started(100, fail)
    lines = watched(handle).splitlines()
    assert ", failed, " in lines[-1]
    assert re.search(r"failed: \d\d raised", lines[-1])
    with pytest.raises(co.CohobateError, match="failure budget"):
        handle.result()
