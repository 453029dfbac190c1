"""What the panel and the plain line say, and that they say it as text."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from cohobate.campaign.status import Status
from cohobate.core.events import Learned
from cohobate.ledger.tally import Extreme, Tally
from cohobate.view.line import line
from cohobate.view.pace import Pace
from cohobate.view.panel import panel
from cohobate.view.sight import Best, Sight, bests


def tally(**changes):
    made = Tally(values=29, failed=2, open=2, goals={"ie": "maximize"}, **changes)
    made.failures.update(raised=1, worker_lost=1, rejected=3)
    return made


def sight(title="screen", best=(), **changes):
    given = {"elapsed": 62.0, "running": 2, "workers": 2, "utilisation": 0.97, "remaining": 29} | changes
    status = Status("running", given.pop("tally", tally()), "60 evaluations", "processes(2)", **given)
    return Sight(title, status, Pace().step(0, 0).step(62, 31), tuple(best), "threads(2): threads cannot be killed")


def drawn(sight, width=100):
    out = StringIO()
    Console(file=out, width=width, force_terminal=False).print(panel(sight))
    return out.getvalue()


def test_the_panel_says_how_it_stands():
    text = drawn(sight(best=[Best("ie", 15.8312345, "FC(F)(F)c1ccon1 (isoxazole)")]))
    for said in (
        "screen",
        "31 of 60",
        "best ie      15.8312  FC(F)(F)c1ccon1 (isoxazole)",
        "pace         30 per min, 1 min 02 s so far, 58 s left",
        "workers      2 of 2 busy, 97% of this session",
        "failed       1 raised, 1 worker lost",
        "rejected     3",
        "goal         60 evaluations",
        "engine       threads(2): threads cannot be killed",
        "running",
    ):
        assert said in text


def test_the_last_fit_of_the_model_is_a_line():
    made = replace(sight(), lesson=Learned("main", 7, 36, {"ie": 0.21345}, {"ie": 15.8}, 1.0))
    assert "model        fit 7 to 36 results, error of ie 0.213" in drawn(made)
    assert "model: fit 7 to 36 results, error of ie 0.213" in line(made)
    assert "model" not in drawn(sight())


def test_what_the_generator_tells_of_itself_is_shown():
    made = sight(loss=0.0123456, error=0.05)
    assert "loss         0.0123" in drawn(made)
    assert "error        0.05" in drawn(made)
    assert "loss 0.0123, error 0.05" in line(made)
    assert "error" not in drawn(sight())


def test_without_a_number_to_reach_there_is_no_bar():
    text = drawn(sight(remaining=None))
    assert "31 evaluations" in text
    assert "━" not in text
    assert "left" not in text


def test_before_anything_is_known():
    text = drawn(Sight("x", Status("running", Tally(), "60 evaluations", "inline()", 0.0, remaining=60)))
    assert "0 of 60" in text
    assert "no result yet" in text
    assert "failed" not in text


EVIL = ["[bold red]x[/bold red]", "<script>alert(1)</script>", "[/]", "[link=http://x]y[/link]", ":smile:"]


@pytest.mark.parametrize("evil", EVIL)
def test_markup_is_shown_as_it_is(evil):
    made = sight(title=evil, best=[Best(evil, 1.0, evil)])
    assert drawn(made).count(evil) == 3
    assert line(made).count(evil) == 3


def test_control_characters_are_shown_and_not_sent():
    made = sight(title="a\x1b]0;owned\x07", best=[Best("ie", 1.0, "C\x1b[2J\nC\u202e")], reason="\x9b31m")
    for text in (drawn(made).replace("\n", ""), line(made)):
        assert all(c.isprintable() for c in text)
    assert "C\\x1b[2J\\nC\\u202e" in drawn(made)


@pytest.mark.parametrize("width", [20, 40, 78, 200])
def test_the_panel_fits_the_terminal(width):
    text = drawn(sight(title="t" * 300, best=[Best("o" * 300, 1.0, "C" * 10_000)]), width)
    assert max(map(len, text.splitlines())) <= min(width, 78)


def test_the_line_says_the_same():
    assert line(sight(best=[Best("ie", 15.8312345, "CCO")])) == (
        "screen: 31 of 60 done, 2 running, 30 per min, 58 s left, failed: 1 raised, 1 worker lost, 3 rejected, "
        "best ie 15.8312 CCO"
    )


def test_bests_follow_the_direction_of_each_objective():
    counts = Tally(goals={"a": "maximize", "b": "minimize", "c": "minimize"})
    counts.highest = {"a": Extreme(3.0, 7), "b": Extreme(9.0, 8)}
    counts.lowest = {"a": Extreme(1.0, 5), "b": Extreme(2.0, 6)}
    status = Status("running", counts, "", "", 0.0)
    assert list(bests(status, lambda trial: f"trial {trial}")) == [Best("a", 3.0, "trial 7"), Best("b", 2.0, "trial 6")]
