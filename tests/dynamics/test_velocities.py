"""Velocities at the start: their distribution, and what they do not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.making import NVTLangevin
from cohobate.dynamics.stages.kinetics import BOLTZMANN, degrees_of_freedom, kinetic_energies, temperatures
from cohobate.dynamics.stages.masking import ACCELERATION
from cohobate.dynamics.stages.stage import BUDGET_USED, FAILED
from cohobate.dynamics.velocities import MaxwellBoltzmann
from dynamics.systems import cluster, crystal
from dynamics.wells import Wells


def many(n: int, atoms: int) -> Batch:
    rng = np.random.default_rng(0)
    one = {"numbers": [18] * atoms, "masses": np.linspace(10, 80, atoms)}
    return batch_of([{**one, "positions": rng.normal(0, 5, (atoms, 3))} for _ in range(n)])


def momenta(batch: Batch) -> torch.Tensor:
    weighed = batch["velocities"] * batch["masses"][:, None]
    return torch.zeros(batch.n_systems, 3, dtype=batch.dtype).index_add_(0, batch.system, weighed)


def test_every_component_is_normal_and_as_wide_as_the_mass_says():
    batch = many(500, 8)
    MaxwellBoltzmann(250.0, seed=3, drift=True)(batch)
    scaled = batch["velocities"] / torch.sqrt(BOLTZMANN * 250.0 * ACCELERATION / batch["masses"])[:, None]
    assert stats.kstest(scaled.numpy().ravel(), "norm").pvalue > 1e-3


def test_kinetic_energies_are_distributed_as_those_at_a_temperature():
    batch = many(2000, 5)
    MaxwellBoltzmann(250.0, seed=1)(batch)
    assert degrees_of_freedom(batch).tolist() == [12] * 2000
    found = 2 * kinetic_energies(batch) / (BOLTZMANN * 250.0)
    assert stats.kstest(found.numpy(), "chi2", (12,)).pvalue > 1e-3


@pytest.mark.parametrize("exact", [False, True])
def test_the_centre_of_mass_is_at_rest(exact: bool):
    batch = many(20, 6)
    MaxwellBoltzmann(250.0, exact=exact)(batch)
    assert momenta(batch).numpy() == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("drift", [False, True])
def test_each_has_the_temperature_exactly_where_this_is_asked(drift: bool):
    batch = many(20, 6)
    MaxwellBoltzmann(250.0, drift=drift, exact=True)(batch)
    assert temperatures(batch, 0 if drift else 3).numpy() == pytest.approx(250.0, rel=1e-13)


def test_fixed_atoms_do_not_move_and_hold_the_others():
    system = AtomicData({**crystal(2), "fixed": np.arange(32) < 5})
    batch = batch_of([system, crystal(2)])
    MaxwellBoltzmann(40.0, exact=True)(batch)
    assert not batch["velocities"][:5].any()
    assert degrees_of_freedom(batch).tolist() == [81, 93]
    assert temperatures(batch).numpy() == pytest.approx(40.0, rel=1e-13)
    assert float(momenta(batch)[0].abs().max()) > 1e-3
    assert momenta(batch)[1].numpy() == pytest.approx(0.0, abs=1e-14)


def test_a_single_atom_moves_only_with_drift():
    batch = batch_of([cluster(1)])
    MaxwellBoltzmann(40.0, exact=True)(batch)
    assert not batch["velocities"].any()
    MaxwellBoltzmann(40.0, drift=True, exact=True)(batch)
    assert float(temperatures(batch, 0)) == pytest.approx(40.0)


def test_they_are_those_of_a_system_wherever_it_is():
    together = many(7, 4)
    MaxwellBoltzmann(40.0, seed=5, exact=True)(together)
    some = many(7, 4).select([5, 2])
    MaxwellBoltzmann(40.0, seed=5, exact=True)(some)
    assert torch.equal(some["velocities"], together.select([5, 2])["velocities"])


def test_the_first_kicks_of_a_thermostat_are_other_numbers():
    batch = many(200, 20)
    MaxwellBoltzmann(40.0, seed=0, drift=True)(batch)
    start = batch["velocities"].clone()
    batch["velocities"].zero_()
    batch["positions"].zero_()
    kicked = NVTLangevin(Wells(0.0), dt=1.0, temperature=40.0, seed=0).run(batch, 1)["velocities"]
    correlation = (start * kicked).mean() / (start.std() * kicked.std())
    assert abs(float(correlation)) < 4 / start.numel() ** 0.5


def test_it_is_called_for_systems_that_come():
    run = NVTLangevin(Wells(0.1), dt=1.0, temperature=40.0, on_admit=MaxwellBoltzmann(40.0, exact=True), n_steps=1)
    batch = run.begin(many(3, 4))
    assert temperatures(batch).numpy() == pytest.approx(40.0)


def test_atoms_without_mass_are_refused():
    batch = many(3, 4)
    batch["masses"][6] = 0.0
    with pytest.raises(UserError, match="system 1: masses must be positive"):
        MaxwellBoltzmann(40.0)(batch)
    run = NVTLangevin(Wells(0.1), dt=1.0, temperature=40.0, on_admit=MaxwellBoltzmann(40.0), n_steps=1)
    assert run.run(batch)["end"].tolist() == [BUDGET_USED, FAILED, BUDGET_USED]
    assert "masses must be positive" in run.reasons[1]


@pytest.mark.parametrize(
    "given", [{"temperature": -1.0}, {"temperature": np.nan}, {"temperature": 40.0, "seed": 1.5}, {"temperature": "40"}]
)
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(UserError, match=r"MaxwellBoltzmann: (temperature|seed) must be a .*number"):
        MaxwellBoltzmann(**given)
