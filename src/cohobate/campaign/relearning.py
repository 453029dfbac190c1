"""Brings a fresh generator to where a recorded run ended, by telling it again what was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from cohobate.campaign.members import MAIN, hearing_of
from cohobate.campaign.resume import repeat, retell, unpacked
from cohobate.core.canonical import content_hash, difference
from cohobate.core.capture import capture
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Plain
from cohobate.core.problem import Problem, Structured
from cohobate.core.protocols import Generator, Posed
from cohobate.core.steering import Steers
from cohobate.ledger.reader import Reader, open_reader
from cohobate.ledger.resume import Hears

G = TypeVar("G", bound=Generator)


class Recorded(Protocol):
    """What a campaign gave back: it knows where it is recorded."""

    @property
    def source(self) -> Path | Reader: ...


def relearn(run: str | Path | Recorded, generator: G, *, name: str = MAIN) -> G:
    """Returns ``generator``, which must be fresh, after telling it all that a run told its generator.

    What was proposed goes to its ``recall``, where it has one, and results to its ``ingest``, in the recorded order
    and groups: one of the same settings then stands where that of the run did, and would ask the same next; one of
    other settings (another loss, another model) knows the same. ``run`` is a run folder or a result, ``name`` the
    generator that is meant where there were several. Trials that have no outcome stay pending.

    Raises ``UserError`` where the run is of another problem, ``GeneratorError`` for what the generator raises.
    """
    if isinstance(generator, Steers):
        raise UserError("relearn is for generators that are asked: a body runs again by resuming its campaign")
    source = Path(run) if isinstance(run, str | Path) else run.source
    if isinstance(source, Reader):
        return _taught(source, generator, name)
    with open_reader(source) as reader:
        return _taught(reader, generator, name)


def _taught(reader: Reader, generator: G, name: str) -> G:
    declared = reader.declared() or {}
    problem = generator.problem if isinstance(generator, Posed) else None
    if problem is not None:
        _check(declared, problem)
    structured: Mapping[str, Structured] = {} if problem is None else problem.structured
    hears = _hearing(declared, name)
    retell(reader.story(name, hears=hears), generator, structured)
    late = tuple(unpacked(result, structured) for result in reader.untold(name, hears=hears))
    if late:  # the driver died before it told them
        repeat(generator, "ingest", capture(generator.ingest, late))
    return generator


def _check(declared: Mapping[str, Plain], problem: Problem) -> None:
    was, now = declared.get("problem"), problem.describe()
    if content_hash(was) != content_hash(now):
        place, old, new = difference("problem", was, now)
        raise UserError(f"the run was made with {place} = {old}, the generator with {new}: they need the same problem")


def _hearing(declared: Mapping[str, Plain], name: str) -> Hears | None:
    """Returns whose results a generator of a run was told besides its own."""
    generator = declared.get("generator", {})
    members = generator.get("members", {MAIN: generator})
    if name not in members:
        raise UserError(f"the run has no generator {name!r}{did_you_mean(name, members)}; it has {list(members)}")
    return hearing_of(members[name].get("hears", "own"))
