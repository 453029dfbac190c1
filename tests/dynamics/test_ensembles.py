"""What thermostats keep constant is a temperature: distributions, by the package physical_validation."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.making import NVTLangevin, NVTNoseHoover
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.kinetics import BOLTZMANN, kinetic_energies
from cohobate.dynamics.stages.masking import ACCELERATION
from cohobate.dynamics.velocities import MaxwellBoltzmann
from dynamics.systems import EPSILON, MASS, SIGMA, crystal

with contextlib.redirect_stdout(io.StringIO()):
    import physical_validation as pv

pytestmark = pytest.mark.xdist_group("ensembles")
SYSTEMS, CELLS, ATOMS = 24, 2, 32
COLD, WARM = 40.0, 50.0
WEIGHTS = np.tile([0.5, 1.0, 2.0, 4.0], ATOMS // 4) * MASS
MAKE = {
    "Langevin": lambda kelvin: NVTLangevin(argon(), dt=5.0, temperature=kelvin, friction=0.01, seed=int(kelvin)),
    "Nose-Hoover": lambda kelvin: NVTNoseHoover(argon(), dt=5.0, temperature=kelvin, tau=60.0),
}
REMOVED = {"Langevin": 0, "Nose-Hoover": 3}


def argon():
    return lennard_jones(EPSILON, SIGMA, 7.0)


@dataclass(frozen=True)
class Seen:
    """(samples, systems) energies in eV, and (samples, systems, atoms, 3) kinetic energies."""

    potential: np.ndarray
    kinetic: np.ndarray
    each: np.ndarray


@cache
def seen(name: str, kelvin: float) -> Seen:
    """Returns what many crystals with atoms of four masses did, looked at every 0.4 ps."""
    batch = batch_of([AtomicData({**crystal(CELLS, seed=s), "masses": WEIGHTS}) for s in range(SYSTEMS)])
    MaxwellBoltzmann(2 * kelvin, seed=int(kelvin))(batch)
    run = MAKE[name](kelvin)
    run.begin(batch)
    found = []
    for step in range(400 + 80 * 20):
        run.step(batch)
        if step >= 400 and step % 80 == 0:
            each = 0.5 / ACCELERATION * batch["masses"][:, None] * batch["velocities"] ** 2
            found.append((batch["energy"].clone(), kinetic_energies(batch), each.reshape(SYSTEMS, -1, 3)))
    return Seen(*(torch.stack(one).numpy() for one in zip(*found, strict=True)))


def data(name: str, kelvin: float):
    units = pv.data.UnitData(BOLTZMANN, *[1.0] * 6)
    volume = (5.26 * CELLS) ** 3
    ensemble = pv.data.EnsembleData("NVT", natoms=ATOMS, volume=volume, temperature=kelvin)
    system = pv.data.SystemData(
        natoms=ATOMS, nconstraints=0, ndof_reduction_tra=REMOVED[name], ndof_reduction_rot=0, mass=WEIGHTS
    )
    found = seen(name, kelvin)
    observed = pv.data.ObservableData(
        kinetic_energy=found.kinetic.ravel(), potential_energy=found.potential.ravel(),
        total_energy=(found.kinetic + found.potential).ravel(),
    )  # fmt: skip
    return pv.data.SimulationData(units=units, ensemble=ensemble, system=system, observables=observed)


@pytest.mark.parametrize("name", MAKE)
def test_kinetic_energies_are_distributed_as_at_the_temperature(name: str):
    given = data(name, COLD)
    mean, width = pv.kinetic_energy.distribution(given, verbosity=0, bootstrap_seed=1, data_is_uncorrelated=True)
    assert max(abs(mean), abs(width)) < 3.5
    assert pv.kinetic_energy.distribution(given, strict=True, verbosity=0, data_is_uncorrelated=True) > 1e-3


@pytest.mark.parametrize("name", MAKE)
def test_potential_energies_at_two_temperatures_differ_as_they_should(name: str):
    (off,) = pv.ensemble.check(data(name, COLD), data(name, WARM), verbosity=0, data_is_uncorrelated=True)
    assert abs(off) < 3.5


@pytest.mark.parametrize("name", MAKE)
def test_energy_is_equally_shared_among_masses_and_directions(name: str):
    """Where the momentum is zero, heavy atoms have a little less: 1 - their share of all mass."""
    each = seen(name, COLD).each
    share = 1 - WEIGHTS / WEIGHTS.sum() if REMOVED[name] else np.ones(ATOMS)
    scaled = each / (0.5 * BOLTZMANN * COLD * share[:, None])
    for kind in range(4):
        for k in range(3):
            mine = scaled[:, :, kind::4, k].mean((0, 2))
            assert abs(mine.mean() - 1) < 4 * mine.std(ddof=1) / len(mine) ** 0.5
