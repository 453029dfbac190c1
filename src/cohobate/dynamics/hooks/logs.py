"""Writing down how the systems of a batch are: a table, a line on the terminal."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.hooks.measures import MEASURES
from cohobate.dynamics.hooks.tails import cut_line

ALWAYS = ("step", "id", "status", "steps")


@final
class LogCSV:
    """Appends a row for each system to a table, every ``frequency`` steps.

    ``columns``: fields of systems that are one number, or ``kinetic``, ``total``, ``temperature``, ``fmax``. A file
    that is there already is continued, without a last row that was cut off, and refused where its columns are others.
    Systems that go on from their progress after a kill write some rows again, the same. With ``per_system`` the steps
    of each system count, and not those of the batch.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Sequence[str] = ("energy", "kinetic", "temperature", "fmax"),
        *,
        frequency: int = 1,
        stage: HookStage = HookStage.AFTER_STEP,
        per_system: bool = False,
    ) -> None:
        self.path, self.columns = Path(path), tuple(columns)
        self.frequency, self.stage, self.per_system = frequency, stage, per_system
        self._file: TextIO | None = None

    def __enter__(self) -> LogCSV:
        """Opens the file."""
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Closes the file; the next row opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Writes a row for each system of the moment."""
        file = self._file or self._open()
        held = [batch["id"], batch["status"], batch["steps"], *(measured(batch, name) for name in self.columns)]
        rows = zip(*(one[moment.mask].tolist() for one in held), strict=True)
        csv.writer(file, lineterminator="\n").writerows([moment.step, *row] for row in rows)
        file.flush()

    def _open(self) -> TextIO:
        if self._file is not None:
            return self._file
        header = [*ALWAYS, *self.columns]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        there = _first_line(self.path)
        if there and there != ",".join(header):
            raise UserError(
                f"LogCSV: {self.path} has the columns {there!r}, not {','.join(header)!r}; name another file"
            )
        self._file = self.path.open("a", newline="")
        if not there:
            csv.writer(self._file, lineterminator="\n").writerow(header)
        return self._file


@final
class LogTerminal:
    """Tells in one line how the batch gets on, every ``frequency`` steps; to standard error unless said otherwise."""

    stage = HookStage.AFTER_STEP

    def __init__(self, *, frequency: int = 100, stream: TextIO | None = None) -> None:
        self.frequency, self._stream = frequency, stream

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Writes the line."""
        mask = moment.mask
        told = [f"step {moment.step}", f"{int(mask.sum())} of {batch.n_systems} systems running"]
        if bool(mask.any()):
            for name, unit, format_ in (("energy", "eV", ".6g"), ("temperature", "K", ".4g")):
                mean = measured(batch, name)[mask].mean().item()
                told.append(f"mean {name} {mean:{format_}} {unit}")
            told.append(f"largest force {measured(batch, 'fmax')[mask].max().item():.4g} eV/Å")
        stream = self._stream or sys.stderr
        stream.write(", ".join(told) + "\n")
        stream.flush()


def _first_line(path: Path) -> str:
    if not path.exists():
        return ""
    cut_line(path)
    with path.open(newline="") as file:
        return file.readline().strip()


def measured(batch: Batch, name: str) -> Tensor:
    """Returns one number for each system: (B,), a field or something computed."""
    if name in batch:
        value = batch[name]
        if batch.kind(name).scope != "system" or value.ndim != 1:
            raise UserError(f"log: {name!r} is not one number of each system, but of the shape {tuple(value.shape)}")
        return value
    if name not in MEASURES:
        known: list[Any] = [*MEASURES, *batch]
        raise UserError(f"log: no field and no measure {name!r}{did_you_mean(name, known)}; there are {known}")
    with torch.no_grad():
        return MEASURES[name](batch)
