"""Pair potentials in any cells at once: by loops, by torch over edges of vesin, by autograd over neighbours of ASE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ase.neighborlist import primitive_neighbor_list
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.pairs import PairPotential, buckingham, harmonic, lennard_jones, morse
from cohobate.dynamics.models.torch_pairs import in_torch

ALL = frozenset({"energy", "forces", "stress", "energies"})
EPSILON, SIGMA = {18: 0.0104, 36: 0.0141}, {18: 1.20, 36: 1.35}
KINDS = {
    "lennard_jones": lambda **given: lennard_jones(EPSILON, SIGMA, 5.5, **given),
    "switched": lambda **given: lennard_jones(EPSILON, SIGMA, 5.5, switch_from=4.0, **given),
    "morse": lambda **given: morse(0.02, 1.0, {18: 1.5, 36: 1.7}, 6.0, switch_from=3.0, **given),
    "buckingham": lambda **given: buckingham({18: 300.0, 36: 400.0}, 0.3, {18: 6.0, 36: 9.0}, 6.0, **given),
    "harmonic": lambda **given: harmonic(0.05, 3.9, 4.6, species=(18, 36), **given),
}


@st.composite
def systems(draw: st.DrawFn) -> dict[str, Any]:
    """Returns a few atoms, far outside perhaps, in a slanted cell, much smaller than a cutoff perhaps."""
    rng, size = np.random.default_rng(draw(st.integers(0, 10**6))), draw(st.sampled_from([1.5, 3.0, 6.0, 12.0]))
    cell = size * (np.diag(rng.uniform(0.7, 1.6, 3)) + rng.normal(0, 0.2, (3, 3)))
    assume(abs(np.linalg.det(cell)) > 0.2 * size**3)
    n = draw(st.integers(1, 8))
    positions = rng.uniform(0, 1, (n, 3)) @ cell + draw(st.sampled_from([0, 1])) * rng.integers(-4, 5, (n, 3)) @ cell
    periodic = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    return {"numbers": rng.choice([18, 36], n), "positions": positions, "cell": cell[None], "pbc": [periodic]}


def by_autograd(potential: PairPotential, system: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns the sum over the neighbours that ASE finds, and its derivatives."""
    cutoff, on = potential.traits.cutoff, potential._cut.switch_from
    i, j, image = primitive_neighbor_list("ijS", system["pbc"][0], system["cell"][0], system["positions"], cutoff)
    positions = torch.tensor(system["positions"], requires_grad=True)
    strain = torch.zeros((3, 3), dtype=torch.float64, requires_grad=True)
    cell = torch.tensor(system["cell"][0])
    way = positions[j] - positions[i] + torch.tensor(image, dtype=torch.float64) @ cell
    r2 = ((way + way @ strain) ** 2).sum(1)
    kind = torch.tensor([[18, 36].index(z) for z in system["numbers"].tolist()])
    numbers = torch.from_numpy(potential._table)[kind[i], kind[j]]
    energy = in_torch(potential._law)(r2, numbers.unbind(-1))[0] - numbers[:, -1]
    if on is not None:
        t = ((r2 - on * on) / (cutoff * cutoff - on * on)).clamp(min=0)
        energy = energy * (1 - t * t * (3 - 2 * t))
    total = 0.5 * energy.sum() + 0 * positions.sum() + 0 * strain.sum()
    slope, virial = torch.autograd.grad(total, [positions, strain])
    stress = (virial + virial.T) / 2 / abs(float(torch.linalg.det(cell)))
    return {"energy": total.detach().numpy(), "forces": -slope.numpy(), "stress": stress.numpy()}


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12, deadline=None)
@given(st.lists(systems(), min_size=1, max_size=4))
def test_loops_torch_and_autograd_find_the_same(name: str, listed: list[dict[str, Any]]):
    batch = Batch.of(listed)
    ways = Edges(5.0, 0.0).update(batch).vectors(batch)
    assume(not bool((torch.linalg.vector_norm(ways, dim=1) < 1.0).any()))
    loops, by_torch = KINDS[name](compiled=True), KINDS[name](compiled=False)
    ours, theirs = loops.compute(batch.copy(), ALL).values, by_torch.compute(batch.copy(), ALL).values
    for key in ALL:
        assert theirs[key].numpy() == pytest.approx(ours[key].numpy(), rel=1e-12, abs=1e-12), key
    for s, system in enumerate(listed):
        right = by_autograd(loops, system)
        mine = {"energy": ours["energy"][s], "forces": ours["forces"][batch.system == s], "stress": ours["stress"][s]}
        for key, value in right.items():
            assert mine[key].numpy() == pytest.approx(value, rel=1e-10, abs=1e-11), key
