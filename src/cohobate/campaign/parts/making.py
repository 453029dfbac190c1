"""Parts where they are made: user code in, values that can be stored out, each as if it had come alone."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import CoroutineType
from typing import Any, Final, NamedTuple, final

from cohobate.campaign.evaluation import attempt_folder, concluded, worker_name
from cohobate.campaign.loads import LATEST
from cohobate.core.capture import capture
from cohobate.core.context import cancelled, working_in
from cohobate.core.errors import BadOutput, NotStorable
from cohobate.core.outcome import Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.trial import Evaluated
from cohobate.host.once import once
from cohobate.ledger.codec import dumps, loads
from cohobate.ledger.spool import LONG, write_spool
from cohobate.simulate.outputs import PLAIN

LONGEST: Final = 80
"""Characters of a folder's name that come from the name of a part."""


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What a part gave, where and when; ``reused``: another driver had made it."""

    outcome: Outcome
    started: float
    seconds: float
    worker: str = ""
    flagged: bool = False
    reused: bool = False

    def __reduce__(self) -> tuple[type[Report], tuple[Outcome, float, float, str, bool, bool]]:
        """Pickles as a call, like ``Value``."""
        return Report, (self.outcome, self.started, self.seconds, self.worker, self.flagged, self.reused)


class Order(NamedTuple):
    """One part to be made: call number ``number`` of those sent ahead, or the function that comes first in ``args``.

    ``inputs`` is the hash of those of its candidate, where it is worth spooling if it takes long.
    """

    trial: int
    attempt: int
    name: str
    number: int
    args: tuple[Any, ...]
    key: str = ""
    inputs: str = ""


@final
@dataclass(frozen=True, slots=True)
class Call:
    """A function, and those of its arguments that are the same in each candidate, each with its position."""

    fn: Any
    fixed: tuple[tuple[int, Any], ...] = ()

    def __call__(self, args: tuple[Any, ...]) -> Payload:
        """Returns what it returns with the other arguments."""
        if not self.fixed:
            return self.fn(*args)
        every = list(args)
        for at, value in self.fixed:
            every.insert(at, value)
        return self.fn(*every)


@final
@dataclass(frozen=True, slots=True)
class Site:
    """Where parts may write, share, and find what other drivers have made; nowhere outside a campaign."""

    folder: Path | None = None
    epoch: int = 0
    shared: Path | None = None
    reuse: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class Making:
    """Makes parts one after the other; ``calls`` are sent to each worker once."""

    site: Site
    calls: tuple[Call, ...] = ()

    def __call__(self, *orders: Order) -> tuple[Report, ...]:
        """Returns the reports of the first ones: of all, unless it takes too long, or is asked to stop."""
        latest, process = time.monotonic() + LATEST, os.getpid()
        reports: list[Report] = []
        for order in orders:
            reports.append(report := self.make(order))
            # In another process? The part forked and came back twice; whoever called sees to it.
            if report.flagged or time.monotonic() > latest or os.getpid() != process:
                break
        return tuple(reports)

    def make(self, order: Order) -> Report:
        """Returns what became of one; never raises for what its function does."""
        known: list[bool] = []
        started, clock = time.time(), time.perf_counter()
        with self._directory(order):
            ended = capture(self._value, order, known)
        seconds = time.perf_counter() - clock
        outcome = concluded(ended, order.attempt)
        report = Report(outcome, started, seconds, worker_name(), cancelled(), bool(known))
        if seconds > LONG and order.inputs:
            self._spool(order, report)
        return report

    def _spool(self, order: Order, report: Report) -> None:
        """Keeps a value that took long to get, in case the driver is gone."""
        site = self.site
        if site.folder is not None and isinstance(report.outcome, Value):
            evaluated = Evaluated(report.outcome, report.started, report.seconds, report.worker, report.flagged)
            with suppress(OSError):  # a full disk here must not cost the value that is on its way
                write_spool(site.folder, site.epoch, order.trial, order.attempt, order.inputs, evaluated, order.name)

    def _value(self, order: Order, known: list[bool]) -> Mapping[str, Payload]:
        """Returns the value; notes in ``known`` that somebody else had made it."""
        if self.site.reuse is None or not order.key:
            return {"value": storable(self._called(order))}
        known.append(True)

        def make() -> bytes:
            known.clear()
            return _spelled(self._called(order)).encode()

        return {"value": loads(once(file_of(self.site.reuse, order.key), make).decode())}

    def _called(self, order: Order) -> Payload:
        number, args = order.number, order.args
        value = args[0](*args[1:]) if number < 0 else self.calls[number](args)
        if isinstance(value, CoroutineType):
            value.close()
            raise BadOutput("expected a value, got a coroutine: a part must be a plain function, not an async def")
        return value

    def _directory(self, order: Order) -> AbstractContextManager[None]:
        site = self.site
        if site.folder is None:
            return working_in(shared=site.shared)
        return working_in(partial(_folder, site.folder, order), shared=site.shared)


def storable(value: Payload) -> Payload:
    """Returns a value as a ledger gives it back, shared with nobody; raises ``BadOutput`` where it takes none."""
    kind = type(value)
    if kind in PLAIN:
        return value
    return dict(value) if kind is dict and _is_plain(value) else loads(_spelled(value))


def file_of(folder: Path, key: str) -> Path:
    """Returns where the value of a key is kept."""
    name = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return folder / name[:2] / name


def _is_plain(value: Mapping[Payload, Payload]) -> bool:
    return PLAIN.issuperset(map(type, value.values())) and all(type(key) is str for key in value)


def _spelled(value: Payload) -> str:
    try:
        return dumps(value)
    except NotStorable as error:
        raise BadOutput(str(error)) from None


def _folder(folder: Path, order: Order) -> Path:
    path = attempt_folder(folder, order.trial, order.attempt) / safe_name(order.name)
    path.mkdir(parents=True, exist_ok=True)
    return path


def safe_name(name: str) -> str:
    """Returns the name of a folder for a part; other names never give the same."""
    safe = re.sub(r"[^A-Za-z0-9_=+,()-]+", "_", name)[:LONGEST]
    if safe == name != "":
        return safe
    return f"{safe}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
