"""A body in a process of its own: what it says comes over a socket, and its death is an exception."""

from __future__ import annotations

import pickle
import secrets
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from hmac import compare_digest
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, final

import cloudpickle

from cohobate.campaign.steering.requests import Request
from cohobate.campaign.steering.wheel import Left, Wheel
from cohobate.core.payload import Payload
from cohobate.core.steering import Closed, Steers
from cohobate.engines.processes import processes
from cohobate.engines.workplace import Workplace

Ask = Callable[[Request], Payload]
LOOK: Final = 0.1
"""Seconds between looks at whether a process that has not called yet still lives."""


@final
class Elsewhere:
    """Runs a body in a worker process of ours, which the guardian knows and ``close`` kills."""

    __slots__ = ("_engine",)

    def __init__(self) -> None:
        self._engine: Workplace = processes(1)

    def steer(self, body: Steers, names: tuple[str, ...], run: int, ask: Ask) -> Payload:
        """Returns what the body returns; ``ask`` answers what it says, in this thread.

        Raises what the body raises, and ``WorkerLost`` where its process died.
        """
        key = secrets.token_bytes(32)
        with _listening() as (listener, path):
            future = self._engine.call(_serve, cloudpickle.dumps(body), names, run, str(path), key)
            line = _accepted(listener, key, future)
            if line is not None:
                with line:
                    _answer(line, ask)
        return future.result()

    def close(self) -> None:
        """Kills what runs."""
        self._engine.close()


@contextmanager
def _listening() -> Iterator[tuple[socket.socket, Path]]:
    """Lends a socket that only this user can reach."""
    with TemporaryDirectory(prefix="cohobate-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "steer"
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(LOOK)
        yield listener, path


def _accepted(listener: socket.socket, key: bytes, future: Future[Payload]) -> Connection | None:
    """Returns the line to the process that has the key; ``None`` where that has ended before it called."""
    while not future.done():
        with suppress(TimeoutError):
            caller, _ = listener.accept()
            caller.settimeout(None)
            line = Connection(caller.detach())
            with suppress(EOFError, OSError):
                if compare_digest(line.recv_bytes(len(key)), key):
                    return line
            line.close()
    return None


def _answer(line: Connection, ask: Ask) -> None:
    """Answers what comes until the other side has nothing more to say, or is gone."""
    with suppress(EOFError, ConnectionError):
        while True:
            request = pickle.loads(line.recv_bytes())
            line.send_bytes(cloudpickle.dumps(ask(request)))


def _serve(pickled: bytes, names: tuple[str, ...], run: int, path: str, key: bytes) -> Payload:
    """Runs a body in a worker process."""
    body = pickle.loads(pickled)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(path)
        line = Connection(caller.detach())

    def ask(request: Request) -> Payload:
        try:
            line.send_bytes(cloudpickle.dumps(request))
            return pickle.loads(line.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise Closed("the driver is gone") from error

    with line:
        line.send_bytes(key)
        try:
            return body.steer(Wheel(ask, names, run), run)
        except Left as left:
            return left.value
        except Closed:
            return None
