"""Ionization energies against recorded ones, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
from io import StringIO

import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import Rejected
from cohobate.molecules.reading import LONGEST
from cohobate.simulate.chem import ionization_energy
from cohobate.simulate.chem.conformer import embed
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.xtb import energy, relax
from cohobate.simulate.function import bind, identity

KNOWN = {
    # from the xtb program
    "O": 18.2934,
    "CO": 15.4592,
    "c1ccccc1": 14.2155,
    "FC#N": 18.7159,
    # from tblite 0.8 in a run of its own (accuracy 0.05, MMFF geometry, the same relaxation)
    "O=CCOc1nc[nH]n1": 13.828511,
    "CC1(O)COC1CO": 13.783282,
    "C#Cc1n[nH]c(N)c1N": 12.261695,
    "N=CN1CC2(CC2)C1=O": 13.64979,
    "CC12CC3C(N1)C32C#N": 13.479084,
    "CC12COC3CC1C3O2": 13.290215,
    "O=C1CNC1C1CN1": 13.334517,
    "C#CC(C)C1CC(=O)N1": 13.738332,
    "OCC1CC2C(O)C2O1": 13.282601,
    "O=C1C2OCC3CC2C13": 13.766641,
}
REJECTED = {
    "": "empty",
    "   ": "empty",
    "C1CC": "not a valid SMILES",
    "CC(C)(C)(C)C": "valence for atom # 1 C, 5",
    "c1cccc1": "kekulize",
    "<b>hi</b>": "not a valid SMILES",
    "C\0C": r"holds the character '\\x00'",
    "CCO ethanol": "holds the character ' '",
    "é": "holds the character 'é'",
    "../../x": "not a valid SMILES",
    "-rf": "not a valid SMILES",
    "C" * 5_000: "5000 characters, at most 2000",
    "x" * 1_000_000: "1000000 characters",
    "(" * LONGEST: "not a valid SMILES",
    "C" * 67: "203 atoms with its hydrogens, at most 200",
    "[CH3]": r"radical \(1 unpaired\)",
    "[CH2]": r"radical \(2 unpaired\)",
    "[N]=O": "radical",
    "O=O": "ground state of O=O is a triplet",
    "C[NH3+]": r"charge \+1",
    "CC(=O)[O-]": "charge -1",
    "[Na+].[Cl-]": "2 fragments",
    "C.C.O": "3 fragments",
    "[He]": r"single atom \(He\)",
    "[Xe]": r"single atom \(Xe\)",
    "[H][H]": "heavier than hydrogen",
    "[H+]": "heavier than hydrogen",
    "F[U](F)(F)(F)(F)F": "no parameters for U",
    "[Og]": "no parameters for Og",
    "Cl[Fe]Cl": "spin state of Fe",
    "*C": "wildcard",
    "[*]": "wildcard",
    ".": "not a valid SMILES",
    "C~C": "bond of order unspecified",
}
CAGE = "C1=CC23C=CC(O2)C3C1"
RESCUED = "O=C1C=CC2C3CC12N3"
NO_SCF = "[NH-]C1OCC2(C=O)C[NH+]12"
pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(("smiles", "expected"), KNOWN.items())
def test_reference_values(smiles: str, expected: float):
    result = ionization_energy(smiles)
    assert result["ie"] == pytest.approx(expected, abs=1e-4)
    assert result["ie"] == result["cation"] - result["neutral"]
    assert result["converged"]
    assert result["steps"] > 0


def test_repeats_bit_for_bit():
    assert ionization_energy("CC(=O)OC") == ionization_energy("CC(=O)OC")


def test_does_not_depend_on_what_ran_before():
    script = f"from cohobate.simulate.chem import ionization_energy as f; print(f('{RESCUED}')['ie'].hex())"
    fresh = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert fresh.stdout.strip() == ionization_energy(RESCUED)["ie"].hex()
    assert fresh.stderr == ""


def test_the_geometry_is_the_minimum_in_a_file_that_ase_reads():
    result = ionization_energy("CO")
    blob = result["geometry"]
    assert blob.suffix == ".extxyz"
    atoms = ase.io.read(StringIO(blob.text), format="extxyz")
    assert atoms.get_chemical_formula() == "CH4O"
    assert not atoms.pbc.any()
    assert atoms.get_potential_energy() == result["neutral"]
    assert atoms.get_distance(0, 1) == pytest.approx(1.41, abs=0.02)
    again = relax(embed(parse("CO")).geometry)
    assert np.array_equal(again.geometry.positions, atoms.positions)
    assert energy(again.geometry, charge=0, multiplicity=1) == pytest.approx(result["neutral"], abs=1e-6)


def test_flags_of_an_easy_molecule():
    result = ionization_energy("CCO")
    assert (result["embedding"], result["forcefield"], result["atoms"]) == ("etkdg", "mmff", 9)


def test_random_coordinates_are_the_second_try():
    assert ionization_energy(RESCUED)["embedding"] == "random"


@pytest.mark.parametrize(("smiles", "forcefield"), [("C[Hg]C", "uff"), ("F[Xe]F", "none")])
def test_without_parameters_of_mmff(smiles: str, forcefield: str):
    assert ionization_energy(smiles)["forcefield"] == forcefield


@pytest.mark.parametrize(("smiles", "reason"), REJECTED.items(), ids=lambda text: ascii(text[:20]))
def test_rejected(smiles: str, reason: str):
    with pytest.raises(Rejected, match=reason) as caught:
        ionization_energy(smiles)
    assert len(str(caught.value)) < 250
    assert "\0" not in str(caught.value)


@settings(max_examples=300)
@given(st.text("CNOFc1n2()[]=#+-.:@/\\\\%$*~>H3Be ", max_size=12))
def test_any_text_is_a_molecule_or_rejected(smiles: str):
    try:
        molecule = parse(smiles)
    except Rejected:
        return
    assert 2 <= molecule.GetNumAtoms() <= 200
    assert sum(atom.GetAtomicNum() for atom in molecule.GetAtoms()) % 2 == 0


@pytest.mark.parametrize("thing", [None, 5, b"CCO", ["C"]])
def test_what_is_no_text_is_rejected(thing: object):
    with pytest.raises(Rejected, match="expected a SMILES as text"):
        ionization_energy(thing)


@pytest.mark.parametrize("smiles", ["[C-]#[O+]", "C[N+](=O)[O-]", "C[N+]#[C-]", "[NH3+]CC(=O)[O-]", "[2H]C"])
def test_neutral_as_a_whole_is_admissible(smiles: str):
    assert parse(smiles).GetNumAtoms() > 1


def test_no_geometry_is_a_failure_and_not_a_rejection():
    with pytest.raises(RuntimeError, match="no 3D geometry"):
        ionization_energy(CAGE)


def test_no_self_consistent_field_is_a_failure():
    with pytest.raises(RuntimeError, match="GFN2-xTB gave no result: SCF not converged in 250 cycles"):
        ionization_energy(NO_SCF)


def test_prints_nothing(capfd: pytest.CaptureFixture[str]):
    for smiles in ("CO", "C1CC", CAGE, NO_SCF, "C[Hg]C", "F[Xe]F"):
        try:
            ionization_energy(smiles)
        except (Rejected, RuntimeError):
            continue
    assert capfd.readouterr() == ("", "")


def test_is_a_versioned_deterministic_simulator():
    assert identity(ionization_energy) == "1"
    assert ionization_energy.deterministic
    assert pickle.loads(pickle.dumps(ionization_energy)) is ionization_energy
    call = pickle.loads(pickle.dumps(bind(ionization_energy, ("smiles",))))
    assert call({"smiles": "O"})["ie"] == pytest.approx(18.2934, abs=1e-4)


def loaded_after(statement: str, modules: tuple[str, ...]) -> set[str]:
    """Which of these modules a fresh process has loaded after a statement."""
    script = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(modules) & set(run.stdout.split())


def test_importing_it_loads_nothing_heavy():
    heavy = ("rdkit", "ase", "tblite", "scipy")
    assert loaded_after("import cohobate.simulate.chem", heavy) == set()


def test_using_it_loads_no_more_than_it_needs():
    needless = ("rdkit.Chem.AllChem", "rdkit.Chem.Draw", "matplotlib", "pandas", "ase.build", "ase.visualize")
    use = "from cohobate.simulate.chem import ionization_energy as f; f('O')"
    assert loaded_after(use, (*needless, "tblite.ase")) == {"tblite.ase"}
