"""Lennard-Jones for argon, from energies of its crystal: one run of LAMMPS for each lattice constant.

python examples/fit/argon.py [--workers 2] [--epsilon 0.02] [--sigma 3.0] [--run runs/argon]
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cohobate as co
from cohobate.engines.workplace import Workplace

HERE = Path(__file__).parent
START = {"epsilon": 0.02, "sigma": 3.0}
"""eV, Å."""

crystal = co.chem.lammps(
    HERE / "crystal.lammps", {"energy": "PotEng"}, units={"energy": "eV"}, deadline=60, name="crystal"
)
"""The energy per atom, a function of the lattice constant ``a`` (Å), ``epsilon`` and ``sigma``."""


def energies(file: Path = HERE / "argon.csv") -> dict[float, float]:
    """Returns what is to be explained: lattice constants (Å) and energies (eV per atom)."""
    with open(file, newline="") as rows:
        return {float(row["a"]): float(row["energy"]) for row in csv.DictReader(rows)}


def objective(data: dict[float, float]) -> co.CombinedObjective:
    """Returns the sum of the squares of what each energy is missed by."""
    return co.CombinedObjective(
        [
            co.Term(crystal, e, inputs={"a": a}, name=f"a = {a} Å", unit="eV", deterministic=True)
            for a, e in data.items()
        ]
    )


def fitter(
    data: dict[float, float],
    engine: Workplace,
    *,
    start: dict[str, float] | None = None,
    run: Path | None = None,
) -> co.Fitter:
    """Returns the fit; all that it asks for is in the folder ``run``, from where it goes on."""
    return co.Fitter(objective(data), start or START, engine=engine, run=run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epsilon", type=float, default=START["epsilon"], help="where it starts (eV)")
    parser.add_argument("--sigma", type=float, default=START["sigma"], help="where it starts (Å)")
    parser.add_argument("--run", type=Path, help="a run folder, to go on after an interruption")
    given = parser.parse_args()
    start = {"epsilon": given.epsilon, "sigma": given.sigma}
    data = energies()
    with co.processes(given.workers) as engine:
        result = fitter(data, engine, start=start, run=given.run).least_squares()
    for name, value in result.values.items():
        print(f"{name:8} {value:.9g}")
    print(f"loss     {result.loss:.3g} eV², {result.campaign.tally.values} evaluations of {len(data)} runs")


if __name__ == "__main__":
    main()
