"""The pool and the settings that a new screen starts from."""

from __future__ import annotations

import random
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import pytest
from rdkit import Chem

from cohobate.core.pool import Pool
from cohobate.simulate.chem.conformer import embed
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.function import bind

TEMPLATE = Path(str(files("cohobate"))) / "templates" / "screen"
EXAMPLE = Path(__file__).parents[2] / "examples" / "screen"


def test_all_rows_are_readable_and_different():
    pool = Pool.read(TEMPLATE / "molecules.smi")
    assert 900 <= len(pool) <= 1200
    assert pool.skipped == ()
    assert all(pool.label(i)["name"] for i in range(len(pool)))


def test_molecules_are_admissible_canonical_and_distinct():
    smiles = Pool.read(TEMPLATE / "molecules.smi").column()
    canonical = [Chem.MolToSmiles(Chem.RemoveHs(parse(text))) for text in smiles]
    assert canonical == smiles
    assert len(set(canonical)) == len(smiles)


def test_molecules_are_of_the_everyday_kind():
    strange = [Chem.MolFromSmarts(s) for s in ("[O;X2][O;X2]", "[#7]~[#7]~[#7]", "[r3]@[R2]", "[!#1;!#6;!#7;!#8;!#9]")]
    for smiles in Pool.read(TEMPLATE / "molecules.smi").column():
        molecule = Chem.MolFromSmiles(smiles)
        assert 3 <= molecule.GetNumHeavyAtoms() <= 8
        assert not any(map(molecule.HasSubstructMatch, strange)), smiles


def test_the_pool_is_made_again_the_same(tmp_path: Path):
    for name in ("make_pool.py", "fragments.toml"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    subprocess.run([sys.executable, str(tmp_path / "make_pool.py")], check=True)
    assert (tmp_path / "molecules.smi").read_bytes() == (TEMPLATE / "molecules.smi").read_bytes()


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = spec_from_file_location("make_pool", EXAMPLE / "make_pool.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def larger(maker: ModuleType) -> dict[str, str]:
    with patch.object(maker, "LARGER", range(3, 8)):
        return maker.pool(1_400)


def test_larger_pools_hold_distinct_molecules_that_can_be_computed(larger: dict[str, str]):
    assert len(larger) == 1_400
    for smiles, name in larger.items():
        assert Chem.MolToSmiles(Chem.RemoveHs(parse(smiles))) == smiles
        assert name
    for smiles in random.Random(0).sample(sorted(larger), 40):
        assert len(embed(parse(smiles)).geometry) > 3


def test_larger_pools_hold_the_everyday_one(larger: dict[str, str]):
    pool = Pool.read(TEMPLATE / "molecules.smi")
    heavy = {i: Chem.MolFromSmiles(pool[i]["smiles"]).GetNumHeavyAtoms() for i in range(len(pool))}
    assert all(larger[pool[i]["smiles"]] == pool.label(i)["name"] for i, atoms in heavy.items() if atoms < 7)


@pytest.mark.parametrize(
    "smiles",
    [
        *("COOC", "CN=NNC", "CNNC", "CNOC", "CN(C)F", "OCO", "COCO", "NCOC", "CC(O)C#N", "CC=CO", "CC=CN", "COC#C"),
        *("OCF", "NCF", "NC(=O)O", "COC(=O)O", "CC(=O)CC(=O)O", "COC(=O)F", "CC(=O)n1ccnc1", "OCCN=C=O", "NCCC=O"),
        *("C1CC12CC2", "CN=C=CC", "C=C=CC", "Oc1ncccn1", "[O-][N+](=O)CC[N+](=O)[O-]", "C1=CC=CC1C", "C1OC1OC"),
        *("C1OC1CCNC", "O1C(F)CCC1"),
    ],
)
def test_larger_pools_leave_out_what_falls_apart(maker: ModuleType, smiles: str):
    assert not maker.stable(Chem.MolFromSmiles(smiles))


def test_more_than_there_is_is_refused(maker: ModuleType):
    with patch.object(maker, "larger", dict), pytest.raises(SystemExit, match="there are 1105 molecules, not 1106"):
        maker.pool(1_106)


def test_the_example_uses_the_file_of_the_template():
    assert (EXAMPLE / "molecules.smi").samefile(TEMPLATE / "molecules.smi")


def test_the_settings_name_a_pool_and_a_simulator_that_fit():
    settings = tomllib.loads((TEMPLATE / "campaign.toml").read_text())
    pool = Pool.read(TEMPLATE / settings["generator"]["pool"])
    module, _, name = settings["simulator"]["use"].partition(":")
    assert bind(getattr(import_module(module), name), pool.names).names == ("smiles",)
