"""Anchors: LAMMPS, ASE, nvalchemi and TorchSim: what a step of many atoms costs, and relaxing many clusters.

    python benchmarks/dynamics.py [--part steps|fire|import|all] [--repetitions 3] [--quick]

steps: atom-steps per second of Lennard-Jones argon (cutoff 8.5 Å, skin 1 Å, float64), ours on two threads by the CPU
time of the thread that steps, which is the clock of a machine that does nothing else; LAMMPS and ASE on one thread.
fire: 256 perturbed clusters of 13 to 38 atoms until no force is above 1e-3 eV/Å, all at once and in 64 slots.
import: what importing costs beyond torch.
TorchSim 0.6.1 runs where there is a Python 3.12 (its environment takes 5 GB), else its recorded figures are shown, as
are those of nvalchemi 0.2.0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from anchors import TORCHSIM, make, measure, printed
from dynamics_cases import CLUSTERS_FILE
from rows import Claim, Measurement, medians, show, show_claims

Figures = Mapping[str, float]
CASES = {"small-nve": "64 x 108 NVE", "small-langevin": "64 x 108 Langevin", "large-nve": "1 x 6912 NVE"}
LEAST = {"small-nve": 3.0e6, "small-langevin": 2.0e6, "large-nve": 2.0e6}
STEPS = 300
NVALCHEMI = {"small-nve": 0.46e6, "small-langevin": 0.38e6, "large-nve": 0.28e6}
CALLS = 315
"""Of nvalchemi, in 64 slots."""
SECONDS, BESIDE = 0.6, {"nvalchemi": 0.89}
LIGHT = 0.2


def ours(case: str, n: int) -> Figures:
    """Measures a case of ``dynamics_cases.py`` in a process of its own."""
    return printed(sys.executable, "dynamics_cases.py", case, n)


def steps(given: argparse.Namespace) -> bool:
    """Prints atom-steps per second beside the others."""
    scale = 10 if given.quick else 1
    torchsim = make(TORCHSIM)
    measurements: list[Measurement] = []
    for case in CASES:
        measurements.append(partial(ours, f"lammps:{case}", STEPS // scale // (3 if case == "large-nve" else 1)))
        measurements.append(partial(ours, case, STEPS // scale))
        measurements.append(partial(ours, f"ase:{case}", 20 if case != "large-nve" else 2))
        if torchsim:
            measurements.append(partial(measure, TORCHSIM, case, 20 if case != "large-nve" else 5))
    seen = {f"{case}, TorchSim": rate for case, rate in TORCHSIM.recorded.items()}
    seen |= medians(measurements, given.repetitions)
    figures = {**seen}
    claims, recorded = [], []
    for case, said in CASES.items():
        others = ("LAMMPS", "TorchSim", "ASE")
        figures |= {said: seen[case], f"{said}, nvalchemi": NVALCHEMI[case]}
        figures |= {f"{said}, {name}": seen[f"{case}, {name}"] for name in others}
        recorded += [f"{said}, nvalchemi", *([] if torchsim else [f"{said}, TorchSim"])]
        claims += [Claim(said, LEAST[case]), Claim(said, 0.5, f"{said}, LAMMPS")]
        claims += [Claim(said, 1, f"{said}, {name}") for name in ("nvalchemi", "TorchSim", "ASE")]
    good = show_claims("atom-steps per second", claims, figures, recorded)
    rows = [
        (said, *(f"{seen[f'{case}{of}'] / 1e6:.2f}" for of in ("", ", clock", ", all threads")))
        for case, said in CASES.items()
    ]
    show("ours, million atom-steps per second of", ("", "the stepping thread", "the clock", "all threads"), rows)
    return good


def fire(given: argparse.Namespace) -> bool:
    """Prints the seconds and the force calls of relaxing all clusters."""
    every, slots = "256 at once", "in 64 slots"
    measurements: list[Measurement] = [
        partial(ours, f"fire:{every}", 256),
        partial(ours, f"fire:{slots}", 64),
        partial(ours, "ase_fire:ASE", 0),
    ]
    torchsim = make(TORCHSIM)
    with TemporaryDirectory() as folder:
        if torchsim:
            file = ours(f"clusters:{folder}", 0) and Path(folder) / CLUSTERS_FILE
            measurements.append(partial(measure, TORCHSIM, f"fire:{file}", 0))
        figures = {**BESIDE, "TorchSim": TORCHSIM.recorded["fire"], **medians(measurements, given.repetitions)}
    claims = [Claim(case, SECONDS, smaller=True) for case in (every, slots)]
    claims += [Claim(slots, 1, name, smaller=True) for name in (*BESIDE, "TorchSim", "ASE")]
    claims += [Claim(f"{slots}, calls", CALLS, smaller=True), Claim(f"{every}, calls", CALLS, smaller=True)]
    recorded = [*BESIDE, *([] if torchsim else ["TorchSim"])]
    return show_claims("256 clusters by FIRE in flight: seconds by the clock, force calls", claims, figures, recorded)


def light(given: argparse.Namespace) -> bool:
    """Prints what importing costs."""
    seen = medians([partial(ours, "import:import beyond torch", 0)], given.repetitions)
    return show_claims("CPU seconds", [Claim("import beyond torch", LIGHT, smaller=True)], seen)


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {"steps": steps, "fire": fire, "import": light}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    given = parser.parse_args()
    parts = PARTS if given.part == "all" else [given.part]
    reached = [PARTS[part](given) for part in parts]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
