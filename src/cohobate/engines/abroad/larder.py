"""What an outpost keeps of what it has fetched: functions and heavy arguments, each asked for once."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
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
        self._coming: dict[int, Future[bytes | None]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self, number: int, digest: bytes) -> bytes:
        """Returns a parcel, waiting for it where need be; raises ``WorkerLost`` where it does not come."""
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
            asked = number in self._coming
            coming = self._coming.setdefault(number, Future())
        if not asked:
            self._order(number)
        data = coming.result()
        return self._keep(number, digest, data, coming)

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
        with self._lock:
            coming = self._coming.get(number)
            if coming is not None and not coming.done():
                coming.set_result(data)

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        for number in list(self._coming):
            self.put(number, None)
        with self._lock:
            self._kept.clear()

    def _order(self, number: int) -> None:
        try:
            self._ask(number)
        except OSError:
            self._closed = True
        if self._closed:
            self.put(number, None)

    def _keep(self, number: int, digest: bytes, data: bytes | None, coming: Future[bytes | None]) -> bytes:
        """Checks what came, and makes room for it."""
        right = data is not None and hashlib.sha256(data).digest() == digest
        with self._lock:
            if self._coming.get(number) is coming:
                del self._coming[number]
            if data is None or not right:
                raise WorkerLost("could not fetch what it needs: the driver has gone, or sent something else")
            self._kept[number] = data
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST:
                self._kept.popitem(last=False)
        return data
