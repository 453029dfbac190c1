"""Parquet, extended XYZ and SDF: read back by the programs that people open them with."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import ase.io
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from cohobate.core.blob import Blob
from cohobate.core.errors import MissingExtra, UserError
from cohobate.core.events import Declared, Finished, Opened, Proposed, Started
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.trial import Trial
from cohobate.ledger.export import export
from cohobate.ledger.export.extxyz import spelled
from cohobate.ledger.export.whole import last_frame
from cohobate.ledger.ledger import memory_ledger, open_ledger
from cohobate.ledger.reader import open_reader

WATER = """3
Properties=species:S:1:pos:R:3 pbc="F F F" energy=-5.07
O 0.0 0.0 0.119
H 0.0 0.763 -0.477
H 0.0 -0.763 -0.477
"""
ETHANOL = Chem.AddHs(Chem.MolFromSmiles("CCO"))


def ledger_of(outputs: list[object], inputs: dict[str, object] | None = None, folder=None):
    """A ledger in which trial ``i`` of ``inputs`` ended with ``outputs[i]``: a mapping, or an outcome."""
    ledger = open_ledger(folder) if folder else memory_ledger()
    declared = {
        "problem": {"variables": [["x", {"unit": "nm"}]], "outputs": [{"name": "y", "goal": None, "unit": "eV"}]}
    }
    ledger.append([Opened(1, 1.7e9), Declared(declared)])
    for i, one in enumerate(outputs):
        outcome: Outcome = Value(one) if isinstance(one, dict) else one
        trial = Trial(i, inputs if inputs is not None else {"x": i})
        ledger.append([Proposed("main", i + 1, (trial,), 1, 1.7e9), Started(i, 1, 1.7e9 + i)])
        ledger.append([Finished(i, 1, outcome, 1.7e9 + i + 0.25, 1.7e9 + i, 0.25, "w")])
    ledger.flush()
    return ledger


def parquet_of(outputs, tmp_path, **more) -> pa.Table:
    export(ledger_of(outputs, **more), tmp_path / "t.parquet")
    return pq.read_table(tmp_path / "t.parquet")


def test_columns_keep_their_types(tmp_path):
    outputs = {
        "y": 1.5,
        "count": 3,
        "good": True,
        "name": "a",
        "raw": b"\x00\xff",
        "forces": np.arange(6.0).reshape(2, 3),
        "pair": (1, 2),
        "wave": 1 + 2j,
        "parts": {"core": 1.0, "rest": [2.0]},
        "geometry": Blob(b"abc", ".xyz"),
        "nothing": None,
    }
    table = parquet_of([outputs, Failure("raised", "no")], tmp_path)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["x"] == types["id"] == types["count"] == types["attempts"] == "int64"
    assert types["y"] == types["seconds"] == "double"
    assert (types["good"], types["name"], types["raw"]) == ("bool", "string", "binary")
    assert types["forces"] == "list<element: list<element: double>>"
    assert types["pair"] == "list<element: int64>"
    assert types["wave"] == "struct<real: double, imag: double>"
    assert types["parts"] == "struct<core: double, rest: list<element: double>>"
    assert types["geometry"] == "struct<sha256: string, suffix: string, bytes: int64>"
    assert types["finished"] == types["proposed"] == "timestamp[us, tz=UTC]"
    first, second = table.to_pylist()
    assert first["forces"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert first["geometry"] == {"sha256": Blob(b"abc").sha256, "suffix": ".xyz", "bytes": 3}
    assert first["finished"] == datetime.fromtimestamp(1.7e9 + 0.25, UTC)
    assert (second["y"], second["status"], second["message"]) == (None, "raised", "no")


def test_units_stand_in_the_metadata(tmp_path):
    table = parquet_of([{"y": 1.0}], tmp_path)
    units = {field.name: (field.metadata or {}).get(b"unit") for field in table.schema}
    assert (units["x"], units["y"], units["seconds"], units["status"]) == (b"nm", b"eV", b"s", None)


def test_values_without_a_type_in_common_are_json_and_say_so(tmp_path):
    table = parquet_of([{"y": 1.0, "odd": "a", "none": {}}, {"y": 2, "odd": [1], "none": {}}, {"y": 2**70}], tmp_path)
    assert table.column("odd").to_pylist() == ['"a"', "[1]", None]
    assert table.column("none").to_pylist() == ["{}", "{}", None]
    assert table.schema.field("odd").metadata[b"encoding"] == b"json"
    assert table.column("y").to_pylist() == ["1.0", "2", str(2**70)]


def test_not_a_number_stays_one_and_surrogates_become_escapes(tmp_path):
    table = parquet_of([{"y": float("nan"), "text": "a\ud800"}, {"y": float("inf"), "text": "b"}], tmp_path)
    first, second = table.column("y").to_pylist()
    assert np.isnan(first)
    assert second == float("inf")
    assert table.column("text").to_pylist() == ["a\\ud800", "b"]


def test_numbers_are_exact(tmp_path):
    values = [0.1 + 0.2, 1e-300, -0.0, 2.0**60]
    assert parquet_of([{"y": value} for value in values], tmp_path).column("y").to_pylist() == values


def test_an_empty_campaign_is_a_table_without_rows(tmp_path):
    assert export(memory_ledger(), tmp_path / "t.parquet") == 0
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 0


def test_geometries_are_read_back_by_ase(tmp_path):
    good = {"y": 0.0, "n": 2, "geometry": Blob(WATER.encode(), ".extxyz")}
    ledger = ledger_of([good, Failure("raised", "no"), {"y": 2.0}], {"smiles": "O"})
    assert export(ledger, tmp_path / "t.extxyz") == 1
    (atoms,) = ase.io.read(tmp_path / "t.extxyz", index=":")
    assert atoms.get_chemical_symbols() == ["O", "H", "H"]
    assert atoms.positions[1].tolist() == [0.0, 0.763, -0.477]
    assert atoms.get_potential_energy() == -5.07
    assert {name: atoms.info[name] for name in ("trial", "smiles", "y", "n", "status")} == {
        "trial": 0,
        "smiles": "O",
        "y": 0.0,
        "n": 2,
        "status": "done",
    }


def test_contents_kept_beside_the_database_are_fetched(tmp_path):
    atoms = "".join(f"H 0.0 0.0 {float(i)}\n" for i in range(6000))
    large = Blob(f"6000\nProperties=species:S:1:pos:R:3\n{atoms}".encode(), ".extxyz")
    ledger_of([{"geometry": large}], folder=tmp_path / "run").close()
    with open_reader(tmp_path / "run") as reader:
        assert export(reader, tmp_path / "t.extxyz") == 1
    assert len(ase.io.read(tmp_path / "t.extxyz")) == 6000


def test_structures_that_were_proposed_are_geometries_too(tmp_path):
    assert export(ledger_of([{"y": 1.0}], {"structure": WATER}), tmp_path / "t.extxyz") == 1
    assert ase.io.read(tmp_path / "t.extxyz").info["y"] == 1.0


@settings(max_examples=150)
@given(st.one_of(st.text(), st.sampled_from(["F", "T", "12", "1 2", "[1]", "{a}", 'a"b', "a\\", "_JSON 1", "C=O", ""])))
def test_any_text_comes_back_from_ase_as_it_was(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("xyz") / "t.extxyz"
    frame = last_frame("1\nProperties=species:S:1:pos:R:3\nH 0.0 0.0 0.0\n")
    path.write_bytes(spelled(frame, {"text": text, "number": 1.5}).encode("utf-8", "backslashreplace"))
    info = ase.io.read(path).info
    assert info["text"] == text
    assert info["number"] == 1.5


@pytest.mark.parametrize("name", ["a b", "a=b", 'q"', "energy", "Properties", "lattice", "é", "pbc"])
def test_names_never_collide_with_what_is_there(tmp_path, name):
    ledger = ledger_of([{name: 7.0, "geometry": Blob(WATER.encode(), ".extxyz")}])
    export(ledger, tmp_path / "t.extxyz")
    atoms = ase.io.read(tmp_path / "t.extxyz")
    assert 7.0 in atoms.info.values()
    assert atoms.get_potential_energy() == -5.07
    assert len(atoms) == 3


@pytest.mark.parametrize("text", ["", "3\n", "3\nx\nO 0 0 0\n", "1\nx\nO 0 0\n", "1\nx\nO a b c\n", "x"])
def test_what_is_no_geometry_is_left_out(tmp_path, text):
    with pytest.raises(UserError, match="no trial has a geometry"):
        export(ledger_of([{"geometry": Blob(text.encode(), ".xyz")}]), tmp_path / "t.extxyz")


def test_candidates_are_read_back_by_rdkit(tmp_path):
    lines = "".join(f"{atom.GetSymbol()} {i}.0 0.5 0.25\n" for i, atom in enumerate(ETHANOL.GetAtoms()))
    ethanol = Blob(f"9\n\n{lines}".encode(), ".xyz")
    outputs = [
        {"y": 0.0, "geometry": ethanol},
        {"y": 1.0},
        Failure("raised", "one\n\nthree\n$$$$"),
        {"y": 2.0, "<o >": True},
    ]
    assert export(ledger_of(outputs, {"smiles": "CCO"}), tmp_path / "t.sdf") == 4
    placed, drawn, failed, last = Chem.SDMolSupplier(str(tmp_path / "t.sdf"), removeHs=False)
    assert [Chem.MolToSmiles(Chem.RemoveHs(one)) for one in (placed, drawn, failed, last)] == ["CCO"] * 4
    assert (placed.GetNumAtoms(), drawn.GetNumAtoms()) == (9, 3)
    assert list(placed.GetConformer().GetAtomPosition(4)) == [4.0, 0.5, 0.25]
    assert (placed.GetProp("y"), placed.GetProp("trial"), placed.GetProp("_Name")) == ("0.0", "0", "trial 0")
    assert (failed.GetProp("status"), failed.GetProp("message")) == ("raised", "one\nthree")
    assert last.GetProp("_o_") == "true"


def test_an_output_that_is_false_is_no_flag_that_is_off(tmp_path):
    outputs = [{"y": 0.0, "converged": False, "geometry": Blob(WATER.encode(), ".extxyz")}]
    for suffix in ("extxyz", "sdf"):
        export(ledger_of(outputs), tmp_path / f"t.{suffix}")
    info = ase.io.read(tmp_path / "t.extxyz").info
    assert info["converged"] == False  # noqa: E712 - ASE may give a NumPy boolean
    assert "cached" not in info
    (water,) = Chem.SDMolSupplier(str(tmp_path / "t.sdf"), removeHs=False)
    assert water.GetProp("converged") == "false"
    assert not water.HasProp("cached")


def test_a_geometry_without_a_smiles_is_a_molecule_in_space(tmp_path):
    export(ledger_of([{"geometry": Blob(WATER.encode(), ".extxyz")}]), tmp_path / "t.sdf")
    (water,) = Chem.SDMolSupplier(str(tmp_path / "t.sdf"), removeHs=False)
    assert (water.GetNumAtoms(), water.GetNumBonds()) == (3, 2)


def test_trials_without_a_molecule_are_left_out(tmp_path):
    assert export(ledger_of([{"y": 1.0}], {"smiles": "no molecule"}), tmp_path / "t.csv") == 1
    with pytest.raises(UserError, match="no trial has a SMILES"):
        export(ledger_of([{"y": 1.0}], {"smiles": "no molecule"}), tmp_path / "t.sdf")
    with pytest.raises(UserError, match="no trial has a SMILES"):
        export(ledger_of([{"y": 1.0}]), tmp_path / "t.sdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"]


@pytest.mark.parametrize(
    ("suffix", "library", "extra"), [("parquet", "pyarrow", "tables"), ("sdf", "rdkit.Chem", "chem")]
)
def test_without_its_library_the_extra_is_named(tmp_path, monkeypatch, suffix, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"cohobate\[{extra}\]"):
        export(ledger_of([{"y": 1.0}]), tmp_path / f"t.{suffix}")


def test_coordinates_are_where_the_frame_says_they_are():
    comment = "Properties=species:S:1:forces:R:3:pos:R:3"
    frame = last_frame(f"2\n{comment}\nH 9 9 9 0 0 0.5\nH 8 8 8 0 0 1.25\n")
    assert frame.positions == [(0.0, 0.0, 0.5), (0.0, 0.0, 1.25)]
    assert last_frame(f"1\n{comment}\nH 1 2 3\n") is None
