"""Defects put into the core on purpose, one at a time: the simulation must find each of them.

A ``Mutant`` replaces one function or method of the real core through the ``pytest.MonkeyPatch`` that ``apply`` is
given. What cannot be told from the outside is no mutant: it is left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from cohobate.campaign import leftovers, resume, scheduler
from cohobate.campaign.conversation import Conversation
from cohobate.campaign.driver import Driver
from cohobate.campaign.leftovers import Leftovers
from cohobate.campaign.moves import Talk
from cohobate.campaign.scheduler import Pending, Scheduler
from cohobate.campaign.table import Table
from cohobate.core.events import Event, Told
from cohobate.core.trial import Result
from cohobate.ledger import resume as stored
from cohobate.ledger.spool import Harvest
from cohobate.ledger.tally import Tally
from cohobate.ledger.writer import Writer
from simulation.mutant import Mutant
from simulation.others import OTHERS


def acknowledges_early(patch: pytest.MonkeyPatch) -> None:
    write = Writer._write

    def hasty(self: Writer, batch: list[Event]) -> None:
        self.durable = self._store.count + len(batch)
        write(self, batch)

    patch.setattr(Writer, "_write", hasty)


def retries_uncounted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Scheduler, "_spare", lambda self, pending, kind: self.policy.retries.allowed(kind) > 0)


def forgets_untold(patch: pytest.MonkeyPatch) -> None:
    untold = stored.untold
    patch.setattr(stored, "untold", lambda source, generator, hears: untold(source, generator, hears=hears)[:-1])


def forgets_cancel(patch: pytest.MonkeyPatch) -> None:
    settled = resume._settled
    patch.setattr(resume, "_settled", lambda item, *rest: settled(replace(item, cancel=False), *rest))


def counts_rejected(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tally, "counted", property(lambda self: self.values - self.cached + self.failed + self.rejected))


def clears_early(patch: pytest.MonkeyPatch) -> None:
    clear = Leftovers.clear
    patch.setattr(Leftovers, "clear", lambda self, durable: clear(self, inf))


def harvests_by_number(patch: pytest.MonkeyPatch) -> None:
    harvest = resume.harvest

    def careless(folder: Any) -> Harvest:
        found = harvest(folder)
        return replace(found, spooled=tuple(replace(one, inputs="any") for one in found.spooled))

    patch.setattr(resume, "harvest", careless)
    patch.setattr(resume, "content_hash", lambda _: "any")


def records_late(patch: pytest.MonkeyPatch) -> None:
    write, waiting = Driver._write, {}

    def later(self: Driver, events: Sequence[Event]) -> None:
        write(self, waiting.pop(self, []))
        waiting[self] = events

    patch.setattr(Driver, "_write", later)


def forgets_losses(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resume, "Pending", lambda trial, attempts, _: Pending(trial, attempts))


def believes_late(patch: pytest.MonkeyPatch) -> None:
    ended = Scheduler._ended

    def believing(self: Scheduler, id: int, attempt: int, report: Any, now: float) -> None:
        ended(self, id, self.running.get(id, attempt), report, now)

    patch.setattr(Scheduler, "_ended", believing)


def never_pauses(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Driver, "_paused", False)


def passes_limit(patch: pytest.MonkeyPatch) -> None:
    fill = Scheduler._fill
    patch.setattr(Scheduler, "_fill", lambda self, now, room, limit, free: fill(self, now, room, None, free))


def blames_cancelled(patch: pytest.MonkeyPatch) -> None:
    blamed = scheduler._blamed
    patch.setattr(scheduler, "_blamed", lambda report, cancel: blamed(report, None))


def loses_starts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resume, "_missing_starts", lambda item, final: [])


def keeps_no_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leftovers, "forget", lambda *_: None)


def sleeps_through_halts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Driver, "_abandoned", lambda self: False)


def hears_nothing_of_before(patch: pytest.MonkeyPatch) -> None:
    untold = stored.untold
    patch.setattr(stored, "untold", lambda source, generator, hears: untold(source, generator))


def forgets_listeners(patch: pytest.MonkeyPatch) -> None:
    def tell(self: Table, result: Result) -> None:
        self.talks[result.trial.generator].tell(result)

    patch.setattr(Table, "tell", tell)


def records_no_hearsay(patch: pytest.MonkeyPatch) -> None:
    told = Conversation.told

    def own_only(self: Conversation, turn: Talk) -> Told | None:
        event = told(self, turn)
        return event and replace(event, heard=())

    patch.setattr(Conversation, "told", own_only)


OWN = (
    Mutant("acknowledges before the sync", "the count is moved before the commit", acknowledges_early),
    Mutant("retries without counting", "a budget is looked at and never spent", retries_uncounted),
    Mutant("forgets an untold result on resume", "one off in what is still to be told", forgets_untold),
    Mutant("dispatches a cancelled trial", "a resume forgets the wish to cancel", forgets_cancel),
    Mutant("goal counts rejected", "a rejected candidate is taken for an evaluation", counts_rejected),
    Mutant("clears the spool before the sync", "the file is removed when the event is appended", clears_early),
    Mutant("harvests by number alone", "the inputs of a spooled result are not compared", harvests_by_number),
    Mutant("acts before it records", "events are written one turn late", records_late),
    Mutant("forgives lost workers on resume", "failed attempts are not counted over sessions", forgets_losses),
    Mutant("believes a late report", "the number of the attempt is not compared", believes_late),
    Mutant("never pauses", "the backlog of the ledger is not looked at", never_pauses),
    Mutant("fills the engine past the goal", "the limit of the goal is not passed on", passes_limit),
    Mutant("blames a cancelled attempt", "a failure after a cancel is taken for one", blames_cancelled),
    Mutant(
        "counts a harvest without its start", "a start that was lost with the tail is not made up for", loses_starts
    ),
    Mutant("keeps spooled files", "nobody removes what is recorded", keeps_no_files),
    Mutant(
        "forgets what a listener has not heard", "a resume looks at one's own trials alone", hears_nothing_of_before
    ),
    Mutant("tells the owner alone", "listeners are left out where a result becomes final", forgets_listeners),
    Mutant("records no hearsay", "only one's own trials are recorded as told", records_no_hearsay),
    Mutant("sleeps through a halt", "the end of the grace is not looked at", sleeps_through_halts),
)
"""Left out, because nothing tells them from the core: a stop that does not wait for untold results (a plan has always
taken them before anybody asks), and questions that do not subtract what is queued (the queue is empty where there is
room, and without room nothing is asked)."""
MUTANTS = (*OWN, *OTHERS)
