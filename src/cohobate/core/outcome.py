"""What became of a trial: a value, a failure or a cancellation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["raised", "timeout", "worker_lost", "bad_output", "dependency", "rejected"]
KINDS: tuple[Kind, ...] = ("raised", "timeout", "worker_lost", "bad_output", "dependency", "rejected")


@dataclass(frozen=True, slots=True)
class Value:
    """The outputs a simulator returned, by name; declared ones are finite and of the declared shape."""

    outputs: Mapping[str, Any]

    def __reduce__(self) -> tuple[type[Value], tuple[Mapping[str, Any]]]:
        """Pickles as a call: a third of what the state of a frozen dataclass costs, on the way from each worker."""
        return Value, (self.outputs,)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no value; ``traceback`` is text, and empty where nothing was raised."""

    kind: Kind
    message: str
    traceback: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Stopped on request, or never started because of one."""

    reason: str = ""


Outcome = Value | Failure | Cancelled
