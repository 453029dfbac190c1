"""Where the talk with one body stands: what it waits for, what it has not been told, whether it is to end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from math import inf
from typing import Literal, Protocol, final

from cohobate.campaign.moves import Action, Perform, Reply, Restart, StopWanted
from cohobate.campaign.steering.requests import (
    Awaiting,
    Calling,
    Cancelling,
    Computing,
    Ending,
    Knowing,
    Over,
    Receiving,
    Request,
    Revising,
    Suggesting,
)
from cohobate.core import events as ev
from cohobate.core.outcome import Outcome
from cohobate.core.payload import Payload
from cohobate.core.trial import Result, Trial
from cohobate.ledger.resume import Hears

IDLE = " and had suggested nothing, so it is not started again"
OnReturn = Literal["stop", "others", "restart"]


class Desk(Protocol):
    """What a helm asks of the scheduler."""

    stopping: StopWanted | None

    @property
    def running(self) -> Container[int]: ...

    @property
    def idle(self) -> bool:
        """Whether nothing runs, calls of bodies included."""
        ...

    @property
    def ahead(self) -> bool:
        """Whether somebody who comes first may propose more."""
        ...

    def still(self, but: str) -> bool:
        """Whether nothing can come of anybody but the one named."""
        ...

    def record(self, event: ev.Event) -> None: ...

    def act(self, action: Action) -> None: ...

    def take_in(self, said: Suggesting, helm: Helm, now: float) -> tuple[Trial, ...]: ...

    def cancel(self, ids: Sequence[int], reason: str, now: float, *, by: str) -> None: ...

    def revise(self, said: Revising, by: str, now: float) -> bool: ...

    def stop(self, fact: StopWanted, now: float) -> None: ...


@final
class Helm:
    """The state of the talk with one body.

    ``outstanding`` are its trials that are not final, ``untold`` final results of its own and ``overheard``
    those of others; ``asks`` counts its suggestions, ``runs`` its returns.
    """

    __slots__ = (
        "_asked",
        "_calls",
        "_ended_at",
        "_outcomes",
        "_polls",
        "_until",
        "asks",
        "closing",
        "ended",
        "grace",
        "hears",
        "name",
        "on_return",
        "outstanding",
        "overheard",
        "parked",
        "runs",
        "untold",
    )

    def __init__(
        self,
        name: str = "main",
        *,
        asks: int = 0,
        runs: int = 0,
        hears: Hears | None = None,
        on_return: OnReturn = "stop",
        grace: float = inf,
    ) -> None:
        self.name, self.hears, self.on_return, self.grace = name, hears, on_return, grace
        self.asks, self.runs = asks, runs
        self._asked = -1  # unknown where a run goes on by its log
        self.ended = runs > 0 and on_return != "restart"
        self.untold: list[Result] = []
        self.overheard: list[Result] = []
        self.outstanding: set[int] = set()
        self.parked: Receiving | Awaiting | Suggesting | None = None
        self.closing = False
        self._until = inf
        self._polls = 0
        self._calls: set[int] = set()
        self._outcomes: dict[int, Outcome] = {}
        self._ended_at = inf

    @property
    def busy(self) -> bool:
        """Whether the body computes."""
        return not self.ended and self.parked is None

    @property
    def farewell(self) -> str:
        """Why a campaign stops that its return ends."""
        return "the generator has returned" if self.name == "main" else f"the generator {self.name!r} has returned"

    @property
    def calling(self) -> bool:
        """Whether calls of it run at the engine."""
        return bool(self._calls)

    @property
    def still(self) -> bool:
        """Whether it has ended, or waits for nothing but the results of others, for as long as it takes."""
        waits = isinstance(self.parked, Receiving) and self._until == inf
        return self.ended or (waits and self.hears is not None and not self.outstanding)

    @property
    def held(self) -> bool:
        """Whether it waits to suggest something until those who come first are done."""
        return isinstance(self.parked, Suggesting)

    def due(self) -> float:
        """When it must be looked at although nothing happened."""
        return min(self._until, self._ended_at)

    def tell(self, result: Result) -> None:
        """Takes in a final result that it is to be told."""
        if result.trial.generator == self.name:
            self.outstanding.discard(result.trial.id)
            self.untold.append(result)
        else:
            self.overheard.append(result)

    def end(self) -> None:
        """Ends the talk for good: the body is broken."""
        self.ended = True

    def performed(self, call: int, outcome: Outcome) -> None:
        """Takes in the outcome of a call at the engine."""
        if call in self._calls:
            self._calls.discard(call)
            self._outcomes[call] = outcome

    # what the body says

    def said(self, request: Request, desk: Desk, now: float) -> None:
        """Takes in what the body says, and answers that where it can be answered at once."""
        self._look(desk, now)
        if isinstance(request, Ending):
            self._end(request, desk, now)
        elif self.closing and not isinstance(request, Revising | Knowing | Computing):
            desk.act(Reply(self.name, Over()))
        elif isinstance(request, Receiving | Awaiting):
            self.parked = request
            self._until = now + request.timeout if isinstance(request, Receiving) and request.timeout else inf
            self.serve(desk, now)
        elif isinstance(request, Suggesting) and desk.ahead and desk.stopping is None:
            self.parked = request
        else:
            desk.act(Reply(self.name, self._answer(request, desk, now)))

    def _answer(self, request: Request, desk: Desk, now: float) -> Payload:
        if not isinstance(request, Knowing | Calling):
            self._own_up(desk)
        match request:
            case Suggesting():
                return desk.take_in(request, self, now)
            case Cancelling():
                desk.cancel(request.trials, request.reason, now, by=self.name)
            case Revising():
                return desk.revise(request, self.name, now)
            case Knowing(call):
                return self._outcomes.get(call)
            case Computing(call, outcome):
                desk.record(ev.Computed(self.name, call, outcome, now))
                return outcome
            case Calling():
                self._call(request, desk)
        return None

    def _call(self, request: Calling, desk: Desk) -> None:
        if request.call in self._calls or request.call in self._outcomes:
            return  # a body in a new process says it again
        self._calls.add(request.call)
        desk.act(Perform(self.name, request.call, request.task))

    def _end(self, request: Ending, desk: Desk, now: float) -> None:
        self._own_up(desk)
        desk.record(ev.Returned(self.name, {"value": request.value}, now, self.closing))
        self.runs += not self.closing
        idle, self._asked = self.asks == self._asked, self.asks
        if self.closing or self.on_return != "restart" or idle:
            self.ended = True
            if not self.closing and self.on_return != "others":
                desk.stop(StopWanted(self.farewell + IDLE * (self.on_return == "restart")), now)
            return
        self._calls, self._outcomes = set(), {}
        desk.act(Restart(self.name, self.runs))

    # what it waits for

    def take_turn(self, desk: Desk, now: float) -> None:
        """Hands in what it suggests once those who come first are done."""
        if isinstance(self.parked, Suggesting) and not (desk.ahead and desk.stopping is None):
            self._reply(Over() if self.closing else self._answer(self.parked, desk, now), desk)

    def serve(self, desk: Desk, now: float) -> None:
        """Answers what it waits for, if that has come, and lets it know where nothing more will."""
        self._look(desk, now)
        match self.parked:
            case Receiving(at_least):
                self._serve_results(at_least, desk, now)
            case Awaiting(call, wait):
                self._serve_outcome(call, desk, now, wait=wait)

    def _serve_results(self, at_least: int, desk: Desk, now: float) -> None:
        there = len(self.untold) + len(self.overheard)
        late = now >= self._until
        if there and (there >= at_least or late or self._no_more(desk)):
            self._deliver(desk)
        elif self.closing:
            self._reply(Over(), desk)
        elif at_least == 0 or late or self._in_vain(desk):
            self._polls += 1
            self._reply((), desk)

    def _serve_outcome(self, call: int, desk: Desk, now: float, *, wait: bool) -> None:
        if call in self._outcomes:
            outcome = self._outcomes.pop(call)
            self._own_up(desk)
            desk.record(ev.Computed(self.name, call, outcome, now))
            self._reply(outcome, desk)
        elif self.closing:
            self._reply(Over(), desk)
        elif not wait:
            self._polls += 1
            self._reply(None, desk)

    def _no_more(self, desk: Desk) -> bool:
        """Whether no further result can come to it."""
        if desk.stopping is not None:
            return desk.idle
        return not self.outstanding and (self.hears is None or desk.still(self.name))

    def _in_vain(self, desk: Desk) -> bool:
        """Whether it would wait for ever, while the campaign goes on."""
        return self._until == inf and self.hears is None and desk.stopping is None and self._no_more(desk)

    def _deliver(self, desk: Desk) -> None:
        overheard, own = self.overheard, self.untold
        self.overheard, self.untold = [], []
        self._ended_at = inf
        self._own_up(desk)
        desk.record(ev.Told(self.name, _ids(own), _ids(overheard)))
        self._reply((*overheard, *own), desk)

    def _reply(self, answer: Payload, desk: Desk) -> None:
        self.parked, self._until = None, inf
        desk.act(Reply(self.name, answer))

    def _own_up(self, desk: Desk) -> None:
        """Records the times it was told of nothing, before what it did then."""
        if self._polls:
            desk.record(ev.Told(self.name, (), times=self._polls))
            self._polls = 0

    # its end

    def _look(self, desk: Desk, now: float) -> None:
        """Nothing more will come: once it has all that came, its calls say so; from either on it has its grace."""
        if desk.stopping is None or not desk.idle or self.ended:
            return
        if now >= self._ended_at:
            self.ended = True
        elif not (self.closing or self.untold or self.overheard):
            self._own_up(desk)
            self.closing = True
            self._ended_at = now + self.grace
            desk.record(ev.Closing(self.name))
        elif self._ended_at == inf:
            self._ended_at = now + self.grace


def _ids(results: Sequence[Result]) -> tuple[int, ...]:
    return tuple(result.trial.id for result in results)
