"""The fitter: ways to run a fit, mistakes that are told first, resumes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import GoalError, ResumeRefused, UserError
from cohobate.fit.findings import NAME, read
from cohobate.fit.handle import FitHandle
from cohobate.fit.result import FitResult
from cohobate.ledger.reader import open_reader

X = np.arange(5.0)
Y = [1.0, 3.1, 4.9, 7.2, 8.8]
PARAMS = {"a": 0.5, "b": 1.0}


def line(a, b):
    return a + b * X


LINE = co.Term(line, Y, sigma=0.1, name="line", version="1")


def fitter(params=PARAMS, terms=LINE, **more):
    return co.Fitter(terms, params, engine=co.inline(), **more)


def test_every_way_to_run_a_fit_finds_the_same():
    expected = fitter().least_squares().values
    assert fitter().run().values == expected
    assert fitter().start().result(timeout=60).values == expected
    assert asyncio.run(fitter().arun()).values == expected


def test_a_fit_needs_no_more_than_a_term_a_list_or_an_objective():
    expected = fitter().least_squares().values
    assert fitter(terms=[LINE]).least_squares().values == expected
    assert fitter(terms=co.CombinedObjective([LINE])).least_squares().values == expected


async def _both(handle: FitHandle) -> tuple[FitResult, FitResult]:
    async def wait() -> FitResult:
        return await handle

    one, two = await asyncio.gather(wait(), wait())
    return one, two


def test_a_handle_is_asked_and_awaited_from_any_loop():
    handle = fitter(validation=co.Term(lambda a, b: a + 9 * b, 18.7, name="far")).start()
    one, two = asyncio.run(_both(handle))
    assert one is two
    assert one is handle.result()
    assert handle.done()
    assert handle.exception() is None
    assert handle.status().tally.counted == one.campaign.tally.counted
    assert handle.tracebacks == []
    assert handle.elapsed_time() > 0
    assert "Campaign" in handle._repr_html_()

    async def wait() -> FitResult:
        return await handle

    assert asyncio.run(wait()) is one


def test_a_started_fit_is_cancelled_with_what_it_has():
    going, begun = threading.Event(), threading.Event()

    def slow(a, b):
        begun.set()
        going.wait(20)
        return line(a, b)

    handle = co.Fitter(co.Term(slow, Y, name="slow"), PARAMS, engine=co.threads(1)).start()
    assert begun.wait(20)
    handle.cancel(reason="enough")
    going.set()
    result = handle.result(timeout=60)
    assert result.campaign.reason == "enough"
    assert result.values == PARAMS
    assert "enough" in str(result)


def test_goals_end_a_fit_early():
    result = fitter().run("scipy", until=co.evaluations(4))
    assert result.campaign.tally.counted == 4
    assert result.loss == min(row["loss"] for row in result.campaign.table())


def test_a_generator_of_ones_own_fits_too():
    bounds = {"a": (0, 2), "b": (0, 3)}
    fit = fitter(bounds=bounds)
    result = fit.run(co.RandomSampler(fit.problem, seed=1), until=co.evaluations(30))
    assert result.campaign.tally.counted == 30
    assert result.loss == min(row["loss"] for row in result.campaign.table())
    with pytest.raises(GoalError, match="needs a goal"):
        fit.run(co.RandomSampler(fit.problem, seed=1))
    with pytest.raises(UserError, match=r"options \['seed'\] beside a generator"):
        fit.run(co.RandomSampler(fit.problem, seed=1), until=co.evaluations(3), seed=2)


def test_a_fit_starts_from_the_result_of_another():
    first = fitter().scipy("Nelder-Mead", until=co.evaluations(20))
    second = fitter(first.params).least_squares()
    assert second.record.first().values == first.values
    assert second.loss <= first.loss


# mistakes


@pytest.mark.parametrize(
    ("params", "more", "said"),
    [
        ({"a": co.Parameter(1.0, fixed=True)}, {}, r"no free parameter among \['a'\]"),
        ({"a": 5.0, "b": 1.0}, {"bounds": {"a": (0, 2)}}, "bounds"),
        (PARAMS, {"deadlin": 3}, r"no setting 'deadlin'.*deadline"),
        (PARAMS, {"deadline": -1}, "deadline: expected a positive number"),
        (PARAMS, {"validation": LINE}, r"validation: \['line'\] are among the terms of the fit too"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_evaluated(params, more, said):
    calls: list[object] = []

    def counted(params):
        calls.append(params)
        return line(params["a"], params.get("b", 1.0))

    with pytest.raises(UserError, match=said) as caught:
        fitter(params, co.Term(counted, Y, name="line"), **more).least_squares()
    assert calls == []
    assert "\n" not in str(caught.value)


def test_an_unknown_method_is_named_with_those_there_are():
    with pytest.raises(UserError, match=r"no method 'least_square'.*least_squares"):
        fitter().run("least_square")


def test_another_loss_belongs_to_the_terms():
    assert fitter().least_squares(loss="linear").values == fitter().least_squares().values
    with pytest.raises(UserError, match=r"loss='soft_l1' would fit to another loss.*Term"):
        fitter().least_squares(loss="soft_l1")


def test_another_method_in_the_same_folder_is_refused_with_what_to_do(tmp_path):
    fitter(run=tmp_path / "run").least_squares()
    with pytest.raises(ResumeRefused, match=r"holds another fit.*Fitter\(objective, result.params, run="):
        fitter(run=tmp_path / "run").scipy()
    with pytest.raises(ResumeRefused, match=r"x0\[0\] = 0.5, now it is 0.7.*Fitter\(objective, result.params"):
        fitter({"a": 0.7, "b": 1.0}, run=tmp_path / "run").least_squares()
    with pytest.raises(ResumeRefused, match="holds another fit"):
        asyncio.run(fitter(run=tmp_path / "run").arun("scipy"))
    with pytest.raises(ResumeRefused, match="holds another fit"):
        fitter(run=tmp_path / "run").start("scipy")


CHANGED = [
    ({"terms": co.Term(line, Y, sigma=0.1, name="line", version="2")}, r"terms\.line\.quantity was '"),
    ({"terms": co.Term(line, Y, sigma=0.2, name="line", version="1")}, r"terms\.line\.sigma was 0.1, now it is 0.2;"),
    ({"terms": co.CombinedObjective([LINE], reduce="mean")}, r"reduce\[0\] was 'sum', now it is 'mean';"),
    ({"params": {**PARAMS, "c": co.Parameter(expr="a + b")}}, r"parameters\.c\.expr was 'a \* b', now it is 'a \+ b'"),
]


@pytest.mark.parametrize(("change", "message"), CHANGED)
def test_what_changed_in_terms_and_ties_is_named(tmp_path, change, message):
    asked = {"params": {**PARAMS, "c": co.Parameter(expr="a * b")}, "run": tmp_path / "run"}
    fitter(**asked).least_squares()
    with pytest.raises(ResumeRefused, match=f"^what is simulated has changed .*: {message}") as caught:
        fitter(**{**asked, **change}).least_squares()
    assert "another fit" not in str(caught.value)
    assert fitter(**{**asked, **change}, accept_new_code=True).least_squares().values


# beside fitting


def test_the_start_is_evaluated_once_and_told_by_terms(tmp_path):
    calls: list[tuple[float, float]] = []

    def counted(a, b):
        calls.append((a, b))
        return line(a, b)

    fit = fitter(terms=[co.Term(counted, Y, name="counted", unit="eV"), LINE], run=tmp_path / "run")
    found = fit.evaluate()
    assert calls == [(0.5, 1.0)]
    assert found.ok
    assert found.loss == pytest.approx(101 * np.sum((line(0.5, 1.0) - Y) ** 2))
    assert [row.name for row in found.terms] == ["line", "counted"]
    assert str(found).startswith("At a = 0.5, b = 1 the loss is ")
    assert "5 numbers eV" in str(found)
    assert "counted" in found._repr_html_()
    assert not (tmp_path / "run").exists()
    fit.evaluate({"b": 2.0})
    assert calls[-1] == (0.5, 2.0)
    with pytest.raises(UserError, match="evaluate: no free parameter 'c'"):
        fit.evaluate({"c": 1.0})


def test_a_start_that_fails_is_told(tmp_path):
    def broken(a, b):
        raise ValueError("no <such> file")

    found = fitter(terms=co.Term(broken, Y, name="x")).evaluate()
    assert not found.ok
    assert str(found).startswith("At a = 0.5, b = 1 there is no loss: raised: ")
    assert "no <such> file" in str(found)
    assert "&lt;such&gt;" in found._repr_html_()
    with pytest.raises(UserError, match="has no loss"):
        _ = found.loss


def test_what_is_recorded_is_a_result_too(tmp_path):
    result = fitter(run=tmp_path / "run").least_squares()
    fit = fitter(run=tmp_path / "run")
    again = fit.recorded()
    assert (again.values, again.errors, again.loss) == (result.values, result.errors, result.loss)
    assert fit.explain(0).terms == result.explain(0).terms
    with pytest.raises(UserError, match="has no run folder"):
        fitter().recorded()


def test_the_run_folder_tells_what_was_found(tmp_path):
    result = fitter(run=tmp_path / "run").least_squares()
    told = read(tmp_path / "run" / NAME)
    assert told is not None
    assert told.loss == result.loss
    assert {row.name: row.error for row in told.parameters} == result.errors


def test_errors_that_were_asked_for_later_are_told_too(tmp_path):
    result = fitter(run=tmp_path / "run").scipy()
    assert np.isnan([row.error for row in read(tmp_path / "run" / NAME).parameters]).all()
    result.uncertainty()
    assert {row.name: row.error for row in read(tmp_path / "run" / NAME).parameters} == result.errors


# resumes

PROGRAM = """
    import os, signal, sys
    import numpy as np
    import cohobate as co

    folder, log, left = sys.argv[1], sys.argv[2], int(sys.argv[3])
    x = np.linspace(0, 3, 9)
    y = 5 * np.exp(-0.7 * x) + 0.1 * np.cos(9 * x)

    def decay(a, k, c):
        with open(log, "a") as file:
            file.write(f"{a!r} {k!r} {c!r}\\n")
        if left and len(open(log).readlines()) > left:
            os.kill(os.getpid(), signal.SIGKILL)
        return a * np.exp(-k * x) + c

    term = co.Term(decay, y, sigma=0.1, name="decay", version="1")
    fit = co.Fitter(term, {"a": 3.0, "k": 1.5, "c": 0.3}, engine=co.inline(), run=folder)
    result = fit.least_squares()
    print(repr((result.values, result.loss, result.errors, result.candidate.trial)))
"""


def run_program(program: Path, folder: Path, log: Path, left: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(program), str(folder), str(log), str(left)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_killed_fit_resumes_and_ends_the_same_to_the_bit(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(dedent(PROGRAM))
    whole = run_program(program, tmp_path / "whole", tmp_path / "whole.log", 0)
    assert whole.returncode == 0, whole.stderr
    total = len((tmp_path / "whole.log").read_text().splitlines())
    log = tmp_path / "killed.log"
    killed = run_program(program, tmp_path / "killed", log, total // 2)
    assert killed.returncode == -9, killed.stderr
    with open_reader(tmp_path / "killed") as reader:
        durable = reader.tally.values
    before = len(log.read_text().splitlines())
    ended = run_program(program, tmp_path / "killed", log, 0)
    assert ended.stdout == whole.stdout
    assert len(log.read_text().splitlines()) - before == total - durable, "what was recorded is not run again"


def test_a_finished_fit_is_not_evaluated_again(tmp_path):
    calls: list[float] = []

    def counted(a, b):
        calls.append(a)
        return line(a, b)

    def fit() -> FitResult:
        term = co.Term(counted, Y, name="line", version="1")
        other = co.Term(counted, Y, name="other", version="1")
        return fitter(terms=term, run=tmp_path / "run", validation=other).least_squares()

    first = fit()
    before = len(calls)
    again = fit()
    assert len(calls) == before
    assert (again.values, again.loss, again.errors) == (first.values, first.loss, first.errors)
    assert again.validation_loss == first.validation_loss


def test_a_larger_goal_goes_on(tmp_path):
    first = fitter(run=tmp_path / "run").scipy(until=co.evaluations(5))
    second = fitter(run=tmp_path / "run").scipy()
    assert first.campaign.tally.counted == 5
    whole = fitter().scipy()
    assert second.values == whole.values
    assert second.campaign.tally.counted == whole.campaign.tally.counted


@pytest.mark.parametrize("role", ["terms", "validation"])
def test_a_template_with_an_unknown_parameter_is_refused_before_anything_runs(role, tmp_path):
    deck = {"in.lammps": "units metal\npair_coeff 1 1 {Ar.epsilon} {Ar.sgma}\n"}
    program = co.Command(["false"], files=deck, read={"e": co.read.number("out")})
    bad = co.Term(program, 1.0, name="crystal")
    ar = {"Ar": {"epsilon": 0.01, "sigma": 3.4}}
    good = co.Term(lambda p: p["Ar"]["sigma"], 3.4, name="size")
    asked = {"terms": bad} if role == "terms" else {"terms": good, "validation": bad}
    message = r"^term 'crystal': in.lammps, line 2: \{Ar.sgma\}: no such parameter; did you mean 'Ar.sigma'"
    with pytest.raises(UserError, match=message):
        fitter(ar, run=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
