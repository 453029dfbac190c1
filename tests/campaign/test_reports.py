"""What a call of a body that an engine made comes to."""

from concurrent.futures import Future

import pytest

from cohobate.campaign.reports import outcome_of, recordable
from cohobate.core.capture import capture
from cohobate.core.errors import BadOutput, Rejected, WorkerLost
from cohobate.core.outcome import Failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (WorkerLost("it is gone"), Failure("worker_lost", "it is gone")),
        (BadOutput("not a number"), Failure("bad_output", "not a number")),
        (Rejected("too long"), Failure("rejected", "too long")),
        (ValueError("no"), Failure("raised", "ValueError: no")),
    ],
)
def test_failures_keep_their_kinds(error, failure):
    future = Future()
    future.set_exception(error)
    assert outcome_of(future) == failure


def test_so_do_those_of_calls_that_are_made_here():
    def refuse():
        raise Rejected("too long")

    assert recordable(capture(refuse)) == Failure("rejected", "too long")
