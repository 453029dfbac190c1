"""plot, report, show and export, called as a person calls them."""

from __future__ import annotations

import pytest

from view.campaigns import campaign


@pytest.fixture
def runs(here):
    """Two run folders."""
    for name, n in (("ie", 60), ("knn", 40)):
        campaign(n, here / name, two=True)
    return here


@pytest.mark.parametrize("kind", ["history", "time", "model", "parity", "workers", "front"])
def test_each_kind_is_drawn_into_the_run_folder(runs, cohobate_here, kind):
    said = cohobate_here("plot", "ie", "--kind", kind)
    assert (said.code, said.out, said.err) == (0, f"plot: ie/{kind}.png\n", "")
    assert (runs / "ie" / f"{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_several_runs_are_drawn_over_each_other(runs, cohobate_here):
    said = cohobate_here("plot", "ie", "knn", "both.svg")
    assert (said.code, said.out) == (0, "plot: both.svg\n")
    drawn = (runs / "both.svg").read_text()
    assert drawn.count("<!-- ie -->") + drawn.count("<!-- knn -->") >= 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("plot", "ie", "x.gif"), "ending in .png, .svg, .pdf"),
        (("plot", "nowhere", "x.png"), "no campaign.toml here"),
        (("plot", "ie", "--kind", "parety"), "did you mean 'parity'"),
        (("report", "ie", "x.pdf"), "ending in .html"),
        (("report", "ie", "knn"), "expected one folder and one file"),
        (("show", "99", "-C", "ie"), "the trials are 0 to 59"),
        (("export", "x.sfd", "-C", "ie"), "did you mean '.sdf'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(runs, cohobate_here, words, why):
    said = cohobate_here(*words)
    assert said.code in (1, 2)
    assert why in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_a_report_goes_into_the_run_folder_or_where_it_is_told(runs, cohobate_here):
    said = cohobate_here("report", "ie")
    assert said.code == 0
    assert said.out.startswith("report: ie/report.html (0.")
    assert "60 trials" in said.out
    html = (runs / "ie" / "report.html").read_text()
    assert "<title>ie: report of a campaign</title>" in html
    assert cohobate_here("report", "other.html", "-C", "knn").code == 0
    assert "<title>knn: " in (runs / "other.html").read_text()


def test_the_report_of_a_configured_campaign_knows_its_goal_and_labels(small, cohobate_here, here):
    small(5, replace={"[campaign]\n": '[campaign]\nname = "sizes <1>"\n'})
    assert cohobate_here("run").code == 0
    said = cohobate_here("report")
    assert said.code == 0
    html = (here / "run" / "report.html").read_text()
    for text in ("sizes &lt;1&gt;", "of 5", "5 evaluations", "RandomSampler", "stopped: ", "lengths", "Python 3"):
        assert text in html
    assert "&lt;img src=x&gt;" in html or "CCl" not in html


def test_a_trial_is_shown(runs, cohobate_here):
    said = cohobate_here("show", "12", "-C", "ie")
    assert said.code == 0
    assert said.out.startswith("trial 12: done\ninputs:\n  smiles  ")
    assert "with model 2" in said.out


@pytest.mark.parametrize(
    ("suffix", "says"), [("parquet", "60 rows"), ("sdf", "60 rows"), ("extxyz", "46 of 60 trials")]
)
def test_exports_say_how_many_trials_they_hold(runs, cohobate_here, suffix, says):
    said = cohobate_here("export", f"all.{suffix}", "-C", "ie")
    assert (said.code, said.out) == (0, f"wrote {says} to all.{suffix}\n")
    assert (runs / f"all.{suffix}").stat().st_size > 1000


def test_the_doctor_says_what_can_be_shown(here, cohobate_here):
    said = cohobate_here("doctor")
    assert "cohobate report writes one HTML file; molecules drawn" in said.out
    assert "cohobate plot draws png, svg and pdf" in said.out
    assert "to .csv, .jsonl, .extxyz, .parquet, .sdf" in said.out


def test_the_doctor_says_what_is_missing(here, cohobate_here, monkeypatch):
    from cohobate.cli import abilities

    monkeypatch.setattr(abilities, "installed", lambda name: None)
    said = cohobate_here("doctor")
    assert "drawing needs rdkit" in said.out
    assert "needs matplotlib, which is not installed: pip install 'cohobate[plot]'" in said.out
    assert ".parquet needs pyarrow, which is not installed: pip install 'cohobate[tables]'" in said.out
