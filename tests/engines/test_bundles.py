"""Tickets travel together when they are short, and none is lost with its company."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

import cohobate.engines.abroad.outpost as outpost
from cohobate.core.errors import EngineClosed
from cohobate.engines.abroad.bundles import FLYING, Bundles
from cohobate.engines.abroad.outpost import redeem_all
from cohobate.engines.abroad.ticket import LOST, Address, Ticket


class Hand:
    """A carrier with one worker, whose trips end when the test says so."""

    workers, shared, latency, host, kinds = 1, False, 0.0, "", ()

    def __init__(self) -> None:
        self.trips: list[tuple[Callable[..., Any], tuple[Any, ...], Future[Any]]] = []
        self.closed = False

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        if self.closed:
            raise RuntimeError("shut down")
        future: Future[Any] = Future()
        self.trips.append((call, args, future))
        return future

    def recall(self, inner: Future[Any]) -> bool:
        return inner.cancel()

    def forget(self, inner: Future[Any]) -> None:
        inner.cancel()

    def knows(self, future: Any) -> bool:
        return False

    def close(self) -> None: ...

    @property
    def loads(self) -> list[tuple[Any, ...]]:
        """The tickets of each trip."""
        return [args[0] for _, args, _ in self.trips]

    def back(self, trip: int, reports: Any) -> None:
        self.trips[trip][2].set_result(reports)


def redeem() -> None: ...


@pytest.fixture
def hand() -> Hand:
    return Hand()


def packed(hand: Hand, n: int) -> tuple[Bundles, list[Any]]:
    """Tickets 0 to n - 1, in bundles of two."""
    bundles = Bundles(hand, lambda: 2 * FLYING)
    return bundles, [bundles.submit(ticket, redeem, ticket) for ticket in range(n)]


def test_long_tasks_and_those_that_are_given_something_go_alone(hand: Hand):
    given: Future[Any] = Future()
    Bundles(hand, lambda: FLYING).submit(1, redeem, 1)
    Bundles(hand, lambda: 2 * FLYING).submit(2, redeem, 2, given)
    assert [(call, args) for call, args, _ in hand.trips] == [(redeem, (1,)), (redeem, (2, given))]


def test_they_wait_for_company_only_while_there_is_enough_to_do(hand: Hand):
    packed(hand, FLYING + 3)
    assert hand.loads == [*[(ticket,) for ticket in range(FLYING)], (FLYING, FLYING + 1)]
    hand.back(0, ["a"])
    assert len(hand.trips) == FLYING + 1
    hand.back(1, ["b"])
    assert hand.loads[-1] == (FLYING + 2,)


def test_each_gets_its_own_report(hand: Hand):
    _, inner = packed(hand, FLYING + 2)
    hand.back(FLYING, ["x", "y"])
    assert [future.result(0) for future in inner[FLYING:]] == ["x", "y"]
    assert not any(future.done() for future in inner[:FLYING])


def test_what_was_not_come_to_leaves_again(hand: Hand):
    _, inner = packed(hand, FLYING + 2)
    hand.back(FLYING, ["x"])
    hand.back(0, ["a"])
    assert hand.loads[-1] == (FLYING + 1,)
    hand.back(FLYING + 1, ["y"])
    assert inner[FLYING + 1].result(0) == "y"


def test_one_that_takes_long_holds_up_none_of_its_company(hand: Hand):
    bundles, inner = packed(hand, FLYING + 2)
    bundles.part(FLYING)
    assert hand.loads[FLYING + 1 :] == [(FLYING + 1,)]
    hand.back(FLYING + 1, ["y"])
    assert inner[FLYING + 1].result(0) == "y"
    hand.back(FLYING, ["x"])
    assert inner[FLYING].result(0) == "x"
    assert len(hand.trips) == FLYING + 2


def test_of_a_lost_bundle_only_the_one_to_blame_is_lost(hand: Hand):
    _, inner = packed(hand, FLYING + 2)
    hand.trips[FLYING][2].set_exception(OSError("killed"))
    assert hand.loads[FLYING + 1 :] == [(FLYING,), (FLYING + 1,)]
    hand.trips[FLYING + 1][2].set_exception(OSError("killed again"))
    hand.back(FLYING + 2, ["y"])
    with pytest.raises(OSError, match="killed again"):
        inner[FLYING].result(0)
    assert inner[FLYING + 1].result(0) == "y"


def test_a_carrier_that_takes_nothing_more_loses_a_lost_bundle(hand: Hand):
    _, inner = packed(hand, FLYING + 2)
    hand.closed = True
    hand.trips[FLYING][2].set_exception(OSError("killed"))
    with pytest.raises(OSError, match="killed"):
        inner[FLYING].result(0)


def test_a_carrier_that_takes_nothing_more_is_closed(hand: Hand):
    bundles, _ = packed(hand, 0)
    hand.closed = True
    with pytest.raises(EngineClosed, match=r"takes no more tasks: .*shut down"):
        bundles.submit(1, redeem, 1).result()


def test_only_what_has_not_left_can_be_recalled(hand: Hand):
    bundles, inner = packed(hand, FLYING + 1)
    assert [bundles.recall(future) for future in inner] == [False] * FLYING + [True]
    assert inner[FLYING].cancelled()
    hand.back(0, ["a"])
    assert len(hand.trips) == FLYING


def test_what_is_forgotten_is_not_sent_again(hand: Hand):
    bundles, inner = packed(hand, FLYING + 2)
    bundles.forget(inner[FLYING])
    hand.trips[FLYING][2].set_exception(OSError("killed"))
    assert hand.loads[FLYING + 1 :] == [(FLYING + 1,)]


def test_what_the_carrier_cancels_is_cancelled(hand: Hand):
    _, inner = packed(hand, FLYING + 2)
    hand.trips[FLYING][2].cancel()
    hand.trips[FLYING][2].set_running_or_notify_cancel()
    assert len(hand.trips) == FLYING + 1
    with pytest.raises(CancelledError):
        inner[FLYING + 1].result(0)


def test_a_bundle_that_takes_long_comes_back_early(monkeypatch: pytest.MonkeyPatch):
    nowhere = Ticket(Address("127.0.0.1", 1, b"", 1), 1, (1, b"", b""), b"", (), None, 1.0, False)
    assert [report.kind for report in redeem_all([tuple(nowhere)] * 2)] == [LOST] * 2
    monkeypatch.setattr(outpost, "LONG", -1.0)
    assert len(redeem_all([tuple(nowhere)] * 2)) == 1
