"""What goes to somebody else's worker for each task, and what comes back."""

from __future__ import annotations

from typing import Final, NamedTuple

# What became of a task, beside VALUE, RAISED and SKIPPED of ``worker.wire``.
EXPIRED: Final = 16  # it was killed, some time after its deadline
LOST: Final = 17  # its process died; the payload says how
BARREN: Final = 18  # it was not run, since a task that it depends on gave no value
GIVEN: Final = 1 << 62
"""Added to the number of a task, this is the number of its value as a parcel."""


class Report(NamedTuple):
    """What became of a task: the kind; the value, error or text as bytes; how long (s) it took."""

    kind: int
    payload: bytes = b""
    seconds: float = 0.0


class Address(NamedTuple):
    """Where a driver, by its process id, is reached from its outposts, and the secret that lets them in."""

    host: str
    port: int
    key: bytes
    driver: int


class Ticket(NamedTuple):
    """A task: its function as ``number, digest, bytes``, its arguments as bytes.

    What is heavy is ``apart``, by number and digest, and fetched by need; so is a function without
    bytes. ``supervised`` says that the call is made in a process of its own; ``given`` are the numbers
    of values that the carrier hands over beside the ticket; ``threads`` and ``devices`` are those of
    its ``Berth``.
    """

    hub: Address
    number: int
    function: tuple[int, bytes, bytes]
    data: bytes
    apart: tuple[tuple[int, bytes], ...]
    deadline: float | None
    grace: float
    supervised: bool
    given: tuple[int, ...] = ()
    threads: int = 0
    devices: tuple[str, ...] | None = None
