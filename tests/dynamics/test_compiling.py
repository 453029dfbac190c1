"""What is compiled and kept: the right code for whoever asks, whatever other processes do meanwhile."""

from __future__ import annotations

import importlib.util
from itertools import count
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pytest
from numba.core.bytecode import FunctionIdentity

from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.kernels.compiling import mark_of
from cohobate.dynamics.kernels.pairs import summing
from cohobate.dynamics.models.pairs import PairPotential, harmonic, lennard_jones
from dynamics.systems import EPSILON, SIGMA, crystal

SOURCE = """
from cohobate.dynamics.kernels.compiling import compiled

def times(factor):
    @compiled
    def product(x):
        return factor * x
    return product
"""


def loaded(folder: Path) -> ModuleType:
    """Returns a module as another process would have it."""
    spec = importlib.util.spec_from_file_location("products", folder / "products.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_processes_that_compile_at_once_are_not_given_the_code_of_the_other(tmp_path: Path):
    (tmp_path / "products.py").write_text(SOURCE)
    twice, thrice = loaded(tmp_path).times(2.0), loaded(tmp_path).times(3.0)
    ours, theirs = twice._cache._cache_file, thrice._cache._cache_file
    theirs._load_index = dict  # looked at before either has written
    write = ours._save_data

    def written_last(name: str, code: object) -> None:
        assert thrice(1.0) == 3.0
        write(name, code)

    ours._save_data = written_last
    assert twice(1.0) == 2.0
    again = loaded(tmp_path)
    assert (again.times(2.0)(1.0), again.times(3.0)(1.0)) == (2.0, 3.0)


def test_potentials_whose_code_other_processes_compiled_are_not_taken_for_each_other(monkeypatch: pytest.MonkeyPatch):
    """numba counts functions from the start of each process: here the counts of two are the same."""
    batch, want = batch_of([crystal(2)]), frozenset({"energy", "forces", "stress"})
    laws = (
        lambda **given: lennard_jones(EPSILON, SIGMA, 7.0, **given),
        lambda **given: harmonic(0.5, 3.9, 4.6, **given),
        lambda **given: lennard_jones(EPSILON, SIGMA, 7.0, switch_from=5.0, **given),
    )
    for _ in range(2):  # the second time, they come from the disk
        summing.cache_clear()
        for make in laws:
            monkeypatch.setattr(FunctionIdentity, "_unique_ids", count(10**6))
            found, right = (make(compiled=one).compute(batch, want).values for one in (True, False))
            assert found["forces"].numpy() == pytest.approx(right["forces"].numpy(), abs=1e-12)


def test_a_constant_that_a_law_names_is_part_of_what_is_compiled():
    def law(depth: float) -> FunctionType:
        names = {"DEPTH": depth}
        exec("def law(r2, p):\n    return DEPTH * r2, 2.0 * DEPTH", names)
        return names["law"]

    batch, want = batch_of([crystal(1)]), frozenset({"energy"})
    table = np.zeros((1, 1, 1))
    one, two = (PairPotential(law(depth), [18], table, 4.0).compute(batch, want).values for depth in (1.0, 2.0))
    assert mark_of(law(1.0)) == mark_of(law(1.0)) != mark_of(law(2.0))
    assert float(two["energy"][0]) == pytest.approx(2 * float(one["energy"][0])) != 0


@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_what_was_compiled_is_found_again(tmp_path: Path, factor: float):
    (tmp_path / "products.py").write_text(SOURCE)
    first, second = (loaded(tmp_path).times(factor) for _ in range(2))
    assert (first(1.0), first(1), second(1.0), second(1)) == (factor,) * 4
    assert not first.stats.cache_hits
    assert sum(second.stats.cache_hits.values()) == 2
