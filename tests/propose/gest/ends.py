"""Ends a campaign of APOSMM, which has a process of its own, in one way or another; says whether that is left.

python ends.py (goal | simulator | interrupt) FOLDER
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import warnings
from contextlib import suppress

import cohobate as co
from cohobate.campaign.goals import View
from cohobate.core.errors import UserError
from propose.gest.program import aposmm, camel

seen: set[int] = set()


def fails(x: float, y: float, **_: float) -> float:
    """Fails so often that the budget of failures ends the campaign."""
    raise ValueError("no value here")


def goal(view: View) -> str | None:
    """Looks at the processes; raises, or interrupts this one, after 20 evaluations."""
    seen.update(child.pid or 0 for child in multiprocessing.active_children())
    if view.tally.counted >= 20 and way == "goal":
        raise UserError("a goal of the user raised")
    if view.tally.counted >= 20 and way == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    if view.tally.counted >= 20 and way == "kill":
        print(json.dumps({"processes": sorted(seen)}), flush=True)  # noqa: T201 its answer
        os.kill(os.getpid(), signal.SIGKILL)
    return None


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    way, folder = sys.argv[1:]
    with suppress(co.CohobateError, KeyboardInterrupt, SystemExit), co.threads(2) as engine:
        co.Campaign(aposmm(), fails if way == "simulator" else camel, engine, run=folder).run(goal)
    left = [child.pid for child in multiprocessing.active_children()]
    print(json.dumps({"started": len(seen), "left": len(left)}))  # noqa: T201 its answer
    os._exit(0)  # a process that is left would be waited for
