"""Designs: within bounds, evenly spread, a function of (seed, number), and over when they are over."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, qmc

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Integer, Output, Problem, Real, Structured, Variable
from cohobate.core.protocols import Described, Exhausted, Posed, Recalls
from cohobate.propose.sampler import BLOCK, Sampler
from cohobate.propose.sampling import Grid, LatinHypercube, RandomSampler, Sobol

SQUARE: dict[str, Variable] = {"x": Real(0, 1), "y": Real(0, 1)}
MIXED: dict[str, Variable] = {
    "x": Real(-1, 3),
    "rate": Real(1e-4, 10, log=True),
    "k": Integer(2, 5),
    "kind": Choice(["a", "b", "c"]),
    "fixed": Constant("water"),
}
Design = Callable[..., Sampler]
DESIGNS: dict[str, Design] = {
    "RandomSampler": RandomSampler,
    "Sobol": Sobol,
    "LatinHypercube": lambda space, **kw: LatinHypercube(space, 3000, **kw),
}
each_design = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS.keys())


def take(sampler: Sampler, n: int) -> list[dict]:
    answer = sampler.suggest(n)
    assert not isinstance(answer, Exhausted)
    return list(answer)


def bounds(kind: type, numbers: st.SearchStrategy):
    """Strategy: variables of a kind between two different numbers, log where both are positive."""
    pairs = st.lists(numbers, min_size=2, max_size=2, unique=True).map(sorted)
    return pairs.flatmap(lambda p: st.booleans().map(lambda log: kind(*p, log=log and p[0] > 0)))


variables = st.one_of(
    bounds(Real, st.floats(-1e300, 1e300)),
    bounds(Integer, st.integers(-(10**30), 10**30)),
    st.lists(st.text(max_size=3), min_size=1, max_size=4).map(Choice),
    st.integers().map(Constant),
)


@each_design
def test_is_a_generator_that_brings_its_problem_and_can_be_recalled(design: Design):
    sampler = design(SQUARE, maximize="f")
    assert isinstance(sampler, Posed)
    assert isinstance(sampler, Recalls)
    assert isinstance(sampler, Described)
    assert sampler.problem == Problem(SQUARE, (Output("f", "maximize"),))
    assert sampler.describe()["seed"] == 0


@each_design
def test_points_fit_the_problem_and_are_plain_python(design: Design):
    sampler = design(MIXED)
    for row in take(sampler, 200):
        assert sampler.problem.check(row) is None
        assert [type(value) for value in row.values()] == [float, float, int, str, str]


@settings(max_examples=60, deadline=None)
@given(space=st.dictionaries(st.sampled_from("abcd"), variables, min_size=1), seed=st.integers(0, 2**64 - 1))
def test_any_space_is_sampled_within_its_bounds(space: dict[str, Variable], seed: int):
    for sampler in (RandomSampler(space, seed=seed), LatinHypercube(space, 7, seed=seed), Grid(space, 2)):
        for row in take(sampler, 7):
            assert sampler.problem.check(row) is None


@each_design
def test_marginals_are_uniform_in_the_scale_of_the_variable(design: Design):
    rows = take(design(MIXED, seed=3), 3000)
    assert kstest([row["x"] for row in rows], "uniform", (-1, 4)).pvalue > 1e-3
    assert kstest([np.log10(row["rate"]) for row in rows], "uniform", (-4, 5)).pvalue > 1e-3
    for name, n in (("k", 4), ("kind", 3)):
        counts = np.unique([row[name] for row in rows], return_counts=True)[1]
        assert len(counts) == n
        assert np.all(np.abs(counts / 3000 - 1 / n) < 0.04)


def test_log_integers_are_as_likely_as_the_logarithm_says():
    k = np.array([row["k"] for row in take(RandomSampler({"k": Integer(1, 7, log=True)}), 20_000)])
    expected = [np.log2((i + 1) / i) / 3 for i in range(1, 8)]
    assert np.allclose([np.mean(k == i) for i in range(1, 8)], expected, atol=0.015)


@each_design
def test_points_depend_on_seed_and_number_only(design: Design):
    n = 2 * BLOCK + 5
    whole = take(design(MIXED, seed=1), n)
    apart = design(MIXED, seed=1)
    assert [row for m in (1, 2, BLOCK, n - BLOCK - 3) for row in take(apart, m)] == whole
    assert take(design(MIXED, seed=2), 5) != whole[:5]


@each_design
@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 700), max_size=4))
def test_recall_goes_on_where_it_stopped(design: Design, sizes: list[int]):
    first, second = design(SQUARE, seed=9), design(SQUARE, seed=9)
    for size in sizes:
        second.recall(take(first, size))
    assert take(second, 50) == take(first, 50)


def test_sobol_and_latin_hypercube_are_evener_than_random():
    def discrepancy(design: Design) -> float:
        points = [[list(row.values()) for row in take(design(SQUARE, seed=s), 256)] for s in range(5)]
        return float(np.mean([qmc.discrepancy(p) for p in points]))

    random = discrepancy(RandomSampler)
    assert discrepancy(Sobol) < random / 10
    assert discrepancy(lambda space, seed: LatinHypercube(space, 256, seed=seed)) < random / 2


def test_latin_hypercube_fills_every_slice_once_and_ends():
    sampler = LatinHypercube(SQUARE, 50)
    rows = take(sampler, 80)
    for name in SQUARE:
        assert sorted(int(row[name] * 50) for row in rows) == list(range(50))
    assert isinstance(sampler.suggest(1), Exhausted)


def test_grid_covers_every_combination_in_order_and_ends():
    grid = Grid(MIXED, {"x": 3, "rate": 6, "k": 9})
    rows = [row for _ in range(54) for row in take(grid, 4)]
    rates = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    expected = list(product([-1.0, 1.0, 3.0], rates, [2, 3, 4, 5], "abc", ["water"]))
    assert [tuple(row.values())[2:] for row in rows] == [row[2:] for row in expected]
    assert np.allclose([list(row.values())[:2] for row in rows], [row[:2] for row in expected])
    assert rows[-1]["rate"] == 10.0
    assert isinstance(grid.suggest(1), Exhausted)


def test_grid_spreads_fewer_points_than_integers_between_both_bounds():
    assert [row["k"] for row in take(Grid({"k": Integer(0, 100)}, 5), 9)] == [0, 25, 50, 75, 100]


def test_a_large_grid_is_recalled_without_being_walked():
    space = {name: Real(0, 1) for name in "abcdefgh"}
    grid = Grid(space, 20)
    grid.recall([{}] * (3 * BLOCK + 1))
    assert take(grid, 1)[0] == take(Grid(space, 20), 3 * BLOCK + 2)[-1]


def test_random_rows_of_a_pool_are_all_rows_once():
    pool = Pool(range(1500), name="n")
    sampler = RandomSampler(pool, seed=4)
    numbers = [row["n"] for row in take(sampler, 1000) + take(sampler, 1000)]
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(1500))
    assert sampler.suggest(1) == Exhausted("all 1500 points of the design were proposed")
    assert [row["n"] for row in take(Grid(pool), 2000)] == list(range(1500))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sobol(Pool([1, 2])), "Sobol needs variables, got a pool"),
        (lambda: RandomSampler({"c": Structured("crystal", dict, dict)}), "cannot sample 'c', a crystal"),
        (lambda: RandomSampler(SQUARE, seed=-1), "seed=-1: expected a whole number"),
        (lambda: Sobol(SQUARE, seed=0.5), "seed=0.5: expected a whole number"),
        (lambda: LatinHypercube(SQUARE, 0), "expected at least one point"),
        (lambda: Grid(SQUARE, 1), "1 points for 'x', expected at least 2"),
        (lambda: Grid({"length": Real(0, 1)}, {"lenght": 3}), "did you mean 'length'"),
        (lambda: RandomSampler(Problem(SQUARE), minimize="f"), r"outputs \['f'\] beside a Problem"),
        (lambda: RandomSampler(3), "expected a Problem, a Pool or a mapping"),
    ],
)
def test_mistakes_are_named(make: Callable[[], object], message: str):
    with pytest.raises(ProblemError, match=message):
        make()
