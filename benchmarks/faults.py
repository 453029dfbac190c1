"""What is left of a campaign whose driver is killed: ``kill -9`` at random moments of the demo's job.

Each repetition copies ``examples/screen``, runs ``cohobate run`` there, kills the driver at moments
drawn evenly over the job's duration, each time looks for processes that outlive it, and gives the
same command again until the job is finished; then once more. Meanwhile the run folder is read as
``cohobate status`` reads it, and what was shown is remembered. Linux only (it reads ``/proc``).

    python benchmarks/faults.py [--repetitions 20] [--fake] [--evaluations 60] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rows import show, verdict

from cohobate.core.errors import LedgerError
from cohobate.core.events import Finished
from cohobate.ledger.reader import open_reader

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "screen"
MARK = "COHOBATE_BENCHMARK_FAULTS"
PATIENCE = 5.0
"""Seconds in which everything that belongs to a killed driver has to be gone."""
LONGEST = 900.0
"""Seconds after which a session counts as hung."""
FAKE = """import hashlib
import time


def energy(smiles):
    digest = hashlib.sha256(smiles.encode()).digest()
    time.sleep(0.02 + 0.1 * digest[0] / 255)
    return 8 + 4 * digest[1] / 255
"""
HEADER = ("run", "killed after (s)", "evaluations", "doubled", "shown", "lost", "outlived", "gone (s)", "all (s)", "")


@dataclass(slots=True)
class Repetition:
    """One job from its first start to its end, and what was seen of it."""

    folder: Path
    mark: str
    killed: list[float] = field(default_factory=list)
    shown: dict[int, Finished] = field(default_factory=dict)
    seen: int = 0
    outlived: int = 0
    gone: float = 0.0
    seconds: float = 0.0
    trouble: str = ""

    def session(self, kill_after: float) -> bool:
        """Runs the command, killing it after some seconds; returns whether it came to its end."""
        began = time.monotonic()
        with (self.folder / "output.txt").open("ab") as output:
            command = [sys.executable, "-m", "cohobate.cli", "run"]
            environment = {**os.environ, MARK: self.mark}
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            while (lasted := time.monotonic() - began) < min(kill_after, LONGEST) and process.poll() is None:
                self.look()
                time.sleep(min(0.1, max(0.0, kill_after - lasted)))
            ended = process.poll() is not None
            if not ended:
                process.send_signal(signal.SIGKILL)
                self.killed.append(time.monotonic() - began)
            process.wait()
        self.bury()
        self.seconds += time.monotonic() - began
        if ended and process.returncode:
            self.trouble = f"exit code {process.returncode}"
        if not ended and self.killed[-1] >= LONGEST:
            self.trouble = "hung"
        return ended or bool(self.trouble)

    def look(self) -> None:
        """Remembers what a reader is shown now."""
        if not (self.folder / "run" / "campaign.db").exists():
            return
        try:
            with open_reader(self.folder / "run") as reader:
                for number, event in reader.read(self.seen):
                    self.seen = number
                    if isinstance(event, Finished):
                        self.shown[event.trial] = event
        except LedgerError as error:
            if self.seen:
                self.trouble = f"{type(error).__name__} while running"

    def bury(self) -> None:
        """Waits until nothing of the job is left; counts what does not go by itself, and ends it."""
        began = time.monotonic()
        while (left := marked(self.mark)) and time.monotonic() - began < PATIENCE:
            time.sleep(0.02)
        self.gone = max(self.gone, time.monotonic() - began)
        self.outlived += len(left)
        for pid in left:
            os.kill(pid, signal.SIGKILL)

    def row(self, name: str, wanted: int) -> tuple[str, ...]:
        """Compares what is recorded with what was wanted and shown."""
        finals: list[Finished] = []
        counted = 0
        try:
            with open_reader(self.folder / "run") as reader:
                finals = [event for _, event in reader.read() if isinstance(event, Finished)]
                counted = reader.tally.counted
        except LedgerError as error:
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
        kept = {final.trial: final for final in finals}
        duplicates = len(finals) - len(kept)
        lost = sum(kept.get(trial) != final for trial, final in self.shown.items())
        good = counted == wanted and not (duplicates or lost or self.outlived or self.trouble)
        cells = (counted, duplicates, len(self.shown), lost, self.outlived)
        moments = ", ".join(f"{moment:.2f}" for moment in self.killed) or "-"
        times = (f"{self.gone:.2f}", f"{self.seconds:.1f}")
        return (name, moments, *map(str, cells), *times, self.trouble or verdict(good))


def marked(mark: str) -> list[int]:
    """Returns the processes that were started with a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def job(folder: Path, evaluations: int, *, fake: bool) -> Path:
    """Copies the demo's job to ``folder``, with its goal, and with a simulator that only sleeps where asked."""
    folder.mkdir()
    text = (EXAMPLE / "campaign.toml").read_text()
    text = re.sub(r"evaluations = \d+", f"evaluations = {evaluations}", text)
    if fake:
        (folder / "fake.py").write_text(FAKE)
        text = re.sub(r'use = "[^"]*"', 'use = "fake:energy"', text)
    (folder / "campaign.toml").write_text(text)
    shutil.copy(EXAMPLE / "molecules.smi", folder)
    return folder


def undisturbed(make: Callable[[str], Repetition]) -> Repetition:
    """Runs one job to its end without killing it."""
    repetition = make("undisturbed")
    repetition.session(LONGEST)
    return repetition


def disturbed(repetition: Repetition, rng: random.Random, expected: float) -> Repetition:
    """Kills the driver one to three times, finishes the job, and gives the command once more."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        if repetition.session(rng.uniform(0.0, expected)):
            break
    else:
        repetition.session(LONGEST)
    repetition.session(LONGEST)
    return repetition


def compare(repetitions: int, evaluations: int, seed: int, *, fake: bool) -> bool:
    """Prints a row for each repetition; returns whether every promise held."""
    rng = random.Random(seed)
    with TemporaryDirectory(prefix="cohobate-faults-") as scratch:

        def make(name: str) -> Repetition:
            return Repetition(job(Path(scratch) / name, evaluations, fake=fake), f"{os.getpid()}-{name}")

        first = undisturbed(make)
        rows = [first.row("undisturbed", evaluations)]
        kills: list[int] = []
        for number in range(1, repetitions + 1):
            repetition = disturbed(make(str(number)), rng, first.seconds)
            rows.append(repetition.row(str(number), evaluations))
            kills.append(len(repetition.killed))
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
            if rows[-1][-1] != "ok":
                print((repetition.folder / "output.txt").read_text()[-2000:], file=sys.stderr)
    show(f"kill -9 of the driver, {'fake' if fake else 'xTB'} simulator, seed {seed}", HEADER, rows)
    good = sum(row[-1] == "ok" for row in rows[1:])
    print(f"{sum(kills)} kills; {kills.count(0)} jobs ended before theirs")
    print(f"{good} of {repetitions}: exactly {evaluations} evaluations, nothing lost, doubled or left running")
    return good == repetitions


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fake", action="store_true", help="a simulator that only sleeps, for a quick look")
    given = parser.parse_args()
    sys.exit(not compare(given.repetitions, given.evaluations, given.seed, fake=given.fake))
