"""What became of a campaign, compared with what was planned, shown to readers and noted by its evaluations."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from heapq import heappop, heappush
from multiprocessing import get_context

from cohobate.campaign.policy import Retries
from cohobate.core.events import AttemptFailed, Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.ledger.reader import open_reader
from cohobate.ledger.verify import verify
from faults.harness import LONGEST, Job, Note, Plan


@dataclass(frozen=True)
class Audit:
    """What is wrong with a job that ended, nothing if all is well, and how its time compares."""

    lost: int
    duplicates: int
    missing: int
    wrong: tuple[str, ...]
    damaged: tuple[str, ...]
    reruns: int
    makespan: float
    ideal: float
    ideal_with_starts: float

    @property
    def ratio(self) -> float:
        """Makespan over the ideal one, in which a dead worker is replaced in no time."""
        return self.makespan / self.ideal

    @property
    def ratio_without_starts(self) -> float:
        """The same, in which starting the next worker takes what it took beside this campaign."""
        return self.makespan / self.ideal_with_starts

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, doubled, missing, other than planned, or damaged."""
        return not (self.lost or self.duplicates or self.missing or self.wrong or self.damaged)


def audit(job: Job, *, start: float = 0.0) -> Audit:
    """Compares what is recorded with what was planned, shown and noted; a worker took ``start`` (s) to start."""
    with open_reader(job.run) as reader:
        events = [event for _, event in reader.read()]
    proposed = [(t.id, t.inputs["x"]) for event in events if isinstance(event, Proposed) for t in event.trials]
    finals = [event for event in events if isinstance(event, Finished)]
    last, names = {final.trial: final for final in finals}, dict(proposed)
    done = Counter(names[trial] for trial in last)
    order, repeats = [x for _, x in proposed], dict[int, list[float]]()
    for event in events:
        if isinstance(event, AttemptFailed):
            repeats.setdefault(names[event.trial], []).append(min(event.seconds, job.plan.seconds))
    return Audit(
        lost=sum(last.get(trial) != final for trial, final in job.shown.items()),
        duplicates=len(finals) - len(last) + sum(done.values()) - len(done),
        missing=len(set(range(job.plan.wanted)) - set(done)),
        wrong=tuple(f"{names[f.trial]}: {f}" for f in finals if not job.plan.expects(names[f.trial], f.outcome)),
        damaged=tuple(verify(job.run)),
        reruns=_reruns(job.truth()),
        makespan=max(final.at for final in finals) - min(f.started for f in finals if isinstance(f.outcome, Value)),
        ideal=ideal(job.plan, order, repeats),
        ideal_with_starts=ideal(job.plan, order, repeats, start=start),
    )


def _reruns(notes: list[Note]) -> int:
    """How many evaluations that had come to their end were run again."""
    ended: set[int] = set()
    again = 0
    for note in notes:
        again += note.what == "start" and note.x in ended
        if note.what == "end":
            ended.add(note.x)
    return again


def ideal(plan: Plan, order: Sequence[int], repeats: Mapping[int, Sequence[float]], *, start: float = 0.0) -> float:
    """Returns the seconds that perfect workers need: deadlines, lost attempts and the pauses after those included.

    ``repeats`` says how long (s) each lost attempt of a candidate took, ``start`` (s) how long it takes
    to replace a worker that died.
    """
    free = [0.0] * plan.workers
    queue = deque((trial, x, 1) for trial, x in enumerate(order))
    later: list[tuple[float, int, int, int]] = []
    end = 0.0
    while queue or later:
        now = heappop(free)
        if later and (later[0][0] <= now or not queue):
            due, trial, x, attempt = heappop(later)
            now = max(now, due)
        else:
            trial, x, attempt = queue.popleft()
        lost = repeats.get(x, ())[attempt - 1 :]
        now += lost[0] if lost else _lasts(plan, x)
        if lost:
            heappush(later, (now + Retries().pause(0, trial, attempt), trial, x, attempt + 1))
        end = max(end, now)
        died = lost or plan.does.get(x) in {"hang", "block"}
        heappush(free, now + start if died else now)
    return end


def start_of_a_worker() -> float:
    """Measures how long (s) a Python takes now until it could evaluate."""
    began = time.monotonic()
    imports = "import cohobate.worker.__main__, cohobate.campaign.evaluation"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-P", "-c", imports], env=environment, check=True, timeout=LONGEST)
    return time.monotonic() - began


def slowness(plan: Plan) -> float:
    """Measures by how much a bare pool of processes, nothing recorded, exceeds the ideal makespan here and now."""
    with ProcessPoolExecutor(plan.workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.1] * plan.workers))  # started
        began = time.monotonic()
        list(pool.map(time.sleep, [plan.seconds] * plan.wanted))
        makespan = time.monotonic() - began
    return max(1.0, makespan * plan.workers / (plan.seconds * plan.wanted))


def _lasts(plan: Plan, x: int) -> float:
    match plan.does.get(x, ""):
        case "hang" | "block":
            return plan.deadline + plan.grace
        case "slow":
            return plan.slow
    return plan.seconds
