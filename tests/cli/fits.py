"""A small fit on disk: two parameters, one external program, three energies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

TRUTH = {"epsilon": 0.01, "sigma": 3.4}
MODEL = """
a, epsilon, sigma = map(float, open("model.in").read().split())
energy = 4 * epsilon * ((sigma / a) ** 12 - (sigma / a) ** 6)
open("out", "w").write(f"E = {energy!r}\\n")
"""
TOML = """
[params]
epsilon = { value = 0.02, bounds = [1e-3, 0.1], unit = 'eV' }
sigma = 3.0

[[term]]
name = "E(a)"
run = ["python", "model.py"]
input = "model.in"
files = "model.py"
table = "energies.csv"
target = "energy"
sigma = 0.001
read = { file = "out", regex = "E = (.*)" }

[optimizer]
method = "least_squares"

[resources]
"""


def energy(a: float, epsilon: float, sigma: float) -> float:
    """Returns the energy of a pair of atoms."""
    return 4 * epsilon * ((sigma / a) ** 12 - (sigma / a) ** 6)


def write(folder: Path, replace: Mapping[str, str], model: str = MODEL) -> Path:
    """Writes the fit with some text replaced, and returns its file."""
    text = TOML
    for old, new in replace.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "model.py").write_text(model)
    (folder / "model.in").write_text("{a} {epsilon} {sigma}\n")
    rows = [f"{a},{energy(a, **TRUTH)!r}\n" for a in (4.9, 3.9, 3.7)]
    (folder / "energies.csv").write_text("a,energy\n" + "".join(rows))
    file = folder / "campaign.toml"
    file.write_text(text)
    return file
