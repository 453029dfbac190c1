"""What an executor, Parsl, dask or MPI is to us: it brings a call to one of its workers, and the result back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cohobate.core.payload import Payload


class Inner(Protocol):
    """A future of theirs."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...

    def cancelled(self) -> bool: ...

    def exception(self) -> BaseException | None: ...

    def result(self) -> Payload: ...


class Carrier(Protocol):
    """Brings calls to workers."""

    @property
    def workers(self) -> int:
        """How many calls are made at once."""
        ...

    @property
    def shared(self) -> bool:
        """Whether the workers are threads of this process."""
        ...

    @property
    def latency(self) -> float:
        """Seconds that a call is on its way: as much work is sent ahead."""
        ...

    @property
    def host(self) -> str:
        """The address at which workers reach this process."""
        ...

    def submit(self, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None) -> Inner:
        """Takes a call, and passes on what it needs as far as its own terms go.

        Raises ``EngineClosed`` where no more are taken.
        """
        ...

    def refuse(self, needs: Mapping[str, float]) -> str | None:
        """Why a call with such needs would never be made as it must be, in one line; ``None`` where it would."""
        ...

    def recall(self, inner: Payload) -> bool:
        """Takes a call back; whether it will certainly never be made."""
        ...

    def broken(self, error: BaseException) -> bool:
        """Whether a call that ended so shows that no other will be made."""
        ...

    def forget(self, inner: Payload) -> None:
        """Nobody waits for a call any longer."""
        ...

    @property
    def kinds(self) -> tuple[type, ...]:
        """Futures whose values it hands over where a call is made; none where it does no such thing."""
        ...

    def knows(self, future: Payload) -> bool:
        """Whether a future of such a kind is one of its own."""
        ...

    def close(self) -> None:
        """Ends what was opened for us; nothing that was there before."""
        ...

    def __repr__(self) -> str: ...
