"""Every way of fitting by name, on a model whose parameters are known; and what is refused."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import UserError
from cohobate.fit.methods import METHODS, checked_generator, generator_of
from fit.lattice import ARGON, CONSTANTS, distances, energies

SHELLS = [distances(a) for a in CONSTANTS]
TARGET = energies(*ARGON, SHELLS)
OUTPUTS = (co.Output("loss", "minimize"), co.Output("residuals", shape=None))
BOUNDED = co.Problem({"epsilon": co.Real(1e-3, 0.05), "sigma": co.Real(2.5, 4.5)}, OUTPUTS)
OPEN = co.Problem({"epsilon": co.Real(-inf, inf), "sigma": co.Real(-inf, inf)}, OUTPUTS)
START = {"epsilon": 0.02, "sigma": 3.0}


def argon(epsilon, sigma):
    r = energies(epsilon, sigma, SHELLS) - TARGET
    return {"loss": float(r @ r), "residuals": r}


def fitted(how, problem=BOUNDED, most=150, **options):
    generator = generator_of(how, problem, START, options)
    return co.Campaign(generator, argon, co.inline()).run(co.evaluations(most) | co.below("loss", 1e-12))


def least(result):
    return min(row["loss"] for row in result.table() if row["loss"] is not None)


@pytest.mark.parametrize(
    ("method", "options", "loss"),
    [
        ("least_squares", {}, 1e-12),
        ("least_squares", {"method": "trf"}, 1e-12),
        ("scipy", {}, 1e-9),
        ("scipy", {"method": "nelder-mead", "scale": True}, 1e-6),
        ("multistart", {"n": 3, "seed": 1}, 1e-12),
        ("pattern_search", {"at_once": 4}, 1e-6),
        ("cma", {"seed": 1, "at_once": 4}, 1e-4),
        ("nevergrad", {"seed": 1, "budget": 150}, 1e-4),
        ("gp", {"seed": 1}, 1e-3),
    ],
)
def test_every_method_fits_from_the_start(method, options, loss):
    result = fitted(method, most=30 if method == "gp" else 150, **options)
    first = result.table()[0]
    if method != "cma":  # which samples around it
        assert (first["epsilon"], first["sigma"]) == (pytest.approx(0.02), pytest.approx(3.0))
    assert least(result) < loss


def test_argon_takes_at_most_216_runs():
    for problem in (BOUNDED, OPEN):
        result = fitted("least_squares", problem)
        assert least(result) < 1e-12
        assert len(result.table()) * len(CONSTANTS) <= 216


@pytest.mark.parametrize("method", ["least_squares", "multistart", "pattern_search", "nevergrad", "gp"])
def test_a_run_in_pieces_is_the_run_in_one(tmp_path, method):
    n = 12 if method == "gp" else 40
    options = {} if method in ("least_squares", "pattern_search") else {"seed": 1}
    generators = [generator_of(method, BOUNDED, START, options) for _ in range(4)]
    whole = co.Campaign(generators[0], argon, co.inline(), run=tmp_path / "whole").run(co.evaluations(n))
    for generator, part in zip(generators[1:], (1, n // 2, n), strict=True):
        pieces = co.Campaign(generator, argon, co.inline(), run=tmp_path / "pieces").run(co.evaluations(part))
    assert [row["loss"] for row in pieces.table()] == [row["loss"] for row in whole.table()]


@pytest.mark.parametrize("method", [name for name, one in METHODS.items() if not one.bounds])
def test_bounds_are_not_needed(method):
    assert least(fitted(method, OPEN, most=60)) < argon(**START)["loss"]


@pytest.mark.parametrize("method", [name for name, one in METHODS.items() if one.bounds])
def test_where_bounds_are_needed_it_says_so(method):
    with pytest.raises(UserError) as raised:
        generator_of(method, OPEN, START, {})
    lacking = "['epsilon', 'sigma'] lack one: give bounds="
    assert str(raised.value) == f"fit: {method} needs bounds of all free parameters; {lacking}"


@pytest.mark.parametrize(
    ("method", "options", "line"),
    [
        ("least_square", {}, "fit: no method 'least_square'; did you mean 'least_squares'?; expected one of"),
        ("least_squares", {"toll": 1}, "fit: least_squares has no option 'toll'; did you mean 'tol'?; expected some"),
        ("least_squares", {"x_scale": 1}, "fit: least_squares has no option 'x_scale'"),
        ("least_squares", {"method": "trf", "noise": 1}, "fit: least_squares has no option 'noise'"),
        ("nevergrad", {"budjet": 1}, "fit: nevergrad has no option 'budjet'; did you mean 'budget'?; expected some"),
        ("multistart", {"x0": 1}, "fit: multistart has no option 'x0'"),
        ("gp", {"maximize": "loss"}, "fit: gp has no option 'maximize'"),
    ],
)
def test_mistakes_are_one_line(method, options, line):
    with pytest.raises(UserError) as raised:
        generator_of(method, BOUNDED, START, options)
    assert str(raised.value).startswith(line)


@pytest.mark.parametrize("method", ["least_squares", "multistart"])
def test_where_residuals_are_needed_it_says_so(method):
    problem = co.Problem(BOUNDED.variables, OUTPUTS[:1])
    with pytest.raises(UserError, match="needs residuals, and this objective has none: use scipy, pattern_search"):
        generator_of(method, problem, START, {})


def test_generators_of_ones_own():
    own = co.optimisers.pattern_search(BOUNDED, START)
    assert checked_generator(own) is own
    sampler = co.Sobol(BOUNDED)
    assert checked_generator(sampler) is sampler
    with pytest.raises(UserError, match=r"fit: expected the name of a method, one of \['least_squares'"):
        checked_generator(np.zeros(3))
