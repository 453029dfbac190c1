"""A new campaign folder: a plain name, nothing overwritten, and it is complete."""

from __future__ import annotations

import csv
import runpy

import pytest

from cohobate.cli.building import build
from cohobate.cli.reading import find
from cohobate.cli.template import copy
from cohobate.core.errors import ConfigError


def test_init_makes_a_campaign_that_can_be_built(here, cohobate_here):
    called = cohobate_here("init", "screen", "my-ie")
    assert (called.code, called.err) == (0, "")
    assert "cd my-ie && cohobate run" in called.out
    place = find(here / "my-ie")
    file, config = place.need_config()
    job = build(file, place.run, config)
    assert (job.title, str(job.goal), len(job.pool) > 1000) == ("my-ie", "60 evaluations", True)
    assert not place.run.exists()


@pytest.mark.parametrize("template", ["fit", "fit-lammps"])
def test_init_makes_a_fit_that_works(here, cohobate_here, template):
    called = cohobate_here("init", template)
    assert (called.code, called.err) == (0, "")
    assert f"cd {template} && cohobate check" in called.out
    called = cohobate_here("check", "--folder", template)
    assert (called.code, called.err) == (0, "")
    assert "E(a=4.9)" in called.out
    assert "-0.15074" in called.out  # the lattice sum at epsilon 0.02 eV, sigma 3 Å and a = 4.9 Å
    assert "12 terms take" in called.out
    assert not (here / template / "run").exists()


def test_a_fit_by_lammps_runs(here, cohobate_here):
    folder = copy("fit-lammps", "lj", here)
    table = (folder / "energies.csv").read_text().splitlines()
    (folder / "energies.csv").write_text("\n".join(table[i] for i in (0, 2, 6)))
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(
        text.replace("[optimizer]", "[campaign]\ngoal = { evaluations = 3 }\n\n[optimizer]")
    )
    called = cohobate_here("run", "--folder", "lj", "--engine", "threads")
    assert (called.code, called.err) == (0, "")
    assert "3 evaluations (0 failed, 0 rejected)" in called.out
    assert not any((folder / "run").rglob("log.lammps")), "what worked leaves no directory"
    assert "E(a=5.26)" in cohobate_here("show", "0", "--folder", "lj").out


def test_the_table_of_the_fits_is_made_of_the_truth(here):
    folder = copy("fit", "fit", here)
    energy = runpy.run_path(str(folder / "lattice.py"))["energy"]
    with (folder / "energies.csv").open(newline="") as file:
        rows = [(float(row["a"]), float(row["energy"])) for row in csv.DictReader(file)]
    assert len(rows) == 12
    assert [value for _, value in rows] == pytest.approx([energy(a, 0.0104, 3.405, 8.5) for a, _ in rows], abs=1e-11)
    assert energy(5.26, 0.0104, 3.405, 8.5) == pytest.approx(-0.0842061149449, abs=1e-13)
    assert (folder / "energies.csv").read_bytes() == (copy("fit-lammps", "other", here) / "energies.csv").read_bytes()


NO_NAMES = [
    *["../../x", "..", ".", ".hidden", "a/b", "/tmp/x", "-rf", "--help-me", "x" * 5000, "a\x00b", "<b>x</b>", "$(id)"],
    *["", " ", "a\nb", "x;rm", "a\x1b[31m", "trailing ", "*", "abc\u202edef", "\udcff"],
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_cannot_be_a_name_gets_one_line_and_makes_nothing(here, cohobate_here, name):
    called = cohobate_here("init", "screen", name)
    assert (called.code, called.out) == (2, "")
    assert called.err.count("\n") == 1
    assert len(called.err) < 300
    assert called.err.startswith("cohobate: the name ")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", ["my-ie", "x", "ie_2", "größe", "run 1", "a.b", "分子"])
def test_ordinary_names_are_fine(here, name):
    assert (copy("screen", name, here) / "campaign.toml").is_file()


def test_a_folder_with_content_is_left_alone(here, cohobate_here):
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("keep")
    called = cohobate_here("init", "screen", "mine")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "exists and is not empty" in called.err
    assert [path.name for path in (here / "mine").iterdir()] == ["notes.txt"]


def test_a_file_of_that_name_is_left_alone(here):
    (here / "mine").write_text("keep")
    with pytest.raises(ConfigError, match="not empty"):
        copy("screen", "mine", here)
    assert (here / "mine").read_text() == "keep"


def test_an_empty_folder_is_filled(here):
    (here / "mine").mkdir()
    assert (copy("screen", "mine", here) / "molecules.smi").is_file()


def test_an_unknown_template_is_named(here, cohobate_here):
    called = cohobate_here("init", "scren", "x")
    assert (called.code, called.err) == (
        2,
        "cohobate: no template 'scren'; there is fit, fit-lammps, screen; did you mean 'screen'?\n",
    )
