"""Wrapped potentials: units and signs beside ASE, one failure alone, nothing that leaks."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.fd import calculate_numerical_stress
from ase.calculators.lj import LennardJones

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.making import NVE
from cohobate.dynamics.models.ase_calculators import AseCalculator, xtb
from cohobate.dynamics.models.chgnet import CHGNet
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.functions import TorchFunction
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.models.units import GIGAPASCAL, full_stress
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

WANT = frozenset({"energy", "forces", "stress"})


def copper(seed: int = 0, *, size: int = 2):
    atoms = bulk("Cu", cubic=True) * (size, 1, 1)
    atoms.rattle(0.1, seed=seed)
    atoms.set_cell(
        atoms.cell.array @ (np.eye(3) + np.array([[0, 0.02, 0], [0, 0, 0.01], [0, 0, 0.03]])), scale_atoms=True
    )
    return atoms


@pytest.mark.parametrize("threads", [1, 2])
def test_a_calculator_of_ase_gives_what_it_gives_in_ase(threads: int):
    systems = [copper(1), copper(2), copper(3, size=1)]
    potential = AseCalculator(EMT, outputs=("energies",), threads=threads)
    batch = batch_of(systems)
    found = potential.compute(batch, WANT | {"energies"})
    assert found.ok.all()
    for s, atoms in enumerate(systems):
        atoms.calc, mine = EMT(), (batch.system == s)
        assert float(found.values["energy"][s]) == pytest.approx(atoms.get_potential_energy(), abs=1e-12)
        assert found.values["forces"][mine].numpy() == pytest.approx(atoms.get_forces(), abs=1e-12)
        assert found.values["stress"][s].numpy() == pytest.approx(atoms.get_stress(voigt=False), abs=1e-12)
        assert found.values["energies"][mine].numpy() == pytest.approx(atoms.get_potential_energies(), abs=1e-12)


class Brittle(Calculator):
    implemented_properties = ("energy", "forces")
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        if len(atoms) == 4:
            raise RuntimeError("four atoms are too many")
        self.results = {
            "energy": float(len(atoms)),
            "forces": np.full((len(atoms), 3), np.nan if len(atoms) == 5 else 1),
        }

    def __reduce__(self):
        raise AssertionError("calculators do not travel")


def test_a_system_that_its_calculator_cannot_do_fails_alone():
    batch = batch_of([cluster(n) for n in (3, 4, 2, 5)])
    found = AseCalculator(Brittle, provides=("energy", "forces")).compute(batch, frozenset({"energy", "forces"}))
    assert found.ok.tolist() == [True, False, True, False]
    assert found.why == {
        1: "RuntimeError: four atoms are too many",
        3: "the potential gave 'forces' that is not finite",
    }
    assert found.values["energy"][[0, 2]].tolist() == [3.0, 2.0]


def test_calculators_are_made_where_they_are_used():
    Brittle.made = 0
    potential = AseCalculator(Brittle, provides=("energy",))
    potential.compute(batch_of([cluster(2)] * 3), frozenset({"energy"}))
    assert Brittle.made == 1
    again = pickle.loads(pickle.dumps(potential))
    other = threading.Thread(target=again.compute, args=(batch_of([cluster(2)]), frozenset({"energy"})))
    other.start()
    other.join()
    assert Brittle.made == 2
    fresh = AseCalculator(Brittle, provides=("energy",), one_by_one=True)
    fresh.compute(batch_of([cluster(2)] * 3), frozenset({"energy"}))
    assert Brittle.made == 5
    assert (fresh.traits.exact, potential.traits.exact) == (True, False)


def test_calculators_of_ase_run_dynamics_like_our_own():
    system = crystal(1)
    ours = NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=2.0).run(batch_of([system]), 3)
    make = lambda: LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)  # noqa: E731
    theirs = NVE(AseCalculator(make), dt=2.0).run(batch_of([system]), 3)
    assert theirs["positions"].numpy() == pytest.approx(ours["positions"].numpy(), abs=1e-12)


def test_xtb_gives_the_bits_it_gives_alone_and_further_outputs_land_on_the_batch():
    water, ammonia = molecule("H2O"), molecule("NH3")
    potential = xtb("GFN1-xTB", outputs=("charges", "dipole"))
    both = NVE(potential, dt=0.5).run(batch_of([water, ammonia]), 2)
    alone = NVE(xtb("GFN1-xTB", outputs=("charges",)), dt=0.5).run(batch_of([ammonia]), 2)
    assert torch.equal(both["positions"][3:], alone["positions"])
    assert torch.equal(both["charges"][3:], alone["charges"])
    assert both["charges"][:3].sum() == pytest.approx(0, abs=1e-8)
    assert both["dipole"].shape == (2, 3)


def test_xtb_of_a_crystal_is_that_of_ase():
    from tblite.ase import TBLite

    silicon = bulk("Si")
    silicon.rattle(0.05, seed=1)
    silicon.set_cell(silicon.cell.array @ [[1, 0.02, 0], [0, 1, 0.03], [0, 0, 1.01]], scale_atoms=True)
    left = {**AtomicData.from_ase(silicon), "cell": silicon.cell.array[None, [1, 0, 2]]}
    found = xtb("GFN1-xTB", outputs=("energies",)).compute(
        Batch.of([AtomicData.from_ase(silicon), left]), WANT | {"energies"}
    )
    silicon.calc = TBLite(method="GFN1-xTB", verbosity=0)
    forces = silicon.get_forces()
    slope = calculate_numerical_stress(silicon, eps=1e-4, voigt=False, force_consistent=False)
    for s in range(2):
        assert float(found.values["energy"][s]) == pytest.approx(silicon.get_potential_energy(), abs=1e-6)
        assert found.values["stress"][s].numpy() == pytest.approx(slope, abs=1e-5)
    assert np.abs(slope).max() > 0.1
    assert found.values["forces"][:2].numpy() == pytest.approx(forces, abs=1e-12)
    assert float(found.values["energies"][:2].sum()) == pytest.approx(float(found.values["energy"][0]), abs=1e-9)


@pytest.mark.parametrize("number", [0, 99, 200])
def test_an_element_that_a_wrapped_potential_does_not_know_fails_its_system_alone(number: int):
    water = AtomicData.from_ase(molecule("H2O"))
    odd = {"numbers": [number, 1], "positions": [[0, 0, 0], [0, 0, 1.5]]}
    want = frozenset({"energy", "forces"})
    free = TorchFunction(lambda b: b["positions"].new_zeros(len(b)).index_add(0, b.system, b["positions"].sum(1)))
    for potential in (xtb("GFN1-xTB"), TorchFunction(free._energy, species=(1, 8))):
        found = potential.compute(Batch.of([water, odd, water]), want)
        assert found.ok.tolist() == [True, False, True]
        assert found.why == {1: f"atomic number {number} is not known to the potential"}
    plain = AseCalculator(EMT).compute(Batch.of([AtomicData.from_ase(copper()), odd]), want)
    assert plain.ok.tolist() == [True, False]


def salt(seed: int = 0):
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.rattle(0.05, seed=seed)
    return atoms


def test_chgnet_is_converted_to_our_units():
    from chgnet.model.dynamics import CHGNetCalculator

    systems = [salt(1), salt(2) * (2, 1, 1), molecule("H2O")]
    batch = batch_of(systems)
    found = CHGNet().compute(batch, WANT | {"magmoms"})
    assert found.ok.tolist() == [True, True, False]
    assert "periodic" in found.why[2]
    for s in range(2):
        atoms, mine = systems[s], batch.system == s
        atoms.calc = CHGNetCalculator(use_device="cpu", check_cuda_mem=False)
        assert float(found.values["energy"][s]) == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
        assert found.values["forces"][mine].numpy() == pytest.approx(atoms.get_forces(), abs=1e-4)
        assert found.values["stress"][s].numpy() == pytest.approx(atoms.get_stress(voigt=False), abs=1e-5)


def test_chgnet_has_energies_of_atoms_and_the_same_stress_in_a_left_handed_cell():
    right = {name: AtomicData.from_ase(salt(1))[name] for name in ("numbers", "positions", "cell", "pbc")}
    left = {**right, "cell": right["cell"][:, [1, 0, 2]]}
    odd = {**right, "numbers": [11, 99]}
    found = CHGNet().compute(Batch.of([right, left, odd]), WANT | {"energies"})
    assert found.why == {2: "atomic number 99 is not known to the potential"}
    assert found.values["stress"][1].numpy() == pytest.approx(found.values["stress"][0].numpy(), abs=1e-6)
    assert found.values["energies"][:2].sum() == pytest.approx(float(found.values["energy"][0]), abs=1e-5)


def test_a_version_of_chgnet_that_does_not_exist_is_no_fault_of_a_system():
    with pytest.raises(ValueError, match=r"9\.9"):
        CHGNet("9.9").compute(batch_of([salt(1)]), WANT)


def test_chgnet_one_by_one_gives_bits():
    potential = CHGNet(one_by_one=True)
    assert (potential.traits.exact, CHGNet().traits.exact) == (True, False)
    together = potential.compute(batch_of([salt(1), salt(2)]), WANT).values
    alone = potential.compute(batch_of([salt(2)]), WANT).values
    assert torch.equal(together["energy"][1:], alone["energy"])
    assert torch.equal(together["forces"][2:], alone["forces"])


def by_hand(batch):
    """Lennard-Jones over edges, each pair twice."""
    way = Edges.vectors_of(batch)
    r2 = (way * way).sum(1)
    near = r2 < CUTOFF**2
    s6 = torch.where(near, (SIGMA * SIGMA / r2) ** 3, 0.0)
    x = (SIGMA / CUTOFF) ** 6
    each = 0.5 * torch.where(near, 4 * EPSILON * (s6 * s6 - s6) - 4 * EPSILON * (x * x - x), 0.0)
    whose = torch.repeat_interleave(torch.arange(batch.n_systems), batch.edges)
    return torch.zeros(batch.n_systems, dtype=each.dtype).index_add(0, whose, each)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_function_of_torch_gets_forces_and_stresses_by_autograd(one_by_one: bool):
    batch = batch_of([crystal(2), crystal(1, seed=3), crystal(2, seed=5)])
    found = TorchFunction(by_hand, edges=Edges(CUTOFF), one_by_one=one_by_one).compute(batch, WANT)
    right = lennard_jones(EPSILON, SIGMA, CUTOFF).compute(batch, WANT).values
    for name in WANT:
        assert not found.values[name].requires_grad
        assert found.values[name].numpy() == pytest.approx(right[name].numpy(), abs=1e-12)
    assert not batch["positions"].requires_grad


def test_a_function_that_raises_fails_the_systems_it_raises_for():
    def picky(batch):
        if (batch.atoms == 4).any():
            raise ValueError("not four")
        energy = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system, batch["positions"].sum(1))
        return {"energy": torch.where(batch.atoms == 5, torch.nan, energy), "share": batch["positions"][:, 0] * 1}

    potential = TorchFunction(picky, outputs={"share": Field("atom", ())})
    batch = batch_of([cluster(n) for n in (3, 4, 2, 5)])
    found = potential.compute(batch, frozenset({"energy", "forces", "share"}))
    assert found.ok.tolist() == [True, False, True, False]
    assert found.why[1] == "ValueError: not four"
    assert "not finite" in found.why[3]
    assert found.values["forces"][:3].tolist() == [[-1.0] * 3] * 3
    assert not found.values["share"].requires_grad
    run = NVE(potential, dt=1.0, n_steps=2)
    ended = run.run(batch_of([cluster(3), cluster(4)]))
    assert ended["end"].tolist() == [2, 3]
    assert ended["share"][:3].isfinite().all()


def test_wrong_wrapping_is_refused():
    for wrong, said in (
        (lambda: AseCalculator(EMT()), "what makes a calculator"),
        (lambda: AseCalculator(EMT, provides=("enrgy",)), "energy"),
        (lambda: AseCalculator(EMT, threads=0), "threads"),
        (lambda: xtb("GFN7"), "GFN2-xTB"),
        (lambda: TorchFunction("energy"), "expected a function"),
        (lambda: TorchFunction(lambda b: torch.zeros(b.n_systems, 2)).compute(batch_of([cluster(2)]), WANT), "shape"),
    ):
        with pytest.raises(UserError, match=said):
            wrong()


def test_stresses_are_put_in_order():
    assert full_stress([1, 2, 3, 4, 5, 6]).tolist() == [[1, 6, 5], [6, 2, 4], [5, 4, 3]]
    from ase import units

    assert pytest.approx(units.GPa, rel=1e-7) == GIGAPASCAL
