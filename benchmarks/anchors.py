"""Makes an environment for each anchor and measures in it; falls back on recorded figures.

python benchmarks/anchors.py        # make them all: .benchmarks/<anchor>/
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".benchmarks"
MINUTES = 30


@dataclass(frozen=True, slots=True)
class Anchor:
    """A package to be compared with: its pinned requirements, the program that measures it, what it once reached."""

    name: str
    requirements: tuple[str, ...]
    program: str
    recorded: dict[str, float]
    interpreter: str = ""
    """A command, where it takes another Python than this one."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return ENVIRONMENTS / self.name / "bin" / "python"


ADAPTIVE = Anchor(
    "adaptive",
    ("adaptive==1.5.2", "numpy==2.4.6", "scipy==1.17.1", "loky==3.7.0", "cloudpickle==3.1.2"),
    "anchor_adaptive.py",
    {"simple": 16_400.0, "processes": 8_100.0, "default": 4_850.0},
)
LIBENSEMBLE = Anchor(
    "libensemble",
    ("libensemble==1.6.1", "numpy==2.4.6", "psutil==7.2.2", "pydantic==2.14.3"),
    "anchor_libensemble.py",
    {"async": 1_507.0},
)
STEERING = Anchor(
    "steering",
    (*LIBENSEMBLE.requirements, "scipy==1.17.1", "nlopt==2.11.0", "mpmath==1.4.1"),
    "anchor_steering.py",
    {"camel": 1_050.0, "throughput": 352.0, "borehole": 1.98},
)
CHEMFIT = Anchor(
    "chemfit",
    ("chemfit==3.1.1", "nevergrad==1.0.12", "ase==3.29.0"),
    "anchor_fit.py",
    {"call 1": 7, "call 8": 35, "call 64": 168, "call 512": 1_423, "files": 1.9, "runs": 432, "utilisation": 0.40},
)
TORCHSIM = Anchor(
    "torchsim",
    ("torch-sim-atomistic==0.6.1", "torch==2.13.0", "ase==3.29.0", "vesin==0.6.2"),
    "anchor_torchsim.py",
    {"small-nve": 0.098e6, "small-langevin": 0.096e6, "large-nve": 0.0985e6, "fire": 3.9},
    "python3.12",
)
ANCHORS = (ADAPTIVE, LIBENSEMBLE, STEERING, CHEMFIT, TORCHSIM)


def make(anchor: Anchor) -> bool:
    """Installs an anchor into an environment of its own, unless it is there; returns whether it can be run."""
    done = anchor.python.parents[1] / "requirements.txt"
    wanted = "\n".join(anchor.requirements)
    if done.exists() and done.read_text() == wanted:
        return True
    if not _is_made(anchor):
        print(f"{anchor.name} needs {anchor.interpreter}, which is not there", file=sys.stderr)
        return False
    install = [str(anchor.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *anchor.requirements]
    if (ended := subprocess.run(install, capture_output=True, text=True)).returncode:
        print(f"{anchor.name} cannot be installed: {ended.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return False
    done.write_text(wanted)
    return True


def _is_made(anchor: Anchor) -> bool:
    """Makes the environment; whether there is one."""
    home = anchor.python.parents[1]
    if not anchor.interpreter:
        venv.create(home, clear=True, with_pip=True)
        return True
    found = shutil.which(anchor.interpreter)
    return found is not None and subprocess.run([found, "-m", "venv", "--clear", home]).returncode == 0


def measure(anchor: Anchor, case: str, n: int) -> dict[str, float]:
    """Returns what the anchor's program printed for ``case`` with ``n`` evaluations: names and rates (1/s)."""
    return printed(anchor.python, anchor.program, case, n)


def printed(python: Path | str, program: str, case: str, n: int) -> dict[str, float]:
    """Returns the figures by name that a program of this folder prints last, run in a process of its own."""
    command = [str(python), str(HERE / program), case, str(n)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60 * MINUTES, check=True)
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    for one in ANCHORS:
        print(f"{one.name:12} {'ready' if make(one) else 'not available: its recorded figure will be shown'}")
