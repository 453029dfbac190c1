"""A generator that misbehaves ends the campaign with a message; it never leaves the loop waiting."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event

import numpy as np
import pytest

from cohobate.campaign.admission import Admission
from cohobate.campaign.moves import Broken, Heard, Talk
from cohobate.campaign.talker import Talker
from cohobate.core.problem import Choice, Output, Problem

PROBLEM = Problem({"x": Choice([1.0, 2.0])}, (Output("f", "minimize"),))


class Saying:
    """Answers with ``row``, and has the loss ``loss``, raised where it is an error."""

    def __init__(self, row: object, loss: object = 1.0) -> None:
        self.row, self.found = row, loss
        self.finalized = 0

    def suggest(self, n: int) -> list[object]:
        return [self.row]

    def ingest(self, results: object) -> None:
        """Learns nothing."""

    def finalize(self) -> None:
        """Counts."""
        self.finalized += 1

    def loss(self) -> object:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def heard(generator: Saying, *, threaded: bool) -> Heard | Broken:
    inbox: SimpleQueue[Heard | Broken] = SimpleQueue()
    talker = Talker(generator, Admission(PROBLEM), inbox.put, threaded=threaded)
    at_once = talker.talk(Talk((), 1))
    assert (at_once is None) == threaded
    answer = at_once or inbox.get(timeout=10)
    assert talker.finalize() is None
    return answer


@pytest.mark.parametrize("threaded", [True, False])
def test_it_is_let_go_of_even_where_nobody_has_time(threaded: bool):
    generator = Saying({"x": 1.0})
    talker = Talker(generator, Admission(PROBLEM), lambda heard: None, threaded=threaded)
    talker.talk(Talk((), 1))
    assert talker.finalize(timeout=0.0) is None
    assert generator.finalized == 1


def test_a_turn_that_lasts_is_left_alone_and_lets_go_when_it_ends():
    entered, proceed, gone = Event(), Event(), Event()

    class Slow(Saying):
        def suggest(self, n: int) -> list[object]:
            entered.set()
            proceed.wait(10)
            return super().suggest(n)

        def finalize(self) -> None:
            gone.set()

    talker = Talker(Slow({"x": 1.0}), Admission(PROBLEM), lambda heard: None)
    talker.talk(Talk((), 1))
    assert entered.wait(10)
    assert talker.finalize(timeout=0.0) is None
    assert not gone.is_set()
    proceed.set()
    assert gone.wait(10)


@pytest.mark.parametrize("threaded", [True, False])
def test_a_good_answer_is_heard_with_the_loss(threaded: bool):
    assert heard(Saying({"x": 1.0}, 0.5), threaded=threaded) == Heard([{"x": 1.0}], 0.5)


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("row", [{"x": np.array([1.0, 2.0])}, 7, None, "x"])
def test_a_row_that_cannot_be_checked_is_named(row: object, threaded: bool):
    match heard(Saying(row), threaded=threaded):
        case Broken(error):
            assert "row 0" in str(error)
            assert "expected a mapping of variables" in str(error)
        case other:
            pytest.fail(f"expected Broken, got {other}")


@pytest.mark.parametrize("threaded", [True, False])
def test_an_honest_generator_is_heard_with_its_error(threaded: bool):
    class Honest(Saying):
        def error(self) -> float:
            return 0.25

    assert heard(Honest({"x": 1.0}, 0.5), threaded=threaded) == Heard([{"x": 1.0}], 0.5, error=0.25)


@pytest.mark.parametrize("told", [None, "small", ValueError("boom")])
def test_an_error_that_is_no_number_ends_with_a_message(told: object):
    class Odd(Saying):
        def error(self) -> object:
            if isinstance(told, Exception):
                raise told
            return told

    match heard(Odd({"x": 1.0}), threaded=False):
        case Broken(error):
            assert "Odd.error() raised" in str(error)
        case other:
            pytest.fail(f"expected Broken, got {other}")


@pytest.mark.parametrize("threaded", [True, False])
def test_a_loss_that_raises_is_named(threaded: bool):
    match heard(Saying({"x": 1.0}, ValueError("boom")), threaded=threaded):
        case Broken(error):
            assert "loss() raised ValueError: boom" in str(error)
        case other:
            pytest.fail(f"expected Broken, got {other}")
