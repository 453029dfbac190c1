"""Fits run from campaign.toml: to the truth, again, stopped and continued, shown, with what fails."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.fits import MODEL, TRUTH, energy, write
from cli.programs import environment, program
from cli.test_interrupting import wait_for

INLINE = {"[resources]": '[resources]\nkind = "inline"'}
PYTHON = {
    'run = ["python", "model.py"]\ninput = "model.in"\nfiles = "model.py"': 'python = "pair:energy"',
    'read = { file = "out", regex = "E = (.*)" }': "",
    **INLINE,
}
PAIR = "def energy(epsilon, sigma, a):\n    return 4 * epsilon * ((sigma / a)**12 - (sigma / a)**6)\n"

CALLED = """
def called():
    import pathlib, time
    with pathlib.Path(__file__).with_name("calls").open("a") as file:
        file.write("x")
    time.sleep(0.02)
"""


def write_pair(here, replace=(), pair=PAIR):
    """Writes the fit with a Python function in place of the program."""
    text = dict(PYTHON)
    file = write(here, text)
    content = file.read_text()
    for old, new in dict(replace).items():
        assert old in content
        content = content.replace(old, new)
    file.write_text(content)
    (here / "pair.py").write_text(pair)


def best(out):
    """Returns the best parameters of a status."""
    found = re.search(r"best loss +\S+ +epsilon = (\S+), sigma = (\S+)", out)
    return {"epsilon": float(found[1]), "sigma": float(found[2])}


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_program_is_fitted_to_the_truth(here, cohobate_there, kind):
    write(here, {"[resources]": f'[resources]\nkind = "{kind}"\nworkers = 2'})
    called = cohobate_there("run")
    assert (called.code, called.err) == (0, "")
    assert "(0 failed, 0 rejected)" in called.out
    assert best(cohobate_there("status").out) == pytest.approx(TRUTH, rel=1e-5)


def test_a_function_is_fitted_to_the_truth_and_a_second_run_only_reports(here, cohobate_here, monkeypatch):
    write_pair(here)
    first = cohobate_here("run")
    assert (first.code, first.err) == (0, "")
    assert best(cohobate_here("status").out) == pytest.approx(TRUTH, rel=1e-5)
    stored = (here / "run" / "campaign.db").read_bytes()
    monkeypatch.setattr("cohobate.cli.running.conduct", None)
    again = cohobate_here("run")
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines()[0] in first.out
    assert (here / "run" / "campaign.db").read_bytes() == stored


def test_all_that_shows_a_campaign_shows_a_fit(here, cohobate_here):
    write_pair(here)
    cohobate_here("run")
    assert cohobate_here("replay").out.startswith("equal: ")
    assert cohobate_here("errors").out == "nothing failed\n"
    assert "E(a=4.9)" in cohobate_here("show", "0").out
    assert cohobate_here("plot").code == 0
    assert cohobate_here("report").code == 0
    assert "epsilon" in (here / "run" / "report.html").read_text()
    assert cohobate_here("export", "all.csv").code == 0
    with (here / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    start = sum(((energy(a, 0.02, 3.0) - energy(a, **TRUTH)) / 0.001) ** 2 for a in (4.9, 3.9, 3.7))
    assert float(rows[0]["loss"]) == pytest.approx(start)
    assert min(float(row["loss"]) for row in rows) < 1e-10
    assert cohobate_here("export", "all.jsonl").code == 0
    told = json.loads((here / "all.jsonl").read_text().splitlines()[0])
    assert set(told["terms"]) == {"E(a=4.9)", "E(a=3.9)", "E(a=3.7)"}


def test_a_goal_stops_it_and_a_larger_one_goes_on_to_the_same_end(here, cohobate_here):
    write_pair(here, {"[optimizer]": "[campaign]\ngoal = { evaluations = 7 }\n\n[optimizer]"})
    called = cohobate_here("run")
    assert "7 evaluations (0 failed, 0 rejected); stopped: 7 evaluations" in called.out
    write_pair(here)
    assert cohobate_here("run").code == 0
    whole = cohobate_here("status").out
    assert best(whole) == pytest.approx(TRUTH, rel=1e-5)
    other = here / "other"
    other.mkdir()
    write_pair(other)
    cohobate_here("run", "--folder", "other")
    assert best(cohobate_here("status", "--folder", "other").out) == best(whole)


def test_ctrl_c_and_the_same_command_end_as_if_nothing_had_happened(here, cohobate_here):
    write_pair(
        here,
        {'kind = "inline"': 'kind = "threads"\nworkers = 2'},
        pair=PAIR.replace("):\n", "):\n    called()\n") + CALLED,
    )
    back = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            program("run"), cwd=here, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, back)
    calls = here / "calls"
    wait_for(lambda: calls.is_file() and calls.stat().st_size > 12)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (75, "")
    assert re.search(r"stopped cleanly, \d+ done; continue with: cohobate run\n$", out)
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert best(cohobate_here("status").out) == pytest.approx(TRUTH, rel=1e-5)
    evaluations = int(re.search(r"evaluations +(\d+)", cohobate_here("status").out)[1])
    assert calls.stat().st_size == 3 * evaluations, "nothing was evaluated twice"


CHANGED = [
    ({'"E(a)"': '"pair"'}, "energies.csv", None),
    ({"sigma = 0.001": "sigma = 0.002"}, "energies.csv", None),
    ({}, "energies.csv", "a,energy\n4.9,-1e-3\n3.9,-1e-2\n3.7,-1e-2\n"),
    ({}, "pair.py", PAIR.replace("12", "10")),
]


@pytest.mark.parametrize(("replace", "file", "content"), CHANGED)
def test_another_objective_is_not_continued(here, cohobate_here, replace, file, content):
    write_pair(here, {"[optimizer]": "[campaign]\ngoal = { evaluations = 3 }\n\n[optimizer]"})
    cohobate_here("run")
    write_pair(here, replace)
    if content is not None:
        (here / file).write_text(content)
    sys.modules.pop("pair", None)
    called = cohobate_here("run")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "--accept-new-code" in called.err


def test_the_place_of_the_folder_does_not_matter(here, cohobate_here):
    write(
        here / "first" if (here / "first").mkdir() is None else here,
        {**INLINE, "[optimizer]": "[campaign]\ngoal = { evaluations = 2 }\n[optimizer]"},
    )
    cohobate_here("run", "--folder", "first")
    (here / "first").rename(here / "second")
    called = cohobate_here("run", "--folder", "second")
    assert (called.code, called.err) == (0, "")


def test_one_program_gives_several_quantities(here, cohobate_here):
    model = MODEL + "import json\njson.dump({'twice': [energy, 2 * energy]}, open('out.json', 'w'))\n"
    read = (
        'read = { one = { file = "out", regex = "E = (.*)" }, both = { file = "out.json", json = "twice", per = 2 } }'
    )
    rows = 'target = { one = "energy", both = [[-1e-3, -2e-3], [-5e-3, -1e-2], [-4e-3, -8e-3]] }'
    text = {'read = { file = "out", regex = "E = (.*)" }': read, 'target = "energy"': rows, **INLINE}
    write(here, text, model=model)
    called = cohobate_here("check")
    assert (called.code, called.err) == (0, "")
    shown = {line.split()[0]: line for line in called.out.splitlines() if line.startswith("    ")}
    value = energy(4.9, 0.02, 3.0)
    assert f"{value:.6g}"[:8] in shown["one"]
    assert f"[{value / 2:.6g}"[:8] in shown["both"]


def test_nested_tied_and_weighted_parameters(here, cohobate_here):
    write(here, INLINE)
    text = (here / "campaign.toml").read_text()
    head = text[: text.index("[[term]]")]
    params = """
[params.Ar]
epsilon = { value = 0.02, log = true, prior = { mean = 0.01, sigma = 0.5, log = true } }
sigma = { value = 3.0, bounds = [2.5, inf], prior = { kind = "box", lo = 3.0, hi = 4.0, sigma = 0.1 } }
[params]
twice = { expr = "2 * Ar.sigma" }
"""
    (here / "campaign.toml").write_text(params + text.removeprefix(head))
    (here / "model.in").write_text("{a} {Ar.epsilon} {twice}\n")
    (here / "model.py").write_text(MODEL.replace("energy =", "sigma /= 2\nenergy ="))
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    found = re.search(r"Ar\.epsilon = (\S+), Ar\.sigma = (\S+)", cohobate_here("status").out)
    assert [float(found[1]), float(found[2])] == pytest.approx([0.01, 3.4], rel=1e-4)


@pytest.mark.parametrize(
    "optimizer", ['"L-BFGS-B"', '"scipy"\nvariant = "nelder-mead"', '"least_squares"\nvariant = "dogbox"']
)
def test_other_methods_end_at_the_truth_too(here, cohobate_here, optimizer):
    write_pair(here, {'"least_squares"': optimizer, "sigma = 3.0": "sigma = { value = 3.3, bounds = [3.0, 4.0] }"})
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert best(cohobate_here("status").out) == pytest.approx(TRUTH, rel=1e-2)


def test_validation_terms_are_tried_and_not_fitted_to(here, cohobate_here):
    aside = '[[term]]\nname = "aside"\npython = "pair:energy"\nfor = { a = [4.5] }\ntarget = [9.0]\nvalidation = true\n'
    write_pair(here, {"[optimizer]": f"{aside}\n[optimizer]"})
    checked = cohobate_here("check").out
    assert "term aside(a=4.5)" in checked
    assert "3 terms take" in checked
    assert cohobate_here("run").code == 0
    assert best(cohobate_here("status").out) == pytest.approx(TRUTH, rel=1e-5)
    assert "aside" not in cohobate_here("show", "0").out


FAILING = {
    "import sys\nsys.exit(3)\n": "exit code 3, expected 0",
    "pass\n": "out was not written",
    "open('out', 'w').write('E = nan\\n')\n": "nan",
    "open('out', 'w').write('E = 1')\n": "half written",
}


@pytest.mark.parametrize("model", FAILING)
def test_a_program_that_never_works_ends_the_fit_in_one_line_and_is_listed(here, cohobate_here, model):
    write(here, INLINE, model=model)
    called = cohobate_here("run")
    assert called.code == 1
    assert called.err.count("\n") == 1
    assert FAILING[model] in called.err
    assert FAILING[model] in cohobate_here("errors").out


def test_a_program_that_hangs_for_some_parameters_is_a_failure_among_others(here, cohobate_here):
    hanging = MODEL.replace(
        "energy =",
        "import time\nif abs(sigma - 3.0) > 1e-12 and a == 4.9 and epsilon == 0.02: time.sleep(60)\nenergy =",
    )
    write(
        here,
        {
            "sigma = 0.001": "sigma = 0.001\ndeadline = 1.0",
            "[optimizer]": "[campaign]\ngoal = { evaluations = 4 }\n[optimizer]",
        },
        model=hanging,
    )
    called = cohobate_here("run")
    assert (called.code, called.err) == (0, "")
    assert "2 failed" in called.out  # the difference was made the other way, too
    assert "term 'E(a=4.9)'" in cohobate_here("errors").out


def test_check_says_where_the_directory_of_a_program_that_failed_is(here, cohobate_here):
    write(here, INLINE, model="import sys\nsys.exit('the crystal has melted')\n")
    called = cohobate_here("check")
    assert called.code == 1
    found = re.search(r"stderr: the crystal has melted; kept in (\S+)$", called.err.strip())
    assert found
    folder = Path(found[1])
    assert (folder / "model.in").read_text().startswith("4.9 ")
    shutil.rmtree(folder.parents[1])


def test_values_are_shared_between_run_folders(here, cohobate_here):
    deterministic = {"sigma = 0.001": "sigma = 0.001\ndeterministic = true", **INLINE}
    for run in ("one", "two"):
        calls = here / "calls"
        calls.unlink(missing_ok=True)
        shared = {"[optimizer]": f'[campaign]\nrun = "{run}"\nreuse = "values"\n\n[optimizer]'}
        write(here, {**deterministic, **shared}, model=MODEL + f"open({str(calls)!r}, 'a').write('x')\n")
        called = cohobate_here("run")
        assert (called.code, called.err) == (0, "")
        assert calls.exists() is (run == "one")
    assert "evaluations" in cohobate_here("status").out
