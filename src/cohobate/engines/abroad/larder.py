"""What an outpost keeps of what it has fetched: functions and heavy arguments, each asked for once."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import final

from cohobate.core.errors import WorkerLost
from cohobate.core.payload import Payload
from cohobate.engines.crew import MOST
from cohobate.engines.shipping import KEPT


@final
class Larder:
    """Parcels by number; ``ask`` orders one, ``put`` brings it, from another thread."""

    def __init__(self, ask: Callable[[int], None]) -> None:
        self._ask = ask
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._functions: OrderedDict[int, Callable[..., Payload]] = OrderedDict()
        self._arrivals: dict[int, bytes | None] = {}
        self._asked: set[int] = set()
        self._arrived = threading.Condition()
        self._closed = False

    def get(self, number: int, digest: bytes) -> bytes:
        """Returns a parcel, waiting for it where need be; raises ``WorkerLost`` where it does not come."""
        with self._arrived:
            if number not in self._kept:
                self._fetch(number, digest)
            self._kept.move_to_end(number)
            return self._kept[number]

    def function(self, number: int, digest: bytes, inline: bytes) -> Callable[..., Payload]:
        """Returns a function, loaded once."""
        fn = self._functions.get(number)
        if fn is None:
            fn = self._functions[number] = pickle.loads(inline or self.get(number, digest))
            if len(self._functions) > KEPT:
                self._functions.popitem(last=False)
        return fn

    def put(self, number: int, data: bytes | None) -> None:
        """Takes in a parcel; ``None`` says that there is none."""
        with self._arrived:
            self._arrivals[number] = data
            self._arrived.notify_all()

    def close(self) -> None:
        """Nothing more will come."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def _fetch(self, number: int, digest: bytes) -> None:
        """Asks for a parcel, unless another thread has, and checks what comes; makes room for it."""
        if number not in self._asked:
            self._asked.add(number)
            self._ask(number)
        self._arrived.wait_for(lambda: self._closed or number in self._arrivals or number in self._kept)
        if number in self._kept:
            return
        self._asked.discard(number)
        data = self._arrivals.pop(number, None)
        if data is None or hashlib.sha256(data).digest() != digest:
            raise WorkerLost("could not fetch what it needs: the driver has gone, or sent something else")
        self._kept[number] = data
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST:
            self._kept.popitem(last=False)
