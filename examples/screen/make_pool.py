"""Writes the pool of the screen: about 1,000 small organic molecules of well-known families, each with a name.

They are built from groups that chemists combine every day (alkyl groups on ethers, esters, amines ...;
substituents on aromatic and saturated rings), so nothing strange gets in: no peroxides, no chains of
nitrogens, no fused three-membered rings. The same file each time. Run it as

    python make_pool.py                 # molecules.smi: 1,105 molecules with 3 to 8 heavy atoms
    python make_pool.py 20000 many.smi  # the 20,000 smallest of the same and of larger families, up to 12 heavy atoms

The larger families (two groups or rings on a bridge, two groups on any ring) also meet combinations
that fall apart; they are left out by the table ``unstable`` of fragments.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from cohobate.simulate.chem.smiles import parse

HERE = Path(__file__).parent
HEAVY = range(3, 9)
LARGER = range(3, 13)
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
UNSTABLE = [[Chem.MolFromSmarts(part) for part in pattern.split(".")] for pattern in FRAGMENTS["unstable"].values()]
"""Each is there where all of its parts are, in different places."""
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


def rings(paired_rings: Iterable[str], paired: Iterable[str]) -> Iterator[Named]:
    """Yields (name, SMILES) of rings, bare and with a group; those of ``paired_rings`` also with two of ``paired``."""
    for ring, smiles in FRAGMENTS["rings"].items():
        yield ring, smiles
        scaffold = Chem.MolFromSmiles(smiles)
        for at, group in product(sites(scaffold), FRAGMENTS["substituents"]):
            if fits(scaffold, ring, at, group):
                yield named(scaffold, ring, (at, group)), attached(scaffold, (at, group))
    for ring in paired_rings:
        scaffold = Chem.MolFromSmiles(FRAGMENTS["rings"][ring])
        for (i, j), (one, two) in product(combinations(sites(scaffold), 2), product(paired, repeat=2)):
            if fits(scaffold, ring, i, one) and fits(scaffold, ring, j, two):
                yield named(scaffold, ring, (i, one), (j, two)), attached(scaffold, (i, one), (j, two))


def joined() -> Iterator[Named]:
    """Yields (name, SMILES) of two groups or rings on a link or a bridge; no name where a ring has none as a group."""
    ends = [*FRAGMENTS["groups"].items(), *radicals()]
    for (link, pattern), ((one, a), (two, b)) in product(
        FRAGMENTS["links"].items(), combinations_with_replacement(ends, 2)
    ):
        if heavy(pattern) + heavy(a) + heavy(b) in LARGER:
            pair = f"di({one})" if one == two else f"{one} {two}"
            yield f"{pair} {link}" if one and two else "", pattern.format(a, b)
    for (whole, pattern), ((one, a), (two, b)) in product(FRAGMENTS["bridges"].items(), product(ends, repeat=2)):
        if heavy(pattern) + heavy(a) + heavy(b) in LARGER:
            yield whole.format(one, two) if one and two else "", pattern.format(a, b)


def radicals() -> Iterator[Named]:
    """Yields (name, SMILES) of the rings as groups; the SMILES starts where they are bonded."""
    for ring, smiles in FRAGMENTS["rings"].items():
        scaffold = Chem.MolFromSmiles(smiles)
        found = {Chem.MolToSmiles(scaffold, rootedAtAtom=at): at for at in reversed(sites(scaffold))}
        for rooted, at in sorted(found.items()):
            locant = locants(scaffold)[at]
            name = "" if ring.endswith("one") else f"{ring.removesuffix('e')}-{locant}-yl"
            yield name, rooted.replace("[nH]", "n", 1) if rooted.startswith("[nH]") else rooted


def heavy(smiles: str) -> int:
    """Returns the number of heavy atoms of a SMILES of ours."""
    return len(re.findall("[CNOFcno]", smiles))


def sites(scaffold: Chem.Mol) -> list[int]:
    """Returns the ring atoms that have a hydrogen to replace."""
    return [atom.GetIdx() for atom in scaffold.GetAtoms() if atom.IsInRing() and atom.GetTotalNumHs()]


def fits(scaffold: Chem.Mol, ring: str, at: int, group: str) -> bool:
    """Whether a group on this atom gives a substance one can keep in a bottle."""
    atom = scaffold.GetAtomWithIdx(at)
    if group in KETO and ring not in ("benzene", "pyridine"):
        return False
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
    number = locants(scaffold)
    at = {name: [str(number[i]) for i, other in groups if other == name] for _, name in groups}
    prefixes = [f"{','.join(at[name])}-{'di' if len(at[name]) > 1 else ''}{name}" for name in sorted(at)]
    return "-".join(prefixes) + ("-" if ring[0].isdigit() else "") + ring


def locants(scaffold: Chem.Mol) -> dict[int, int]:
    """Returns the locant of each ring atom."""
    return {at: n for n, at in enumerate((a.GetIdx() for a in scaffold.GetAtoms() if a.IsInRing()), 1)}


def everyday() -> dict[str, str]:
    """Returns canonical SMILES and their names; what cannot be computed is left out."""
    found: dict[str, str] = {}
    for name, smiles in (*FRAGMENTS["simple"].items(), *chains(), *rings(PAIRED_RINGS, PAIRED)):
        molecule = Chem.RemoveHs(parse(smiles))
        if molecule.GetNumHeavyAtoms() in HEAVY:
            found.setdefault(Chem.MolToSmiles(molecule), name)
    return found


def larger() -> dict[str, str]:
    """Returns canonical SMILES and names (or formulas) of the larger families, without what is unstable."""
    found: dict[str, str] = {}
    for name, smiles in (*chains(), *rings(FRAGMENTS["rings"], FRAGMENTS["substituents"]), *joined()):
        molecule = Chem.MolFromSmiles(smiles) if heavy(smiles) in LARGER else None
        if molecule is not None and (text := Chem.MolToSmiles(molecule)) not in found and stable(molecule):
            found[text] = name or CalcMolFormula(molecule)
    return found


def stable(molecule: Chem.Mol) -> bool:
    """Whether nothing of ``UNSTABLE`` is in it."""
    return not any(all(map(molecule.HasSubstructMatch, parts)) for parts in UNSTABLE)


def pool(many: int | None = None) -> dict[str, str]:
    """Returns canonical SMILES and their names, small molecules first; with ``many``, so many."""
    found = everyday() if many is None else larger() | everyday()
    if many is not None and many > len(found):
        raise SystemExit(f"there are {len(found)} molecules, not {many}")
    ordered = sorted(found.items(), key=lambda item: (heavy(item[0]), item[0]))[:many]
    for smiles, _ in ordered:
        parse(smiles)
    return dict(ordered)


if __name__ == "__main__":
    RDLogger.DisableLog("rdApp.error")
    given = sys.argv[1:]
    target = Path(given[1]) if len(given) > 1 else HERE / "molecules.smi"
    lines = (f"{smiles} {name}\n" for smiles, name in pool(int(given[0]) if given else None).items())
    target.write_text("".join(lines))
