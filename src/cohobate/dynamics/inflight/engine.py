"""The running batch as an engine: any task that returns a system of atoms can be submitted, at any time."""

from __future__ import annotations

import atexit
import os
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, final

import torch

from cohobate.core.errors import EngineClosed
from cohobate.core.task import Task
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.devices import usable
from cohobate.dynamics.inflight.building import Building, counting
from cohobate.dynamics.inflight.cabin import Cabin
from cohobate.dynamics.inflight.flight import Flight
from cohobate.dynamics.inflight.line import Size
from cohobate.dynamics.inflight.prime import check_ends
from cohobate.dynamics.inflight.progress import load
from cohobate.dynamics.inflight.sinks import Sink
from cohobate.dynamics.inflight.turns import Plan
from cohobate.dynamics.recipe import recipe_of, spelled
from cohobate.dynamics.stages.dynamics import Dynamics


@final
class InFlight:
    """Runs dynamics on a batch that systems enter and leave at any time.

    A task returns a system (``AtomicData``, ``ase.Atoms``, a mapping of arrays, or a ``Guest`` with a limit of its
    own); it is called in a thread of its own, and boards as soon as there is room: at most ``max_atoms``,
    ``max_edges`` (pairs in lists of neighbours) and ``max_systems`` at once; those that come to have more pairs as they
    move have the last ones wait. The batch is on ``device``, else on that of the dynamics. A future resolves with what
    left: numbers and arrays by name, ``status`` is "converged", "budget used" or "cancelled"; a system that fails is
    an error of its future and disturbs no other. Systems go the same way whatever else is in the batch, whenever they
    board, and however often (``refill_frequency``, steps) others are let in.

    ``sinks`` also get all that leave, the first that has room; while none has, nobody leaves or boards. ``on_done`` is
    called with them, too. ``deadline`` of a task (s) is the time its function takes and its system is in the batch.
    The id of a system, from which its random numbers follow, is the key of its task where that is a number, else the
    count of tasks. ``n_steps`` is how many steps a system makes in all stages together. ``outputs`` names the fields
    that futures resolve with (default: positions, energy and all others of use); status, steps and id always are.
    The progress of all is written to ``progress`` every ``progress_every`` (s), and when the engine is closed.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        *,
        max_atoms: int,
        max_edges: int | None = None,
        max_systems: int | None = None,
        refill_frequency: int = 1,
        sinks: Sequence[Sink] = (),
        on_done: Callable[[Batch], None] | None = None,
        n_steps: int | None = None,
        ahead: int | None = None,
        outputs: Sequence[str] | None = None,
        progress: str | os.PathLike[str] | None = None,
        progress_every: float = 60.0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> None:
        most = Size(max_atoms, inf if max_edges is None else max_edges, inf if max_systems is None else max_systems)
        limit = dynamics.n_steps if n_steps is None else n_steps
        check_ends(dynamics, limit)
        file = None if progress is None else Path(progress)
        told = None if outputs is None else tuple(outputs)
        plan = Plan(most, refill_frequency, tuple(sinks), on_done, ahead, file, progress_every, limit, told)
        recipe = {**recipe_of(dynamics), "n_steps": limit, "dtype": spelled(dtype)}
        there = dynamics.device if device is None else usable(device)
        cabin = Cabin(dynamics, dtype=dtype, device=there)
        pairs = () if max_edges is None else counting(dynamics)
        building = Building(cabin.dynamics, most, pairs, n_steps=limit, dtype=dtype, device=there)
        self._flight = Flight(cabin, plan, building, recipe)
        self._process, self._closed = os.getpid(), False
        cancel = self._flight.cancel
        self._stop_if_cancelled = lambda future: cancel(future) if future.cancelled() else None
        self._last = partial(_stop, self._process, repr(self), weakref.ref(self._flight))
        atexit.register(self._last)
        self._finalizer = weakref.finalize(self, self._flight.retire)
        self._finalizer.atexit = False

    @staticmethod
    def resume(
        path: str | os.PathLike[str], dynamics: Dynamics, *, accept_new_code: bool = False, **given: Any
    ) -> InFlight:
        """Returns an engine in which systems go on, bit for bit, from where their progress was written.

        What comes of them is in ``restored``; a task whose key is that of one of them gets its future. Raises
        ``ResumeRefused`` where they were under way in other dynamics, naming what has changed, unless
        ``accept_new_code``; ``Damaged`` or ``Foreign`` for no such file.
        """
        engine = InFlight(dynamics, **given)
        saved = load(Path(path), None if accept_new_code else engine.made_of())
        engine._flight.restore(saved)
        return engine

    @property
    def restored(self) -> Mapping[str, Future[Any]]:
        """The futures of systems whose progress was read and that no task has asked for yet: by key, or ``#id``."""
        return {key: seat.future for key, seat in self._flight.restored.items()}

    @property
    def onward(self) -> bool:
        """What tasks return is only the beginning."""
        return True

    def made_of(self) -> Mapping[str, Any]:
        """What is done to a system, as plain data that differ where anything that decides upon its way does."""
        return self._flight.recipe

    @property
    def workers(self) -> int:
        """How many systems run at once, about: as many as there is room for, by the size of those seen so far."""
        return self._flight.slots()

    @property
    def steps(self) -> int:
        """How many steps the batch has made."""
        return self._flight.cabin.turns

    def call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Runs the system that ``fn(*args, **kwargs)`` returns; arguments may be futures."""
        return self.submit(Task(fn, args, kwargs))

    def submit(self, task: Task) -> Future[Any]:
        """Takes a task without blocking; raises ``EngineClosed`` after ``close``."""
        if self._closed or self._process != os.getpid():
            raise EngineClosed(f"{self!r} was closed, or belongs to another process: make a new one")
        if (adopted := self._flight.adopt(task)) is not None:
            adopted.add_done_callback(self._stop_if_cancelled)
            return adopted
        future: Future[Any] = Future()
        future.add_done_callback(self._stop_if_cancelled)
        self._flight.submit(task, future)
        return future

    def room(self) -> int:
        """How many more tasks are wanted now: those that fit, and some that wait; may be negative."""
        return self._flight.room()

    def cancel(self, future: Future[Any]) -> None:
        """Asks for a task to be stopped: never boards, or leaves as "cancelled" after the present step."""
        self._flight.cancel(future)

    def checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Writes how far each system in the batch is, between two steps; see ``resume``. Waits for that."""
        self._flight.checkpoint(Path(path))

    def close(self) -> None:
        """Cancels what waits and what runs, and waits until it is gone; harmless when repeated, or after a fork."""
        if self._process != os.getpid():
            return
        self._closed = True
        self._finalizer.detach()
        atexit.unregister(self._last)
        self._flight.stop()

    def describe(self) -> str:
        """One line for people."""
        return f"{self!r}, steps of one batch in a thread, which cannot be killed"

    def __enter__(self) -> InFlight:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            while kind is None and (pending := self._flight.pending()):
                wait(pending)
        finally:
            self.close()

    def __repr__(self) -> str:
        stages = " + ".join(stage.name for stage in self._flight.cabin.dynamics.stages[1:])
        return f"InFlight({stages}, max_atoms={self._flight.plan.most.atoms:g})"


def _stop(process: int, who: str, held: weakref.ref[Flight]) -> None:
    """Stops what still runs at the end of the program, so that its progress is written."""
    flight = held()
    if flight is None or process != os.getpid():
        return
    pending = len(flight.pending())
    flight.stop()
    if pending:
        path = flight.plan.progress
        told = "lost, for want of progress=" if path is None else f"to go on with InFlight.resume({str(path)!r}, ...)"
        warnings.warn(f"{who} was not closed: {pending} systems were stopped, {told}", RuntimeWarning, stacklevel=1)
