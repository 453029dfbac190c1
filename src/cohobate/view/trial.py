"""Everything that is known of one trial, as lines of text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from cohobate.core.blob import Blob
from cohobate.core.errors import UserError
from cohobate.core.outcome import Cancelled, Failure
from cohobate.core.payload import Payload
from cohobate.core.trial import Note
from cohobate.ledger.export import plain
from cohobate.ledger.rows import Row
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Follow
from cohobate.view.formula import formula
from cohobate.view.parity import SIGMA
from cohobate.view.text import number, shown
from cohobate.view.units import of_inputs, of_outputs

FILES = 50
"""Files of work folders that are listed."""
LONG = 500
"""Characters of a value."""


def told(views: Follow, trial: int, run: Path) -> Iterator[str]:
    """Returns the lines that tell of a trial; ``run`` is its run folder. Raises ``UserError`` where there is none."""
    row = views.rows.by_trial.get(trial)
    if row is None:
        known = f"0 to {len(views.rows.by_trial) - 1}" if views.rows.by_trial else "none yet"
        raise UserError(f"trial {trial}: there is no such trial; the trials are {known}")
    yield f"trial {trial}: {row.status.replace('_', ' ')}{', cached' if row.final and row.final.cached else ''}"
    yield from _block("inputs", row.trial.inputs, of_inputs(views))
    yield from _choice(row, of_outputs(views))
    yield from _block("outputs", row.outputs, of_outputs(views))
    yield from _block("revised", row.revised, {})
    yield from _headed("attempts", _attempts(row))
    yield from _headed("files", _files(run, trial))
    yield from _headed("failure", _failure(row))


def moment(at: float) -> str:
    """Returns a time (s since the epoch) as text, to the millisecond."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}.{int(at % 1 * 1000):03d}"


def _headed(name: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"{name}:"
        yield from (f"  {line}" for line in found)


def _block(name: str, values: Mapping[str, Payload], units: Mapping[str, str]) -> Iterator[str]:
    width = max((len(shown(key, 40)) for key in values), default=0)
    lines = (f"{shown(key, 40):<{width}}  {_spelled(value, units.get(key, ''))}" for key, value in values.items())
    return _headed(name, lines)


def _spelled(value: Payload, unit: str) -> str:
    behind = f" {shown(unit, 20)}" if unit else ""
    match value:
        case Blob(data, suffix):
            return f"{len(data):,} bytes of {shown(suffix, 20) or 'no type'}, sha256 {value.sha256}"
        case Kept(sha256, size, what):
            return f"{size:,} bytes of {shown(what, 20)}, blobs/{sha256[:2]}/{sha256}"
        case float():
            return f"{value!r}{behind}"
        case str() if "\n" in value and (found := formula(value)):
            return f"{found}, {len(value.splitlines())} lines"
        case str():
            return shown(value, LONG)
    return f"{shown(json.dumps(plain(value)), LONG)}{behind}"


def _choice(row: Row, units: Mapping[str, str]) -> Iterator[str]:
    return _headed("chosen", _chosen(row, units))


def _chosen(row: Row, units: Mapping[str, str]) -> Iterator[str]:
    trial, note = row.trial, row.trial.note
    yield f"by {shown(trial.generator, 60)}{f' at {moment(row.proposed)}' if row.proposed else ''}"
    if note is not None:
        yield from _how(note)
        yield from _foretold(row, note, units)


def _version(model: int | None) -> str:
    match model:
        case None:
            return ""
        case 0:
            return " before the first fit"
    return f" with model {model}"


def _how(note: Note) -> Iterator[str]:
    model = _version(note.model)
    score = "" if note.score is None else f", score {number(note.score)}"
    if note.why or model or score:
        yield f"{shown(note.why, 60) or 'chosen'}{model}{score}"


def _foretold(row: Row, note: Note, units: Mapping[str, str]) -> Iterator[str]:
    for name, mean in note.mean.items():
        unit = f" {shown(units[name], 20)}" if name in units else ""
        std = note.std.get(name)
        spread = f" ± {number(std)}" if std is not None else ""
        came = _came(row.outputs.get(name), mean, std, unit)
        yield f"{shown(name, 40)}: predicted {number(mean)}{spread}{unit}{came}"


def _came(value: Payload, mean: float, std: float | None, unit: str) -> str:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return ""
    off = f"{value - mean:+.4g}{unit}"
    return f", got {number(float(value))}{unit} ({off}{f', {(value - mean) / std:+.2f} {SIGMA}' if std else ''})"


def _attempts(row: Row) -> Iterator[str]:
    for failed in row.earlier:
        failure = failed.failure
        how = f"{failure.kind.replace('_', ' ')} after {failed.seconds:.3g} s{_where(failed.worker)}"
        yield f"{failed.attempt}: {how}: {shown(failure.message)}"
    final = row.final
    if final is None:
        if row.started is not None:
            yield f"{row.attempts}: {row.status} since {moment(row.started)}"
        return
    if final.attempt > 0 and not final.cached:
        began = f", began {moment(final.started)}" if final.started else ""
        marks = [name for name in ("cancel_requested", "deadline_passed", "harvested") if getattr(final, name)]
        said = "".join(f", {name.replace('_', ' ')}" for name in marks)
        how = f"{row.status.replace('_', ' ')} after {final.seconds:.4g} s{_where(final.worker)}"
        yield f"{final.attempt}: {how}{began}{said}"


def _where(worker: str) -> str:
    return f" on {shown(worker, 60)}" if worker else ""


def _files(run: Path, trial: int) -> Iterator[str]:
    found = [file for folder in sorted(run.glob(f"work/{trial:06d}-*")) for file in sorted(folder.rglob("*"))]
    files = [file for file in found if file.is_file()]
    for file in files[:FILES]:
        yield f"{shown(file.relative_to(run), LONG)}  {file.stat().st_size:,} bytes"
    if len(files) > FILES:
        yield f"and {len(files) - FILES} more"


def _failure(row: Row) -> Iterator[str]:
    match row.final.outcome if row.final else None:
        case Failure(message=message, traceback=traceback):
            yield shown(message or "no message", LONG)
            yield from (shown(line, LONG) for line in traceback.splitlines())
        case Cancelled(reason):
            yield shown(reason or "no reason given", LONG)
