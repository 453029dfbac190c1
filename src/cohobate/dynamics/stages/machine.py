"""Where a run computes: its device, its stream, its threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import final

import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.devices import named, usable
from cohobate.dynamics.models.potential import Potential


def chosen(potentials: Mapping[str, Potential], wanted: torch.device | str | None) -> torch.device:
    """Returns the device that is wanted, or else the best that all potentials (by the names of stages) can use."""
    device = None if wanted is None else named(wanted)
    can = {name: tuple(potential.traits.devices) for name, potential in potentials.items()}
    common = set.intersection(*(set(devices) for devices in can.values()))
    if not common or (device is not None and device.type not in common):
        told = ", ".join(f"{name!r} on {' or '.join(devices)}" for name, devices in can.items())
        needs = "one device for all stages" if device is None else f"stages that compute on {device}"
        raise UserError(f"dynamics need {needs}; got {told}")
    if device is not None:
        return usable(device)
    return torch.device("cuda" if "cuda" in common and torch.cuda.is_available() else min(common - {"cuda"} or common))


def check_device(batch: Batch, potentials: Mapping[str, Potential], wanted: torch.device | str | None) -> None:
    """Raises ``UserError`` for a batch on another device than the one wanted, or where the potentials cannot go.

    And for one of a floating type in which they cannot compute.
    """
    there = batch.device
    for name, potential in potentials.items():
        if batch.dtype not in (can := potential.traits.dtypes):
            told = " or ".join(str(one) for one in can)
            raise UserError(f"the stage {name!r} computes in {told}; the batch is {batch.dtype}: see Batch.to")
    if wanted is None:
        chosen(potentials, there)
        return
    device = torch.device(wanted)
    if device.type != there.type or (device.index is not None and device.index != there.index):
        raise UserError(f"the batch is on {there}, the dynamics on {device}; move it by batch.to({str(device)!r})")


@final
class Threads:
    """One thread for the small tensors of a step: those of OpenMP wait by spinning, and cost more than they give."""

    __slots__ = ("_outside",)

    def __init__(self) -> None:
        self._outside: int | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        """Uses one inside, and as many as before afterwards; may be nested."""
        if self._outside is not None:
            yield
            return
        self._outside = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(self._outside)
            self._outside = None

    @contextmanager
    def all(self) -> Iterator[None]:
        """Uses as many inside as there were outside: for potentials that are large computations of torch."""
        if self._outside is None:
            yield
            return
        torch.set_num_threads(self._outside)
        try:
            yield
        finally:
            torch.set_num_threads(1)


@final
class Streams:
    """One CUDA stream of its own, from the first entering to the last leaving; nothing on other devices."""

    __slots__ = ("_depth", "_open", "stream")

    def __init__(self) -> None:
        self.stream: torch.cuda.Stream | None = None
        self._open = ExitStack()
        self._depth = 0

    def enter(self, device: torch.device) -> None:
        """Makes the stream current, once."""
        self._depth += 1
        if self._depth == 1 and device.type == "cuda":
            self.stream = torch.cuda.Stream(device=device)
            self.stream.wait_stream(torch.cuda.current_stream(device))
            self._open.enter_context(torch.cuda.stream(self.stream))

    def leave(self) -> None:
        """Goes back to the stream before, which waits for what was computed here."""
        self._depth -= 1
        if self._depth == 0 and self.stream is not None:
            self._open.close()
            torch.cuda.current_stream(self.stream.device).wait_stream(self.stream)
            self.stream = None
