"""What it costs to have cohobate around: CPU-seconds of imports and of ``--help``, megabytes of the core install.

Measured in an environment of its own, ``.benchmarks/core/``, into which the core (no extras) is
installed as users get it. The bare interpreter is measured beside, and subtracted.

    python benchmarks/startup.py [--repetitions 9]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path

from rows import Claim, medians, show, show_claims

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / ".benchmarks" / "core"
BIN = CORE / "bin"
TOUCHED = "import cohobate as co; co.Campaign, co.Sobol, co.processes"
INSTALLERS = ("pip", "setuptools", "wheel", "_distutils_hack", "distutils-precedence")

BARE = "bare python"
COMMANDS = {
    BARE: [str(BIN / "python"), "-c", "pass"],
    "import numpy": [str(BIN / "python"), "-c", "import numpy"],
    "import cohobate": [str(BIN / "python"), "-c", "import cohobate"],
    "Campaign, Sobol, processes touched": [str(BIN / "python"), "-c", TOUCHED],
    "cohobate --help": [str(BIN / "cohobate"), "--help"],
}
CLAIMS = (
    Claim("import cohobate", 0.05, smaller=True),
    Claim("Campaign, Sobol, processes touched", 0.30, smaller=True),
    Claim("cohobate --help", 0.20, smaller=True),
    Claim("core install (MB)", 100, smaller=True),
)


def install() -> None:
    """Makes the environment anew, so that what is measured is what stands here."""
    shutil.rmtree(CORE, ignore_errors=True)
    venv.create(CORE, with_pip=True)
    command = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(command, check=True, stderr=subprocess.PIPE)


def megabytes() -> float:
    """Returns the size of the installed packages, without what installs them."""
    (packages,) = CORE.glob("lib/python*/site-packages")
    ours = [entry for entry in packages.iterdir() if not entry.name.startswith(INSTALLERS)]
    files = [path for entry in ours for path in (entry.rglob("*") if entry.is_dir() else [entry])]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def cpu_seconds(name: str) -> dict[str, float]:
    """Returns user plus system time of a command."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(COMMANDS[name], cwd="/", env={"PATH": os.environ["PATH"]}, **quiet)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"{' '.join(COMMANDS[name])} failed with code {process.returncode}", file=sys.stderr)
        return {}
    return {name: usage.ru_utime + usage.ru_stime}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9)
    given = parser.parse_args()
    install()
    for each in COMMANDS:
        cpu_seconds(each)  # once for nothing: files come from the cache then
    spent = medians([partial(cpu_seconds, each) for each in COMMANDS], given.repetitions)
    show("CPU-seconds, all", ("command", "seconds"), [(name, f"{seconds:.3f}") for name, seconds in spent.items()])
    figures = {name: seconds - spent[BARE] for name, seconds in spent.items()}
    figures["core install (MB)"] = megabytes()
    sys.exit(not show_claims("CPU-seconds over bare python; size", CLAIMS, figures))
