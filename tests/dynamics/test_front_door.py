"""The front door of dynamics: every name is there, and what it costs to come in."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cohobate as co

TIMED = """
import os, torch
before = os.times().user
import cohobate as co
for name in co.dynamics.__all__:
    getattr(co.dynamics, name)
print(os.times().user - before)
"""
WITHOUT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Finder())
import cohobate as co
dir(co.dynamics)
try:
    co.dynamics.NVE
except co.CohobateError as error:
    print(type(error).__name__, error)
"""


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("name", co.dynamics.__all__)
def test_every_name_can_be_had_and_is_described(name: str):
    assert name in dir(co.dynamics)
    assert (getattr(co.dynamics, name).__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'cohobate\.dynamics' has no attribute 'NVF'"):
        _ = co.dynamics.NVF


def test_torch_comes_with_the_first_name_only():
    code = "import sys, cohobate as co; dir(co.dynamics); before = 'torch' in sys.modules; co.dynamics.Batch;"
    assert printed(f"{code} print(before, 'torch' in sys.modules, 'numba' in sys.modules)") == "False True False"


def test_all_of_it_costs_little_more_than_torch():
    assert min(float(printed(TIMED)) for _ in range(4)) < 0.2


def test_without_torch_the_extra_is_named():
    told = "MissingExtra this needs torch, which is not installed: pip install 'cohobate[dynamics]'"
    assert printed(WITHOUT) == told
