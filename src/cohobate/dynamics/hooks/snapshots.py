"""Writing systems down as they are, as extended xyz."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import final

import torch

from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import HookStage, Moment
from cohobate.dynamics.hooks.measures import finite
from cohobate.dynamics.hooks.tails import cut_frame
from cohobate.host.extras import require


@final
class Snapshots:
    """Appends each system to an extended xyz file, every ``frequency`` steps.

    A ``path`` that ends in ``.xyz`` or ``.extxyz`` is one file of all; any other is a folder with a file for each
    system, named by its id. Each frame tells the id of its system, and how many steps that has made in which status.
    ``fields`` names what else is wanted of them; stress is there where the batch has that field and the potential
    provides it. With ``per_system`` the steps of each system count, and not those of the batch. Systems that are no
    longer finite are left out. A file that is there is continued, without a last frame that was cut off.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        frequency: int = 1,
        stage: HookStage = HookStage.AFTER_STEP,
        per_system: bool = False,
        fields: Iterable[str] = (),
    ) -> None:
        self.path, self.frequency, self.stage, self.per_system = Path(path), frequency, stage, per_system
        self.fields = tuple(fields)
        self._begun: set[Path] = set()
        self.written = 0

    def __call__(self, batch: Batch, moment: Moment) -> None:
        """Writes the systems of the moment."""
        write = require("ase.io", extra="chem").write
        for s in torch.nonzero(moment.mask & finite(batch, ("positions", "cell"))).ravel().tolist():
            atoms = AtomicData.of_batch(batch, s).to_ase(fields=self.fields)
            atoms.info |= {name: int(batch[name][s]) for name in ("id", "status", "steps")} | {"step": moment.step}
            path = self._path(atoms.info["id"])
            if path not in self._begun:
                self._begin(path)
            write(path, atoms, format="extxyz", append=True)
            self.written += 1

    def _begin(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            cut_frame(path)
        self._begun.add(path)

    def _path(self, system: int) -> Path:
        return self.path if self.path.suffix in (".xyz", ".extxyz") else self.path / f"{system}.extxyz"


def ConvergedSnapshots(path: str | Path) -> Snapshots:
    """Returns what writes each system down once, when it has converged."""
    return Snapshots(path, stage=HookStage.ON_CONVERGE)
