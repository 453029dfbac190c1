"""What a persistent generator and the loop promise each other: ordinary blocking code that steers a campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from cohobate.core.payload import Payload
from cohobate.core.protocols import Row
from cohobate.core.task import Task
from cohobate.core.trial import Result, Trial

T = TypeVar("T")
V = TypeVar("V", covariant=True)


class Closed(BaseException):
    """Raised out of a call of ``steer`` once nothing more can come: the campaign is stopping.

    No ``Exception``, so that ``except Exception`` does not keep a body alive. A body may catch it to
    clean up, and may still ``revise`` then; what it returns is kept.
    """


class Promise(Protocol[V]):
    """The value of a call made with ``steer.call``, which runs at the campaign's engine."""

    def result(self) -> V:
        """Waits for the value; raises ``CallFailed`` where the call gave none."""
        ...

    def done(self) -> bool:
        """Whether ``result`` would return or raise at once."""
        ...


class Steer(Protocol):
    """What the body of a persistent generator holds. All calls belong to the thread of the body.

    Each answer is recorded before it is given, and a resumed body is given the recorded ones. So
    whatever the body does must follow from its arguments and from these answers: other sources of
    chance, time and files go through ``once``.
    """

    def suggest(
        self, points: Iterable[Row], *, priority: float = 0.0, needs: Mapping[str, float] | None = None
    ) -> list[Trial]:
        """Hands in candidates and returns at once with their trials; higher priorities start first."""
        ...

    def receive(self, at_least: int = 1, timeout: float | None = None) -> list[Result]:
        """Returns all results that are in, once there are ``at_least`` so many (0: at once).

        Fewer where no more can come or ``timeout`` (s) is over. Each result is delivered once, in the
        order they became final.
        """
        ...

    def evaluate(
        self, points: Iterable[Row], *, priority: float = 0.0, needs: Mapping[str, float] | None = None
    ) -> list[Result]:
        """Hands in candidates, waits for all of them, and returns their results in the same order.

        Other results that come meanwhile are delivered by the next ``receive``.
        """
        ...

    def pending(self) -> list[Trial]:
        """Returns the trials handed in whose results were not delivered yet, in the order they were handed in."""
        ...

    def cancel(self, trials: Iterable[Trial | int], reason: str = "") -> None:
        """Asks for trials to be stopped; each is still delivered, as ``Cancelled``, or with its value if it had one."""
        ...

    def revise(self, trial: Trial | int, **fields: Payload) -> bool:
        """Changes a trial: variables, ``priority`` and ``needs`` where it has not started, else only the table.

        Other names become columns of the table. Returns whether what will run was changed.
        """
        ...

    def once(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Calls ``fn``, which must not steer, here and only once: a resumed body is given the recorded value."""
        ...

    def call(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Promise[T]:
        """Calls ``fn`` at the campaign's engine, beside the evaluations."""
        ...

    def submit(self, task: Task) -> Promise[Any]:
        """Does the same with a task, which may have a deadline and needs."""
        ...

    def stop(self, value: Payload = None) -> NoReturn:
        """Ends the body as if it had returned ``value``."""
        ...


@runtime_checkable
class Steers(Protocol):
    """A generator that is one running function: a body."""

    @property
    def grace(self) -> float:
        """Seconds that the body gets after ``Closed``."""
        ...

    @property
    def apart(self) -> bool:
        """Whether the body runs in a process of its own, and is started again from the log when that dies."""
        ...

    def steer(self, steer: Steer, run: int) -> Payload:
        """Runs the body to its end and returns its value; ``run`` counts from 0 where it is restarted."""
        ...
