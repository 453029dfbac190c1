"""Short tasks on their way together: one trip of a carrier for several of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carrier import Carrier, Inner
from cohobate.engines.abroad.outpost import redeem_all
from cohobate.worker.settling import drop, settle

FLYING: Final = 4
"""Bundles on their way to each worker before the next one waits to be filled."""


@final
class Passenger(Future[Any]):
    """What becomes of a ticket that travels with others."""


@dataclass(slots=True, eq=False)
class Bundle:
    """Tickets, by the number of their task, that travel together."""

    tickets: dict[int, tuple[Passenger, Payload]]


@final
class Bundles:
    """Brings tickets to the workers of a carrier; ``depth()`` says how many each worker is to have at once.

    A ticket waits for company only while all workers have enough to do, and whatever comes back sends
    on what waits: no clock is needed. A ticket that turns out to take long does not hold up the others:
    they travel once more, alone; so do those of a bundle that is lost, and only the one to blame is
    lost again. What is run twice for that had taken less than a thousandth of a second or so before.
    """

    def __init__(self, carrier: Carrier, depth: Callable[[], int]) -> None:
        self._carrier, self._depth = carrier, depth
        self._waiting: dict[int, tuple[Passenger, Payload]] = {}
        self._travelling: dict[int, Bundle] = {}
        self._flying = 0
        self._lock = threading.Lock()

    def submit(
        self, number: int, call: Callable[..., Any], *args: Payload, needs: Mapping[str, float] | None = None
    ) -> Inner:
        """Takes a call; a ticket travels with others where tickets are short and nothing goes with it."""
        if needs:
            return self._carrier.submit(call, *args, needs=needs)
        if self._carrier.shared or len(args) > 1 or self._size() == 1:
            return self._carrier.submit(call, *args)
        passenger = Passenger()
        with self._lock:
            self._waiting[number] = passenger, args[0]
        self._send_on()
        return passenger

    def recall(self, inner: Payload) -> bool:
        """Takes a call back; whether it will certainly never be made."""
        if not isinstance(inner, Passenger):
            return self._carrier.recall(inner)
        with self._lock:
            number = next((number for number, (each, _) in self._waiting.items() if each is inner), None)
            if number is not None:
                del self._waiting[number]
        return number is not None and inner.cancel()

    def forget(self, inner: Payload) -> None:
        """Nobody waits for a call any longer; others may travel with it."""
        if not isinstance(inner, Passenger):
            self._carrier.forget(inner)
        else:
            self.recall(inner)
            inner.cancel()

    def part(self, number: int) -> None:
        """A ticket takes long: those that travel with it are sent alone."""
        bundle = self._travelling.get(number)
        if bundle is not None:
            for other, (passenger, ticket) in bundle.tickets.items():
                if other != number and self._travelling.pop(other, None) is not None and not passenger.done():
                    self._send(Bundle({other: (passenger, ticket)}))

    def _size(self) -> int:
        return max(1, self._depth() // FLYING)

    def _send_on(self) -> None:
        while (bundle := self._next()).tickets:
            self._send(bundle)

    def _next(self) -> Bundle:
        """Returns what is to leave now."""
        with self._lock:
            size, waiting = self._size(), self._waiting
            if len(waiting) < size and self._flying >= FLYING * self._carrier.workers:
                return Bundle({})
            return Bundle({number: waiting.pop(number) for number in list(islice(waiting, size))})

    def _send(self, bundle: Bundle, lost: Raised | None = None) -> None:
        tickets = tuple(ticket for _, ticket in bundle.tickets.values())
        if len(tickets) > 1:
            self._travelling.update(dict.fromkeys(bundle.tickets, bundle))
        match capture(self._carrier.submit, redeem_all, tickets):
            case Returned(inner):
                with self._lock:
                    self._flying += 1
                inner.add_done_callback(partial(self._came_back, bundle))
            case Raised(_, message, _):
                closed = EngineClosed(f"{self._carrier!r} takes no more tasks: {message}")
                for passenger, _ in bundle.tickets.values():
                    _settle(passenger, lost or Raised(closed, message, ""))

    def _came_back(self, bundle: Bundle, inner: Inner) -> None:
        with self._lock:
            self._flying -= 1
        match capture(inner.result):
            case Returned(reports):
                for (passenger, _), report in zip(bundle.tickets.values(), reports, strict=False):
                    _settle(passenger, Returned(report))
                again = self._still(bundle)
                with self._lock:
                    self._waiting = {**again, **self._waiting}
            case Raised() as lost:
                self._lose(bundle, lost, cancelled=inner.cancelled() or isinstance(lost.error, CancelledError))
        self._send_on()

    def _still(self, bundle: Bundle) -> dict[int, tuple[Passenger, Payload]]:
        """Takes out those that nothing is known of and that were not sent alone meanwhile."""
        alone = len(bundle.tickets) == 1
        return {
            number: (passenger, ticket)
            for number, (passenger, ticket) in bundle.tickets.items()
            if (self._travelling.pop(number, None) is bundle or alone) and not passenger.done()
        }

    def _lose(self, bundle: Bundle, lost: Raised, *, cancelled: bool) -> None:
        for number, (passenger, ticket) in self._still(bundle).items():
            if cancelled:
                drop(passenger)
            elif len(bundle.tickets) == 1:
                _settle(passenger, lost)
            else:
                self._send(Bundle({number: (passenger, ticket)}), lost)


def _settle(passenger: Passenger, outcome: Returned | Raised) -> None:
    """Ends a passenger, unless another trip has brought it home before."""
    if not passenger.done():
        settle(passenger, outcome)
