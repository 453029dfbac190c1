"""Pair potentials: derivatives, mixing, sums, and the same numbers by torch."""

from __future__ import annotations

import math
import pickle
from threading import Thread

import numpy as np
import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models import pairs
from cohobate.dynamics.models.lists import PairLists
from cohobate.dynamics.models.pairs import PairPotential, buckingham, harmonic, lennard_jones, morse
from cohobate.dynamics.models.sums import Sum
from cohobate.dynamics.models.torch_pairs import in_torch
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

ALL = frozenset({"energy", "forces", "stress", "energies"})
MIXED_EPSILON, MIXED_SIGMA = {18: 0.0104, 36: 0.0141}, {18: 3.40, 36: 3.65}
KINDS = {
    "lennard_jones": lambda **given: lennard_jones(EPSILON, SIGMA, CUTOFF, species=(18, 36), **given),
    "mixed": lambda **given: lennard_jones(MIXED_EPSILON, MIXED_SIGMA, CUTOFF, **given),
    "switched": lambda **given: lennard_jones(MIXED_EPSILON, MIXED_SIGMA, CUTOFF, switch_from=6.0, **given),
    "morse": lambda **given: morse(0.02, 1.4, {18: 3.8, 36: 4.0}, 8.0, switch_from=5.0, **given),
    "buckingham": lambda **given: buckingham({18: 3000.0, 36: 4000.0}, 0.3, {18: 60.0, 36: 90.0}, 8.0, **given),
    "harmonic": lambda **given: harmonic(0.5, 3.9, 4.6, species=(18, 36), **given),
}


def two_kinds(system: AtomicData) -> AtomicData:
    numbers = np.where(np.arange(system.n_atoms) % 3 == 0, 36, 18)
    return AtomicData({**system, "numbers": numbers})


def bent() -> AtomicData:
    """Returns a triclinic crystal."""
    system = crystal(2, seed=4, noise=0.1)
    turn = np.eye(3) + np.array([[0.02, 0.1, -0.05], [0.0, -0.03, 0.12], [0.0, 0.0, 0.01]])
    return AtomicData({**system, "positions": system["positions"] @ turn, "cell": system["cell"] @ turn})


@pytest.mark.parametrize("name", KINDS)
def test_forces_and_stresses_are_the_derivatives_of_the_energy(name: str):
    potential, batch = KINDS[name](), batch_of([two_kinds(bent()), two_kinds(cluster(9))])
    found, step = potential.compute(batch, ALL), 1e-5
    for atom, axis in ((0, 0), (5, 2), (13, 1), (34, 0), (40, 2)):
        sides = []
        for sign in (1, -1):
            moved = batch.copy()
            moved["positions"][atom, axis] += sign * step
            sides.append(float(potential.compute(moved, ALL).values["energy"].sum()))
        slope = (sides[0] - sides[1]) / (2 * step)
        assert float(found.values["forces"][atom, axis]) == pytest.approx(-slope, abs=1e-7)
    volume = float(torch.linalg.det(batch["cell"][0]))
    for k, m in ((0, 0), (1, 2), (0, 1)):
        sides = []
        for sign in (1, -1):
            strain = torch.zeros(3, 3, dtype=torch.float64)
            strain[k, m] += sign * step / 2
            strain[m, k] += sign * step / 2
            strained = batch.copy()
            strained["positions"] += strained["positions"] @ strain
            strained["cell"] += strained["cell"] @ strain
            sides.append(float(potential.compute(strained, ALL).values["energy"][0]))
        slope = (sides[0] - sides[1]) / (2 * step) / volume
        assert float(found.values["stress"][0, k, m]) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("name", KINDS)
def test_energies_of_atoms_add_up_and_forces_cancel(name: str):
    batch = batch_of([two_kinds(bent()), two_kinds(cluster(9))])
    found = KINDS[name]().compute(batch, ALL).values
    for s in range(2):
        mine = batch.system == s
        assert float(found["energies"][mine].sum()) == pytest.approx(float(found["energy"][s]), abs=1e-12)
        assert found["forces"][mine].sum(0).numpy() == pytest.approx(np.zeros(3), abs=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_torch_finds_the_same(name: str):
    batch = batch_of([two_kinds(bent()), two_kinds(cluster(9)), two_kinds(crystal(1, seed=3))])
    loops, by_torch = KINDS[name](compiled=True), KINDS[name](compiled=False)
    for _ in range(2):
        ours, theirs = loops.compute(batch, ALL), by_torch.compute(batch, ALL)
        for key in ALL:
            assert theirs.values[key].numpy() == pytest.approx(
                ours.values[key].numpy(), abs=1e-12, rel=1e-12, nan_ok=True
            )
        batch["positions"][3] += 0.3
    assert loops.traits.exact
    assert not by_torch.traits.exact


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", KINDS)
def test_a_gpu_finds_the_same(name: str):
    batch = batch_of([two_kinds(bent()), two_kinds(cluster(9))])
    ours, theirs = KINDS[name]().compute(batch, ALL), KINDS[name]().compute(batch.to("cuda"), ALL)
    for key in ALL:
        assert theirs.values[key].cpu().numpy() == pytest.approx(
            ours.values[key].numpy(), abs=1e-12, rel=1e-12, nan_ok=True
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_it_returns_has_the_type_of_the_batch(dtype: torch.dtype):
    batch = batch_of([crystal(2)], dtype=dtype)
    found = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch, ALL).values
    right = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch_of([crystal(2)]), ALL).values
    for key in ALL:
        assert found[key].dtype == dtype
        assert found[key].double().numpy() == pytest.approx(right[key].numpy(), abs=2e-5)


def test_a_switched_potential_goes_smoothly_to_zero():
    potential = lennard_jones(EPSILON, SIGMA, 8.0, switch_from=6.0, shifted=False)
    plain = lennard_jones(EPSILON, SIGMA, 8.0, shifted=False)

    def of(potential: PairPotential, r: float) -> tuple[float, float]:
        pair = batch_of([{"numbers": [18, 18], "positions": [[0.0, 0, 0], [r, 0, 0]]}])
        found = potential.compute(pair, ALL).values
        return float(found["energy"][0]), float(found["forces"][1, 0])

    assert of(potential, 5.9) == of(plain, 5.9)
    assert of(potential, 7.999999) == pytest.approx((0, 0), abs=1e-8)
    assert of(potential, 6.000001) == pytest.approx(of(plain, 6.000001), abs=1e-8)
    assert 0 < of(potential, 7.0)[0] / of(plain, 7.0)[0] < 1


def test_one_number_for_all_and_a_table_of_the_same_agree():
    batch = batch_of([two_kinds(bent())])
    one = lennard_jones(EPSILON, SIGMA, CUTOFF, species=(18, 36)).compute(batch, ALL).values
    every = {(18, 18): EPSILON, (18, 36): EPSILON, (36, 36): EPSILON}
    table = lennard_jones(every, {18: SIGMA, 36: SIGMA}, CUTOFF).compute(batch, ALL).values
    assert torch.allclose(one["forces"], table["forces"], rtol=1e-13, atol=1e-15)


def test_mixing_follows_lorentz_and_berthelot():
    pair = batch_of([{"numbers": [18, 36], "positions": [[0, 0, 0], [4.0, 0.3, 0.2]]}])
    mixed = lennard_jones(MIXED_EPSILON, MIXED_SIGMA, CUTOFF).compute(pair, ALL).values["energy"]
    own = math.sqrt(0.0104 * 0.0141), (3.40 + 3.65) / 2
    assert float(mixed[0]) == pytest.approx(
        float(lennard_jones(*own, CUTOFF, species=(18, 36)).compute(pair, ALL).values["energy"][0]), rel=1e-13
    )


def test_a_sum_shares_its_lists():
    first, second = lennard_jones(EPSILON, SIGMA, 7.0), morse(0.01, 1.2, 3.9, 8.5)
    both = first + second
    assert isinstance(both, Sum)
    assert len({id(term.lists) for term in both.terms}) == 1
    assert both.traits.cutoff == 8.5
    batch = batch_of([crystal(2), cluster(9)])
    found = both.compute(batch, ALL).values
    apart = [one.compute(batch, ALL).values for one in (first, second)]
    for key in ALL:
        assert found[key].numpy() == pytest.approx((apart[0][key] + apart[1][key]).numpy(), abs=1e-12, nan_ok=True)
    assert len((both + first).terms) == 3
    assert both.terms[0].lists.made == 2


def test_a_sum_fails_where_one_term_does():
    batch = batch_of([cluster(3), two_kinds(cluster(4))])
    found = Sum(lennard_jones(EPSILON, SIGMA, CUTOFF, species=(18, 36)), morse(0.01, 1.2, 3.9, 8.5)).compute(batch, ALL)
    assert found.ok.tolist() == [True, False]
    assert "36" in found.why[1]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("compiled", [True, False])
def test_atoms_in_the_same_place_fail_their_system_alone(name: str, compiled: bool):
    same = {"numbers": [18, 36], "positions": np.zeros((2, 3))}
    batch, potential = Batch.of([two_kinds(cluster(4)), same]), KINDS[name](compiled=compiled)
    found = potential.compute(batch, frozenset({"energy", "forces"}))
    assert found.ok.tolist() == [True, False]
    assert "not finite" in found.why[1]


def test_sums_by_torch_share_their_edges():
    both = lennard_jones(EPSILON, SIGMA, 7.0, compiled=False) + morse(0.01, 1.2, 3.9, 8.5, skin=2.0, compiled=False)
    first, second = (term.lists for term in both.terms)
    assert first is second
    assert (first.edges.cutoff, first.edges.skin) == (8.5, 2.0)
    batch = batch_of([crystal(2), cluster(9)])
    both.compute(batch, ALL)
    assert first.edges.update(batch) is first.edges.update(batch)


@pytest.mark.parametrize("compiled", [True, False])
def test_threads_can_share_a_potential(compiled: bool, monkeypatch: pytest.MonkeyPatch):
    """Another thread that makes lists of its own, and sweeps out those in use, has to wait until they are used."""
    potential, mine = lennard_jones(EPSILON, SIGMA, CUTOFF, compiled=compiled), batch_of([crystal(2)])
    right = lennard_jones(EPSILON, SIGMA, CUTOFF, compiled=compiled).compute(mine.copy(), ALL).values["forces"]
    others, threads = [batch_of([crystal(5, seed=s)]) for s in range(6)], []
    held, name = (potential.lists, "update") if compiled else (potential.lists.edges, "_make")
    made = getattr(held, name)

    def disturbed(batch: Batch, *given: object):
        found = made(batch, *given)
        if batch is mine:
            threads.append(Thread(target=lambda: [potential.compute(one, ALL) for one in others]))
            threads[0].start()
            threads[0].join(0.5)
        return found

    monkeypatch.setattr(held, name, disturbed)
    assert torch.equal(potential.compute(mine, ALL).values["forces"], right)
    threads[0].join()


def test_a_law_of_ones_own_is_compiled_and_goes_through_torch():
    def soft(r2, p):
        r = math.sqrt(r2)
        x = math.exp(-r / p[1])
        return p[0] * x, -p[0] / p[1] * x / r

    batch = batch_of([crystal(2)])
    table = np.array([[[10.0, 0.5, 0.0]]])
    ours = PairPotential(soft, [18], table, 6.0, compiled=True).compute(batch, ALL).values
    theirs = PairPotential(soft, [18], table, 6.0, compiled=False).compute(batch, ALL).values
    assert ours["forces"].numpy() == pytest.approx(theirs["forces"].numpy(), abs=1e-12)
    values = torch.tensor([4.0, 9.0], dtype=torch.float64)
    assert in_torch(pairs._morse)(values, (1.0, 1.0, 2.0))[0].tolist() == [
        pairs._morse(r2, (1.0, 1.0, 2.0))[0] for r2 in (4.0, 9.0)
    ]


WRONG = {
    "sigma must be positive": lambda: lennard_jones(EPSILON, 0.0, CUTOFF),
    "epsilon: expected a finite number": lambda: lennard_jones(float("nan"), SIGMA, CUTOFF),
    "sigma of 36: expected": lambda: lennard_jones(EPSILON, {18: 3.4, 36: -1.0}, CUTOFF),
    "cutoff must be": lambda: morse(1.0, 1.0, 1.0, -2.0),
    "nothing is said of the pair": lambda: lennard_jones({(18, 18): 0.01, (36, 36): 0.01}, SIGMA, CUTOFF),
    "species must be": lambda: harmonic(1.0, 1.0, 2.0, species=(18, 18)),
    "mixing must be one of": lambda: lennard_jones(MIXED_EPSILON, MIXED_SIGMA, CUTOFF, mixing="cubic"),
    "switch_from must be": lambda: lennard_jones(EPSILON, SIGMA, CUTOFF, switch_from=9.0),
    "skin must be": lambda: lennard_jones(EPSILON, SIGMA, CUTOFF, skin=-1.0),
    "at least one term": lambda: Sum(),
    "lists must go to the cutoff, 8.5 Å; got 6 Å": lambda: lennard_jones(
        EPSILON, SIGMA, CUTOFF, lists=PairLists(6.0, 1.0)
    ),
}


@pytest.mark.parametrize("said", WRONG)
def test_wrong_parameters_are_refused_in_one_line(said: str):
    with pytest.raises(UserError, match=said) as told:
        WRONG[said]()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_one_large_system_has_the_same_bits_with_any_threads(threads: int):
    batch = batch_of([crystal(11, noise=0.1), cluster(5)])
    found = lennard_jones(EPSILON, SIGMA, 6.0, skin=0.5, threads=threads).compute(batch, ALL)
    alone = lennard_jones(EPSILON, SIGMA, 6.0, skin=0.5, threads=1).compute(batch.select([0]), ALL)
    for key in ("forces", "energies"):
        assert torch.equal(found.values[key][: 4 * 11**3], alone.values[key])
    for key in ("energy", "stress"):
        assert torch.equal(found.values[key][0], alone.values[key][0])
    right = lennard_jones(EPSILON, SIGMA, 6.0, compiled=False).compute(batch, ALL)
    assert found.values["forces"].numpy() == pytest.approx(right.values["forces"].numpy(), abs=1e-11)
    assert found.values["energies"].numpy() == pytest.approx(right.values["energies"].numpy(), abs=1e-11)


def test_a_potential_travels_without_its_lists():
    batch = batch_of([crystal(3), cluster(5)])
    potential = lennard_jones(EPSILON, SIGMA, CUTOFF) + morse(0.01, 1.2, 3.9, 7.0)
    right = potential.compute(batch, ALL).values
    sent = pickle.dumps(potential)
    assert len(sent) < 2_500
    assert torch.equal(pickle.loads(sent).compute(batch, ALL).values["forces"], right["forces"])


def test_lists_of_the_largest_cutoff_serve_all():
    lists = PairLists(9.0, 1.0)
    batch = batch_of([crystal(2)])
    near = lennard_jones(EPSILON, SIGMA, 6.0)
    assert torch.allclose(
        near.sharing(lists).compute(batch, ALL).values["forces"], near.compute(batch, ALL).values["forces"], atol=1e-13
    )
