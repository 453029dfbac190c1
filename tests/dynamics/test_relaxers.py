"""Relaxations beside those of ASE."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.calculators.lj import LennardJones
from ase.optimize import FIRE as AseFire
from ase.optimize import LBFGS as AseLbfgs

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.making import FIRE, LBFGS, GradientDescent
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.lbfgs import Lbfgs
from cohobate.dynamics.stages.stage import CONVERGED
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal
from dynamics.wells import Wells

RELAXERS = {"FIRE": FIRE, "L-BFGS": LBFGS, "gradient descent": GradientDescent}
FMAX = 1e-4


def argon():
    return lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)


def held(system: AtomicData) -> AtomicData:
    return AtomicData({**system, "fixed": np.arange(system.n_atoms) % 3 == 0})


def icosahedron(n: int, *, seed: int = 0) -> AtomicData:
    """Returns the first of 13 atoms around one in the middle, displaced a little."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (1, -1) for b in (1, -1)]
    points = [(0, 0, 0), *(np.roll(corner, k) for k in range(3) for corner in corners)]
    positions = np.array(points)[:n] * 1.95 + np.random.default_rng(seed).normal(0, 0.15, (n, 3))
    return AtomicData({**cluster(n), "positions": positions})


SYSTEMS = [crystal(1, noise=0.3), held(crystal(2, noise=0.1)), icosahedron(3), icosahedron(13), held(icosahedron(12))]


def in_ase(system: AtomicData):
    atoms = system.to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    return atoms


@pytest.fixture(scope="module")
def relaxed() -> list[float]:
    """The energies that ASE finds from there, of the minimum each of them leads to."""
    found = []
    for system in SYSTEMS:
        atoms = in_ase(system)
        AseFire(atoms, logfile=None).run(fmax=FMAX, steps=3000)
        found.append(atoms.get_potential_energy())
    return found


@pytest.mark.parametrize("name", RELAXERS)
def test_relaxed_energies_are_those_of_ase(name: str, relaxed: list[float]):
    batch = batch_of(SYSTEMS)
    RELAXERS[name](argon(), until=Convergence.from_fmax(FMAX), n_steps=5000).run(batch)
    assert batch["end"].tolist() == [CONVERGED] * len(SYSTEMS)
    assert batch["energy"].numpy() == pytest.approx(relaxed, abs=2e-6)


@pytest.mark.parametrize("memory", [5, 20])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: str(system.n_atoms))
def test_the_steps_of_lbfgs_are_those_of_ase(system: AtomicData, memory: int):
    batch = batch_of([system])
    atoms = in_ase(system)
    search = AseLbfgs(atoms, logfile=None, memory=memory, alpha=10.0, maxstep=0.1)
    run = LBFGS(argon(), until=Convergence.from_forces(0.0), memory=memory, stiffness=10.0, max_step=0.1)
    run.begin(batch)
    for _ in range(15):
        run.step(batch)
        search.step()
        assert batch["positions"].numpy() == pytest.approx(atoms.positions, abs=1e-8)


def test_descent_takes_the_steps_it_was_told():
    batch = batch_of([cluster(5)])
    start = batch["positions"].clone()
    run = GradientDescent(Wells(0.2), until=Convergence.from_forces(0.0), rate=0.5, grow=1.0, shrink=1.0, max_step=9.0)
    run.run(batch, 7)
    assert batch["positions"].numpy() == pytest.approx((start * (1 - 0.5 * 0.2) ** 7).numpy(), rel=1e-13)


def test_lbfgs_by_torch_has_the_same_bits():
    batch = batch_of(SYSTEMS)
    run = LBFGS(argon(), until=Convergence.from_forces(0.0), memory=4)
    run.begin(batch)
    update = run.stages[0].update
    assert isinstance(update, Lbfgs)
    for _ in range(9):
        run.step(batch)
        forces = torch.where(batch["fixed"][:, None], 0.0, batch["forces"])
        everyone = torch.ones(len(SYSTEMS), dtype=torch.bool)
        assert torch.equal(update.direction(batch, everyone, forces), update.by_torch(batch, forces))


def test_lbfgs_gets_along_where_the_curvature_is_not_positive():
    """From there the L-BFGS of ASE makes steps for ever."""
    batch = batch_of([cluster(13, seed=s) for s in range(6)])
    LBFGS(argon(), until=Convergence.from_fmax(1e-3), n_steps=1500, stiffness=5.0).run(batch)
    assert batch["end"].tolist() == [CONVERGED] * 6


@pytest.mark.parametrize("update", [LBFGS, GradientDescent])
def test_no_atom_moves_further_than_it_may(update):
    batch = batch_of([cluster(5), cluster(2)])
    start = batch["positions"].clone()
    given = {"stiffness": 1e-3} if update is LBFGS else {"rate": 1e3}
    update(Wells(1.0), until=Convergence.from_forces(0.0), max_step=0.1, **given).run(batch, 1)
    far = torch.linalg.vector_norm(batch["positions"] - start, dim=1)
    assert [float(far[:5].max()), float(far[5:].max())] == pytest.approx([0.1, 0.1], rel=1e-12)


@pytest.mark.parametrize("make", RELAXERS.values(), ids=RELAXERS)
def test_atoms_that_are_all_fixed_converge_at_once(make):
    system = AtomicData({**cluster(3), "fixed": [True] * 3})
    batch = make(argon(), until=Convergence.from_fmax(FMAX)).run(batch_of([system, cluster(3)]))
    assert batch["end"].tolist() == [CONVERGED] * 2
    assert batch["positions"][:3].numpy() == pytest.approx(np.array(system["positions"]), abs=0)


def test_a_relaxation_at_rest_stays_there():
    """No move and no change of the forces: nothing to divide by."""
    batch = batch_of([{"numbers": [18], "positions": [[0.0, 0.0, 0.0]]}])
    run = LBFGS(Wells(1.0), until=Convergence.from_forces(-1.0), n_steps=30)
    run.run(batch)
    assert not batch["positions"].any()


@pytest.mark.parametrize(
    ("make", "given"),
    [
        *((LBFGS, given) for given in ({"memory": 0}, {"max_step": 0.0}, {"damping": "1"})),
        *((GradientDescent, given) for given in ({"rate": -1.0}, {"rate": np.inf}, {"shrink": 1.5}, {"grow": np.nan})),
        *(
            (FIRE, given)
            for given in ({"dt": 2.0}, {"shrink": 2.0}, {"alpha": -0.1}, {"patience": 1.5}, {"fade": np.nan})
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, given):
    with pytest.raises(UserError, match=rf"{make.__name__}: \w+ must be a .*number"):
        make(Wells(1.0), until=Convergence.from_fmax(FMAX), **given)
