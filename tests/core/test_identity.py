"""Equal code, equal hash; changed code, another hash."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cohobate.core.identity import code_hash

SCRIPT = """
from dataclasses import dataclass
from functools import partial
from cohobate.core.identity import code_hash

def outer(k):
    def inner(x):
        return k * x
    return inner

def scaled(x, k, names={{"a", "b", "c", "d"}}):
    return {body} if x in {{"p", "q", "r", "s"}} else k

class Model:
    def __call__(self, x):
        return {body}

@dataclass(frozen=True)
class Frozen:
    k: float
    def __call__(self, x):
        return x

for fn in (outer(2), scaled, partial(scaled, k=3), Model(), Model().__call__, Frozen(1.0), lambda x: {body}, len):
    print(code_hash(fn))
"""


def hashes(folder: Path, body: str, *, source: bool = True) -> list[str]:
    """The hashes printed by a fresh process, from a file or from text that leaves no source."""
    script = SCRIPT.format(body=body)
    path = folder / "script.py"
    path.write_text(script)
    command = [str(path)] if source else ["-c", script]
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True, env=_env())
    return run.stdout.split()


def _env() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONHASHSEED": "random"}


@pytest.mark.parametrize("source", [True, False])
def test_stable_between_runs_and_changed_by_an_edit(tmp_path: Path, source: bool):
    first = hashes(tmp_path, "x + 1", source=source)
    assert hashes(tmp_path, "x + 1", source=source) == first
    edited = hashes(tmp_path, "x + 2", source=source)
    same = [a == b for a, b in zip(first, edited, strict=True)]
    assert same == [True, False, False, False, False, True, False, True]
    assert len(set(first)) == len(first)


def make(k: object):
    def inner(x: float):
        return k * x

    return inner


def counting():
    n = 0

    def inner(x: float):
        nonlocal n
        n += 1
        return x

    return inner


def collecting(seen: list[float]):
    def inner(x: float):
        seen.append(x)
        return x

    return inner


def recursive():
    def fall(n: int):
        return fall(n - 1) if n else 0

    return fall


def test_closures_count_by_their_constants():
    assert code_hash(make(1)) == code_hash(make(1)) != code_hash(make(2))
    assert code_hash(make(make(1))) != code_hash(make(make(2)))


def test_state_that_changes_while_running_does_not_count():
    for fn in (counting(), collecting([])):
        before = code_hash(fn)
        fn(1)
        assert code_hash(fn) == before


def test_recursion_ends():
    assert code_hash(recursive()) == code_hash(recursive())


def test_partials_count_by_their_arguments():
    assert code_hash(functools.partial(pow, 2)) != code_hash(functools.partial(pow, 3))
    assert code_hash(functools.partial(make, k=1)) != code_hash(functools.partial(make, k=2))


def test_lambdas_on_one_line_differ():
    one, two = (lambda x: x + 1), (lambda x: x + 2)
    assert code_hash(one) != code_hash(two)


def test_fields_of_frozen_dataclasses_count():
    @dataclass(frozen=True)
    class Spring:
        k: float

        def __call__(self, x: float) -> float:
            return self.k * x

    assert code_hash(Spring(1.0)) == code_hash(Spring(1.0)) != code_hash(Spring(2.0))
    assert code_hash(Spring(1.0).__call__) != code_hash(Spring(2.0).__call__)


def test_what_a_frozen_value_says_of_itself_counts_instead_of_its_fields():
    @dataclass(frozen=True)
    class Program:
        path: str

        def __call__(self) -> None: ...

        def recipe(self) -> str:
            return self.path.upper()

    assert code_hash(Program("a")) == code_hash(Program("A")) != code_hash(Program("b"))
    assert code_hash(functools.partial(Program("a"))) == code_hash(functools.partial(Program("A")))


def test_builtins_differ_by_name():
    assert code_hash(math.sin) != code_hash(math.cos)
    assert code_hash(np.sin) != code_hash(np.cos)


def test_cached_functions_differ_by_what_is_cached():
    assert code_hash(functools.cache(make(1))) != code_hash(functools.cache(make(2))) != code_hash(functools.cache(len))
