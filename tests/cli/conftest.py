"""A small campaign on disk, and the command line called here or in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.programs import environment, program
from cohobate.cli import main

POOL = (
    "CCO ethanol\nCC ethane\nC methane\nCCC propane\nCCCC butane\nCO methanol\nCCl <img src=x>\nCN [red]amine[/red]\n"
)
SIM = """
def length(smiles):
    if smiles == "CC":
        raise ValueError("too short: [bold]CC[/bold]")
    return float(len(smiles))
"""
TOML = """
[campaign]
goal = {{ evaluations = {n} }}

[generator]
kind = "random"
pool = "molecules.smi"
maximize = "size"

[simulator]
use = "{module}:length"

[engine]
kind = "{engine}"
"""


@dataclass(frozen=True)
class Called:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in; what a campaign adds to the import path is taken back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def cohobate_here(monkeypatch, capsys) -> Callable[..., Called]:
    """Calls the command line in this process."""

    def call(*words: str) -> Called:
        monkeypatch.setattr(sys, "argv", ["cohobate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Called(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    return call


@pytest.fixture
def small(here) -> Callable[..., Path]:
    """Writes a campaign of ``n`` evaluations into the folder, and returns its file."""

    def write(n: int = 6, engine: str = "inline", **changes: str) -> Path:
        module = changes.pop("module", "lengths")
        (here / f"{module}.py").write_text(changes.pop("sim", SIM))
        (here / "molecules.smi").write_text(changes.pop("pool", POOL))
        text = TOML.format(n=n, module=module, engine=engine)
        for old, new in changes.pop("replace", {}).items():
            assert old in text
            text = text.replace(old, new)
        file = here / "campaign.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def cohobate_there() -> Callable[..., Called]:
    """Calls the command line in a process of its own."""

    def call(*words: str) -> Called:
        done = subprocess.run(program(*words), capture_output=True, text=True, env=environment(), timeout=50)
        return Called(done.returncode, done.stdout, done.stderr)

    return call
