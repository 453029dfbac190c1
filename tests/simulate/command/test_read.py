"""Readers find what is there, and never a number that is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import BadOutput, UserError

LOG = """LAMMPS (22 Jul 2025)
thermo_style custom step pe press
Per MPI rank memory allocation (min/avg/max) = 4.1 | 4.1 | 4.1 Mbytes
   Step         PotEng         Press
         0  -1.5            20.5
        10  -2.5            21.5
Loop time of 0.01 on 1 procs for 10 steps with 108 atoms
Per MPI rank memory allocation (min/avg/max) = 4.1 | 4.1 | 4.1 Mbytes
    PotEng         Temp
  -3.5              7
WARNING: two words (src/thermo.cpp:1)
Loop time of 0.01 on 1 procs for 10 steps with 108 atoms
Total wall time: 0:00:00
"""
FRAMES = """2
Properties=species:S:1:pos:R:3:forces:R:3:charge:R:1 energy=-1.5 stress="1 2 3 4 5 6 7 8 9"
Ar 0 0 0 0.1 0.2 0.3 1
Ar 1 0 0 -0.1 -0.2 -0.3 -1
1
energy=-2.5 Properties=species:S:1:pos:R:3
Ne 5 5 5
"""


@pytest.mark.parametrize(
    ("reading", "text", "wanted"),
    [
        (co.read.regex("o", r"p = (\S+)"), "p = 1\np = 2.5e-1\n", 0.25),
        (co.read.regex("o", r"p = (\S+)", which=0), "p = 1\np = 2\n", 1.0),
        (co.read.regex("o", r"p = (\S+)", which=None), "p = 1\np = 2\n", np.array([1.0, 2.0])),
        (co.read.regex("o", r"^\d+$"), "a 5\n12\n", 12.0),
        (co.read.regex("o", r"is (\w+)", text=True), "it is converged\n", "converged"),
        (co.read.regex("o", r"E=(\S+)"), "E=-0.5D+01\n", -5.0),
        (co.read.column("o", "x", row=-1), "t,x\n0,1.5\n1,2.5\n", 2.5),
        (co.read.column("o", "x"), "# t x\n0 1.5\n# remark\n1 2.5\n", np.array([1.5, 2.5])),
        (co.read.column("o", 1, row=0), "0;1.5\n1;2.5\n", 1.5),
        (co.read.column("o", 1, row=0), "t\tx\n0\t1.5\n", 1.5),
        (co.read.column("o", "x", rows=2), "x\n1\n2\n", np.array([1.0, 2.0])),
        (co.read.json("o", "a.b"), '{"a": {"b": 3}}', 3),
        (co.read.json("o", "a.-1.b"), '{"a": [{"b": 3}, {"b": [1, 2.5]}]}', np.array([1, 2.5])),
        (co.read.json("o"), '{"a": "text"}', {"a": "text"}),
        (co.read.lammps_log("o", "PotEng"), LOG, -3.5),
        (co.read.lammps_log("o", "Press", run=0), LOG, 21.5),
        (co.read.lammps_log("o", "PotEng", run=0, row=None, rows=2), LOG, np.array([-1.5, -2.5])),
        (co.read.extxyz("o", "forces", frame=0), FRAMES, np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])),
        (co.read.extxyz("o", "charge", frame=0), FRAMES, np.array([1.0, -1.0])),
        (co.read.extxyz("o", "energy"), FRAMES, -2.5),
        (co.read.extxyz("o", "stress", frame=0), FRAMES, np.arange(1.0, 10.0)),
        (co.read.extxyz("o", "species"), FRAMES, ["Ne"]),
        (co.read.number("o"), " 2.5 \n", 2.5),
        (co.read.text("o"), "a\nb\n", "a\nb\n"),
    ],
)
def test_what_is_read(reading, text, wanted, tmp_path: Path):
    (tmp_path / "o").write_text(text)
    found = reading(tmp_path)
    np.testing.assert_equal(found, wanted)
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("reading", "text", "told"),
    [
        (co.read.regex("o", r"p = (\S+)"), "q = 1\n", "expected a match of .*, found none"),
        (co.read.regex("o", r"p = (\S+)", which=2), "p = 1\n", "expected match 2 of .*, found 1"),
        (co.read.regex("o", r"p = (\S+)"), "p = nan\n", "expected a number, got 'nan'"),
        (co.read.regex("o", r"p = (\S+)"), "p = 1\np = ******\n", r"expected a number, got '\*\*\*"),
        (co.read.regex("o", r"p = (\S+)"), "p = 1_0\n", "expected a number, got '1_0'"),
        (co.read.regex("o", r"p =( \d)?"), "p = \n", "expected a number, got ''"),
        (co.read.column("o", "y"), "t,x\n0,1\n", r"expected a column 'y', there are \['t', 'x'\]"),
        (co.read.column("o", 5), "0 1\n", "expected a column 5, there are 2"),
        (co.read.column("o", "x", row=3), "t,x\n0,1\n", "expected a row 3, there are 1"),
        (co.read.column("o", "x"), "t,x\n", "expected a row, there are 0"),
        (co.read.column("o", "x", rows=3), "t,x\n0,1\n1,2\n", "expected 3 rows, got 2"),
        (co.read.column("o", "t"), "t,x\n0,1\n1\n", "expected 2 columns, got 1 in row 2 of 2"),
        (co.read.column("o", 1, row=0), "nan nan\n1 2\n", "expected a number, got 'nan'"),
        (co.read.json("o", "a.c"), '{"a": {"b": 1}}', r"expected 'c' below a, there are \['b'\]"),
        (co.read.json("o", "a.3"), '{"a": [1]}', "expected '3' below a, there is"),
        (co.read.json("o", "a"), '{"a": NaN}', "expected finite numbers, got NaN"),
        (co.read.json("o", "a"), '{"a": 1', "Expecting ',' delimiter"),
        (co.read.json("o"), "12", "expected an object or a list in JSON, got 12"),
        (co.read.lammps_log("o", "Temps"), LOG, "expected a column 'Temps', there are .*; did you mean 'Temp'"),
        (co.read.lammps_log("o", "Temp", run=2), LOG, "expected a run 2 with its 'Loop time', found 2"),
        (co.read.lammps_log("o", "PotEng"), LOG.replace("-3.5", "-nan"), "expected a number, got '-nan'"),
        (co.read.lammps_log("o", "Temp"), f"ERROR: Lost atoms\n{LOG}", "LAMMPS stopped: ERROR: Lost atoms"),
        (co.read.lammps_log("o", "Press"), LOG.split("Loop")[0] + "Total wall time\n", "found 0"),
        (co.read.extxyz("o", "force"), FRAMES, r"expected 'force' in a frame"),
        (co.read.extxyz("o", "energy", frame=5), FRAMES, "expected a frame 5, there are 2"),
        (co.read.extxyz("o", "energy"), FRAMES + "3\nenergy=1\nAr 0 0 0\n", "expected 3 atoms in frame 2, got 1"),
        (
            co.read.extxyz("o", "forces", frame=0),
            FRAMES.replace(" -0.3 -1", ""),
            "expected 8 columns, got 6 for atom 1",
        ),
        (co.read.extxyz("o", "energy"), FRAMES.replace("-2.5", "nan"), "expected a number, got 'nan'"),
        (co.read.extxyz("o", "energy"), "x\n", "expected a number of atoms in line 1"),
        (co.read.number("o"), "1 2\n", "expected a number, got '1 2'"),
    ],
)
def test_what_is_not_there_is_no_number(reading, text, told):
    with pytest.raises(ValueError, match=told):
        reading.parse(text)


@pytest.mark.parametrize(
    ("reading", "text", "told"),
    [
        (co.read.regex("o", "(1)"), None, "o was not written; there are only other"),
        (co.read.regex("o", "(1)"), "", "o is empty"),
        (co.read.regex("o", "(1)"), "\n \n", "o is empty"),
        (co.read.regex("o", "(1)"), "x\n123.4", r"o is half written: its last line '123.4' has no line end \(end=''"),
        (co.read.regex("o", "(1)", end="done"), "1\n", "o is half written: expected 'done' in its last line, got '1'"),
        (
            co.read.lammps_log("o", "Temp"),
            LOG.replace("Total", "total"),
            "o is half written: expected 'Total wall time'",
        ),
    ],
)
def test_half_a_file_is_not_read(reading, text, told, tmp_path: Path):
    (tmp_path / "other").touch()
    if text is not None:
        (tmp_path / "o").write_text(text)
    with pytest.raises(BadOutput, match=told):
        reading(tmp_path)


def test_no_part_of_a_log_is_read(tmp_path: Path):
    for cut in range(1, len(LOG) - len("Total wall time: 0:00:00\n"), 3):
        (tmp_path / "o").write_text(LOG[:cut])
        with pytest.raises(BadOutput):
            co.read.lammps_log("o", "PotEng")(tmp_path)


def test_no_part_of_json_is_read():
    text = json.dumps({"e": [1.25, 2.5], "n": {"x": 12}})
    for cut in range(1, len(text)):
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
            co.read.json("o", "n.x").parse(text[:cut])


def test_what_says_that_it_may_end_so_is_read(tmp_path: Path):
    (tmp_path / "o").write_text("p = 1")
    assert co.read.regex("o", r"p = (\S+)", end="")(tmp_path) == 1.0


def test_what_is_no_file_is_not_read(tmp_path: Path):
    (tmp_path / "o").mkdir()
    with pytest.raises(BadOutput, match="o is no regular file"):
        co.read.text("o")(tmp_path)


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(UserError, match=r"'\(' is no regular expression"):
        co.read.regex("o", "(")
