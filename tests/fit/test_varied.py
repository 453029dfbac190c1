"""Fits of parameters that are tied, fixed, logarithmic and of different sizes, as campaigns."""

from __future__ import annotations

import numpy as np
import pytest

import cohobate as co
from cohobate.core.errors import ResumeRefused
from cohobate.fit.fitter import Fitter
from cohobate.fit.term import Term

CUBE = np.array([[i, j, k] for i in range(-5, 6) for j in range(-5, 6) for k in range(-5, 6)])
BASIS = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
SITES = (CUBE[:, None] + BASIS).reshape(-1, 3)
DISTANCES = np.linalg.norm(SITES[np.abs(SITES).sum(axis=1) > 0], axis=1)
CONSTANTS = np.linspace(4.9, 5.7, 12)


def argon(params):
    """Energies (eV/atom) of fcc argon at lattice constants (Å)."""
    epsilon, sigma, cutoff = (params["Ar"][name] for name in ("epsilon", "sigma", "cutoff"))
    energies = []
    for a in CONSTANTS:
        r = DISTANCES * a
        s6 = (sigma / r[r < cutoff]) ** 6
        energies.append(2 * epsilon * np.sum(s6 * s6 - s6))
    return np.array(energies)


TARGET = argon({"Ar": {"epsilon": 0.0104, "sigma": 3.405, "cutoff": 8.5}})


def start(**changed):
    log = {"epsilon": co.Parameter(0.02, log=True, unit="eV"), "sigma": co.Parameter(3.0, log=True, unit="Å")}
    return {"Ar": {**log, "cutoff": co.Parameter(8.5, fixed=True), **changed}}


def test_the_lattice_sum_is_that_of_the_issue():
    r = DISTANCES * 5.26
    s6 = (3.405 / r[r < 8.5]) ** 6
    assert 2 * 0.0104 * np.sum(s6 * s6 - s6) == pytest.approx(-0.0842061149449, abs=1e-12)


def test_logarithms_need_few_evaluations():
    result = Fitter(Term(argon, TARGET, name="E(a)"), start(), engine=co.inline()).least_squares()
    assert result.params == {"Ar": {"epsilon": pytest.approx(0.0104), "sigma": pytest.approx(3.405), "cutoff": 8.5}}
    assert result.loss < 1e-12
    table = result.campaign.table()
    assert next(i for i, row in enumerate(table) if row["loss"] < 1e-12) < 18
    row = table[0]
    assert (row["Ar.epsilon"], row["Ar.sigma"]) == (0.02, 3.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"epsilon": 0.012, "sigma": 3.3},
        {"epsilon": co.Parameter(0.012, 0.001, 0.1), "sigma": co.Parameter(3.3, scale=0.05)},
        {"epsilon": co.Parameter(0.012, 0.001, 0.1, log=True), "sigma": co.Parameter(3.3, 2)},
        {"epsilon": 0.012, "sigma": co.Parameter(expr="Ar.s6 ** (1 / 6)"), "s6": 1200.0},
    ],
)
@pytest.mark.parametrize("how", ["least_squares", "scipy"])
def test_all_ways_of_varying_lead_to_the_same(how, changed):
    sigma = 1e-4
    fit = Fitter(Term(argon, TARGET, sigma=sigma, name="E(a)"), start(**changed), engine=co.inline())
    result = fit.run(how)
    found = result.params["Ar"]
    assert (found["epsilon"], found["sigma"]) == (pytest.approx(0.0104, rel=1e-3), pytest.approx(3.405, rel=1e-4))


def test_jacobians_are_by_the_values_however_they_are_varied():
    plain, log = (
        Fitter(Term(argon, TARGET, name="E(a)"), start(**changed), engine=co.inline()).least_squares().campaign.value
        for changed in ({"epsilon": 0.012, "sigma": 3.3}, {})
    )
    assert np.array(log["jac"]) == pytest.approx(np.array(plain["jac"]), rel=1e-3, abs=1e-3)


def test_a_fit_goes_on_only_with_the_same_ties_and_priors(tmp_path):
    def fit(**changed):
        return Fitter(Term(argon, TARGET, name="E(a)"), start(**changed), engine=co.inline(), run=tmp_path / "run")

    first = fit().least_squares(until=co.evaluations(6)).campaign.table()
    again = fit().least_squares().campaign.table()
    assert len(first) < len(again)
    ended = [row["loss"] for row in first if row["loss"] is not None]
    assert len(ended) == 6
    assert [row["loss"] for row in again[:6]] == ended
    for changed in ({"cutoff": co.Parameter(8.0, fixed=True)}, {"cutoff": co.Parameter(expr="2.5 * Ar.sigma")}):
        with pytest.raises(ResumeRefused):
            fit(**changed).least_squares()


def test_what_cannot_be_is_no_end_of_a_fit():
    """Where a tie has no value the candidate is rejected, and the optimiser goes on elsewhere."""
    model = Term(lambda x, root: x + root, 6.0, name="sum")
    params = {"x": 0.5, "root": co.Parameter(expr="sqrt(x)")}
    result = Fitter(model, params, engine=co.inline()).scipy("Nelder-Mead")
    assert result.params["x"] == pytest.approx(4.0, abs=1e-3)
    low = Fitter(Term(lambda x, root: x + root, -5.0, name="sum"), params, engine=co.inline()).scipy("Nelder-Mead")
    assert low.params["x"] == pytest.approx(0.0, abs=1e-3)
    assert low.campaign.tally.rejected > 0
