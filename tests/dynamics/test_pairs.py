"""Pair potentials beside ASE, and the same bits wherever a system is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.calculators.lj import LennardJones

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.kernels import lists
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

WANT = frozenset({"energy", "forces", "stress"})


def argon(**given: float):
    return lennard_jones(EPSILON, SIGMA, CUTOFF, shifted=False, **given)


@pytest.mark.parametrize("system", [crystal(1, seed=1), crystal(2), crystal(3, seed=2), cluster(13), cluster(2)])
def test_energies_forces_and_stresses_are_those_of_ase(system: AtomicData):
    batch = batch_of([system])
    found = argon().compute(batch, WANT)
    atoms = system.to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    shift = 4 * EPSILON * ((SIGMA / CUTOFF) ** 12 - (SIGMA / CUTOFF) ** 6)
    pairs = sum(1 for _ in np.flatnonzero(atoms.get_all_distances(mic=False)[np.triu_indices(len(atoms), 1)] < CUTOFF))
    if not atoms.pbc.any():  # ASE shifts each pair to zero at the cutoff
        assert float(found.values["energy"][0]) == pytest.approx(
            atoms.get_potential_energy() + pairs * shift, rel=1e-12
        )
    else:
        assert found.values["stress"][0].numpy() == pytest.approx(atoms.get_stress(voigt=False), abs=1e-13)
    assert found.values["forces"].numpy() == pytest.approx(atoms.get_forces(), abs=1e-12)


def test_the_shifted_energy_is_that_of_ase():
    system = crystal(3)
    atoms = system.to_ase()
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    found = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch_of([system]), WANT)
    assert float(found.values["energy"][0]) == pytest.approx(atoms.get_potential_energy(), rel=1e-12)


def test_a_system_has_the_same_bits_alone_and_in_any_batch():
    systems = [crystal(2, seed=s) for s in range(3)] + [cluster(n, seed=n) for n in (2, 7, 13)] + [crystal(3, seed=9)]
    together = argon(threads=2).compute(batch_of(systems), WANT)
    order = [4, 0, 6, 2]
    some = argon(threads=1).compute(batch_of([systems[i] for i in order]), WANT)
    for at, i in enumerate(order):
        alone_batch = batch_of([systems[i]])
        alone = argon().compute(alone_batch, WANT)
        first = sum(one.n_atoms for one in systems[:i])
        mine = together.values["forces"][first : first + systems[i].n_atoms]
        assert torch.equal(mine, alone.values["forces"])
        assert torch.equal(some.values["energy"][at], together.values["energy"][i])
        assert torch.equal(alone.values["energy"][0], together.values["energy"][i])


def test_both_ways_of_listing_find_the_same_pairs():
    system = crystal(3, noise=0.5)
    cell, positions = system["cell"][0], np.array(system["positions"])
    periodic, reach = np.ones(3, bool), 9.5
    images = np.zeros(3, np.int64)
    lists.images_of(cell, periodic, reach, images)
    shifts = np.empty((lists.number_of_images(images), 3))
    lists.shifts_of(cell, images, shifts)
    at = np.empty_like(positions)
    lists.wrapped(positions, cell, periodic, at)
    found = []
    for listing in (
        lambda *room: lists.all_pairs(at, shifts, reach * reach, *room, 0),
        lambda *room: lists.near_pairs(at, cell, periodic, reach, shifts, images, *room, 0),
    ):
        count = np.zeros(len(at), np.int32)
        other, image = np.zeros(100 * len(at), np.int32), np.zeros(100 * len(at), np.uint16)
        end = listing(count, other, image)
        begin = np.cumsum(count) - count
        pairs = [
            (i, int(other[m]), int(image[m])) for i in range(len(at)) for m in range(begin[i], begin[i] + count[i])
        ]
        assert len(pairs) == end
        found.append(sorted(pairs))
    assert found[0] == found[1]


def test_a_system_that_cannot_be_computed_spoils_no_other():
    good, bad = cluster(5), cluster(5, seed=1)
    batch = batch_of([good, bad, good])
    batch["positions"][6] = torch.nan
    batch["numbers"][10] = 99
    found = argon().compute(batch, WANT)
    assert found.ok.tolist() == [True, False, False]
    assert "finite" in found.why[1]
    assert "99" in found.why[2]
    alone = argon().compute(batch_of([good]), WANT)
    assert torch.equal(found.values["forces"][:5], alone.values["forces"])
