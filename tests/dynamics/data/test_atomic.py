"""One system: from and to ASE with all it holds, and what no system may be."""

from __future__ import annotations

import pickle

import ase
import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk, fcc111, molecule
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixBondLength
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import FEMTOSECOND, AtomicData, batch_of, systems_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.extxyz import read_extxyz, write_extxyz
from cohobate.dynamics.inflight.looking import TORCH_ONLY
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.data.batches import batches, different
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal


def argon():
    return lennard_jones(EPSILON, SIGMA, CUTOFF)


def moving(atoms: ase.Atoms, seed: int = 0) -> ase.Atoms:
    atoms.set_velocities(np.random.default_rng(seed).normal(0, 0.01, (len(atoms), 3)))
    return atoms


def slab() -> ase.Atoms:
    atoms = moving(fcc111("Ar", (2, 2, 3), a=5.26, vacuum=8))
    atoms.pbc = (True, True, False)
    atoms.set_constraint(FixAtoms([0, 2]))
    atoms.set_tags(range(12))
    atoms.set_initial_charges(np.linspace(-1, 1, 12))
    atoms.info |= {"name": "a slab", "work": 4.5, "field": np.array([0.0, 0.0, 0.1])}
    return atoms


def test_a_femtosecond_is_that_of_ase():
    assert pytest.approx(units.fs, rel=1e-15) == FEMTOSECOND


def test_atoms_come_back_as_they_were():
    atoms = slab()
    atoms.set_masses(np.linspace(30, 50, 12))
    one = AtomicData.from_ase(atoms, fields=["tags", "work", "field"])
    again = AtomicData.of_batch(batch_of([cluster(3), one]), 1).to_ase(fields=["tags", "work", "field"])
    assert again.pbc.tolist() == [True, True, False]
    for name in ("numbers", "positions", "masses", "tags", "initial_charges"):
        assert np.array_equal(again.get_array(name) if name != "masses" else again.get_masses(), atoms.arrays[name])
    assert np.array_equal(again.cell.array, atoms.cell.array)
    assert again.get_velocities() == pytest.approx(atoms.get_velocities(), rel=1e-14)
    assert again.constraints[0].index.tolist() == [0, 2]
    assert again.info["work"] == 4.5
    assert again.info["field"].tolist() == [0.0, 0.0, 0.1]
    assert one.to_ase().info == {"name": "a slab"}


def test_the_velocities_of_ase_are_per_fs_here():
    atoms = moving(molecule("H2O"))
    one = AtomicData.from_ase(atoms)
    assert one["velocities"] == pytest.approx(atoms.get_velocities() * units.fs, rel=1e-14)
    kinetic = 0.5 * (one["masses"][:, None] * (one["velocities"] / units.fs) ** 2).sum()
    assert kinetic == pytest.approx(atoms.get_kinetic_energy(), rel=1e-13)


def test_a_cell_that_does_not_repeat_is_kept():
    atoms = molecule("H2O", vacuum=4.0)
    again = AtomicData.from_ase(atoms).to_ase()
    assert np.array_equal(again.cell.array, atoms.cell.array)
    assert not again.pbc.any()
    assert "cell" not in AtomicData.from_ase(molecule("H2O"))


def test_results_that_are_stored_are_taken_and_nothing_is_computed():
    atoms = moving(bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2))
    atoms.rattle(0.1, seed=1)
    live = atoms.copy()
    live.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF)
    assert not {"energy", "forces"} & set(AtomicData.from_ase(live))
    energy, forces, stress = live.get_potential_energy(), live.get_forces(), live.get_stress()
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
    one = AtomicData.from_ase(atoms)
    assert np.array_equal(one["stress"], live.get_stress(voigt=False))
    again = one.to_ase()
    assert again.get_potential_energy() == energy
    assert np.array_equal(again.get_forces(), forces)
    assert np.array_equal(again.get_stress(), stress)
    found = argon().compute(batch_of([one]), frozenset({"energy", "forces", "stress"})).values
    assert found["stress"][0].numpy() == pytest.approx(one["stress"], abs=1e-13)
    assert found["forces"].numpy() == pytest.approx(one["forces"], abs=1e-12)


def test_constraints_that_would_be_lost_are_refused():
    atoms = molecule("H2O")
    atoms.set_constraint([FixAtoms([0]), FixBondLength(0, 1)])
    with pytest.raises(UserError, match="system '0': field 'fixed': only FixAtoms can be kept, got FixBondLength"):
        batch_of([atoms])


ASKED = {
    "'tagz': neither an array of the atoms nor in info; did you mean 'tags'": ["tagz"],
    "'label': expected numbers": ["label"],
    "'both': both an array of the atoms and in info": ["both"],
}


@pytest.mark.parametrize("told", ASKED)
def test_fields_that_cannot_be_had_are_told(told: str):
    atoms = slab()
    atoms.info |= {"label": "x", "both": 1}
    atoms.set_array("both", np.zeros(12))
    with pytest.raises(UserError) as error:
        AtomicData.from_ase(atoms, fields=ASKED[told])
    assert f"system 'a slab': field {told}" in str(error.value)
    with pytest.raises(UserError, match="no field 'energy'; it has"):
        cluster(2).to_ase(fields=["energy"])


def test_frames_of_a_file_come_back(tmp_path):
    path = tmp_path / "many.extxyz"
    run = FIRE(argon(), until=Convergence.from_forces(1e-2), n_steps=30)
    batch = run.run(batch_of([crystal(1, seed=s) for s in range(3)]))
    found = argon().compute(batch, frozenset({"stress"}))
    batch["stress"] = found.values["stress"]
    write_extxyz(path, batch, fields=["id", "steps"])
    write_extxyz(path, [AtomicData.from_ase(slab(), fields=["tags"])], append=True)
    frames = read_extxyz(path)
    assert [one.name for one in frames] == ["many.extxyz:0", "many.extxyz:1", "many.extxyz:2", "a slab"]
    again = batch_of(read_extxyz(path, fields=["id", "steps"], frames=":3"))
    for name in ("positions", "velocities", "forces", "cell", "energy", "stress", "masses"):
        assert again[name].numpy() == pytest.approx(batch[name].numpy(), abs=1e-7), name
    for name in ("numbers", "pbc", "id", "steps"):
        assert torch.equal(again[name], batch[name])
    last = frames[3]
    assert last["pbc"].tolist() == [[True, True, False]]
    assert np.flatnonzero(last["fixed"]).tolist() == [0, 2]
    assert last["velocities"] == pytest.approx(AtomicData.from_ase(slab())["velocities"], abs=1e-7)


def test_a_batch_takes_what_systems_are_made_of():
    atoms = moving(molecule("H2O"))
    plain = {"numbers": [18], "positions": [[0, 0, 0]], "kind": 3}
    batch = batch_of([cluster(2), atoms, plain], scopes={"kind": "system"}, first=5)
    assert batch["id"].tolist() == [5, 6, 7]
    assert batch.atoms.tolist() == [2, 3, 1]
    assert batch["kind"].tolist() == [0, 0, 3]
    for wrong in ("H2O", 7, [1, 2]):
        with pytest.raises(UserError, match=r"system '1': expected AtomicData, ase\.Atoms, or a mapping"):
            batch_of([plain | {"kind": 1}, wrong], scopes={"kind": "system"})


def test_each_system_says_itself_whose_a_field_is():
    ours, theirs = (
        AtomicData({"numbers": [18], "positions": [[0, 0, 0]], "x": [1]}, {"x": w}) for w in ("atom", "system")
    )
    assert batch_of([ours, ours]).kind("x").scope == "atom"
    with pytest.raises(
        UserError, match=r"'x' is declared as Field\(scope='system'.* systems \[1\], and by others as .*'atom'"
    ):
        batch_of([ours, theirs])


def test_systems_of_a_batch_make_the_same_batch():
    mixed = [cluster(2), crystal(1), AtomicData({**cluster(3), "q": [1.5]}, {"q": "system"})]
    batch = argon_forces(batch_of(mixed))
    batch["positions"][0] = torch.nan  # a system that went wrong can be looked at, too
    assert different(batch_of(systems_of(batch)), batch) == []


def argon_forces(batch):
    for name, value in argon().compute(batch, frozenset({"energy", "forces"})).values.items():
        batch[name] = value
    return batch


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_systems_without_a_cell_beside_others_are_as_they_are_alone(dtype: torch.dtype):
    boxed = AtomicData({**cluster(7), "cell": np.zeros((1, 3, 3)), "pbc": [[False] * 3]})
    flat = AtomicData.from_ase(slab())
    systems = [cluster(7), crystal(2, seed=1), boxed, flat]
    want = frozenset({"energy", "forces", "stress"})
    batch = batch_of(systems, dtype=dtype)
    assert batch["pbc"].any(1).tolist() == [False, True, False, True]
    assert not batch["cell"][[0, 2]].any()
    together = argon().compute(batch, want)
    assert bool(together.ok.all())
    for s, system in enumerate(systems):
        alone = argon().compute(batch_of([system], dtype=dtype), want).values
        assert torch.equal(alone["energy"][0], together.values["energy"][s])
        assert torch.equal(alone["forces"], together.values["forces"][batch.system == s])
    assert torch.equal(together.values["energy"][0], together.values["energy"][2])
    assert bool(together.values["stress"].isfinite()[[1, 3]].all())
    assert bool(together.values["stress"].isnan()[[0, 2]].all())


@pytest.mark.parametrize("periodic", [(True, False, False), (False, True, True), (False, False, True)])
def test_a_cell_that_repeats_in_some_directions_is_that_of_ase(periodic):
    atoms = crystal(2, seed=4).to_ase()
    atoms.pbc = periodic
    atoms.positions += np.random.default_rng(0).integers(-2, 3, (32, 3)) * periodic @ atoms.cell.array
    atoms.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    found = argon().compute(batch_of([atoms, cluster(3)]), frozenset({"energy", "forces"})).values
    assert float(found["energy"][0]) == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
    assert found["forces"][:32].numpy() == pytest.approx(atoms.get_forces(), abs=1e-12)


def test_a_system_keeps_copies():
    atoms = molecule("H2O")
    one = AtomicData.from_ase(atoms)
    before = one["positions"].copy()
    atoms.positions += 1
    assert np.array_equal(one["positions"], before)
    batch = batch_of([one])
    batch["positions"].zero_()
    assert np.array_equal(one["positions"], before)


def test_a_system_is_itself_and_can_be_sent():
    one, other = cluster(3), cluster(3)
    assert one in {one}
    assert one not in [other]
    assert different(batch_of([pickle.loads(pickle.dumps(one))]), batch_of([one])) == []


CELL = np.eye(3)[None] * 6.0
BAD = {
    "positions: expected at least one atom, got none": {"numbers": [], "positions": []},
    "expected the field 'numbers', got ['positions']": {"positions": [[0, 0, 0]]},
    "field 'numbers': expected int64, got float64": {"numbers": [18.0, 18.0]},
    "numbers must be atomic numbers, got -1": {"numbers": [18, -1]},
    "field 'numbers': expected an array of numbers": {"numbers": ["Ar", "Ar"]},
    "field 'positions': expected the shape (2, 3), got (3, 2)": {"positions": np.zeros((3, 2))},
    "positions must be finite; those of atom 1 are": {"positions": [[0, 0, 0], [0, np.nan, 3]]},
    "velocities must be finite; those of atom 0 are": {"velocities": [[np.inf, 0, 0], [0, 0, 0]]},
    "masses must be positive; that of atom 1 is 0.0": {"masses": [39.9, 0]},
    "field 'masses': expected the shape (2,), got (1,)": {"masses": [39.9]},
    "atom 1 is in the same place as atom 0: [0.0, 0.0, 0.0]": {"positions": np.zeros((2, 3))},
    "atom 1 is in the same place as atom 0 (of a periodic image): [6.0, 0.0, 0.0]": {
        "positions": [[0.0, 0, 0], [6.0, 0, 0]],
        "cell": CELL,
        "pbc": [[True] * 3],
    },
    "cell must be 3 x 3 finite numbers": {"cell": CELL * np.nan},
    "field 'cell': expected the shape (1, 3, 3), got (2, 3)": {"cell": CELL[0, :2]},
    "pbc is set without a cell": {"pbc": [[True, False, False]]},
    "field 'pbc': expected bool, got int64": {"cell": CELL, "pbc": [[2, 0, 0]]},
    "the cell has no volume: its vector 0 is zero": {"cell": CELL * 0, "pbc": [[True] * 3]},
    "its vector 2 is zero; a direction that does not repeat needs one, too": {
        "cell": CELL * [[1], [1], [0]],
        "pbc": [[True, True, False]],
    },
    "the cell has no volume: its vectors lie in a plane": {
        "cell": [[6, 0, 0], [0, 6, 0], [6, 6, 0]],
        "pbc": [[True] * 3],
    },
    "the cell is left-handed": {"cell": -CELL, "pbc": [[True] * 3]},
    "field 'tag': say whose it is": {"tag": [1, 2]},
}


@pytest.mark.parametrize("told", BAD)
def test_what_no_system_may_be_is_told_by_system_and_field(told: str):
    good = {"numbers": [18, 18], "positions": [[0, 0, 0], [0, 0, 3.8]]}
    bad = BAD[told] if told.startswith(("expected", "positions: exp")) else good | BAD[told]
    with pytest.raises(UserError) as error:
        AtomicData(bad, name="pair 7")
    assert "system 'pair 7': " in str(error.value)
    assert told in str(error.value)
    with pytest.raises(UserError) as error:
        batch_of([good, bad])
    assert "system '1': " in str(error.value)
    assert told in str(error.value)


def test_a_cell_where_nothing_repeats_may_be_any():
    for cell in (CELL * 0, -CELL):
        assert batch_of([AtomicData({**cluster(2), "cell": cell, "pbc": [[False] * 3]})]).n_atoms == 2


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, -2, 0), (3, 1, 0), (0, 0, 1)])
@pytest.mark.parametrize("at", [0.0, 0.3, 0.999, 0.5, 1e-9])
def test_atoms_meet_through_images_only_where_these_are(shift, at):
    cell = np.array([[6.1, 0.3, 0.0], [1.0, 5.7, 0.2], [0.4, -0.3, 7.7]])
    first = np.array([at, at, at]) @ cell
    fields = {"positions": [first, first + np.array(shift) @ cell], "cell": cell[None], "pbc": [[True, True, False]]}
    if shift[2]:
        assert AtomicData({"numbers": [18, 18], **fields}).n_atoms == 2
    else:
        with pytest.raises(UserError, match="of a periodic image"):
            AtomicData({"numbers": [18, 18], **fields})


def test_a_perfect_crystal_has_no_atoms_in_the_same_place():
    for n in (1, 4, 9):
        atoms = bulk("Ar", "fcc", a=5.26, cubic=True).repeat(n)
        assert AtomicData.from_ase(atoms).n_atoms == 4 * n**3
        atoms.positions[-1] = atoms.positions[0] + np.array([1e-8, 0, 0]) + atoms.cell[1]
        with pytest.raises(UserError, match=f"atom {4 * n**3 - 1} is in the same place as atom 0"):
            AtomicData.from_ase(atoms)


@given(batches(least=1), st.sampled_from([torch.float64, torch.float32]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_alone_it_is_the_system_in_a_batch_of_one(batch: Batch, dtype: torch.dtype, read: bool):
    row = AtomicData.of_batch(batch, batch.n_systems - 1)
    fields = {name: one if one.dtype in TORCH_ONLY else one.numpy() for name, one in row.items()}
    one = AtomicData(fields, row.scopes, check=read)
    assert not different(one.alone(7, dtype=dtype), batch_of([one], first=7, dtype=dtype))
    extra = sorted(set(one) - {"numbers", "positions"})
    bare = AtomicData({name: one[name] for name in ("numbers", "positions")})
    assert not different(one.alone(7, without=extra), batch_of([bare], first=7))


def test_arrays_that_are_changed_later_do_not_change_what_was_made_of_them():
    one = AtomicData({"numbers": [18, 18], "positions": np.array([[0, 0, 0], [0, 0, 4.0]]), "masses": [40, 40]})
    made = one.alone(0)
    made["positions"].add_(1)
    assert one["positions"].tolist() == [[0, 0, 0], [0, 0, 4.0]]
