"""The one place where user code is caught."""

from __future__ import annotations

import asyncio

import pytest

from cohobate.core.capture import LONGEST, Raised, Returned, acapture, capture
from cohobate.core.context import attempt_dir, cancellable, cancelled, working_in
from cohobate.core.errors import UserError


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def throw(error: BaseException) -> None:
    raise error


def test_a_value_comes_back():
    assert capture(divmod, 7, 2) == Returned((3, 1))


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(0), KeyboardInterrupt(), GeneratorExit(), BaseException()]
)
def test_everything_raised_is_caught_with_its_traceback(error: BaseException):
    raised = capture(throw, error)
    assert isinstance(raised, Raised)
    assert raised.error is error
    assert raised.message.startswith(type(error).__name__)
    assert "raise error" in raised.traceback
    assert "core/capture.py" not in raised.traceback


def test_an_exception_that_cannot_be_printed_is_still_told():
    raised = capture(throw, Unspeakable())
    assert isinstance(raised, Raised)
    assert raised.message == "Unspeakable: <its message cannot be read: str() raised>"
    assert "raise error" in raised.traceback


def test_a_message_of_megabytes_is_clipped_in_the_middle():
    raised = capture(throw, ValueError("a" * 2_000_000 + "z"))
    assert isinstance(raised, Raised)
    assert len(raised.message) < LONGEST + 100
    assert raised.message.endswith("z")
    assert len(raised.traceback) < LONGEST + 100


def test_coroutine_functions_are_caught_alike():
    async def bad() -> None:
        raise ValueError("later")

    raised = asyncio.run(acapture(bad))
    assert isinstance(raised, Raised)
    assert raised.message == "ValueError: later"


def test_context_is_seen_inside_only(tmp_path):
    assert not cancelled()
    with cancellable(lambda: True), working_in(lambda: tmp_path):
        assert cancelled()
        assert attempt_dir() == tmp_path
    assert not cancelled()
    with pytest.raises(UserError, match="only inside a simulator"):
        attempt_dir()
