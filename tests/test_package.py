"""The front door: every public name is there, and nothing heavy comes with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cohobate


@pytest.mark.parametrize("name", cohobate.__all__)
def test_every_public_name_can_be_had(name: str):
    assert getattr(cohobate, name) is not None
    assert name in dir(cohobate)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Campain'"):
        _ = cohobate.Campain


def test_touching_the_loop_imports_nothing_heavy():
    code = (
        "import sys, cohobate as co; co.Campaign; co.Sobol; co.processes; co.Pool; co.chem;"
        "print([m for m in ('scipy', 'rdkit', 'ase', 'tblite', 'torch', 'pandas', 'matplotlib', 'rich', 'pydantic')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
