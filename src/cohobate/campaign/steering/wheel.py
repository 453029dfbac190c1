"""What a body holds of its campaign: each call becomes a request, each answer a value or an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from numbers import Integral, Real
from threading import get_ident
from typing import Any, Generic, NoReturn, TypeVar, final

from cohobate.campaign.reports import recordable
from cohobate.campaign.steering.requests import (
    Awaiting,
    Calling,
    Cancelling,
    Computing,
    Knowing,
    Over,
    Receiving,
    Refused,
    Request,
    Revising,
    Suggesting,
)
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import CallFailed, GeneratorError
from cohobate.core.outcome import Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.protocols import Row
from cohobate.core.steering import Closed
from cohobate.core.task import Task
from cohobate.core.trial import Result, Trial

T = TypeVar("T")
Ask = Callable[[Request], Payload]
CALLS = 2**20
"""Calls of one run of a body that have numbers of their own."""
NOTHING_PENDING = "nothing is pending, so nothing can come: suggest something first, or give a timeout"


class Left(BaseException):
    """How ``steer.stop`` leaves the body, with its value."""

    def __init__(self, value: Payload) -> None:
        BaseException.__init__(self, value)
        self.value = value


@final
class Wheel:
    """The ``Steer`` of one run of a body; ``ask`` brings a request to the loop, or to the log, and back."""

    __slots__ = ("_ask", "_calls", "_inside", "_kept", "_mine", "_names", "_nested", "_pending", "_shown", "_thread")

    def __init__(self, ask: Ask, names: Iterable[str], run: int = 0) -> None:
        self._ask = ask
        self._names = frozenset(names)
        self._calls = count(run * CALLS)
        self._mine: set[int] = set()
        self._pending: dict[int, Trial] = {}
        self._shown: dict[int, Trial] = {}  # copies for the body, made once: it may look often
        self._kept: list[Result] = []
        self._thread = get_ident()
        self._inside = False
        self._nested: GeneratorError | None = None

    def suggest(
        self, points: Iterable[Row], *, priority: float = 0.0, needs: Mapping[str, float] | None = None
    ) -> list[Trial]:
        """Hands in candidates and returns at once with their trials; see ``Steer``."""
        if isinstance(points, Mapping):
            raise GeneratorError(f"steer.suggest: expected a list of points, got one: write [{dict(points)!r:.100}]")
        rows = tuple(points)
        if not rows:
            return []
        trials = self._said("suggest", Suggesting(rows, _priority(priority), {} if needs is None else _needs(needs)))
        self._mine.update(trial.id for trial in trials)
        self._pending.update((trial.id, trial) for trial in trials)
        self._shown.update((trial.id, _own_copy(trial)) for trial in trials)
        return [self._shown[trial.id] for trial in trials]

    def receive(self, at_least: int = 1, timeout: float | None = None) -> list[Result]:
        """Returns all results that are in, once there are ``at_least`` so many; see ``Steer``."""
        _check_wait(at_least, timeout)
        kept, self._kept = self._kept, []
        if kept and len(kept) >= at_least:
            return self._delivered(kept)
        try:
            results = self._delivered(kept + self._receive(0 if timeout == 0 else at_least - len(kept), timeout))
        except Closed:
            if kept:
                return self._delivered(kept)
            raise
        if at_least and timeout is None and not results:
            raise GeneratorError(f"steer.receive: {NOTHING_PENDING}")
        return results

    def evaluate(
        self, points: Iterable[Row], *, priority: float = 0.0, needs: Mapping[str, float] | None = None
    ) -> list[Result]:
        """Hands in candidates, waits for all of them, and returns their results in the same order."""
        trials = self.suggest(points, priority=priority, needs=needs)
        got: dict[int, Result | None] = dict.fromkeys(trial.id for trial in trials)
        missing = len(trials)
        try:
            while missing:
                for result in self._receive(missing, None):
                    if result.trial.id in got:
                        got[result.trial.id] = result
                        missing -= 1
                    else:
                        self._kept.append(result)
        except Closed:
            self._kept += [result for result in got.values() if result is not None]
            raise
        return self._delivered([result for result in got.values() if result is not None])

    def pending(self) -> list[Trial]:
        """Returns the trials handed in whose results were not delivered yet, in the order they were handed in."""
        return list(self._shown.values())

    def cancel(self, trials: Iterable[Trial | int], reason: str = "") -> None:
        """Asks for trials to be stopped; each is still delivered."""
        ids = tuple(self._own("cancel", trial) for trial in trials)
        if ids:
            self._said("cancel", Cancelling(ids, reason))

    def revise(self, trial: Trial | int, **fields: Payload) -> bool:
        """Changes a trial; returns whether what will run was changed."""
        id = self._own("revise", trial)
        priority, needs = fields.pop("priority", None), fields.pop("needs", None)
        changed = {name: fields.pop(name) for name in list(fields) if name in self._names}
        known = self._pending.get(id)
        request = Revising(
            id,
            changed,
            fields,
            _priority(priority),
            _needs(needs),
            known.inputs if known else None,
        )
        applied = bool(self._said("revise", request))
        if applied and known:
            self._pending[id] = request.applied_to(known)
            self._shown[id] = _own_copy(self._pending[id])
        return applied

    def once(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Calls ``fn`` here, and only once: a resumed body is given the recorded value."""
        call = next(self._calls)
        outcome = self._said("once", Knowing(call))
        if outcome is None:
            ended = self._alone(fn, *args, **kwargs)
            if isinstance(ended, Raised) and isinstance(ended.error, Closed | Left):
                raise ended.error
            outcome = self._said("once", Computing(call, recordable(ended)))
        return _value("once", fn, outcome)  # type: ignore[no-any-return] # what was recorded of a T

    def _alone(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Returned | Raised:
        """Calls ``fn``, which must not steer: what is recorded within a call without an end cannot be followed."""
        self._inside = True
        ended = capture(fn, *args, **kwargs)
        self._inside = False
        if self._nested is not None:
            raise self._nested
        return ended

    def call(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Promised[T]:
        """Calls ``fn`` at the campaign's engine, beside the evaluations."""
        return self.submit(Task(fn, args, kwargs))

    def submit(self, task: Task) -> Promised[Any]:
        """Does the same with a task, which may have a deadline and needs."""
        if not isinstance(task, Task):
            raise GeneratorError(f"steer.submit: expected a Task, got {task!r:.60}; steer.call takes a function")
        call = next(self._calls)
        self._said("call", Calling(call, task))
        return Promised(self, call, task.fn)

    def stop(self, value: Payload = None) -> NoReturn:
        """Ends the body as if it had returned ``value``."""
        raise Left(value)

    def awaited(self, call: int, *, wait: bool) -> Outcome | None:
        """Returns the outcome of a call at the engine, ``None`` where there is none yet."""
        return self._said("call", Awaiting(call, wait))  # type: ignore[no-any-return] # the answer to this request

    def _receive(self, at_least: int, timeout: float | None) -> list[Result]:
        return list(self._said("receive", Receiving(at_least, timeout)))

    def _delivered(self, results: list[Result]) -> list[Result]:
        """Strikes off what the body is given now."""
        for result in results:
            self._pending.pop(result.trial.id, None)
            self._shown.pop(result.trial.id, None)
        return results

    def _own(self, call: str, trial: Trial | int) -> int:
        id = trial.id if isinstance(trial, Trial) else trial
        if not isinstance(id, Integral) or isinstance(id, bool) or id not in self._mine:
            raise GeneratorError(f"steer.{call}: no trial {id!r:.60} was suggested by this generator")
        return int(id)

    def _said(self, call: str, request: Request) -> Payload:
        if get_ident() != self._thread:
            raise GeneratorError(f"steer.{call}: only in the thread of the body, so that answers come in order")
        if self._inside:
            self._nested = GeneratorError(f"steer.{call}: not within the function that steer.once calls")
            raise self._nested
        match self._ask(request):
            case Over():
                raise Closed(f"steer.{call}: the campaign is stopping, and nothing more will come")
            case Refused(why):
                raise GeneratorError(f"steer.{call}: {why}")
            case answer:
                return answer


@final
@dataclass
class Promised(Generic[T]):
    """The value of a call at the engine, which may be there later."""

    _wheel: Wheel
    _call: int
    _fn: Callable[..., T]
    _outcome: Outcome | None = None

    def result(self) -> T:
        """Waits for the value; raises ``CallFailed`` where the call gave none."""
        if self._outcome is None:
            self._outcome = self._wheel.awaited(self._call, wait=True)
        return _value("call", self._fn, self._outcome)  # type: ignore[no-any-return] # what was recorded of a T

    def done(self) -> bool:
        """Whether ``result`` would return or raise at once."""
        if self._outcome is None:
            self._outcome = self._wheel.awaited(self._call, wait=False)
        return self._outcome is not None


def _check_wait(at_least: int, timeout: float | None) -> None:
    """Raises ``GeneratorError`` for a wait that makes no sense."""
    if isinstance(at_least, bool) or not isinstance(at_least, int) or at_least < 0:
        raise GeneratorError(f"steer.receive: expected a whole number of at least 0 results, got {at_least!r}")
    if timeout is not None and not (isinstance(timeout, Real) and timeout >= 0):
        raise GeneratorError(f"steer.receive: expected a timeout of at least 0 s or None, got {timeout!r}")


def _priority(given: Payload) -> Payload:
    """Returns a priority as it is recorded; what is none is refused by whoever is asked."""
    return float(given) if isinstance(given, Real) and not isinstance(given, bool) else given


def _needs(given: Payload) -> Payload:
    """Returns needs as they are recorded, in the same way."""
    return dict(given) if isinstance(given, Mapping) else given


def _own_copy(trial: Trial) -> Trial:
    """Returns a trial whose inputs the body may change without changing what runs."""
    return replace(trial, inputs=dict(trial.inputs))


def _value(call: str, fn: Callable[..., Any], outcome: Payload) -> Payload:
    match outcome:
        case Value(outputs):
            return outputs["value"]
        case other:
            name = getattr(fn, "__qualname__", type(fn).__qualname__)
            raise CallFailed(f"steer.{call}({name}): {getattr(other, 'message', other)}")
