"""Lists of neighbours: all pairs of any cell, and the same list wherever its system is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.kernels import lists
from cohobate.dynamics.making import NVE
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.lists import PairLists
from cohobate.dynamics.models.origins import ORIGIN, STAMP, cells_of
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages.dynamics import FAILED
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

WANT = frozenset({"energy", "forces"})
SHAPES = (("numbers", "positions", "cell", "pbc"), ("numbers", "positions"))


def distances(batch: Batch, held: PairLists, s: int) -> list[tuple[int, int, float]]:
    """Returns the pairs that a list has, sorted: atoms and how far apart these are."""
    listed = held.update(batch)
    first, last = int(batch.start[s]), int(batch.start[s + 1])
    cell, periodic = (one[s] for one in cells_of(batch))
    images = np.zeros(3, np.int64)
    lists.images_of(cell, periodic, held.reach, images)
    shifts = np.empty((lists.number_of_images(images), 3))
    lists.shifts_of(cell, images, shifts)
    at = batch["positions"].numpy()[first:last] + listed.offset[first:last]
    pairs, m = [], int(listed.pairs[s])
    for i, many in enumerate(held.count[listed.atoms[s] :][: last - first]):
        for j, k in zip(held.other[m : m + many], held.image[m : m + many], strict=True):
            r = float(np.linalg.norm(at[j] + shifts[k] - at[i]))
            pairs.append((min(i, int(j)), max(i, int(j)), round(r, 7)))
        m += int(many)
    return sorted(pairs)


def brute(system: AtomicData, reach: float) -> list[tuple[int, int, float]]:
    """Returns all pairs by looking at all images, without any cleverness."""
    positions = np.asarray(system["positions"])
    cell = np.asarray(system.get("cell", np.eye(3))).reshape(3, 3)
    periodic = np.asarray(system.get("pbc", np.zeros(3, bool))).reshape(3)
    spread = np.ptp(positions @ np.linalg.inv(cell), axis=0)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    most = [int(np.ceil(reach / h + x)) + 1 if p else 0 for h, x, p in zip(heights, spread, periodic, strict=True)]
    grid = np.array(np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij")).reshape(3, -1).T
    pairs = []
    for i in range(len(positions)):
        for j in range(i, len(positions)):
            r = np.linalg.norm(positions[j] + grid @ cell - positions[i], axis=1)
            near = np.sort(r[(r < reach) & (r > 1e-9)])
            pairs += [(i, j, round(float(x), 7)) for x in (near[::2] if i == j else near)]
    return sorted(pairs)


@st.composite
def anything(draw: Any) -> AtomicData:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, size = draw(st.integers(1, 12)), draw(st.floats(2.0, 9.0))
    cell = np.eye(3) * size * rng.uniform(0.7, 1.5, 3) + rng.normal(0, 0.15, (3, 3)) * size
    periodic = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    positions = rng.uniform(0, 1, (n, 3)) @ cell
    if draw(st.booleans()):
        positions = positions + rng.integers(-3, 4, (n, 3)) @ cell
    return AtomicData({"numbers": [18] * n, "positions": positions, "cell": cell[None], "pbc": [periodic]})


@settings(max_examples=60, deadline=None)
@given(anything(), st.floats(2.0, 6.0))
def test_every_pair_is_listed_once(system: AtomicData, cutoff: float):
    batch = batch_of([cluster(3), system])
    assert distances(batch, PairLists(cutoff, 0.5), 1) == brute(system, cutoff + 0.5)


@settings(max_examples=30, deadline=None)
@given(anything(), st.floats(2.0, 6.0))
def test_cells_find_what_looking_at_all_finds(system: AtomicData, reach: float):
    cell, periodic = (np.asarray(system[key])[0] for key in ("cell", "pbc"))
    images, inside = np.zeros(3, np.int64), np.empty((system.n_atoms, 3))
    lists.images_of(cell, periodic, reach, images)
    shifts = np.empty((lists.number_of_images(images), 3))
    lists.shifts_of(cell, images, shifts)
    lists.wrapped(np.asarray(system["positions"]), cell, periodic, inside)
    found = []
    for listing in (
        lambda *room: lists.all_pairs(inside, shifts, reach * reach, *room, 0),
        lambda *room: lists.near_pairs(inside, cell, periodic, reach, shifts, images, *room, 0),
    ):
        count, other, image = np.zeros(len(inside), np.int32), np.zeros(9000, np.int32), np.zeros(9000, np.uint16)
        end = listing(count, other, image)
        whose = np.repeat(np.arange(len(inside)), count)
        found.append(sorted(zip(whose.tolist(), other[:end].tolist(), image[:end].tolist(), strict=True)))
    assert found[0] == found[1]


@settings(max_examples=30, deadline=None)
@given(anything())
def test_edges_are_the_same_pairs(system: AtomicData):
    batch = batch_of([cluster(3), system])
    edges = Edges(4.0, 0.5).update(batch)
    mine = batch.system[edges.first] == 1
    r = torch.linalg.vector_norm(edges.vectors(batch), dim=1)[mine].tolist()
    pairs = zip((edges.first[mine] - 3).tolist(), (edges.second[mine] - 3).tolist(), r, strict=True)
    twice = sorted((i, j, round(x, 7)) for i, j, x in pairs)
    once = brute(system, 4.5)
    assert twice == sorted([*once, *((j, i, x) for i, j, x in once)])


def test_a_slab_does_not_see_itself_across_the_vacuum():
    slab = {**crystal(2), "pbc": [[True, True, False]]}
    system = AtomicData(slab)
    assert distances(batch_of([system]), PairLists(6.0, 0.5), 0) == brute(system, 6.5)


def test_atoms_far_outside_the_cell_have_the_same_energy():
    system, potential = crystal(2), lennard_jones(EPSILON, SIGMA, CUTOFF)
    away = AtomicData({**system, "positions": system["positions"] + np.array([[3, -7, 40]]) * 2 * 5.26})
    found = potential.compute(batch_of([system, away]), WANT).values
    assert float(found["energy"][0]) == pytest.approx(float(found["energy"][1]), rel=1e-12)
    assert found["forces"][:32].numpy() == pytest.approx(found["forces"][32:].numpy(), abs=1e-11)


def test_a_list_is_made_again_only_for_the_system_that_moved():
    batch, held = batch_of([crystal(2), crystal(2, seed=1)]), PairLists(6.0, 1.0)
    held.update(batch)
    before = batch[ORIGIN].clone()
    batch["positions"][40] += 0.2
    held.update(batch)
    assert held.made == 2
    batch["positions"][40] += 0.2
    held.update(batch)
    assert held.made == 3
    assert torch.equal(batch[ORIGIN][:32], before[:32])
    assert not torch.equal(batch[ORIGIN][32:], before[32:])


def test_a_cell_that_changes_makes_the_list_again():
    batch, potential = batch_of([crystal(2), crystal(2, seed=1)]), lennard_jones(EPSILON, SIGMA, CUTOFF)
    potential.compute(batch, WANT)
    batch["cell"][1] *= 0.9
    found = potential.compute(batch, WANT).values
    assert potential.lists.made == 3
    fresh = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(
        batch_of([{**crystal(2, seed=1), "cell": batch["cell"][1:]}]), WANT
    )
    assert torch.equal(found["energy"][1:], fresh.values["energy"])


def test_a_direction_that_no_longer_repeats_makes_the_list_again():
    batch, potential = batch_of([crystal(2)]), lennard_jones(EPSILON, SIGMA, CUTOFF)
    potential.compute(batch, WANT)
    batch["pbc"][0, 2] = False
    found = potential.compute(batch, WANT).values["energy"]
    slab = batch_of([{**crystal(2), "pbc": [[True, True, False]]}])
    assert torch.equal(found, lennard_jones(EPSILON, SIGMA, CUTOFF).compute(slab, WANT).values["energy"])


@pytest.mark.parametrize("compiled", [True, False])
def test_a_vector_that_does_not_repeat_changes_no_energy(compiled: bool):
    upright = {**crystal(2), "pbc": [[True, True, False]]}
    slanted = {**upright, "cell": np.array([[[10.52, 0, 0], [0, 10.52, 0], [9.0, 7.0, 5.0]]])}
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF, compiled=compiled)
    right = float(potential.compute(batch_of([upright]), WANT).values["energy"][0])
    both = batch_of([upright, slanted])
    assert potential.compute(both, WANT).values["energy"].tolist() == pytest.approx([right] * 2, rel=1e-12)
    both["cell"][0, 2] = torch.tensor([-8.0, 3.0, 4.0])
    assert potential.compute(both, WANT).values["energy"].tolist() == pytest.approx([right] * 2, rel=1e-12)


@pytest.mark.parametrize("far", [1e4, 1e8])
def test_an_atom_far_away_takes_no_room(far: float):
    inner = np.random.default_rng(0).uniform(0, 40, (450, 3))
    system = AtomicData({"numbers": [18] * 451, "positions": [*inner, [far, -far, far]]})
    potential, torch_too = (lennard_jones(EPSILON, SIGMA, 6.0, compiled=one) for one in (True, False))
    found, right = (one.compute(batch_of([system]), WANT).values for one in (potential, torch_too))
    assert float(found["energy"][0]) == pytest.approx(float(right["energy"][0]), rel=1e-11)
    wide = AtomicData({**system, "cell": np.eye(3)[None] * 3 * far, "pbc": [[True, False, True]]})
    assert float(potential.compute(batch_of([wide]), WANT).values["energy"][0]) == pytest.approx(
        float(right["energy"][0]), rel=1e-11
    )


@pytest.mark.parametrize("skins", [(0.2, 2.5), (2.5, 0.2), (0.0, 1.0)])
def test_potentials_of_different_skins_never_use_a_list_that_is_too_short(skins: tuple[float, float]):
    rng, batch = np.random.default_rng(0), batch_of([crystal(2, noise=0.2), cluster(9)])
    laws = [
        lennard_jones(EPSILON, SIGMA, cutoff, skin=skin, compiled=compiled)
        for skin, cutoff in zip(skins, (7.0, 5.0), strict=True)
        for compiled in (True, False)
    ]
    for turn in range(60):
        batch["positions"] += torch.from_numpy(rng.normal(0, 0.04, (41, 3)))
        one = laws[int(rng.integers(4))]
        found = one.compute(batch, WANT).values
        bare = batch_of([{name: batch.select([s])[name] for name in system} for s, system in enumerate(SHAPES)])
        right = lennard_jones(EPSILON, SIGMA, one.traits.cutoff, compiled=False, skin=0.0).compute(bare, WANT).values
        assert found["forces"].numpy() == pytest.approx(right["forces"].numpy(), rel=1e-9, abs=1e-11), turn


def test_edges_are_kept_while_nothing_moves_far():
    edges, batch = Edges(4.0, 1.0), batch_of([crystal(2), cluster(9)])
    first = edges.update(batch)
    batch["positions"][3] += 0.2
    assert edges.update(batch) is first
    assert not np.shares_memory(edges.put(batch)["edge.image"].numpy(), first.image.numpy())
    batch["positions"][3] += 0.2
    assert edges.update(batch) is not first
    assert len(edges.update(batch.select([1])).many) == 1


def test_a_list_is_a_function_of_its_system_alone():
    potential, batch = lennard_jones(EPSILON, SIGMA, CUTOFF), batch_of([crystal(2), cluster(9), crystal(3)])
    run = NVE(potential, dt=4.0)
    run.run(batch, 30)
    held = potential.compute(batch, WANT).values["forces"]
    elsewhere = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch.select([2, 0]), WANT).values["forces"]
    assert torch.equal(elsewhere, torch.cat([held[41:], held[:32]]))


def test_a_list_is_the_same_where_only_its_origin_has_come_along():
    potential, batch = lennard_jones(EPSILON, SIGMA, CUTOFF), batch_of([crystal(2), cluster(9)])
    NVE(potential, dt=4.0).run(batch, 30)
    right = potential.compute(batch, WANT).values["forces"]
    batch[STAMP].zero_()
    assert torch.equal(lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch, WANT).values["forces"], right)
    near = torch.cdist(batch["pairs.origin"][32:], batch["pairs.origin"][32:]).triu(1)
    assert int(batch["pairs.count"][32:].sum()) == int(((near > 0) & (near < CUTOFF + 1)).sum())


def test_several_batches_can_share_the_lists_and_none_is_lost():
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF)
    batches = [batch_of([crystal(3, seed=10 * k + s, noise=0.2) for s in range(3)]) for k in range(12)]
    right = [lennard_jones(EPSILON, SIGMA, CUTOFF).compute(one, WANT).values["forces"] for one in batches]
    for _ in range(2):
        for one, forces in zip(batches, right, strict=True):
            assert torch.equal(potential.compute(one, WANT).values["forces"], forces)
    alive = sum(place.pairs.stop - place.pairs.start for place in potential.lists._places.values())
    assert alive <= potential.lists._ends[0] < 1 << 19


def test_two_potentials_can_list_the_same_batch():
    batch = batch_of([crystal(2), cluster(7)])
    one, two = lennard_jones(EPSILON, SIGMA, CUTOFF), lennard_jones(EPSILON, SIGMA, 5.0)
    right = [lennard_jones(EPSILON, SIGMA, r).compute(batch.copy(), WANT).values["forces"] for r in (CUTOFF, 5.0)]
    for _ in range(3):
        assert torch.equal(one.compute(batch, WANT).values["forces"], right[0])
        assert torch.equal(two.compute(batch, WANT).values["forces"], right[1])
    assert (one.lists.made, two.lists.made) == (2, 2)


def test_systems_at_the_same_places_share_a_list():
    batch, held = batch_of([crystal(2)] * 5), PairLists(6.0, 1.0)
    held.update(batch)
    assert held.made == 1
    assert len(set(batch[STAMP].tolist())) == 1


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("thin", [0.02, 1e-12, 1e-30, 1e-100])
def test_a_cell_too_small_to_number_its_images_fails_its_system_alone(thin: float, compiled: bool):
    flat = {**cluster(2), "cell": np.diag([40.0, thin, thin])[None], "pbc": [[True] * 3]}
    batch, potential = Batch.of([cluster(5), flat]), lennard_jones(EPSILON, SIGMA, CUTOFF, compiled=compiled)
    found = potential.compute(batch, WANT)
    assert found.ok.tolist() == [True, False]
    assert "too small" in found.why[1]


def test_a_cell_that_is_not_finite_fails_its_system_alone():
    batch, potential = batch_of([crystal(2), crystal(2, seed=1)]), lennard_jones(EPSILON, SIGMA, CUTOFF)
    run = NVE(potential, dt=2.0)
    run.begin(batch)
    batch["cell"][0, 1, 1] = torch.nan
    run.step(batch)
    assert batch["end"].tolist() == [FAILED, 0]
    alone = batch_of([crystal(2, seed=1)])
    alone["id"][0] = 1
    NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=2.0).run(alone, 1)
    assert torch.equal(batch["positions"][32:], alone["positions"])


def test_edges_land_on_a_batch_and_follow_their_systems():
    batch = Edges(4.5, 0.5).put(batch_of([crystal(1), cluster(6), crystal(1, seed=2)]))
    assert len(batch["edge.first"]) == int(batch.edges.sum()) > 0
    alone = Edges(4.5, 0.5).put(batch_of([crystal(1, seed=2)]))
    some = batch.select([2])
    for name in ("edge.first", "edge.second", "edge.image"):
        assert torch.equal(some[name], alone[name])
