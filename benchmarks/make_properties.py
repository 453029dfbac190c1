"""Computes ``data/properties.csv``: five properties of the benchmark's molecules at two levels, and the time they took.

About half an hour on one core; goes on where it was stopped. Energies in eV, dipoles in D, times in s
of CPU: of geometry, relaxation and ionization energy. Empty where a property is not defined.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from screening_cases import DATA, PROPERTIES

from cohobate.core.capture import Returned, capture
from cohobate.simulate.chem.conformer import place
from cohobate.simulate.chem.properties import PROPERTIES as KNOWN
from cohobate.simulate.chem.properties import QUICK
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.states import Recipe, States

NAMES = ("ie", "ea", "gap", "dipole", "solvation")
COLUMNS = ("smiles", *NAMES, "cpu_s", *(f"quick_{name}" for name in NAMES), "quick_cpu_s")


def measured(smiles: str, recipe: Recipe) -> Iterator[str]:
    """Returns the properties and the time of the first."""
    start, took = time.process_time(), 0.0
    begun = capture(lambda: States(place(parse(smiles)), recipe))
    for name in NAMES:
        found = capture(KNOWN[name].of, begun.value) if isinstance(begun, Returned) else begun
        took = took or time.process_time() - start
        yield f"{found.value:.4f}" if isinstance(found, Returned) else ""
    yield f"{took:.4f}"


def main(target: Path) -> None:
    known = {row["smiles"] for row in csv.DictReader(target.open())} if target.exists() else set()
    with DATA.open() as source, target.open("a", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        if not known:
            writer.writerow(COLUMNS)
        for row in csv.DictReader(source):
            if row["status"] == "ok" and row["smiles"] not in known:
                writer.writerow((row["smiles"], *measured(row["smiles"], Recipe()), *measured(row["smiles"], QUICK)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROPERTIES)
