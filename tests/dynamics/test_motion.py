"""Half steps in one pass of compiled loops have the bits of the same operations by torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.kernels.normals import normals, philox
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages import fire, langevin, nose_hoover, nve
from cohobate.dynamics.stages.drawing import drawn
from cohobate.dynamics.stages.update import Update
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

UPDATES = {
    "nve": lambda: nve.VelocityVerlet(2.0),
    "langevin": lambda: langevin.Langevin(2.0, 40.0, 0.02, seed=2**40 + 3),
    "nose-hoover": lambda: nose_hoover.NoseHoover(2.0, 40.0, tau=30.0, chain=4),
    "fire": lambda: fire.Fire(max_step=0.05),
}


def moved(update: Update, mask: torch.Tensor, *, fixed: bool) -> Batch:
    """Returns a batch after some steps of the systems in ``mask``."""
    batch, potential = (
        batch_of([cluster(7), crystal(2, seed=1), cluster(4, seed=5)]),
        lennard_jones(EPSILON, SIGMA, CUTOFF),
    )
    if fixed:
        batch["fixed"] = torch.arange(batch.n_atoms) % 5 == 0
    for name, kind in update.fields.items():
        if name not in batch:
            batch.add(name, kind)
    batch["masses"] = torch.linspace(1.008, 83.8, batch.n_atoms, dtype=torch.float64)
    batch["velocities"] = torch.from_numpy(np.random.default_rng(0).normal(0, 1e-3, (batch.n_atoms, 3)))
    want = frozenset({"forces"})
    batch["forces"] = potential.compute(batch, want).values["forces"]
    update.enter(batch, mask)
    for _ in range(25):
        update.before(batch, mask)
        batch["forces"] = potential.compute(batch, want).values["forces"]
        update.after(batch, mask)
    return batch


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("which", [[True] * 3, [True, False, True]])
@pytest.mark.parametrize("name", UPDATES)
def test_loops_have_the_bits_of_torch(name: str, which: list[bool], fixed: bool, monkeypatch: pytest.MonkeyPatch):
    mask = torch.tensor(which)
    ours = moved(UPDATES[name](), mask, fixed=fixed)
    for module in (nve, langevin, nose_hoover, fire):
        monkeypatch.setattr(module, "in_loops", lambda batch: False)
    theirs = moved(UPDATES[name](), mask, fixed=fixed)
    for key in ours:
        assert torch.equal(ours[key], theirs[key]), key


def test_random_words_are_those_of_the_paper():
    digits = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    words, key = np.array(digits, np.uint64), np.array([0xA4093822, 0x299F31D0], np.uint64)
    philox(words, key)
    assert words.tolist() == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_torch_draws_the_same_numbers():
    ids, counts = torch.tensor([3, 2**40 + 1, 7]), torch.tensor([0, 5, 2**33])
    start, system = torch.tensor([0, 4, 5, 60]), torch.repeat_interleave(torch.arange(3), torch.tensor([4, 1, 55]))
    found = np.empty((60, 3))
    normals(2**35 + 11, ids.numpy(), counts.numpy(), start.numpy(), found)
    assert drawn(2**35 + 11, ids, counts, start, system).numpy() == pytest.approx(found, abs=1e-14)


def test_torch_draws_by_place_neither():
    """Without compiled loops, too, the numbers of a system are the same bits wherever it is."""
    ids, counts = torch.arange(40), torch.arange(40) * 7
    sizes = torch.arange(40) % 9 + 1
    start, system = (
        torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)]),
        torch.arange(40).repeat_interleave(sizes),
    )
    together = drawn(5, ids, counts, start, system)
    for s in range(40):
        n = int(sizes[s])
        alone = drawn(5, ids[s : s + 1], counts[s : s + 1], torch.tensor([0, n]), torch.zeros(n, dtype=torch.int64))
        assert torch.equal(alone, together[start[s] : start[s + 1]])


def test_numbers_are_normal():
    found = np.empty((60_000, 3))
    normals(1, np.array([5]), np.array([9]), np.array([0, 60_000]), found)
    assert found.mean(0) == pytest.approx(np.zeros(3), abs=0.015)
    assert np.cov(found.T) == pytest.approx(np.eye(3), abs=0.02)
    assert (found**4).mean() == pytest.approx(3, abs=0.1)


def test_a_fixed_atom_stays():
    for make in UPDATES.values():
        batch = moved(make(), torch.ones(3, dtype=torch.bool), fixed=True)
        start: AtomicData = crystal(2, seed=1)
        assert batch["positions"][10].tolist() == start["positions"][3].tolist()
