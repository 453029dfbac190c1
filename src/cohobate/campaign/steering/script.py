"""The log of a body as what answers it: what it said before it must say again, and is answered as before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import final

from cohobate.campaign.steering.requests import (
    Awaiting,
    Calling,
    Cancelling,
    Computing,
    Ending,
    Knowing,
    Receiving,
    Request,
    Revising,
    Suggesting,
)
from cohobate.core.canonical import canonical
from cohobate.core.errors import GeneratorError
from cohobate.core.events import CancelAsked, Computed, Proposed, Returned, Revised
from cohobate.core.payload import Payload
from cohobate.core.problem import Structured, pack, pack_some, unpack
from cohobate.core.protocols import inputs_of
from cohobate.core.trial import Result, Trial
from cohobate.ledger.resume import Act, Delivered

ADVICE = "restore the body as it was, or use a new run folder"


@dataclass(frozen=True, slots=True)
class Answered:
    """The recorded answer."""

    value: Payload


@final
class Script:
    """Answers requests from a log until that is at its end.

    ``asks`` and ``trials`` count what was suggested again; ``calls`` are those made at the engine whose
    outcomes are not recorded. Raises ``GeneratorError`` where the body differs from its log, and from then on:
    a body that catches that does not get any further.
    """

    __slots__ = ("_acts", "_next", "_number", "_polls", "_structured", "_wrong", "asks", "calls", "trials")

    def __init__(self, acts: Iterable[Act], structured: Mapping[str, Structured]) -> None:
        self._acts = iter(acts)
        self._next = next(self._acts, None)
        self._structured = structured
        self._polls = 0
        self._number = 0
        self._wrong: GeneratorError | None = None
        self.asks = self.trials = 0
        self.calls: dict[int, Calling] = {}

    def answer(self, request: Request) -> Answered | None:
        """Returns what the log answers; ``None`` where it is at its end."""
        if self._wrong is not None:
            raise self._wrong
        self._number += 1
        if isinstance(request, Calling):
            self.calls[request.call] = request
            return None if self._next is None else Answered(None)
        if self._next is None:
            return None
        return self._matched(request, self._next)

    def unsaid(self) -> str | None:
        """Returns what the log has that was not said again, ``None`` at its end."""
        return None if self._next is None else f"after {self._number} calls {_written(self._next)}, which was not said"

    def _matched(self, request: Request, act: Act) -> Answered:
        match request, act:
            case Suggesting(), Proposed():
                return self._suggested(request, act)
            case Receiving(), Delivered(results=results):
                return self._received(results, act)
            case Cancelling(ids, reason), CancelAsked(trials, said) if ids == trials and reason == said:
                return self._step(None)
            case Revising(trial), Revised() if trial == act.trial and self._same(request, act):
                return self._step(act.applied)
            case Knowing(call) | Awaiting(call), Computed(call=recorded) if call == recorded:
                self.calls.pop(call, None)
                return self._step(act.outcome)
            case Awaiting(wait=False), Delivered(results=()):
                return self._received((), act, None)
            case Ending(), Returned():
                return self._step(None)
        raise self._differs(_spoken(request), _written(act))

    def _suggested(self, request: Suggesting, act: Proposed) -> Answered:
        if len(request.rows) != len(act.trials):
            raise self._differs(_spoken(request), _written(act))
        for row, (said, trial) in enumerate(zip(request.rows, act.trials, strict=True)):
            inputs = pack(inputs_of(said), self._structured)
            if canonical(inputs) != canonical(trial.inputs):
                raise self._differs(
                    f"row {row} {dict(inputs)!r:.200}", f"the log has trial {trial.id} {dict(trial.inputs)!r:.200}"
                )
        self.asks, self.trials = self.asks + 1, self.trials + len(act.trials)
        return self._step(tuple(self._unpacked(trial) for trial in act.trials))

    def _received(self, results: tuple[Result, ...], act: Delivered, answer: Payload = ()) -> Answered:
        if results:
            return self._step(tuple(replace(one, trial=self._unpacked(one.trial)) for one in results))
        self._polls += 1
        if self._polls == act.times:
            self._polls = 0
            return self._step(answer)
        return Answered(answer)

    def _same(self, request: Revising, act: Revised) -> bool:
        asked = request.asked()
        said = {**asked, "inputs": pack_some(asked["inputs"], self._structured)}
        return canonical(said) == canonical(act.asked)

    def _unpacked(self, trial: Trial) -> Trial:
        return replace(trial, inputs=unpack(trial.inputs, self._structured)) if self._structured else trial

    def _step(self, value: Payload) -> Answered:
        self._next = next(self._acts, None)
        return Answered(value)

    def _differs(self, now: str, was: str) -> GeneratorError:
        self._wrong = GeneratorError(
            f"call {self._number} of the body differs from its log: {was}, now {now}; {ADVICE}"
        )
        return self._wrong


def _spoken(request: Request) -> str:
    """Returns a request in words."""
    match request:
        case Suggesting(rows):
            return f"suggest of {len(rows)} rows"
        case Receiving(at_least):
            return f"receive(at_least={at_least})"
        case Cancelling(ids, reason):
            return f"cancel of {list(ids)} ({reason!r})"
        case Revising(trial):
            return f"revise of trial {trial} {request.asked()!r:.200}"
        case Ending():
            return "the body returns"
        case Knowing(call) | Computing(call) | Awaiting(call) | Calling(call):
            return f"call number {call}"


def _written(act: Act) -> str:
    """Returns what is recorded in words."""
    match act:
        case Proposed(trials=trials):
            return f"the log has a suggest of {len(trials)} rows from trial {trials[0].id} on"
        case Delivered(results=results):
            ids = [result.trial.id for result in results]
            return f"the log has a receive of {f'trials {ids!r:.80}' if ids else 'nothing'}"
        case CancelAsked(trials, reason):
            return f"the log has a cancel of {list(trials)} ({reason!r})"
        case Revised(trial=trial, asked=asked):
            return f"the log has a revise of trial {trial} {asked!r:.200}"
        case Computed(call=call):
            return f"the log has call number {call}"
        case Returned():
            return "the log has its return"
