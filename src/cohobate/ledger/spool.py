"""Results kept by the workers that made them, for the case that the driver dies before it records them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final
from zlib import crc32

from cohobate.core.errors import Damaged
from cohobate.core.trial import Evaluated
from cohobate.host.filesystem import make_folder, read_regular, write_atomic
from cohobate.ledger.codec import check, dumps, object_of
from cohobate.ledger.record import FIELDS, spell_outcome, unpack_outcome
from cohobate.ledger.untag import untagged

SPOOL: Final = "spool"
SUFFIX: Final = ".result"
LONG: Final = 0.5
"""Seconds from which an evaluation is worth spooling."""
LARGEST: Final = 1 << 32
"""Bytes of a report."""
_FIELDS: Final = {field.name: FIELDS[str(field.type)][1] for field in fields(Evaluated) if field.name != "outcome"}
"""How each field but the outcome is read."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One attempt's report, or that of a ``part`` of it; ``inputs`` is ``content_hash`` of the inputs it was given."""

    epoch: int
    trial: int
    attempt: int
    inputs: str
    evaluated: Evaluated
    part: str = ""


@dataclass(frozen=True, slots=True)
class Harvest:
    """What lay in a spool, and the names of the files that could not be read; iterates over the former."""

    spooled: tuple[Spooled, ...]
    unreadable: tuple[str, ...]

    def __iter__(self) -> Iterator[Spooled]:
        return iter(self.spooled)


def write_spool(  # noqa: PLR0917 these are what identifies a report, in the order of its file
    folder: Path, epoch: int, trial: int, attempt: int, inputs_hash: str, evaluated: Evaluated, part: str = ""
) -> Path:
    """Writes one report durably into the spool of a run folder and returns its path.

    Raises ``NotStorable`` or ``OSError``.
    """
    spelled = {
        "epoch": dumps(epoch),
        "trial": dumps(trial),
        "attempt": dumps(attempt),
        "inputs": dumps(inputs_hash),
        "outcome": spell_outcome(evaluated.outcome),
        **{name: dumps(getattr(evaluated, name), name=name) for name in _FIELDS},
    }
    if part:
        spelled["part"] = dumps(part)
    text = object_of(spelled).encode()
    path = _path(folder, epoch, trial, attempt, part)
    make_folder(path.parent)
    write_atomic(path, b"%08x %s\n" % (crc32(text), text), sync=True)
    return path


def harvest(folder: Path) -> Harvest:
    """Returns the reports in the spool of a run folder, oldest attempt first; any file that is none is only named."""
    found: list[Spooled] = []
    unreadable: list[str] = []
    for path in sorted((folder / SPOOL).glob(f"*{SUFFIX}")):
        try:
            found.append(_read(path))
        except (Damaged, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            unreadable.append(path.name)
    found.sort(key=lambda spooled: (spooled.trial, spooled.epoch, spooled.attempt))
    return Harvest(tuple(found), tuple(unreadable))


def discard(folder: Path, unreadable: Iterable[str]) -> None:
    """Removes what ``harvest`` could not read."""
    for name in unreadable:
        with suppress(OSError):  # it is of no use, and no harm either
            (folder / SPOOL / name).unlink()


def forget(folder: Path, epoch: int, trial: int, attempt: int, part: str = "") -> None:
    """Removes a report that is recorded or of no use; harmless where there is none."""
    _path(folder, epoch, trial, attempt, part).unlink(missing_ok=True)


def forget_parts(folder: Path, epoch: int, trial: int) -> None:
    """Removes the reports of all parts of a trial that has an outcome."""
    for path in (folder / SPOOL).glob(f"{trial}-{epoch}-*-*{SUFFIX}"):
        path.unlink(missing_ok=True)


def _path(folder: Path, epoch: int, trial: int, attempt: int, part: str = "") -> Path:
    name = f"-{sha256(part.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}" if part else ""
    return folder / SPOOL / f"{trial}-{epoch}-{attempt}{name}{SUFFIX}"


def _read(path: Path) -> Spooled:
    crc, _, text = read_regular(path, LARGEST).rstrip(b"\n").partition(b" ")
    if int(crc, 16) != crc32(text):
        raise Damaged(f"{path}: the check sum does not match")
    body = untagged(json.loads(text))
    outcome = unpack_outcome(body["outcome"])
    evaluated = Evaluated(outcome, **{name: unpack(body[name]) for name, unpack in _FIELDS.items()})
    number = FIELDS["int"][1]
    epoch, trial, attempt = (number(body[name]) for name in ("epoch", "trial", "attempt"))
    spooled = Spooled(epoch, trial, attempt, str(body["inputs"]), evaluated, str(body.get("part", "")))
    if path.name != _path(path.parent.parent, epoch, trial, attempt, spooled.part).name:
        raise Damaged(f"{path} holds the report of another attempt")
    if (wrong := check(getattr(outcome, "outputs", None), name="outputs")) is not None:
        raise Damaged(f"{path}: {wrong}")
    return spooled
