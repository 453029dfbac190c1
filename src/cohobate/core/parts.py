"""A simulator made of parts, each of which is a call of its own at the engine: an objective and its terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from cohobate.core.outcome import Outcome
from cohobate.core.payload import Payload
from cohobate.core.trial import Inputs


@dataclass(frozen=True, slots=True)
class Part:
    """One call of a candidate's evaluation: ``fn(*args)`` returns a value that can be stored.

    ``name`` tells it from the other parts of the candidate. Where ``key`` is not empty, equal keys mean
    equal values, so that one that is known need not be made again. ``deadline`` (s) and ``needs`` take
    the place of the campaign's.
    """

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()
    key: str = ""
    deadline: float | None = None
    needs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a part: ``Value({"value": ...})`` where there is one, and how long (s) it took.

    ``reused`` says that it was known already, so that nothing ran.
    """

    outcome: Outcome
    seconds: float = 0.0
    worker: str = ""
    reused: bool = False


class Judge(Protocol):
    """Follows the parts of one candidate, and says what became of the whole as soon as that is decided."""

    def take(self, name: str, made: Made) -> Outcome | None:
        """Takes in a part, whichever ends first; returns the outcome once the other parts cannot change it.

        The last part always decides. What is still running is then pointless and is cancelled.
        """
        ...


@runtime_checkable
class Composite(Protocol):
    """A simulator that is a set of parts: all parts of all candidates share one engine."""

    def parts(self, inputs: Inputs) -> Sequence[Part]:
        """Returns the calls that evaluate a candidate, in an order that never changes."""
        ...

    def judge(self, inputs: Inputs, bound: float | None = None) -> Judge:
        """Returns what follows one evaluation; beyond ``bound`` the candidate need not be evaluated to its end."""
        ...

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Takes note of a recorded value of a candidate; returns what its parts had given, by name."""
        ...


@runtime_checkable
class Described(Protocol):
    """A set of parts that says what it is made of, so that what has changed in it can be named."""

    def describe(self) -> Mapping[str, Any]:
        """Returns plain data that differ where anything that decides upon an outcome does."""
        ...
