"""One evaluation: a fresh directory, the program in it, what it wrote as numbers."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from cohobate.core.capture import Raised, capture
from cohobate.core.errors import BadOutput, CohobateError, DeadlineExceeded, ProgramFailed, UserError
from cohobate.core.payload import Payload
from cohobate.simulate.command.folder import Folder, Keep, fresh
from cohobate.simulate.command.read.reading import Reading
from cohobate.simulate.command.running import Exited, Limits, execute
from cohobate.simulate.command.sources import Source, write_files
from cohobate.simulate.command.written import STREAMS, Written, last_lines

TOLD = (BadOutput, DeadlineExceeded, ProgramFailed, UserError)
"""What is raised with the name of the program before it, and behind it what it said and where that is."""


@final
@dataclass(frozen=True, slots=True)
class Job:
    """A program with everything decided: arguments, files and their texts, environment, readers, good exit codes."""

    name: str
    argv: Sequence[str]
    sources: Mapping[str, Source]
    texts: Mapping[str, str]
    env: Mapping[str, str]
    read: Mapping[str, Reading | Callable[[Path], Any]]
    ok: Sequence[int]


def evaluated(job: Job, limits: Limits, directory: Path | None, keep: Keep) -> dict[str, Any]:
    """Returns the outputs of a run of the program; its directory is kept as ``keep`` says."""
    folder = fresh(directory, job.name)
    kept = keep != "never"
    try:
        outputs = _outputs(job, folder.path, limits)
        kept = keep == "always"
        return outputs
    except TOLD as error:
        raise _told(error, job.name, folder, kept) from error.__cause__
    finally:
        if not kept:
            folder.discard()


def _outputs(job: Job, folder: Path, limits: Limits) -> dict[str, Any]:
    write_files(job.sources, job.texts, folder)
    exited = execute(job.argv, folder, job.env, limits, set(STREAMS) - _files(job.read.values()))
    if exited.code not in job.ok:
        raise ProgramFailed(_how(exited, job.ok))
    written = Written(folder, exited.unfinished)
    return {name: _read(name, one, written) for name, one in job.read.items()}


def _files(readers: Iterable[object]) -> set[str]:
    return {reader.file for reader in readers if isinstance(reader, Reading)}


def _how(exited: Exited, ok: Sequence[int]) -> str:
    code = exited.code
    wanted = ", ".join(map(str, ok))
    return f"exit code {code}, expected {wanted}" if code >= 0 else f"it was ended by {_signal(-code)}"


def _signal(number: int) -> str:
    known = number in set(signal.Signals)
    return signal.Signals(number).name if known else f"signal {number}"


def _read(name: str, reader: Reading | Callable[[Path], Any], written: Written) -> Payload:
    if isinstance(reader, Reading):
        text = written.text(reader.file, reader.end)
        try:
            value = reader.parse(text)
        except ValueError as error:
            raise BadOutput(f"{name!r} from {reader.file}: {error}") from error
        where = f"{name!r} from {reader.file}"
    else:
        written.check_all()
        ended = capture(reader, written.folder)
        if isinstance(ended, Raised):
            raise BadOutput(f"{name!r}: {ended.message}") from ended.error
        value, where = ended.value, repr(name)
    if not finite(value):
        raise BadOutput(f"{where}: expected finite numbers, got {value!r:.80}")
    return value


def finite(value: Payload) -> bool:
    """Whether there is a value, and all numbers in it are finite."""
    match value:
        case None:
            return False
        case float():
            return math.isfinite(value)
        case np.ndarray() | np.generic():
            return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
        case Mapping():
            return all(map(finite, value.values()))
        case list() | tuple():
            return all(map(finite, value))
    return True


def _told(error: CohobateError, name: str, folder: Folder, kept: bool) -> CohobateError:
    said = [f"{stream}: {lines}" for stream in ("stderr", "stdout") if (lines := last_lines(folder.path, stream))]
    where = [f"kept in {folder.where}"] if kept else []
    return type(error)("; ".join([f"{name}: {error}", *said[:1], *where]))
