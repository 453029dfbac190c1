"""The promises of the loop, as the log of a session or of a whole campaign must show them: a function for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING

from cohobate.campaign.driver import TICK
from cohobate.campaign.moves import Ended
from cohobate.campaign.replay import replay
from cohobate.core import events as ev
from cohobate.core.errors import BudgetExceeded
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.protocols import inputs_of
from cohobate.core.trial import Inputs, Result, Trial
from cohobate.ledger.reader import Reader
from cohobate.ledger.tally import Tally
from simulation.chooser import Chooser, number
from simulation.engine import truth
from simulation.watch import kind_of, trials_of

if TYPE_CHECKING:
    from simulation.world import World

POSSIBLE = {
    "fine": set(),
    "raises": {"raised"},
    "nan": {"bad_output"},
    "rejected": {"rejected"},
    "poison": {"worker_lost"},
    "flaky": {"worker_lost"},
    "moody": {"raised"},
    "hangs": {"timeout"},
    "ghost": {"worker_lost"},
}
"""How a kind of candidate may fail, besides taking too long."""
VALUABLE = {"fine", "flaky", "moody", "ghost", "hangs"}
"""Kinds that may give a value; ``hangs`` where it was flagged and returned after all."""


# after a session that ended in good order


def check_session(world: World) -> None:
    """Asserts what must hold after a session whose driver was not killed."""
    watch, session = world.watch, world.session
    if session.ledger.error is not None:
        return
    assert world.disk.stored == watch.log, "a session ended before everything was durable"
    halted_in_time(watch.log[-1], watch.leave_at)
    heard_is_recorded(watch.heard_ends, watch.log)
    reports_are_recorded_truly(watch.heard_ends, watch.log[watch.begin :])
    budget_is_spent(world)
    if world.o.durability == "full":  # else a power cut lets an epoch come twice, and with it the names of files
        spool_is_cleared(watch.files, set(world.disk.files))
    assert all(one.finalized <= 1 for one in world.generators.values()), "a generator was ended twice"


def halted_in_time(last: ev.Event, leave_at: float | None) -> None:
    assert isinstance(last, ev.Stopped), f"the last event is {last}"
    assert leave_at is None or last.at <= leave_at + 2 * TICK, "a halt took longer than its grace"


def heard_is_recorded(ends: Sequence[Ended], log: Sequence[ev.Event]) -> None:
    """Each report that reached the driver is in the ledger, if only as ignored."""
    heard = Counter((end.trial, end.attempt) for end in ends)
    recorded = Counter((e.trial, e.attempt) for e in log if isinstance(e, ev.Finished | ev.AttemptFailed | ev.Ignored))
    lost = [end for end in heard if recorded[end] < heard[end]]
    assert not lost, f"reports (trial, attempt) {lost} were heard and not recorded"


def reports_are_recorded_truly(ends: Sequence[Ended], log: Sequence[ev.Event]) -> None:
    """A final outcome says where and how long it ran, and whether that was too long, as the first report did."""
    first = {(end.trial, end.attempt): end.report for end in reversed(ends)}
    for event in log:
        if not isinstance(event, ev.Finished) or isinstance(event.outcome, Cancelled):
            continue
        if report := first.get((event.trial, event.attempt)):
            where = (report.started, report.seconds, report.worker)
            assert (event.started, event.seconds, event.worker) == where, f"trial {event.trial} was not run there"
            late = report.flagged and not event.cancel_requested
            assert event.deadline_passed == late, f"trial {event.trial} was not flagged so"


def budget_is_spent(world: World) -> None:
    """A session ends by the failure budget where that is spent, and only there."""
    by_budget = isinstance(session.driver.error, BudgetExceeded) if (session := world.session) else False
    assert by_budget <= world.watch.spent, "the failure budget was not spent"


def spool_is_cleared(before: set[str], after: set[str]) -> None:
    assert not before & after, f"{before & after} lay in the spool when the session began, and still do"


# the whole campaign


def check_end(world: World) -> None:
    """Asserts everything that the log of a whole campaign must say."""
    log = world.disk.stored
    inputs = {trial.id: trial.inputs for trial in trials_of(log)}
    xs = {id: number(stored) for id, stored in inputs.items()}
    finals = one_final_each(log)
    all_final(xs, finals)
    asks_are_counted(log)
    goal_is_kept(world, log)
    counts_are_true(log, finals, world.disk.counts)
    attempts_are_bounded(world, log)
    nothing_starts_after_cancel(log)
    told_once(log, finals, world.generators)
    values_are_true(world, xs, finals)
    losses_are_quarantined(world, log, finals)
    if world.o.cached:
        known_is_not_run_again(log, xs, world)
    lessons_come_before(log)
    generators_are_identical(world, log)
    replay_is_equal(world)


def one_final_each(log: Sequence[ev.Event]) -> dict[int, ev.Finished]:
    finals = [event for event in log if isinstance(event, ev.Finished)]
    by_trial = {final.trial: final for final in finals}
    assert len(by_trial) == len(finals), "two finals of one trial"
    return by_trial


def all_final(xs: dict[int, int], finals: dict[int, ev.Finished]) -> None:
    assert list(xs) == list(range(len(xs))), "trials are not numbered one by one"
    assert xs.keys() == finals.keys(), f"trials {sorted(xs.keys() ^ finals.keys())} have no outcome"


def asks_are_counted(log: Sequence[ev.Event]) -> None:
    proposals = [event for event in log if isinstance(event, ev.Proposed)]
    assert all(0 < len(event.trials) <= event.asked for event in proposals), "more was proposed than asked for"
    for name in {event.generator for event in proposals}:
        asks = [event.ask for event in proposals if event.generator == name]
        assert asks == list(range(1, len(asks) + 1)), "asks are not counted one by one"


def counts_are_true(log: Sequence[ev.Event], finals: dict[int, ev.Finished], counts: Tally) -> None:
    """The counts that everything looks at are those of the log."""
    kinds = Counter(kind_of(final.outcome) for final in finals.values())
    values = [final.outcome.outputs["f"] for final in finals.values() if isinstance(final.outcome, Value)]
    assert counts.failures == {kind: kinds[kind] for kind in KINDS}, f"{counts.failures} failures, {kinds} recorded"
    cached = sum(final.cached for final in finals.values())
    cancelled = sum(isinstance(final.outcome, Cancelled) for final in finals.values())
    retried = sum(isinstance(event, ev.AttemptFailed) for event in log)
    expected = (len(values), cached, cancelled, retried)
    assert (counts.values, counts.cached, counts.cancelled, counts.retried) == expected, "other counts than recorded"
    best = counts.best("f", "minimize")
    assert (None if best is None else best.value) == min(values, default=None), f"the best is {best}"
    assert isclose(counts.seconds, alive(log)), "driver-alive seconds are lost"


def alive(log: Sequence[ev.Event]) -> float:
    """Returns the seconds from each opening to the last event before the next."""
    total = opened = last = 0.0
    for event in log:
        if isinstance(event, ev.Opened):
            total, opened, last = total + max(0.0, last - opened), event.at, event.at
        elif isinstance(event, ev.Started | ev.Progress | ev.AttemptFailed | ev.Finished | ev.Stopped):
            last = event.at
    return total + max(0.0, last - opened)


def goal_is_kept(world: World, log: Sequence[ev.Event]) -> None:
    evaluated = sum(
        not event.cached and (isinstance(event.outcome, Value) or kind_of(event.outcome) not in ("", "rejected"))
        for event in log
        if isinstance(event, ev.Finished)
    )
    assert evaluated <= world.o.goal, f"{evaluated} evaluations, the goal was {world.o.goal}"
    counts = world.disk.counts
    assert (counts.counted, counts.open) == (evaluated, 0), f"counted {counts.counted}, {counts.open} open"
    ended = world.session.driver.reason
    exhausted = len(list(trials_of(log))) == world.o.pool
    assert evaluated == world.o.goal or exhausted, f"{evaluated} of {world.o.goal} evaluations, then: {ended}"


def attempts_are_bounded(world: World, log: Sequence[ev.Event]) -> None:
    """Each kind of failure has its own retries, over all sessions; a pause goes before each."""
    retries, allowed = world.o.retries, budgets(world)
    attempts: Counter[int] = Counter()
    failed: Counter[tuple[int, str]] = Counter()
    running: set[int] = set()
    harvested = {event.trial for event in log if isinstance(event, ev.Finished) and event.harvested}
    earliest: dict[int, float] = {}
    for event in log:
        match event:
            case ev.Opened():
                running, earliest = set(), {}
            case ev.Started(trial, attempt, at):
                attempts[trial] += 1
                assert attempt == attempts[trial], f"attempt {attempt} of trial {trial} follows {attempts[trial] - 1}"
                assert trial not in running or trial in harvested, f"two attempts of trial {trial} at once"
                assert at >= earliest.get(trial, at), f"trial {trial} was tried again too early"
                running.add(trial)
            case ev.AttemptFailed(trial, attempt, failure, at):
                running.remove(trial)
                failed[trial, failure.kind] += 1
                earliest[trial] = at + min(retries.longest, retries.first * 2 ** (attempt - 1))
                assert failed[trial, failure.kind] <= allowed[failure.kind], f"trial {trial}: too many retries"
            case ev.Finished(trial, attempt, Value() | Failure()) if attempt and not (event.harvested or event.cached):
                assert trial in running, f"attempt {attempt} of trial {trial} ended, and was not running"
                if isinstance(event.outcome, Failure):
                    kind = event.outcome.kind
                    assert failed[trial, kind] == allowed[kind], f"trial {trial}: given up before its time"


def budgets(world: World) -> Counter[str]:
    """Retries by kind of failure."""
    o = world.o.retries
    return Counter(raised=o.raised, bad_output=o.raised, worker_lost=o.worker_lost, timeout=o.timeout)


def nothing_starts_after_cancel(log: Sequence[ev.Event]) -> None:
    cancelled: set[int] = set()
    harvested = {event.trial for event in log if isinstance(event, ev.Finished) and event.harvested}
    for event in log:
        match event:
            case ev.CancelAsked(trials=ids):
                cancelled.update(ids)
            case ev.Started(trial=trial) if trial not in harvested:  # whose starts are made up for afterwards
                assert trial not in cancelled, f"trial {trial} was started after its cancel was recorded"
            case ev.Finished(trial=trial):
                assert event.cancel_requested == (trial in cancelled), f"trial {trial}: the cancel is not told apart"


def told_once(log: Sequence[ev.Event], finals: dict[int, ev.Finished], generators: Mapping[str, Chooser]) -> None:
    """Each generator was told of what is its own, and those that hear others of that, too: in order, and once."""
    by = {trial.id: trial.generator for trial in trials_of(log)}
    for name in generators:
        own, heard = told_to(name, log)
        assert own == [id for id in finals if by[id] == name], (
            f"{name} was told of others than its own, or out of order"
        )
        others = [] if name == "main" else [id for id in finals if by[id] != name]
        assert heard == others, f"{name} heard {heard}, expected {others}"


def told_to(name: str, log: Sequence[ev.Event]) -> tuple[list[int], list[int]]:
    """Returns what one was told of its own trials and of those of others; asserts that all of it was final."""
    final: set[int] = set()
    own: list[int] = []
    heard: list[int] = []
    for event in log:
        match event:
            case ev.Finished(trial=trial):
                final.add(trial)
            case ev.Told(generator, ids, of_others) if generator == name:
                assert final.issuperset(ids + of_others), "a generator was told of what was not final"
                own += ids
                heard += of_others
    return own, heard


def values_are_true(world: World, xs: dict[int, int], finals: dict[int, ev.Finished]) -> None:
    """Failures never become values nor values failures, and each value is what was computed."""
    kinds, unfit = world.engine.kinds, world.generator.unfit
    for id, final in finals.items():
        x = xs[id]
        match final.outcome:
            case Value(outputs):
                assert kinds[x] in VALUABLE, f"trial {id} has a value, and {kinds[x]}"
                assert outputs == {"f": truth(x)}, f"trial {id} has {outputs}, expected {truth(x)}"
            case Failure(kind=kind):
                assert not final.cancel_requested, f"trial {id} failed after its cancel, which excuses it"
                possible = POSSIBLE[kinds[x]] if final.attempt else ({"rejected"} if x in unfit else set())
                late = world.o.deadline is not None and kind == "timeout"
                assert kind in possible or late, f"trial {id} is {kinds[x]}, and failed as {kind}"
            case Cancelled():
                assert final.cancel_requested, f"trial {id} was cancelled by nobody"


def losses_are_quarantined(world: World, log: Sequence[ev.Event], finals: dict[int, ev.Finished]) -> None:
    lost = Counter(e.trial for e in log if isinstance(e, ev.AttemptFailed) and e.failure.kind == "worker_lost")
    for id, final in finals.items():
        if kind_of(final.outcome) == "worker_lost":
            times = world.o.retries.worker_lost + 1
            assert lost[id] + 1 == times, f"trial {id} took {lost[id] + 1} workers, quarantine is after {times}"
            assert f"after {times} lost workers" in final.outcome.message


def known_is_not_run_again(log: Sequence[ev.Event], xs: dict[int, int], world: World) -> None:
    """A candidate whose value is recorded when it is proposed gets that value, and is not evaluated."""
    known: set[int] = set()
    spared: set[int] = set()
    for event in log:
        match event:
            case ev.Proposed(trials=trials):
                spared.update(trial.id for trial in trials if xs[trial.id] in known)
            case ev.Finished(trial=trial, outcome=Value()):
                assert not event.cached or xs[trial] in known, f"trial {trial} has a cached value that nobody had"
                known.add(xs[trial])
            case ev.Finished(trial=trial, cached=True):
                raise AssertionError(f"trial {trial} has a cached outcome that is no value")
            case ev.Started(trial=trial):
                assert trial not in spared, f"trial {trial} is evaluated although its value is known"


def lessons_come_before(log: Sequence[ev.Event]) -> None:
    """Every fit that an answer follows from is recorded before it, in order; after a crash perhaps once more."""
    learned: dict[str, list[int]] = {}
    for event in log:
        match event:
            case ev.Learned(name, model, known):
                models = learned.setdefault(name, [])
                assert known == 3 * model, f"model {model} from {known}"
                assert model in (len(models), len(models) + 1), f"model {model} after {models}"
                models += [model] * (model > len(models))
            case ev.Proposed(name, ask):
                assert len(learned.get(name, [])) >= ask // 3, f"answer {ask} after {learned}"


def generators_are_identical(world: World, log: Sequence[ev.Event]) -> None:
    """The generators that lived through the last session are as ones that were told everything in order."""
    for live in world.generators.values():
        again = live.fresh()
        retold(again, log)
        assert (again.trace, again.pending) == (live.trace, live.pending), "the generator is another one"
        assert sorted(again.left) == sorted(live.left), "the generator would propose other candidates"
        assert live.finalized == 1, "the generator was not ended"


def retold(generator: Chooser, log: Sequence[ev.Event]) -> None:
    """Asks a fresh generator all that was asked, and tells it all that was told, in order."""
    trials: dict[int, Trial] = {}
    results: dict[int, Result] = {}
    for event in log:
        match event:
            case ev.Proposed(name, trials=proposed):
                rows = repeated(generator, event) if name == generator.name else rows_of(generator, event)
                trials.update((t.id, replace(t, inputs=row)) for t, row in zip(proposed, rows, strict=True))
            case ev.Finished(trial=id, outcome=outcome):
                results[id] = Result(trials[id], outcome)
            case ev.Told(name, ids, heard) if name == generator.name:
                generator.ingest([results[id] for id in heard + ids])


def rows_of(generator: Chooser, event: ev.Proposed) -> list[Inputs]:
    """Returns what was proposed as it was said."""
    return [generator.row(number(trial.inputs)) for trial in event.trials]


def repeated(generator: Chooser, event: ev.Proposed) -> list[Inputs]:
    """Returns what was proposed, and asserts that it is proposed again."""
    if generator.o.foreign:
        generator.recall([trial.inputs for trial in event.trials])
        return rows_of(generator, event)
    rows = [inputs_of(row) for row in generator.suggest(event.asked)]
    assert [number(row) for row in rows] == [number(trial.inputs) for trial in event.trials], "the replay differs"
    return rows


def replay_is_equal(world: World) -> None:
    """What ``cohobate replay`` says; looked at in one campaign of eight, ``generators_are_identical`` in each."""
    if world.o.seed % 8 == 1 and not (world.o.foreign or world.o.company):
        fresh = world.generator.fresh()
        replayed = replay(Reader(world.disk), fresh, fresh.problem)
        assert replayed.difference is None, replayed.difference
