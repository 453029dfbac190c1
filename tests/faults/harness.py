"""Real drivers of a real campaign; what its simulations noted themselves, and what is recorded, are compared."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import final

from cohobate.core.events import Finished
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.ledger.reader import open_reader

SEED = int(os.environ.get("COHOBATE_FAULTS_SEED", "3"))
MARK = "COHOBATE_FAULTS"
PROGRAM = Path(__file__).with_name("program.py")
LONGEST = 50.0
"""Seconds after which anything counts as hung."""
GONE = 5.0
"""Seconds after which what a dead driver left behind counts as left for ever."""
LATE = 0.5
"""Seconds after the death of a driver from which no evaluation may start any more."""
KINDS = {
    "raise": "raised",
    "nan": "bad_output",
    "hang": "timeout",
    "block": "timeout",
    "stall": "timeout",
    "poison": "worker_lost",
}
PAUSE = 0.01


@dataclass(frozen=True)
class Plan:
    """A campaign: ``wanted`` evaluations of ``seconds`` each, but for those that ``does`` names."""

    wanted: int = 200
    seconds: float = 0.02
    slow: float = 0.3
    workers: int = 2
    deadline: float = 1.0
    grace: float = 0.1
    ballast: int = 0
    run: str = "run"
    does: Mapping[int, str] = field(default_factory=dict)

    def expects(self, x: int, outcome: Outcome) -> bool:
        """Whether a candidate came to the end that was planned for it."""
        kind = KINDS.get(self.does.get(x, ""))
        if kind is None:
            return isinstance(outcome, Value) and outcome.outputs["f"] == 2.0 * x
        return isinstance(outcome, Failure) and outcome.kind == kind


def misfortunes(rng: random.Random, wanted: int = 200) -> dict[int, str]:
    """Draws who misbehaves: 5 % raise, 1 % hang, 1 % return NaN, and one in 200 kills its worker once."""
    share = wanted // 200
    does = ["raise"] * 10 * share + ["hang", "block"] * share + ["nan"] * 2 * share + ["die"] * share
    return dict(zip(rng.sample(range(wanted), len(does)), does, strict=True))


@dataclass(frozen=True)
class Note:
    """A line of an evaluation's own: what it did (``start`` or ``end``), in which session, when (s, monotonic)."""

    session: int
    what: str
    x: int
    pid: int
    at: float


@dataclass
class Job:
    """A folder with a plan, the drivers that work at it, and what a reader was shown meanwhile."""

    folder: Path
    plan: Plan
    drivers: list[Driver] = field(default_factory=list)
    shown: dict[int, Finished] = field(default_factory=dict)
    seen: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plan.json").write_text(json.dumps(asdict(self.plan)))
        (self.folder / "truth").touch()

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / self.plan.run

    def start(self) -> Driver:
        """Starts a driver, the first or one that goes on."""
        driver = Driver(self, len(self.drivers) + 1)
        self.drivers.append(driver)
        return driver

    def abandon(self) -> None:
        """Ends whatever a failed test has left running."""
        for driver in self.drivers:
            if driver.alive:
                driver.kill()
                driver.bury()

    def truth(self) -> list[Note]:
        """What the evaluations noted so far."""
        lines = (line.split() for line in (self.folder / "truth").read_text().splitlines())
        return [Note(int(s), what, int(x), int(pid), float(at)) for s, what, x, pid, at in lines]

    def noted(self, what: str = "start") -> int:
        """How many evaluations have begun, or ended."""
        return sum(note.what == what for note in self.truth())

    def starts(self, x: int) -> list[Note]:
        """The starts of one candidate."""
        return [note for note in self.truth() if note.x == x and note.what == "start"]

    def look(self) -> int:
        """Takes in what a reader is shown now, which is thereby acknowledged; returns how many are final."""
        if (self.run / "campaign.db").exists():
            with open_reader(self.run) as reader:
                for number, event in reader.read(self.seen):
                    self.seen = number
                    if isinstance(event, Finished):
                        self.shown[event.trial] = event
        return len(self.shown)


@final
class Driver:
    """One process of ``program.py``; everything below it carries its mark."""

    def __init__(self, job: Job, number: int) -> None:
        self.job, self.number = job, number
        self.mark = f"{os.getpid()}-{id(job)}-{number}"
        environment = {**os.environ, MARK: self.mark, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(job.folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.died = 0.0

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Does what ``kill -9`` does, and notes when."""
        self.died = time.monotonic()
        self.process.kill()
        self.process.communicate(timeout=LONGEST)

    def wait(self) -> tuple[int, str, str]:
        """Waits for its end; returns exit code and what it said."""
        out, err = self.process.communicate(timeout=LONGEST)
        self.died = time.monotonic()
        return self.process.returncode, out, err

    def finish(self) -> bool:
        """Waits for its end; whether it says that all that was wanted is there."""
        wanted = self.job.plan.wanted
        code, out, err = self.wait()
        if (code, out.split(), err) != (0, ["finished", str(wanted), str(wanted)], ""):
            sys.stderr.write(f"session {self.number} ended with {code}: {out}{err}\n")
            return False
        return True

    def bury(self) -> int:
        """Waits until nothing of it is left; returns how many processes outlive it, and ends those."""
        end = time.monotonic() + GONE
        while (left := marked(self.mark)) and time.monotonic() < end:
            pause()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)

    def late(self) -> int:
        """How many of its evaluations started although it had been dead for a while."""
        return sum(
            note.session == self.number and note.what == "start" and note.at > self.died + LATE
            for note in self.job.truth()
        )


def marked(mark: str) -> list[int]:
    """Returns the processes that carry a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def pause() -> None:
    """Lets others run between two looks at a fact."""
    threading.Event().wait(PAUSE)


def wait_until(holds: Callable[[], object], seconds: float = LONGEST) -> None:
    """Looks again and again until a fact is there that another process brings about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        pause()


def kill_workers(driver: Driver, rng: random.Random, times: int) -> Iterator[int]:
    """Kills workers that are at work, at moments drawn over the whole campaign; yields the candidates hit."""
    moments = sorted(rng.sample(range(10, driver.job.plan.wanted - 10), times))
    for moment in moments:
        wait_until(lambda moment=moment: driver.job.noted() >= moment or not driver.alive)
        last = [note for note in driver.job.truth() if note.what == "start"][-1]
        if driver.alive and last.pid in marked(driver.mark):
            os.kill(last.pid, signal.SIGKILL)
            yield last.x
