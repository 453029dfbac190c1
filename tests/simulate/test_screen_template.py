"""The pool and the settings that a new screen starts from."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from rdkit import Chem

from cohobate.core.pool import Pool
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


def test_the_example_uses_the_file_of_the_template():
    assert (EXAMPLE / "molecules.smi").samefile(TEMPLATE / "molecules.smi")


def test_the_settings_name_a_pool_and_a_simulator_that_fit():
    settings = tomllib.loads((TEMPLATE / "campaign.toml").read_text())
    pool = Pool.read(TEMPLATE / settings["generator"]["pool"])
    module, _, name = settings["simulator"]["use"].partition(":")
    assert bind(getattr(import_module(module), name), pool.names).names == ("smiles",)
