"""Makes the golden ledgers of this version, once: ``PYTHONPATH=src:tests python -m golden.make``.

Each is an archive of a run folder with what it reads as beside it. They are never made again: the
point of them is that later versions read what this one wrote.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import cohobate as co
from cohobate.campaign import campaign as campaigns
from cohobate.core.canonical import content_hash
from cohobate.core.events import Started
from cohobate.core.outcome import Value
from cohobate.core.trial import Evaluated
from cohobate.ledger.export import export
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.reader import open_reader
from cohobate.ledger.spool import write_spool
from golden.reading import EXPORTS, reading, unpacked
from golden.recorded import bowl, campaign, history

FATAL = 7
"""The trial during which the driver of ``crashed`` dies."""


def whole(folder: Path) -> None:
    """Everything that can be recorded, closed in good order."""
    with open_ledger(folder) as ledger:
        ledger.append(history())


def crashed(folder: Path) -> None:
    """As ``kill -9`` leaves it in the middle of an evaluation: with a log, and with a spool."""
    alive = folder.with_name("alive")
    seen: dict[tuple[float, int], int] = {}

    @co.simulator(version="golden 1")
    def watched(x: float, n: int) -> float:
        if seen.setdefault((x, n), len(seen)) == FATAL:
            _wait(alive, FATAL)
            shutil.copytree(alive, folder, ignore=shutil.ignore_patterns("*-shm", "campaign.lock"))
            report = Evaluated(Value({"f": bowl(x, n)}), 1000.0, 3600.0, "w")
            for trial in (FATAL, 99):
                write_spool(folder, 1, trial, 1, content_hash({"x": x, "n": n}), report)
            (folder / "spool" / "8-1-1.result").write_bytes(b"0bad torn")
        return float(bowl(x, n))

    object.__setattr__(watched, "name", bowl.name)
    campaign(alive, watched).run(co.evaluations(FATAL + 5))
    shutil.rmtree(alive)


def normal(folder: Path) -> None:
    """Two sessions of ``durability="normal"``, paused in good order."""
    for goal in (3, 6):
        campaign(folder, durability="normal").run(co.evaluations(goal))


def _wait(folder: Path, trial: int) -> None:
    """Waits until the start of a trial is recorded, the last of all events."""
    with open_reader(folder) as reader:
        while True:
            _, last = next(reader.read(reader.count() - 1))
            if isinstance(last, Started) and last.trial == trial:
                return


def _scrub(folder: Path) -> None:
    """Takes out what is of this machine."""
    (folder / "campaign.lock").unlink(missing_ok=True)
    manifest = folder / "manifest.json"
    if manifest.exists():
        content = json.loads(manifest.read_text())
        for session in content["sessions"]:
            session.update(command=["cohobate", "run"], system="Linux", cores=2, threads={})
        manifest.write_text(json.dumps(content))


def _pack(folder: Path, archive: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tarfile.TarInfo(f"run/{path.relative_to(folder)}")
            entry.type = tarfile.DIRTYPE if path.is_dir() else tarfile.REGTYPE
            data = b"" if path.is_dir() else path.read_bytes()
            entry.mode, entry.size = (0o755 if path.is_dir() else 0o644), len(data)
            tar.addfile(entry, io.BytesIO(data))
    archive.write_bytes(gzip.compress(content.getvalue(), mtime=0))


def main() -> None:
    target = Path(__file__).parent / co.__version__
    target.mkdir()
    campaigns.gethostname = lambda: "host"
    for make in (whole, crashed, normal):
        with TemporaryDirectory() as place:
            folder, archive = Path(place) / "run", target / f"{make.__name__}.tar.gz"
            make(folder)
            _scrub(folder)
            _pack(folder, archive)
            copy = unpacked(archive, Path(place) / "copy")
            archive.with_name(f"{make.__name__}.json").write_text(json.dumps(reading(copy), indent=1) + "\n")
            for suffix in EXPORTS:
                export(open_reader(copy), target / f"{make.__name__}{suffix}")


if __name__ == "__main__":
    main()
