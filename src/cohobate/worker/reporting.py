"""What became of a call, as bytes, on the side where it ran."""

from __future__ import annotations

import pickle

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import Unsendable
from cohobate.core.payload import Payload
from cohobate.worker.calls import name_of


def report(outcome: Returned | Raised) -> tuple[bool, bytes]:
    """Returns whether there is a value, and the value or the error as bytes."""
    match outcome:
        case Raised():
            return False, _error(outcome)
        case Returned(value):
            packed = capture(_encoded, value)
    match packed:
        case Returned(data):
            return True, data
        case Raised(_, message, trace):
            text = f"the result, of type {name_of(type(value))}, cannot be sent back: {message}"
            return False, _error(Raised(Unsendable(text), text, trace))


def _error(raised: Raised) -> bytes:
    match capture(_encoded, raised.error):
        case Returned(data):
            return pickle.dumps((data, raised.message, raised.traceback))
        case _:
            return pickle.dumps((None, raised.message, raised.traceback))


def _encoded(value: Payload) -> bytes:
    """Classes and functions that came by value with a task go back by value."""
    match capture(pickle.dumps, value, pickle.HIGHEST_PROTOCOL):
        case Returned(data):
            return bytes(data)
    import cloudpickle  # most workers never need it, and it takes a third of their start

    return bytes(cloudpickle.dumps(value))
