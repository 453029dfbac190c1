"""How a campaign goes on from its ledger: the same thing must be asked again, and nothing is re-derived."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cohobate.campaign.cache import Cache
from cohobate.campaign.members import Member, Members
from cohobate.campaign.parts.recorded import Kept
from cohobate.campaign.policy import Policy
from cohobate.campaign.scheduler import Pending, Scheduler
from cohobate.campaign.table import Talks
from cohobate.core.canonical import content_hash, difference
from cohobate.core.capture import Raised, capture
from cohobate.core.errors import GeneratorError, ResumeRefused
from cohobate.core.events import Accepted, Declared, Event, Finished, Progress, Proposed, Started
from cohobate.core.outcome import Cancelled, Failure, Value
from cohobate.core.parts import Made
from cohobate.core.payload import Plain
from cohobate.core.problem import Structured, unpack
from cohobate.core.protocols import Generator, Learns, Recalls
from cohobate.core.steering import Steers
from cohobate.core.trial import Evaluated, Result, Trial
from cohobate.ledger.ledger import Ledger
from cohobate.ledger.reader import Reader
from cohobate.ledger.resume import Step, Unfinished
from cohobate.ledger.spool import Harvest, Spooled, harvest


@dataclass(frozen=True, slots=True)
class Identity:
    """What a campaign is made of: what must not change between a run and its resume, and the simulator.

    ``units`` are those that the simulator states of its outputs; they are recorded and not compared. ``made_of`` is
    what a simulator of parts says of itself, to name what has changed in it.
    """

    declared: Mapping[str, Plain]
    simulator: str
    units: Mapping[str, str] = field(default_factory=dict)
    made_of: Mapping[str, Plain] = field(default_factory=dict)


def declare(ledger: Ledger | Reader, identity: Identity, *, accept_new_code: bool) -> list[Event]:
    """Returns the events that state what the campaign is; raises ``ResumeRefused`` naming what changed."""
    now = {**identity.declared, "simulator": identity.simulator}
    if identity.units:
        now["units"] = dict(identity.units)
    if identity.made_of:
        now["made_of"] = dict(identity.made_of)
    was = ledger.declared()
    if was is None:
        return [Declared(now)]
    for name in identity.declared:
        if content_hash(was.get(name)) != content_hash(identity.declared[name]):
            place, old, new = difference(name, was.get(name), identity.declared[name])
            raise ResumeRefused(
                f"this run folder was made with {place} = {old}, now it is {new}; restore it, or use a new run folder"
            )
    if was["simulator"] == identity.simulator:
        return []
    if not accept_new_code:
        raise ResumeRefused(
            f"{_changed(was.get('made_of'), now.get('made_of'))}, "
            "accept the change (--accept-new-code, or accept_new_code=True), or use a new run folder"
        )
    return [Accepted(str(was["simulator"]), identity.simulator), Declared(now)]


def _changed(was: Plain, now: Plain) -> str:
    since = "has changed since this run folder was made"
    if content_hash(was or {}) == content_hash(now or {}):
        return f"the simulator's code {since}; give it the same version="
    place, old, new = difference("", was or {}, now or {})
    return f"what is simulated {since}: {place.removeprefix('.')} was {old}, now it is {new}; restore it"


@dataclass(frozen=True, slots=True)
class Past:
    """What is left of earlier sessions: where to go on, and what to record first."""

    scheduler: Scheduler
    events: list[Event]
    spooled: tuple[Spooled, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def harvested(self) -> int:
        """How many outcomes came out of the spool."""
        return sum(isinstance(event, Finished) and event.harvested for event in self.events)


def remember(
    ledger: Ledger,
    members: Members,
    policy: Policy,
    structured: Mapping[str, Structured],
    cache: Cache | None = None,
    *,
    parted: Kept | None = None,
) -> Past:
    """Brings a fresh generator to where it was, and returns the scheduler that continues.

    Recorded proposals win: nothing is derived again. Results that were spooled but never recorded
    are taken in; trials without an outcome are run again, but for the parts that ``parted`` has.
    """
    talks = _talks(ledger, members, structured)
    found = harvest(ledger.folder) if ledger.folder else Harvest((), ())
    spooled = found.spooled
    values_last = sorted(spooled, key=lambda one: isinstance(one.evaluated.outcome, Value))
    spool = {(one.trial, one.inputs): one for one in values_last if not one.part}
    parts = _parts_of(spooled)
    events: list[Event] = []
    unfinished: list[Pending] = []
    settled: list[Result] = []
    for item in ledger.unfinished():
        kept = spool.get((item.trial.id, content_hash(item.trial.inputs)))
        trial = _unpacked_trial(item.trial, structured)
        final = _settled(item, kept, policy) or _known(item, trial, cache)
        if final is None:
            if parted is not None:
                events += _progress(trial.id, parts.get((trial.id, content_hash(item.trial.inputs)), ()), parted)
            unfinished.append(Pending(trial, item.attempts, dict(item.failed)))
        else:
            events += _missing_starts(item, final)
            events.append(final)
            if cache is not None:
                cache.keep(trial.inputs, final.outcome)
            settled.append(Result(trial, final.outcome))
    scheduler = Scheduler(policy, talks=talks, next_id=ledger.tally.proposed, unfinished=unfinished, cache=cache)
    for result in settled:
        scheduler.table.tell(result)
    return Past(scheduler, events, spooled, found.unreadable)


def _parts_of(spooled: Iterable[Spooled]) -> dict[tuple[int, str], list[Spooled]]:
    """Returns parts that were spooled, by the trial and the inputs they belong to."""
    found: dict[tuple[int, str], list[Spooled]] = {}
    for one in spooled:
        if one.part and isinstance(one.evaluated.outcome, Value):
            found.setdefault((one.trial, one.inputs), []).append(one)
    return found


def _progress(trial: int, spooled: Iterable[Spooled], kept: Kept) -> list[Event]:
    """Returns the record of parts of a trial that are known from the spool alone; ``kept`` has them then."""
    known = kept.setdefault(trial, {})
    events: list[Event] = []
    for one in spooled:
        report, outcome = one.evaluated, one.evaluated.outcome
        if isinstance(outcome, Value) and one.part not in known:
            known[one.part] = Made(outcome, report.seconds, report.worker)
            values = dict(outcome.outputs)
            events.append(Progress(trial, one.attempt, one.part, values, time.time(), report.seconds, report.worker))
    return events


def _talks(ledger: Ledger, members: Members, structured: Mapping[str, Structured]) -> list[Talks]:
    """Returns where the talk with each generator stands, those that are asked brought to where they were."""
    talks: list[Talks] = []
    returned = [event.generator for event in ledger.returned() if not event.closing]
    for name, member in members.items():
        match member.generator:
            case Steers():
                talk = member.talk(name, asks=ledger.asks(name), runs=returned.count(name))
            case generator:
                talk = member.talk(name, asks=_recalled(ledger, name, member, generator, structured))
        for result in ledger.untold(name, hears=member.hearing):
            talk.tell(unpacked(result, structured))
        talks.append(talk)
    return talks


def _recalled(
    ledger: Ledger, name: str, member: Member, generator: Generator, structured: Mapping[str, Structured]
) -> int:
    try:
        return retell(ledger.story(name, hears=member.hearing), generator, structured)
    except GeneratorError:
        capture(generator.finalize)  # it may hold something by now; why it cannot go on matters more
        raise


def _settled(item: Unfinished, spooled: Spooled | None, policy: Policy) -> Finished | None:
    """Returns the outcome of a trial that needs no further attempt."""
    now = time.time()
    if spooled is not None and _is_final(spooled.evaluated, policy, cancel=item.cancel):
        report = spooled.evaluated
        return Finished(
            item.trial.id,
            spooled.attempt,
            report.outcome,
            at=now,
            started=report.started,
            seconds=report.seconds,
            worker=report.worker,
            cancel_requested=item.cancel,
            harvested=True,
        )
    if item.cancel:
        return Finished(
            item.trial.id, item.attempts, Cancelled(item.why or "on request"), at=now, cancel_requested=True
        )
    return None


def _missing_starts(item: Unfinished, final: Finished) -> list[Started]:
    """Returns the starts up to the deciding attempt that were lost with the tail of the log; counts need them."""
    return [Started(item.trial.id, n, final.started) for n in range(item.attempts + 1, final.attempt + 1)]


def _is_final(report: Evaluated, policy: Policy, *, cancel: bool) -> bool:
    """Whether a spooled report decides its trial; a failure after a flag may follow a cancel that was lost."""
    if not isinstance(report.outcome, Failure):
        return True
    return not (cancel or report.flagged) and policy.retries.allowed(report.outcome.kind) == 0


def _known(item: Unfinished, trial: Trial, cache: Cache | None) -> Finished | None:
    """Returns the outcome of a trial that was to have a value given with it, or that of an earlier one."""
    found = None if cache is None else cache.find(trial.inputs)
    value = found if trial.given is None else Value(trial.given)
    if value is None:
        return None
    now = time.time()
    return Finished(trial.id, item.attempts, value, at=now, started=now, cached=True)


def retell(story: Iterable[Step], generator: Generator, structured: Mapping[str, Structured]) -> int:
    """Repeats the recorded talk to a fresh generator; returns the number of its answers."""
    asks = 0
    recalling = generator if isinstance(generator, Recalls) else None
    for step in story:
        if isinstance(step, Proposed):
            asks = step.ask
            if recalling is not None:
                rows = [unpack(trial.inputs, structured) for trial in step.trials]
                repeat(generator, "recall", capture(recalling.recall, rows))
        else:
            results = tuple(unpacked(result, structured) for result in step.results)
            repeat(generator, "ingest", capture(generator.ingest, results))
    if isinstance(generator, Learns):
        repeat(generator, "lessons", capture(generator.lessons))  # they are recorded
    return asks


def repeat(generator: Generator, call: str, ended: object) -> None:
    """Raises what a generator raised on what is recorded."""
    if isinstance(ended, Raised):
        raise GeneratorError(
            f"{type(generator).__name__}.{call} raised on what is recorded: {ended.message}"
        ) from ended.error


def unpacked(result: Result, structured: Mapping[str, Structured]) -> Result:
    """Returns a recorded result as generators are told it."""
    return replace(result, trial=_unpacked_trial(result.trial, structured)) if structured else result


def _unpacked_trial(trial: Trial, structured: Mapping[str, Structured]) -> Trial:
    return replace(trial, inputs=unpack(trial.inputs, structured)) if structured else trial
