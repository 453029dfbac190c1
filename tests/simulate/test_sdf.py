"""Records that RDKit reads back as they were meant."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from rdkit import Chem

from cohobate.core.errors import Rejected
from cohobate.simulate.chem import total_energy
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.sdf import sdf_record


def supplied(text: str) -> list[Chem.Mol]:
    return list(Chem.ForwardSDMolSupplier(BytesIO(text.encode()), removeHs=False))


def test_values_and_the_relaxed_geometry_come_back():
    result = total_energy("CC(=O)O")
    text = sdf_record("CC(=O)O", result, geometry=result["geometry"].text, name="acetic acid")
    (molecule,) = supplied(text)
    assert molecule.GetProp("_Name") == "acetic acid"
    assert float(molecule.GetProp("neutral")) == result["neutral"]
    assert molecule.GetProp("converged") == "True"
    assert not molecule.HasProp("geometry")
    geometry = Geometry.read(result["geometry"].text)
    assert molecule.GetConformer().GetPositions() == pytest.approx(geometry.positions, abs=6e-5)
    assert Chem.MolToSmiles(Chem.RemoveHs(molecule)) == "CC(=O)O"
    assert np.array_equal(Geometry.read(text).positions.shape, geometry.positions.shape)


def test_without_a_geometry_a_smiles_is_drawn_and_a_structure_stays():
    (drawn,) = supplied(sdf_record("CCO", {}))
    assert drawn.GetProp("_Name") == "CCO"
    assert not drawn.GetConformer().Is3D()
    assert drawn.GetNumAtoms() == 3
    frame = total_energy("CCO")["geometry"].text
    (kept,) = supplied(sdf_record(frame, {}))
    assert kept.GetProp("_Name") == "CCO"
    assert kept.GetConformer().GetPositions() == pytest.approx(Geometry.read(frame).positions, abs=6e-5)


def test_the_geometry_of_another_molecule_is_not_taken():
    (molecule,) = supplied(sdf_record("CCO", {}, geometry=total_energy("C")["geometry"].text))
    assert molecule.GetNumAtoms() == 3


def test_text_cannot_end_a_record():
    values = {"a>\n<b": "x\n\n$$$$\n> <c>\n1", "none": None, "list": [1], "": "", "n": 1.5}
    first, second = supplied(sdf_record("C", values, name="$$$$\nM  END") + sdf_record("CC", {}))
    assert first.GetProp("_Name") == "$ M END"
    assert first.GetProp("n") == "1.5"
    assert not first.HasProp("c")
    assert second.GetNumAtoms() == 2


def test_what_cannot_be_read_is_rejected():
    with pytest.raises(Rejected, match="not a valid SMILES"):
        sdf_record("C1CC", {})
