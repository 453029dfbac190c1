"""Says what this machine and a folder can do, and what keeps a campaign from running."""

from __future__ import annotations

import os
from pathlib import Path

from cohobate.cli.abilities import engines, pictures
from cohobate.cli.checkup import checkup
from cohobate.cli.findings import as_json, display
from cohobate.cli.programs import programs
from cohobate.cli.surroundings import libraries, machine, scheduler

SICK = 1
"""Exit code where a campaign cannot run."""


def doctor(folder: Path, *, json: bool = False) -> int:
    """Prints all there is to say; returns the exit code."""
    findings = [
        *machine(),
        *libraries(),
        *programs(),
        *pictures(),
        *engines(),
        *scheduler(os.environ),
        *checkup(folder),
    ]
    if json:
        print(as_json(findings))
    else:
        display(findings)
    return SICK if any(finding.mark == "problem" for finding in findings) else 0
