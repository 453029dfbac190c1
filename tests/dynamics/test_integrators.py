"""Integrators by what they conserve, and beside ASE."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import units
from ase.calculators.lj import LennardJones
from ase.md.nose_hoover_chain import NoseHooverChainNVT

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.hooks.changing import FrozenAtoms
from cohobate.dynamics.making import NVE, NVTLangevin, NVTNoseHoover
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.kinetics import BOLTZMANN, kinetic_energies
from cohobate.dynamics.stages.langevin import DRAWS
from cohobate.dynamics.stages.masking import ACCELERATION
from cohobate.dynamics.stages.nose_hoover import NoseHoover
from cohobate.dynamics.velocities import MaxwellBoltzmann
from dynamics.systems import CUTOFF, EPSILON, MASS, SIGMA, cluster, crystal
from dynamics.wells import Wells


def argon():
    return lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)


def momentum(batch):
    return (batch["velocities"] * batch["masses"][:, None]).sum(0)


@pytest.mark.parametrize("name", ["NVE", "Nose-Hoover"])
def test_the_momentum_is_conserved(name: str):
    batch = batch_of([crystal(2)])
    MaxwellBoltzmann(40.0)(batch)
    make = {"NVE": NVE, "Nose-Hoover": lambda *given, **named: NVTNoseHoover(*given, temperature=60.0, **named)}[name]
    make(argon(), dt=4.0).run(batch, 200)
    assert momentum(batch).numpy() == pytest.approx(0.0, abs=1e-13)


def test_the_first_steps_of_nose_hoover_chains_are_those_of_ase():
    system = crystal(2)
    batch = batch_of([system])
    run = NVTNoseHoover(argon(), dt=2.0, temperature=60.0, tau=40.0, removed=0)
    run.begin(batch)
    atoms = system.to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    kelvin = 60.0 * BOLTZMANN / units.kB  # the same energy, whatever the constant
    theirs = NoseHooverChainNVT(atoms, timestep=2.0 * units.fs, temperature_K=kelvin, tdamp=40.0 * units.fs)
    for _ in range(5):
        run.step(batch)
        theirs.run(1)
        assert batch["positions"].numpy() == pytest.approx(atoms.positions, abs=1e-10)
        assert batch["velocities"].numpy() == pytest.approx(atoms.get_velocities() * units.fs, abs=1e-12)


def test_what_nose_hoover_chains_conserve_drifts_with_the_square_of_the_step():
    off = []
    for dt in (8.0, 4.0, 2.0):
        batch = batch_of([cluster(6)])
        batch["positions"].mul_(0.05)
        MaxwellBoltzmann(100.0, drift=True)(batch)
        run = NVTNoseHoover(Wells(0.5), dt=dt, temperature=300.0, tau=80.0, removed=0)
        run.begin(batch)
        update = run.stages[0].update
        assert isinstance(update, NoseHoover)
        start, seen = update.conserved(batch), []
        for _ in range(int(800 / dt)):
            run.step(batch)
            seen.append(float(update.conserved(batch) - start))
        off.append(np.sqrt(np.mean(np.square(seen))))
    assert off[0] / off[1] == pytest.approx(4, rel=0.1)
    assert off[1] / off[2] == pytest.approx(4, rel=0.1)
    assert off[2] < 1e-3 * float(kinetic_energies(batch))


def test_time_runs_backwards_with_nose_hoover_chains():
    system = crystal(2)
    batch = batch_of([system])
    run = NVTNoseHoover(argon(), dt=2.0, temperature=60.0, tau=50.0)
    run.begin(batch)
    for direction in range(2):
        for _ in range(50):
            run.step(batch)
        if not direction:
            batch["velocities"].neg_()
            batch[NoseHoover(2.0, 60.0).names[1]].neg_()
    assert batch["positions"].numpy() == pytest.approx(system["positions"], abs=1e-10)


def test_a_system_without_degrees_of_freedom_is_left_alone():
    batch = batch_of([cluster(1), cluster(2)])
    MaxwellBoltzmann(40.0, drift=True)(batch)
    start = batch["velocities"][0].clone()
    NVTNoseHoover(argon(), dt=2.0, temperature=300.0, tau=20.0).run(batch, 20)
    assert torch.equal(batch["velocities"][0], start)


def test_atoms_that_are_held_meanwhile_have_no_share_in_the_temperature():
    """The degrees of freedom are those of the atoms that move, whoever holds the others, and since when."""
    half = FrozenAtoms(lambda batch: torch.arange(batch.n_atoms) % 2 == 0)
    batch, other = batch_of([crystal(2)]), batch_of([{**crystal(2), "fixed": np.arange(32) % 2 == 0}])
    other["velocities"][::2] = 0.0
    for one, hooks in ((batch, [half]), (other, [])):
        NVTNoseHoover(argon(), dt=2.0, temperature=60.0, tau=30.0, hooks=hooks).run(one, 30)
    assert torch.equal(batch["velocities"], other["velocities"])


def test_a_thermostat_that_is_entered_again_draws_other_numbers():
    """The same noise over and over is no noise: Uberuaga et al., J. Chem. Phys. 120, 6363 (2004)."""

    def kicks(n: int):
        one = NVTLangevin(Wells(0.0), dt=1.0, temperature=40.0, friction=1e3, n_steps=1)
        return (one + one).run(batch_of([cluster(4)]), n)

    first, second = kicks(1)["velocities"], kicks(2)["velocities"]
    assert kicks(2)[DRAWS].tolist() == [2]
    assert not np.isclose(first.numpy(), second.numpy()).any()


@pytest.mark.parametrize("angle", [0.3, 1.2])
def test_positions_by_baoab_are_distributed_as_they_should_whatever_the_step(angle: float):
    """For harmonic wells exactly: Leimkuhler and Matthews; the velocities are by 1 - angle^2 / 4 too narrow."""
    k, kelvin, n = 0.5, 80.0, 3000
    frequency = np.sqrt(k / MASS * ACCELERATION)
    batch = batch_of([{"numbers": [18], "positions": [[0.0, 0.0, 0.0]], "masses": [MASS]}] * n)
    batch["id"].copy_(torch.arange(n))
    run = NVTLangevin(Wells(k), dt=angle / frequency, temperature=kelvin, friction=frequency)
    run.run(batch, int(30 / angle))
    places, speeds = [], []
    for _ in range(15):
        for _ in range(int(3 / angle)):
            run.step(batch)
        places.append(batch["positions"].clone())
        speeds.append(batch["velocities"].clone())
    at, moving = torch.stack(places), torch.stack(speeds)
    kt = BOLTZMANN * kelvin
    width = 4 * np.sqrt(2 / at.numel()) * 1.2
    assert float((at**2).mean()) == pytest.approx(kt / k, rel=width)
    expected = kt / MASS * ACCELERATION * (1 - angle**2 / 4)
    assert float((moving**2).mean()) == pytest.approx(expected, rel=width)


def test_friction_alone_cools():
    batch = batch_of([crystal(2, kelvin=60.0)])
    before = kinetic_energies(batch)
    NVTLangevin(Wells(0.0), dt=2.0, temperature=0.0, friction=0.01).run(batch, 100)
    assert float(kinetic_energies(batch) / before) == pytest.approx(np.exp(-2 * 0.01 * 200), rel=1e-12)


NONSENSE = {
    NVE: {"dt": (0.0, -1.0, np.nan, np.inf, "1", None, True)},
    NVTLangevin: {
        "dt": (0.0, np.nan), "temperature": (-1.0, np.nan, np.inf, "300"), "friction": (0.0, -0.1, np.nan),
        "seed": (1.5, 2**63, True),
    },
    NVTNoseHoover: {
        "dt": (0.0, -1.0, np.nan), "tau": (0.0, np.inf), "temperature": (0.0, np.nan), "chain": (0, 2.5),
        "removed": (-1,),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [(make, n, v) for make, some in NONSENSE.items() for n, values in some.items() for v in values],
)
def test_what_makes_no_sense_is_refused(make, name: str, value: object):
    sound = {"dt": 1.0} if make is NVE else {"dt": 1.0, "temperature": 40.0}
    with pytest.raises(UserError, match=f"{make.__name__}: {name} must be a .*number"):
        make(Wells(1.0), **{**sound, name: value})
