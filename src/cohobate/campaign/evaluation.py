"""One attempt at a trial, run wherever the engine runs it: user code in, a checked outcome out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from cohobate.core.canonical import content_hash
from cohobate.core.capture import Raised, Returned, acapture, capture
from cohobate.core.context import cancelled, working_in
from cohobate.core.errors import BadOutput, DeadlineExceeded, Rejected
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.payload import Payload
from cohobate.core.problem import Output, Structured, pack
from cohobate.core.trial import Evaluated, Inputs
from cohobate.ledger.codec import check
from cohobate.ledger.spool import LONG, write_spool
from cohobate.simulate.outputs import PLAIN, outputs_of
from cohobate.simulate.vectorised import Vectorised

NOWHERE = nullcontext()
DOUBLE: Final = np.dtype(np.float64)


@final
@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a campaign evaluates: the call, what it must return, and where it may write and share."""

    call: Callable[[Inputs], Payload]
    outputs: tuple[Output, ...]
    folder: Path | None
    epoch: int
    structured: Mapping[str, Structured] = field(default_factory=dict)
    shared: Path | None = None

    def __call__(self, trial: int, attempt: int, inputs: Inputs) -> Evaluated:
        """Returns the outcome of one attempt; never raises for what the simulator does."""
        started, clock = time.time(), time.perf_counter()
        with self.directory(trial, attempt):
            ended = capture(self._evaluate, inputs)
        outcome, seconds = concluded(ended, attempt), time.perf_counter() - clock
        return self._kept(trial, attempt, inputs, Evaluated(outcome, started, seconds, worker_name(), cancelled()))

    async def awaited(self, trial: int, attempt: int, inputs: Inputs) -> Evaluated:
        """Does the same for a simulator that is a coroutine function."""
        started, clock = time.time(), time.perf_counter()
        with self.directory(trial, attempt):
            ended = await acapture(self._await, inputs)
        outcome, seconds = concluded(ended, attempt), time.perf_counter() - clock
        return self._kept(trial, attempt, inputs, Evaluated(outcome, started, seconds, worker_name(), cancelled()))

    def _evaluate(self, inputs: Inputs) -> dict[str, Any]:
        return self.checked(self.call(inputs))

    async def _await(self, inputs: Inputs) -> dict[str, Any]:
        return self.checked(await self.call(inputs))

    def checked(self, returned: Payload) -> dict[str, Any]:
        """Returns what the simulator returned as outputs that can be recorded; raises ``BadOutput``."""
        outputs = outputs_of(returned, self.outputs)
        if PLAIN.issuperset(map(type, outputs.values())) or all(map(_is_usual, outputs.values())):
            return outputs
        if (wrong := check(outputs, name="outputs")) is not None:
            raise BadOutput(wrong)
        return outputs

    def directory(self, trial: int, attempt: int) -> AbstractContextManager[None]:
        """Lets a simulator write, into the directory of its attempt."""
        if self.folder is None:
            return NOWHERE if self.shared is None else working_in(shared=self.shared)
        return working_in(partial(_made, self.folder, trial, attempt), shared=self.shared)

    def _kept(self, trial: int, attempt: int, inputs: Inputs, report: Evaluated) -> Evaluated:
        """Spools a report that took long to get, in case the driver is gone, and returns it."""
        if report.seconds > LONG and self.folder is not None:
            digest = content_hash(pack(inputs, self.structured))
            with suppress(OSError):  # a full disk here must not cost the result that is on its way
                write_spool(self.folder, self.epoch, trial, attempt, digest, report)
        return report


@final
@dataclass(frozen=True, slots=True)
class Together:
    """How a campaign evaluates many attempts in one call of a vectorised simulator."""

    evaluation: Evaluation
    vectorised: Vectorised

    def __call__(self, *attempts: tuple[int, int, Inputs]) -> tuple[Evaluated, ...]:
        """Returns a report for each attempt, each with its share of the time; none where the call raised.

        Then each is to be made alone, so that what is to blame for it is found. What is wrong with all
        that came back (not a value for each) is the failure of all. ``attempt_dir()`` is that of the first.
        """
        evaluation, (trial, attempt, _) = self.evaluation, attempts[0]
        started, clock = time.time(), time.perf_counter()
        with evaluation.directory(trial, attempt):
            ended = capture(self.vectorised.rows, [inputs for _, _, inputs in attempts])
        match ended:
            case Returned(rows):
                each: Sequence[Returned | Raised] = [capture(evaluation.checked, row) for row in rows]
            case Raised(BadOutput()):
                each = [ended] * len(attempts)
            case _:
                return ()
        outcomes = [concluded(one, attempt) for one, (_, attempt, _) in zip(each, attempts, strict=True)]
        seconds, worker, flagged = (time.perf_counter() - clock) / len(attempts), worker_name(), cancelled()
        return tuple([Evaluated(outcome, started, seconds, worker, flagged) for outcome in outcomes])


def attempt_folder(folder: Path, trial: int, attempt: int) -> Path:
    """Returns the directory of an attempt, which may not be there."""
    return folder / "work" / f"{trial:06d}-{attempt}"


def _made(folder: Path, trial: int, attempt: int) -> Path:
    path = attempt_folder(folder, trial, attempt)
    path.mkdir(parents=True, exist_ok=True)
    return path


def concluded(ended: Returned | Raised, attempt: int) -> Outcome:
    """Returns how a call of user code ended as an outcome."""
    match ended:
        case Returned(outputs):
            return Value(outputs)
        case Raised(Rejected() as error):
            return Failure("rejected", str(error), attempt=attempt)
        case Raised(BadOutput() as error):
            return Failure("bad_output", str(error), attempt=attempt)
        case Raised(DeadlineExceeded() as error):
            return Failure("timeout", str(error), attempt=attempt)
        case Raised(_, message, traceback):
            return Failure("raised", message, traceback, attempt)


def worker_name() -> str:
    """Returns what to call whoever runs this: its thread, or its process."""
    name = threading.current_thread().name
    return _process() if name == "MainThread" else name


@cache
def _process() -> str:
    return str(os.getpid())


os.register_at_fork(after_in_child=_process.cache_clear)


def _is_usual(value: Payload) -> bool:
    """Whether something can be recorded, told at a glance: others are spelled to find out."""
    return type(value) in PLAIN or (type(value) is np.ndarray and value.dtype is DOUBLE)
