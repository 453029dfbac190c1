"""A command is a simulator like any other: on every engine, in a run folder, cached and resumed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import cohobate as co
from cohobate.core.errors import ResumeRefused, SimulatorError
from cohobate.fit.fitter import Fitter
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from cohobate.simulate.function import as_simulator, identity

SPACE = {"x": co.Real(-1, 1), "n": co.Integer(0, 3)}
SCRIPT = "import sys\nx, n = open('in').read().split()\nprint('y =', (float(x) - 0.3) ** 2 + int(n))\n"
FAILING = (
    "#!/bin/sh\nif test {n} = 1; then echo no {n} >&2; exit 3; fi\nif test {n} = 2; then sleep 600; fi\necho {x} > y\n"
)


def made(**more):
    files = {"in": "{x} {n}\n", "model.py": SCRIPT}
    read = {"y": co.read.regex("stdout", r"y = (\S+)")}
    return co.Command(
        [sys.executable, "-S", "model.py"], **{"files": files, "read": read, "units": {"y": "eV"}, **more}
    )


@pytest.mark.parametrize(
    "engine", [co.inline, lambda: co.threads(2), lambda: co.processes(2)], ids=["inline", "threads", "processes"]
)
def test_every_engine_runs_it(engine, tmp_path: Path):
    with engine() as place:
        campaign = co.Campaign(co.Sobol(SPACE, minimize="y", seed=1), made(), place, run=tmp_path / "run")
        result = campaign.run(co.evaluations(8))
    assert result.failures == []
    for row in result.best(8):
        assert row["y"] == (row["x"] - 0.3) ** 2 + row["n"]
    work = tmp_path / "run" / "work"
    assert not work.exists() or list(work.iterdir()) == []


def test_failures_are_rows_whose_directories_stay_in_the_run_folder(tmp_path: Path):
    command = co.Command(
        ["./run"], files={"run": FAILING}, read={"y": co.read.number("y")}, deadline=0.3, grace=0.1, keep="failed"
    )
    generator = co.Grid({"x": co.Constant(0.5), "n": co.Integer(0, 2)}, minimize="y")
    with co.threads(3) as engine:
        handle = co.Campaign(generator, command, engine, run=tmp_path / "run", retries=co.Retries(0, 0, 0)).start()
        handle.result(30)
        failed = {one.inputs["n"]: one.failure for one in handle.failed}
    kept = "kept in work/<trial>-<attempt>/run of the run folder"
    assert {n: (one.kind, one.message) for n, one in failed.items()} == {
        1: ("raised", f"ProgramFailed: run: exit code 3, expected 0; stderr: no 1; {kept}"),
        2: ("timeout", f"run: it ran longer than its deadline of 0.3 s; {kept}"),
    }
    assert sorted(path.name for path in (tmp_path / "run" / "work").glob("*/*")) == ["run", "run"]


def test_all_directories_may_be_kept(tmp_path: Path):
    campaign = co.Campaign(
        co.Sobol(SPACE, minimize="y", seed=1), made(keep="always", name="my model"), co.inline(), run=tmp_path
    )
    campaign.run(co.evaluations(3))
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("work/*/*/stdout")) == [
        f"work/{i:06d}-1/my-model/stdout" for i in range(3)
    ]


def test_two_commands_of_one_simulator_have_directories_of_their_own(tmp_path: Path):
    command = made(keep="always", name="one")

    def simulate(x, n):
        return command(x=x, n=n)["y"] - command(x=x, n=0)["y"]

    co.Campaign(co.Sobol(SPACE, minimize="y", seed=1), simulate, co.inline(), run=tmp_path).run(co.evaluations(1))
    assert sorted(path.name for path in tmp_path.glob("work/000000-1/*")) == ["one", "one-2"]


def test_variables_that_it_has_no_place_for_are_refused_before_anything_runs():
    with pytest.raises(SimulatorError, match=r"'python\S*' cannot be called: the variables are \['x', 'm'\]"):
        co.Campaign(co.Sobol({"x": co.Real(0, 1), "m": co.Real(0, 1)}, minimize="y"), made(), co.inline()).run(
            co.evaluations(1)
        )


def test_its_outputs_are_known_with_their_units():
    with pytest.raises(SimulatorError, match=r"'yy' is not among the outputs of python.*: y \(eV\); did you mean 'y'"):
        co.Campaign(co.Sobol(SPACE, minimize="yy"), made(), co.inline()).run(co.evaluations(1))


def test_a_changed_template_is_another_simulator(tmp_path: Path):
    def run(command, wanted):
        return co.Campaign(co.Sobol(SPACE, minimize="y", seed=1), command, co.inline(), run=tmp_path).run(
            co.evaluations(wanted)
        )

    run(made(), 1)
    run(made(deadline=60, keep="always"), 2)
    with pytest.raises(ResumeRefused, match="simulator"):
        run(made(files={"in": "{x}  {n}\n", "model.py": SCRIPT}), 3)


def test_it_is_a_quantity_of_a_fit():
    script = 'BEGIN {{ printf "%.17g\\n", 0.5*k*(r-r0)^2 }}'
    argv = ["awk", "-v", "k={spring.k}", "-v", "r0={spring.r0}", "-v", "r={r}", script]
    command = co.Command(argv, read={"energy": co.read.number("stdout")})
    terms = [Term(command, target=20 * (r - 1) ** 2, inputs={"r": r}) for r in (0.8, 0.9, 1.2)]
    assert [term.name for term in terms] == ["awk(r=0.8)", "awk(r=0.9)", "awk(r=1.2)"]
    with co.threads(2) as engine:
        found = Fitter(CombinedObjective(terms), {"spring": {"k": 20.0, "r0": 0.9}}, engine=engine).least_squares()
    assert found.values == pytest.approx({"spring.k": 40, "spring.r0": 1}, rel=1e-6)


def test_it_is_identified_by_all_of_it():
    assert identity(as_simulator(made())) == identity(as_simulator(made())) != identity(as_simulator(made(version="2")))
