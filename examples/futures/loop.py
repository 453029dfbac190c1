"""The molecules hardest to ionize, with futures alone: simulate, train, infer in chunks, combine, choose, again."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

import cohobate as co
from cohobate.core.task import Task
from cohobate.engines.workplace import Workplace

MOLECULES = Path(__file__).parents[1] / "screen" / "molecules.smi"
FIRST, BATCH, CHUNKS, NEIGHBOURS = 8, 4, 8, 4
Prints = Mapping[str, DataStructs.ExplicitBitVect]
Energies = Mapping[str, float]

ENGINES: Mapping[str, Callable[[int], Workplace]] = {
    "processes": co.processes,
    "threads": co.threads,
    "parsl": lambda n: co.engines.parsl(workers=n),
    "dask": lambda n: co.engines.dask(workers=n),
}


def simulate(smiles: str) -> float:
    """Returns the vertical ionization energy (eV)."""
    return co.chem.ionization_energy(smiles)["ie"]


def fingerprint(smiles: Sequence[str]) -> Prints:
    """Returns Morgan fingerprints of what can be read."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=3, fpSize=2048)
    return {one: generator.GetFingerprint(molecule) for one in smiles if (molecule := Chem.MolFromSmiles(one))}


def train(energies: Energies) -> tuple[Prints, Energies]:
    """Returns a model: what is known, to compare with."""
    return fingerprint(list(energies)), energies


def infer(model: tuple[Prints, Energies], prints: Prints) -> Energies:
    """Returns predictions: the means of the nearest neighbours, weighted by Tanimoto similarity."""
    known, energies = model
    table = {}
    for smiles, one in prints.items():
        likeness = DataStructs.BulkTanimotoSimilarity(one, list(known.values()))
        nearest = sorted(zip(likeness, known, strict=True), reverse=True)[:NEIGHBOURS]
        total = sum(weight for weight, _ in nearest) or 1.0
        table[smiles] = sum(weight * energies[other] for weight, other in nearest) / total
    return table


def combine(tables: Sequence[Energies]) -> Energies:
    """Returns one table of predictions."""
    return {smiles: energy for table in tables for smiles, energy in table.items()}


def choose(table: Energies, tried: Sequence[str], n: int) -> Sequence[str]:
    """Returns the ``n`` most promising molecules that were not tried."""
    return sorted(table.keys() - set(tried), key=lambda smiles: (-table[smiles], smiles))[:n]


def screen(engine: Workplace, pool: Sequence[str], evaluations: int, deadline: float) -> Energies:
    """Returns the energies (eV) of the molecules that were simulated; those that failed are named."""
    chunks = [engine.call(fingerprint, pool[i::CHUNKS]) for i in range(CHUNKS)]  # once, for all rounds
    known: dict[str, Future[float]] = {}
    tried: list[str] = []
    wanted: Sequence[str] = random.Random(0).sample(pool, min(FIRST, evaluations, len(pool)))
    while wanted:
        batch = {one: engine.submit(Task(simulate, (one,), deadline=deadline)) for one in wanted}
        for smiles, simulation in batch.items():
            if (error := simulation.exception()) is None:
                known[smiles] = simulation
            else:
                print(f"failed: {smiles}: {error}")
        tried += wanted
        model = engine.call(train, known)
        table = engine.call(combine, [engine.call(infer, model, prints) for prints in chunks])
        wanted = engine.call(choose, table, tried, min(BATCH, evaluations - len(tried))).result()
    return {smiles: simulation.result() for smiles, simulation in known.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, default="processes")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pool", type=Path, default=MOLECULES)
    parser.add_argument("--evaluations", type=int, default=24)
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds for each simulation")
    options = parser.parse_args()
    with ENGINES[options.engine](options.workers) as engine:
        found = screen(engine, co.Pool.read(options.pool).column(), options.evaluations, options.deadline)
    for smiles, energy in sorted(found.items(), key=lambda item: -item[1])[:5]:
        print(f"{energy:7.3f} eV  {smiles}")
