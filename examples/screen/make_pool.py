"""Writes the pool of the screen: about 1,000 small organic molecules of well-known families, each with a name.

They are built from groups that chemists combine every day (alkyl groups on ethers, esters, amines ...;
substituents on aromatic and saturated rings), so nothing strange gets in: no peroxides, no chains of
nitrogens, no fused three-membered rings. The same file each time. Run it as: python make_pool.py
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path

from rdkit import Chem

from cohobate.simulate.chem.smiles import parse

HERE = Path(__file__).parent
HEAVY = range(3, 9)
FRAGMENTS = tomllib.loads((HERE / "fragments.toml").read_text())
LESSER = ("methyl", "ethyl", "propyl", "isopropyl", "tert-butyl", "cyclopropyl", "allyl", "trifluoromethyl")
"""The groups that are combined in pairs."""
LOSING_HF = ("fluoromethyl", "difluoromethyl", "trifluoromethyl", "pentafluoroethyl")
"""Groups that lose HF at once on an atom with hydrogen."""
ON_SATURATED = ("methyl", "fluoro", "cyano", "trifluoromethyl")
PAIRED_RINGS = ("benzene", "pyridine", "pyrimidine", "pyrazine", "1,3,5-triazine", "furan", "oxazole", "isoxazole")
PAIRED = ("methyl", "fluoro", "cyano", "trifluoromethyl")
KETO = ("hydroxy", "amino")
"""Groups that move their hydrogen to the ring nitrogen of many heterocycles: on benzene and pyridine only."""
Named = tuple[str, str]


def chains() -> Iterator[Named]:
    """Yields (name, SMILES) of a group with one end, of two groups with a link, and of esters."""
    for (group, alkyl), (end, pattern) in product(FRAGMENTS["groups"].items(), FRAGMENTS["ends"].items()):
        if not (group in LOSING_HF and end in ("alcohol", "amine")):
            yield f"{group} {end}", pattern.format(alkyl)
    for (link, pattern), (one, two) in product(FRAGMENTS["links"].items(), combinations_with_replacement(LESSER, 2)):
        pair = f"di{one}" if one == two else f"{one} {two}"
        yield f"{pair} {link}", pattern.format(FRAGMENTS["groups"][one], FRAGMENTS["groups"][two])
    for (acid, acyl), group in product(FRAGMENTS["acids"].items(), LESSER):
        yield f"{group} {acid}", f"{acyl}O{FRAGMENTS['groups'][group]}"


def rings() -> Iterator[Named]:
    """Yields (name, SMILES) of rings, bare and with one or two groups."""
    for ring, smiles in FRAGMENTS["rings"].items():
        yield ring, smiles
        scaffold = Chem.MolFromSmiles(smiles)
        for at, group in product(sites(scaffold), FRAGMENTS["substituents"]):
            shifts = group in KETO and ring not in ("benzene", "pyridine")
            if not shifts and fits(scaffold.GetAtomWithIdx(at), group):
                yield named(scaffold, ring, (at, group)), attached(scaffold, (at, group))
    for ring in PAIRED_RINGS:
        scaffold = Chem.MolFromSmiles(FRAGMENTS["rings"][ring])
        for (i, j), (one, two) in product(combinations(sites(scaffold), 2), product(PAIRED, repeat=2)):
            yield named(scaffold, ring, (i, one), (j, two)), attached(scaffold, (i, one), (j, two))


def sites(scaffold: Chem.Mol) -> list[int]:
    """Returns the ring atoms that have a hydrogen to replace."""
    return [atom.GetIdx() for atom in scaffold.GetAtoms() if atom.IsInRing() and atom.GetTotalNumHs()]


def fits(atom: Chem.Atom, group: str) -> bool:
    """Whether a group on this atom gives a substance one can keep in a bottle."""
    if atom.GetSymbol() == "N":
        return group == "methyl"
    if atom.GetIsAromatic():
        return True
    beside_nitrogen = any(neighbor.GetSymbol() == "N" for neighbor in atom.GetNeighbors())
    return group in ON_SATURATED and not (group == "fluoro" and beside_nitrogen)


def attached(scaffold: Chem.Mol, *groups: tuple[int, str]) -> str:
    """Returns the SMILES of a scaffold with each hydrogen at a site replaced by the group named."""
    molecule = Chem.RWMol(scaffold)
    for at, group in groups:
        first = molecule.GetNumAtoms()
        molecule.InsertMol(Chem.MolFromSmiles(FRAGMENTS["substituents"][group]))
        molecule.AddBond(at, first, Chem.BondType.SINGLE)
        molecule.GetAtomWithIdx(at).SetNumExplicitHs(0)
    return Chem.MolToSmiles(molecule)


def named(scaffold: Chem.Mol, ring: str, *groups: tuple[int, str]) -> str:
    """Returns a systematic name; locants count ring atoms."""
    locants = {at: n for n, at in enumerate((a.GetIdx() for a in scaffold.GetAtoms() if a.IsInRing()), 1)}
    at = {name: [str(locants[i]) for i, other in groups if other == name] for _, name in groups}
    prefixes = [f"{','.join(at[name])}-{'di' if len(at[name]) > 1 else ''}{name}" for name in sorted(at)]
    return "-".join(prefixes) + ("-" if ring[0].isdigit() else "") + ring


def pool() -> dict[str, str]:
    """Returns canonical SMILES and their names, small molecules first; what cannot be computed is left out."""
    found: dict[str, str] = {}
    for name, smiles in (*FRAGMENTS["simple"].items(), *chains(), *rings()):
        molecule = Chem.RemoveHs(parse(smiles))
        if molecule.GetNumHeavyAtoms() in HEAVY:
            found.setdefault(Chem.MolToSmiles(molecule), name)
    return dict(sorted(found.items(), key=lambda item: (Chem.MolFromSmiles(item[0]).GetNumHeavyAtoms(), item[0])))


if __name__ == "__main__":
    (HERE / "molecules.smi").write_text("".join(f"{smiles} {name}\n" for smiles, name in pool().items()))
