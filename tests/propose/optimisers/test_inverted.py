"""Blocking code run piecewise: strictly by turns, and gone when it is closed."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings

import numpy as np
import pytest

from cohobate.core.steering import Closed
from cohobate.propose.optimisers.inverted import Asks, Ended, Inverted


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "cohobate-inverted"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    gc.collect()
    for thread in threads():
        thread.join(5)
    assert threads() == []


def counting(ask):
    total = 0
    while (heard := ask(total)) is not None:
        total += heard
    return total


def test_turns_are_taken_strictly():
    happened = []

    def code(ask):
        for number in range(3):
            happened.append(f"code {number}")
            ask(number)

    with Inverted(code) as inverted:
        for number in range(3):
            assert inverted.go() == Asks(number)
            happened.append(f"body {number}")
        assert inverted.go() == Ended(None)
    assert happened == [f"{who} {number}" for number in range(3) for who in ("code", "body")]


def test_several_run_beside_each_other():
    with contextlib.ExitStack() as stack:
        codes = [stack.enter_context(Inverted(counting)) for _ in range(50)]
        assert [code.go() for code in codes] == [Asks(0)] * 50
        assert [code.go(number) for number, code in enumerate(codes)] == [Asks(number) for number in range(50)]
        assert [code.go(None) for code in codes] == [Ended(number) for number in range(50)]
        assert threads() == []


def test_what_is_raised_crosses_over_with_its_traceback():
    def fails(ask):
        ask(1)
        raise ArithmeticError("too much")

    code = Inverted(fails)
    code.go()
    with pytest.raises(ArithmeticError, match="too much") as raised:
        code.go()
    assert "fails" in [entry.name for entry in raised.traceback]
    with pytest.raises(RuntimeError, match="has ended"):
        code.go()


def test_close_raises_closed_where_it_waits():
    seen = []

    def code(ask):
        try:
            ask(1)
        except Closed:
            seen.append("closed")
            with contextlib.suppress(Closed):
                ask(2)
            seen.append("still closed")
            raise

    inverted = Inverted(code)
    inverted.go()
    inverted.close()
    inverted.close()
    assert seen == ["closed", "still closed"]


def test_code_that_never_began_is_closed_too():
    Inverted(counting).close()


def test_code_that_nobody_holds_ends():
    code = Inverted(counting)
    code.go()
    del code
    gc.collect()


def test_filters_of_warnings_do_not_leak():
    def code(ask):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask(1)
            warnings.warn("nobody hears this", stacklevel=1)
        ask(2)

    before = list(warnings.filters)
    first, second = Inverted(code), Inverted(code)
    for inverted in (first, second, first, second, first, second):
        inverted.go()
        assert list(warnings.filters) == before
        with pytest.raises(UserWarning):
            warnings.warn("an error here", stacklevel=1)


def test_error_states_belong_to_each_side():
    def code(ask):
        with np.errstate(divide="raise"):
            ask(1)
            with pytest.raises(FloatingPointError):
                np.array(1.0) / 0

    with Inverted(code) as inverted, np.errstate(divide="ignore"):
        inverted.go()
        assert np.isinf(np.array(1.0) / 0)
        assert inverted.go() == Ended(None)
