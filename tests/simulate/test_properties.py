"""Properties against another program, against symmetry, and against each other."""

from __future__ import annotations

import pickle
from io import StringIO
from pathlib import Path

import ase.io
import numpy as np
import pytest

from cohobate.core.errors import Rejected, SimulatorError
from cohobate.simulate import chem
from cohobate.simulate.chem import states
from cohobate.simulate.chem.conformer import embed
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.properties import PROPERTIES, QUICK, outputs, properties
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.solvents import SOLVENTS
from cohobate.simulate.chem.states import fragments
from cohobate.simulate.chem.xtb import energy
from cohobate.simulate.function import Simulator, bind, identity

KCAL = 0.0433641
"""eV in a kcal/mol."""
XTB = {
    # the wheel of xtb 22.1 (another code), GFN2-xTB at the relaxed geometries:
    # IE, gap (eV), dipole (D), GBSA(water) (kcal/mol)
    "O": (18.293367, 14.387932, 2.217330, -6.004614),
    "CO": (15.459181, 13.105881, 1.917377, -3.046192),
    "c1ccccc1": (14.215475, 4.934345, 0.0, -0.858886),
    "FC#N": (18.715853, 6.811690, 1.691430, -1.206961),
    "C": (16.942863, 17.361766, 0.0, 0.222853),
    "N": (16.432481, 12.234719, 1.782087, -2.846431),
    "CC(=O)O": (15.736546, 5.212183, 2.030063, -5.791153),
    "[C-]#[O+]": (18.616471, 5.219568, 0.615409, 0.907084),
}
AFFINITIES = {"c1ccccc1": 2.824235, "CC(=O)O": 2.021124, "FC#N": 1.063586, "[C-]#[O+]": 1.320904}
"""Vertical, eV, from the same program."""
ADIABATIC = {
    # that program, relaxed by BFGS to 0.003 eV/Å from shaken geometries (eV)
    ("O", "aie"): 18.147817,
    ("CO", "aie"): 15.226396,
    ("N", "aie"): 15.930810,
    ("c1ccccc1", "aie"): 14.021670,
    ("CC(=O)O", "aie"): 15.372843,
    ("c1ccccc1", "aea"): 2.942512,
    ("CC(=O)O", "aea"): 2.929800,
}
FROM_ONE = properties("ie", "gap", "dipole", "solvation", solvation="gbsa")
ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("smiles", XTB)
def test_another_program_gives_the_same(smiles: str):
    result = FROM_ONE(smiles)
    ie, gap, dipole, solvation = XTB[smiles]
    assert result["ie"] == pytest.approx(ie, abs=2e-5)
    assert result["gap"] == pytest.approx(gap, abs=2e-5)
    assert result["dipole"] == pytest.approx(dipole, abs=2e-4)
    assert result["solvation"] / KCAL == pytest.approx(solvation, abs=2e-4)


@pytest.mark.parametrize("smiles", AFFINITIES)
def test_another_program_gives_the_same_affinity(smiles: str):
    assert chem.electron_affinity(smiles)["ea"] == pytest.approx(AFFINITIES[smiles], abs=2e-5)


@pytest.mark.parametrize(("smiles", "name"), ADIABATIC)
def test_another_program_relaxes_the_ion_to_the_same_energy(smiles: str, name: str):
    result = properties(name)(smiles)
    assert result[name] == pytest.approx(ADIABATIC[smiles, name], abs=3e-3)
    assert result["converged"]


@pytest.mark.parametrize("smiles", ["C", "C1CC1", "C[N+](=O)[O-]", "O=CC=O", "CCl"])
def test_a_relaxed_ion_is_below_the_vertical_one(smiles: str):
    ions = properties("ie", "aie")(smiles)
    assert ions["aie"] <= ions["ie"]
    assert ions["relaxed_cation"] <= ions["cation"]
    if smiles in ("O=CC=O", "C[N+](=O)[O-]"):
        both = properties("ea", "aea")(smiles)
        assert both["aea"] >= both["ea"] > 0


def test_several_from_one_relaxation_are_the_single_ones_bit_for_bit():
    names = ("ie", "aie", "ea", "gap", "dipole", "solvation", "neutral")
    together = properties(*names)("O=CC=O")
    for name in names:
        single = properties(name)("O=CC=O")
        assert single[name] == together[name]
        assert single["geometry"] == together["geometry"]
    assert chem.ionization_energy("O=CC=O")["ie"] == together["ie"]
    assert list(together) == [output.name for output in properties(*names).outputs or ()]


@pytest.mark.parametrize(
    ("simulator", "name"),
    [
        (chem.ionization_energy, "ie"),
        (chem.adiabatic_ionization_energy, "aie"),
        (chem.electron_affinity, "ea"),
        (chem.adiabatic_electron_affinity, "aea"),
        (chem.gap, "gap"),
        (chem.dipole, "dipole"),
        (chem.solvation_energy, "solvation"),
        (chem.total_energy, "neutral"),
    ],
)
def test_each_single_simulator_returns_what_it_declares(simulator: Simulator, name: str):
    result = simulator("O=CC=O")
    assert simulator.outputs is not None
    assert [output.name for output in simulator.outputs] == list(result)
    assert simulator.outputs[0].name == name
    assert {output.name: output.unit for output in simulator.outputs} == outputs([name])
    assert result[name] == properties(name)("O=CC=O")[name]
    assert np.isfinite(result[name])
    assert (identity(simulator), simulator.deterministic) == ("1", True)
    assert pickle.loads(pickle.dumps(simulator)) is simulator


def test_symmetry_forbids_a_dipole():
    for smiles in ("C", "c1ccccc1", "C=C", "FC(F)(F)F"):
        assert chem.dipole(smiles)["dipole"] == pytest.approx(0, abs=2e-3)


def test_neither_place_nor_orientation_matters():
    geometry = Geometry.read(chem.gap("CC(=O)O")["geometry"].text)
    measure = properties("ie", "gap", "dipole", "solvation", relax=False)
    moved = Geometry(geometry.symbols, geometry.positions @ ROTATION.T + [30.0, -20.0, 7.0])
    one, other = (measure(g.extxyz({}).text) for g in (geometry, moved))
    for name in ("ie", "gap", "dipole", "solvation", "neutral"):
        assert other[name] == pytest.approx(one[name], abs=5e-5)  # the solvent is on a grid


@pytest.mark.parametrize("smiles", ["CCO", "N#Cc1cnoc1", "C[N+](=O)[O-]"])
def test_a_molecule_and_its_relaxed_structure_are_the_same(smiles: str):
    first = FROM_ONE(smiles)
    again = FROM_ONE(first["geometry"].text)
    assert (again["steps"], again["embedding"], again["forcefield"]) == (0, "given", "none")
    for name in ("ie", "gap", "dipole", "solvation", "neutral"):
        assert again[name] == pytest.approx(first[name], abs=1e-6)


def test_known_signs_and_order_of_hydration():
    """Against -6.3, -4.3, -5.1, -6.7, -0.9 and +2.0 kcal/mol from experiment (from memory), in water by ALPB."""
    computed = {s: chem.solvation_energy(s)["solvation"] / KCAL for s in ("O", "N", "CO", "CC(=O)O", "c1ccccc1", "C")}
    assert all(computed[s] < -3 for s in ("O", "N", "CO", "CC(=O)O"))
    assert -1.5 < computed["c1ccccc1"] < 0 < computed["C"]


def test_a_solvent_matters():
    water, hexane = (properties("solvation", solvent=s)("CC(=O)O")["solvation"] for s in ("water", "hexane"))
    assert water < hexane < 0


@pytest.mark.parametrize("solvation", SOLVENTS)
def test_all_solvents_have_parameters_at_both_levels(solvation: str):
    geometry = embed(parse("O")).geometry
    for method in ("GFN1-xTB", "GFN2-xTB"):
        vacuum = energy(geometry, charge=0, multiplicity=1, method=method)
        for solvent in SOLVENTS[solvation]:
            wet = energy(geometry, charge=0, multiplicity=1, method=method, solvation=(solvation, solvent))
            assert wet != vacuum


def test_quick_is_gfn1_at_the_geometry_of_the_force_field():
    quick = chem.ionization_energy("CCO", level="quick")
    geometry = embed(parse("CCO")).geometry
    neutral = energy(geometry, charge=0, multiplicity=1, method="GFN1-xTB")
    cation = energy(geometry, charge=1, multiplicity=2, method="GFN1-xTB")
    assert quick["ie"] == cation - neutral
    assert (quick["steps"], quick["converged"]) == (0, None)
    assert quick["geometry"] == geometry.extxyz({"energy": neutral, "charge": 0})
    same = properties("ie", method=QUICK.method, relax=QUICK.relax)("CCO")
    assert {**same, "geometry": None} == {**quick, "geometry": None}
    assert chem.adiabatic_ionization_energy("CCO", level="quick")["aie"] == quick["ie"]


def test_the_level_may_be_a_variable_beside_the_candidate():
    for simulator in (chem.ionization_energy, properties("ie")):
        call = pickle.loads(pickle.dumps(bind(simulator, ("smiles", "level"))))
        assert call({"smiles": "C", "level": "quick"})["converged"] is None
        assert call({"level": "full", "smiles": "C"})["converged"] is True
        with pytest.raises(SimulatorError, match="expected 'quick' or 'full', got 'ful'; did you mean 'full'"):
            call({"smiles": "C", "level": "ful"})


@pytest.mark.parametrize("method", ["GFN2-xTB", "GFN1-xTB", "IPEA1-xTB"])
def test_methods(method: str):
    result = properties("ie", "gap", method=method)("C=O")
    assert 10 < result["ie"] < 20
    assert 2 < result["gap"] < 8
    other = properties("ie", "gap", method="GFN2-xTB", relax=False)("C=O")
    assert result["ie"] != other["ie"]


@pytest.mark.parametrize("smiles", ["O", "C", "N", "CO"])
def test_without_a_bound_anion_there_is_no_affinity(smiles: str):
    with pytest.raises(Rejected, match=r"anion is not bound: \d\.\d\d eV above the molecule"):
        chem.electron_affinity(smiles)


@pytest.mark.parametrize("smiles", ["CBr", "CI", "OO"])
def test_an_anion_that_falls_apart_has_no_adiabatic_affinity(smiles: str):
    with pytest.raises(Rejected, match="anion falls into 2 pieces"):
        chem.adiabatic_electron_affinity(smiles)


def test_fragments():
    water = embed(parse("O")).geometry
    far = Geometry(water.symbols * 2, np.concatenate([water.positions, water.positions + 5]))
    assert (fragments(water), fragments(far)) == (1, 2)


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        ((), {}, "needs at least one of ie, aie"),
        (("ie", "dipol"), {}, "no property 'dipol'.*did you mean 'dipole'"),
        (("ie",), {"method": "GFN2"}, "method: expected one of.*did you mean 'GFN2-xTB'"),
        (("solvation",), {"solvent": "watr"}, "solvent: expected.*did you mean 'water'"),
        (("solvation",), {"solvation": "cosmo"}, "solvation: expected one of alpb, gbsa, got 'cosmo'"),
        (("solvation",), {"method": "IPEA1-xTB"}, "IPEA1-xTB has no parameters of solvents"),
    ],
)
def test_what_there_is_not_is_refused(names: tuple[str, ...], settings: dict[str, str], message: str):
    with pytest.raises(SimulatorError, match=message):
        properties(*names, **settings)


def test_settings_make_another_simulator():
    made = [
        properties("solvation"),
        properties("solvation", solvent="hexane"),
        properties("solvation", solvation="gbsa"),
        properties("solvation", method="GFN1-xTB"),
        properties("solvation", relax=False),
        properties("ie"),
    ]
    assert len({f"{s.name} {identity(s)}" for s in made}) == len(made)
    assert properties("ie", solvent="hexane").version == properties("ie").version
    again = pickle.loads(pickle.dumps(made[1]))
    assert again == made[1]
    assert again("C")["solvation"] == made[1]("C")["solvation"]


def test_geometries_are_written_and_read():
    result = chem.total_energy("CCO")
    read = Geometry.read(result["geometry"].text)
    atoms = ase.io.read(StringIO(result["geometry"].text), format="extxyz")
    assert np.array_equal(read.positions, atoms.positions)
    said = read.extxyz({"name": 'a "b" c=\n1', "ie": 1.5, "plain": "x"})
    again = ase.io.read(StringIO(said.text), format="extxyz")
    assert again.info["name"] == "a 'b' c= 1"
    assert (again.info["ie"], again.info["plain"]) == (1.5, "x")
    assert np.array_equal(Geometry.read(said.text).positions, read.positions)
    with pytest.raises(Rejected, match="finite"):
        Geometry.read("1\n\nHe 0 0 nan\n")


def test_all_properties_are_in_the_docs():
    text = (Path(__file__).parents[2] / "docs" / "chemistry.md").read_text()
    assert all(f"`{name}`" in text for name in PROPERTIES)
    assert all(solvent in text for solvent in SOLVENTS["alpb"])


def test_states_are_computed_once(monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    relax = states.relax
    monkeypatch.setattr(states, "relax", lambda *a, **k: calls.append(k["charge"]) or relax(*a, **k))
    properties("ie", "aie", "gap", "dipole", "neutral", "solvation")("C")
    assert calls == [0, 1]
