"""Where a torsion has its minima and barriers, by GFN2-xTB: a body scans the circle and refines where it turns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

import cohobate as co
from cohobate.core.trial import Result
from cohobate.simulate.chem import xtb
from cohobate.simulate.chem.geometry import Geometry

CIRCLE = co.Problem({"angle": co.Real(-180, 180, unit="°")}, outputs=(co.Output("energy", "minimize", unit="eV"),))
KJ_PER_MOL = 96.485
"""In an electronvolt."""
ALIKE = 1e-4
"""Difference of energies (eV) below which the two sides of the circle are the same."""
CLOSE = 0.5
"""Distance (°) below which an angle need not be refined."""
ROUNDS = 6


@co.simulator(version="1", deterministic=True)
@dataclass(frozen=True)
class Torsion:
    """The energy (eV) with a torsion held at an angle (°) and everything else relaxed by MMFF94."""

    smiles: str
    atoms: tuple[int, int, int, int]

    def __call__(self, angle: float) -> float:
        molecule = Chem.AddHs(Chem.MolFromSmiles(self.smiles))
        AllChem.EmbedMolecule(molecule, randomSeed=7)
        rdMolTransforms.SetDihedralDeg(molecule.GetConformer(), *self.atoms, angle)
        field = AllChem.MMFFGetMoleculeForceField(molecule, AllChem.MMFFGetMoleculeProperties(molecule))
        field.MMFFAddTorsionConstraint(*self.atoms, False, angle, angle, 1000.0)
        field.Minimize(maxIts=5000, forceTol=1e-6)
        symbols = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
        return xtb.energy(Geometry(symbols, molecule.GetConformer().GetPositions()), charge=0, multiplicity=1)


@dataclass(frozen=True)
class Turn:
    """A minimum (``sign`` 1) or maximum (-1) between three angles (°, not confined to the circle), and its trial."""

    sign: int
    angles: tuple[float, float, float]
    energies: tuple[float, float, float]
    trial: int

    @property
    def vertex(self) -> float:
        """Where a parabola through the three points turns."""
        bend, slope, _ = np.polyfit(np.subtract(self.angles, self.angles[1]), self.energies, 2)
        return float(self.angles[1] - slope / (2 * bend))

    def narrowed(self, result: Result) -> Turn:
        """Returns it with one more point, which was evaluated at its vertex."""
        points = sorted([*zip(self.angles, self.energies, strict=True), (self.vertex, result["energy"])])
        at = min((1, 2), key=lambda i: self.sign * points[i][1])
        angles, energies = zip(*points[at - 1 : at + 2], strict=True)
        return Turn(self.sign, angles, energies, result.trial.id if angles[1] == self.vertex else self.trial)


@co.persistent(problem=CIRCLE)
def profile(steer: co.Steer, step: float = 20.0) -> list[dict[str, Any]]:
    """Returns the minima and maxima: angle (°), and energy (kJ/mol) above the lowest."""
    turns = list(turning(scan(steer, step)))
    for _ in range(ROUNDS):
        loose = [i for i, turn in enumerate(turns) if abs(turn.vertex - turn.angles[1]) > CLOSE]
        results = steer.evaluate([{"angle": wrapped(turns[i].vertex)} for i in loose])
        for i, result in zip(loose, results, strict=True):
            turns[i] = turns[i].narrowed(result) if result.ok else turns[i]
    lowest = min(turn.energies[1] for turn in turns)
    rows = []
    for turn in turns:
        kind = "minimum" if turn.sign > 0 else "maximum"
        height = (turn.energies[1] - lowest) * KJ_PER_MOL
        steer.revise(turn.trial, turn=kind, height=height)
        rows.append({"turn": kind, "angle": wrapped(turn.angles[1]), "height": height})
    return rows


def scan(steer: co.Steer, step: float) -> dict[float, Result]:
    """Returns results around the circle; where its sides are alike, the second one is given up."""
    half = np.linspace(0, 180, round(180 / step) + 1).tolist()
    steer.suggest([{"angle": angle} for angle in half], priority=1)
    steer.suggest([{"angle": -angle} for angle in half[1:-1]])
    known: dict[float, Result] = {}
    while steer.pending():
        known |= {result.trial.inputs["angle"]: result for result in steer.receive() if result.ok}
        pairs = [angle for angle in known if angle > 0 and -angle in known]
        if len(pairs) > 1 and all(alike(known[angle], known[-angle]) for angle in pairs):
            steer.cancel(steer.pending(), "both sides are alike")
            known |= {-angle: result for angle, result in known.items() if angle > 0}
    return known


def alike(one: Result, other: Result) -> bool:
    """Whether two energies are the same."""
    return abs(one["energy"] - other["energy"]) < ALIKE


def turning(known: Mapping[float, Result]) -> Iterator[Turn]:
    """Returns where a scan turns; what is the mirror image of another is left out."""
    angles = sorted(angle for angle in known if angle > -180)
    energies = [known[angle]["energy"] for angle in angles]
    for i, angle in enumerate(angles):
        before, after = i - 1, (i + 1) % len(angles)
        three = energies[before], energies[i], energies[after]
        sign = np.sign(three[0] - three[1]) + np.sign(three[2] - three[1])
        twin = known.get(-angle)
        if abs(sign) == 2 and not (angle < 0 and twin and twin.trial.id == known[angle].trial.id):
            around = angle - (angle - angles[before]) % 360, angle, angle + (angles[after] - angle) % 360
            yield Turn(int(sign / 2), around, three, known[angle].trial.id)


def wrapped(angle: float) -> float:
    """Returns an angle above -180 and up to 180."""
    return 180 - (180 - angle) % 360


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smiles", default="CCCC")
    parser.add_argument("--atoms", type=int, nargs=4, default=(0, 1, 2, 3), help="the torsion, counted from 0")
    parser.add_argument("--step", type=float, default=20.0, help="degrees between the angles of the scan")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="run folder, to be continued where it exists")
    options = parser.parse_args()
    simulator = Torsion(options.smiles, tuple(options.atoms))
    with co.processes(options.workers) as engine:
        campaign = co.Campaign(profile(step=options.step), simulator, engine, run=options.run, deadline=60)
        result = campaign.run()
    print(f"{result}, {result.tally.cancelled} cancelled")
    for row in sorted(result.value, key=lambda row: row["angle"]):
        print(f"{row['turn']:8} {row['angle']:7.1f}°  {row['height']:6.2f} kJ/mol")
