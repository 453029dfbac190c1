"""Half steps of Nose-Hoover chains by torch, where there are no compiled loops: what ``kernels.chains`` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from cohobate.dynamics.stages.masking import exponential

ROOT: Final = 2.0 ** (1.0 / 3.0)
PARTS: Final = (1.0 / (2.0 - ROOT), -ROOT / (2.0 - ROOT), 1.0 / (2.0 - ROOT))
"""Into what a step is divided so that it is of the fourth order."""


@final
@dataclass(frozen=True, slots=True)
class Bath:
    """What chains keep constant: kT (eV) of ``degrees`` of freedom (B,), at least 1, in a time ``tau`` (fs)."""

    degrees: Tensor
    kt: float
    tau: float

    def drive(self, speeds: Sequence[Tensor], j: int, twice: Tensor) -> Tensor:
        """Returns what drives one member: twice the kinetic energy (eV), or the speed of the member before."""
        if j == 0:
            return (twice - self.degrees * self.kt) / (self.degrees * self.kt * self.tau * self.tau)
        weighed = self.degrees * speeds[0] if j == 1 else speeds[j - 1]
        return weighed * speeds[j - 1] - 1.0 / (self.tau * self.tau)


def chained(bath: Bath, twice: Tensor, half: float, place: Tensor, speed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns places and speeds of chains (B, M) after ``half`` a step (fs), and what velocities change by: (B,)."""
    places, speeds, factor = list(place.unbind(1)), list(speed.unbind(1)), torch.ones_like(twice)
    for part in PARTS:
        step = half * part
        _push(bath, speeds, twice, step, reversed(range(len(speeds))))
        places = [at + moving * step for at, moving in zip(places, speeds, strict=True)]
        shrunk = exponential(speeds[0] * -step)
        factor, twice = factor * shrunk, twice * (shrunk * shrunk)
        _push(bath, speeds, twice, step, range(len(speeds)))
    return torch.stack(places, 1), torch.stack(speeds, 1), factor


def _push(bath: Bath, speeds: list[Tensor], twice: Tensor, step: float, order: Iterable[int]) -> None:
    """Changes the speeds of all members, one after the other."""
    for j in order:
        kick = bath.drive(speeds, j, twice) * (0.5 * step)
        if j + 1 == len(speeds):
            speeds[j] = speeds[j] + kick
        else:
            drag = exponential(speeds[j + 1] * (-0.25 * step))
            speeds[j] = (speeds[j] * drag + kick) * drag
