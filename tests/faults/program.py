"""A campaign of simulations that misbehave as planned: ``python program.py FOLDER``, where ``plan.json`` lies.

Each evaluation notes in ``truth`` that it began, and that it ended, whatever the driver makes of it.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import cohobate as co

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".").absolute()
SESSION = os.environ.get("COHOBATE_FAULTS", "0").rpartition("-")[2]


def note(folder: Path, session: str, what: str, x: int) -> None:
    """Adds a line that no other writer can tear: session, what, candidate, process, moment (s, monotonic)."""
    line = f"{session} {what} {x} {os.getpid()} {time.monotonic():.6f}\n"
    descriptor = os.open(folder / "truth", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def misbehave(does: str, folder: Path, x: int) -> None:
    """What may go wrong in a simulation; none of it can be interrupted by a Python exception."""
    match does:
        case "raise":
            raise ValueError(f"no convergence at {x}")
        case "hang":
            time.sleep(1e6)
        case "block":
            ctypes.PyDLL(None).pause()  # holds the interpreter lock for ever
        case "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die":
            first = folder / f"died-{x}"
            if not first.exists():
                first.touch()
                os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, session: str) -> None:
    """Runs the campaign, or goes on with it."""
    plan = json.loads((folder / "plan.json").read_text())
    seconds, slow, ballast = plan["seconds"], plan["slow"], "x" * plan["ballast"]

    def simulate(x: int) -> dict[str, object]:
        does = plan["does"].get(str(x), "")
        note(folder, session, "start", x)
        time.sleep(slow if does in {"slow", "stall"} else seconds)
        misbehave(does, folder, x)
        note(folder, session, "end", x)
        return {"f": math.nan if does == "nan" else 2.0 * x, "ballast": ballast}

    wanted = plan["wanted"]
    grid = co.Grid({"x": co.Integer(0, wanted - 1)}, wanted, minimize="f")
    campaign = co.Campaign(
        grid,
        co.simulator(simulate, version="1"),
        co.processes(plan["workers"]),
        run=folder / plan["run"],
        deadline=plan["deadline"],
        grace=plan["grace"],
    )
    result = campaign.run(co.evaluations(wanted))
    sys.stdout.write(f"finished {result.tally.counted} {len(result.table())}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
    try:
        main(FOLDER, SESSION)
    except co.CohobateError as error:
        sys.exit(f"{type(error).__name__}: {error}")
