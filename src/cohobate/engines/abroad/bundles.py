"""Short tasks on their way together: one trip of a carrier for several of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from functools import partial
from itertools import islice
from typing import Any, Final, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import EngineClosed
from cohobate.core.payload import Payload
from cohobate.engines.abroad.carrier import Carrier, Inner
from cohobate.engines.abroad.outpost import redeem_all
from cohobate.engines.settling import drop, settle

FLYING: Final = 4
"""Bundles on their way to each worker before the next one waits to be filled."""


@final
class Passenger(Future[Any]):
    """What becomes of a ticket that travels with others."""


@final
class Bundles:
    """Brings tickets to the workers of a carrier; ``depth()`` says how many each worker is to have at once.

    A ticket waits for company only while all workers have enough to do, and whatever comes back sends
    on what waits: no clock is needed. Where a bundle is lost, each of its tickets travels once more,
    alone: only the one to blame is lost again.
    """

    def __init__(self, carrier: Carrier, depth: Callable[[], int]) -> None:
        self._carrier, self._depth = carrier, depth
        self._waiting: dict[Passenger, Payload] = {}
        self._flying = 0
        self._lock = threading.Lock()

    def submit(self, redeem: Callable[..., Any], ticket: Payload, *natives: Inner) -> Inner:
        """Takes a ticket; one that is given something by the carrier, or that takes long, goes alone."""
        if natives or self._size() == 1:
            return self._carrier.submit(redeem, ticket, *natives)
        passenger = Passenger()
        with self._lock:
            self._waiting[passenger] = ticket
        self._send_on()
        return passenger

    def recall(self, inner: Payload) -> bool:
        """Takes a ticket back that has not left; whether it will certainly not be redeemed."""
        if not isinstance(inner, Passenger):
            return self._carrier.recall(inner)
        with self._lock:
            left = self._waiting.pop(inner, None) is None
        return not left and inner.cancel()

    def forget(self, inner: Payload) -> None:
        """Nobody waits for a ticket any longer; others may have left with it."""
        if not isinstance(inner, Passenger):
            self._carrier.forget(inner)
        else:
            self.recall(inner)
            inner.cancel()

    def _size(self) -> int:
        return max(1, self._depth() // FLYING)

    def _send_on(self) -> None:
        while bundle := self._next():
            self._send(bundle)

    def _next(self) -> dict[Passenger, Payload]:
        """Returns what is to leave now."""
        with self._lock:
            size, waiting = self._size(), self._waiting
            if len(waiting) < size and self._flying >= FLYING * self._carrier.workers:
                return {}
            return {passenger: waiting.pop(passenger) for passenger in list(islice(waiting, size))}

    def _send(self, bundle: Mapping[Passenger, Payload], lost: Raised | None = None) -> None:
        match capture(self._carrier.submit, redeem_all, tuple(bundle.values())):
            case Returned(inner):
                with self._lock:
                    self._flying += 1
                inner.add_done_callback(partial(self._came_back, bundle))
            case Raised(_, message, _):
                closed = EngineClosed(f"{self._carrier!r} takes no more tasks: {message}")
                for passenger in bundle:
                    settle(passenger, lost or Raised(closed, message, ""))

    def _came_back(self, bundle: Mapping[Passenger, Payload], inner: Inner) -> None:
        with self._lock:
            self._flying -= 1
        match capture(inner.result):
            case Returned(reports):
                for passenger, report in zip(bundle, reports, strict=False):
                    settle(passenger, Returned(report))
                self._wait_again(dict(islice(bundle.items(), len(reports), None)))
            case Raised() as lost:
                self._lose(bundle, lost, cancelled=inner.cancelled() or isinstance(lost.error, CancelledError))
        self._send_on()

    def _wait_again(self, rest: dict[Passenger, Payload]) -> None:
        """Puts those first in line that were not come to."""
        if rest:
            with self._lock:
                self._waiting = {**rest, **self._waiting}

    def _lose(self, bundle: Mapping[Passenger, Payload], lost: Raised, *, cancelled: bool) -> None:
        for passenger, ticket in bundle.items():
            if cancelled or passenger.cancelled():
                drop(passenger)
            elif len(bundle) == 1:
                settle(passenger, lost)
            else:
                self._send({passenger: ticket}, lost)
