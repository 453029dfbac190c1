"""CHGNet, whose weights are in its package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any, Final, final

import numpy as np

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.failing import unknown
from cohobate.dynamics.models.gathering import One, gathered, outputs_of
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.models.units import of_chgnet
from cohobate.host.extras import require

PROVIDES: Final = frozenset({"energy", "forces", "stress", "energies", "magmoms"})
CUTOFF: Final = 6.0


@final
class CHGNet:
    """Deng et al., Nature Machine Intelligence 5, 1031 (2023), for periodic systems; computes in single precision.

    ``batch_size`` systems go through the network together, which changes their last digits; ``one_by_one`` each
    alone: the same bits in every batch. ``outputs``: what else is to land on the batch, ``magmoms`` or ``energies``.
    """

    def __init__(
        self,
        version: str = "0.3.0",
        *,
        batch_size: int = 16,
        one_by_one: bool = False,
        device: str | None = None,
        outputs: Iterable[str] = (),
    ) -> None:
        self.version, self.batch_size, self.one_by_one, self.device = version, batch_size, one_by_one, device
        self.traits = Traits(PROVIDES, exact=one_by_one, species=frozenset(range(1, 95)), outputs=outputs_of(outputs))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels without its weights."""
        given: dict[str, Any] = {"batch_size": self.batch_size, "one_by_one": self.one_by_one, "device": self.device}
        return partial(CHGNet, **given, outputs=tuple(self.traits.outputs)), (self.version,)

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 CHGNet
        model = require("chgnet.model.model", extra="chgnet").CHGNet
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that it loads
            return model.load(model_name=self.version, use_device=self.device or "cpu", verbose=False)

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns what is wanted; systems that are not periodic, or are torn apart, have none."""
        odd, convert = unknown(batch, self.traits.species), self._model.graph_converter
        each: list[Any] = [odd.get(s) or _graph(batch, s, convert) for s in range(batch.n_systems)]
        good = [s for s, one in enumerate(each) if not isinstance(one, str)]
        size = 1 if self.one_by_one else self.batch_size
        for k in range(0, len(good), size):
            some = good[k : k + size]
            for s, found in zip(some, self._predicted([each[s] for s in some], want), strict=True):
                each[s] = found if isinstance(found, str) else of_chgnet(found, int(batch.atoms[s]))
        return gathered(batch, each, want, outputs_of(PROVIDES))

    def _predicted(self, graphs: list[Any], want: frozenset[str]) -> list[One]:
        tasks = "efsm" if "magmoms" in want else "efs" if want & {"forces", "stress"} else "e"
        try:
            found = self._model.predict_graph(
                graphs, task=tasks, return_site_energies="energies" in want, batch_size=len(graphs)
            )
        except Exception as error:  # noqa: BLE001 of several, each is tried alone
            if len(graphs) == 1:
                return [f"{type(error).__name__}: {error}"]
            return [self._predicted([graph], want)[0] for graph in graphs]
        return found if isinstance(found, list) else [found]


def _graph(batch: Batch, s: int, convert: Callable[[Any], Any]) -> Any:  # noqa: ANN401 a graph, or why there is none
    if "pbc" not in batch or not bool(batch["pbc"][s].all()):
        return "CHGNet needs a cell that is periodic in all directions"
    try:
        return convert(_structure(batch, s))
    except Exception as error:  # noqa: BLE001 whatever it raises is about this system
        return f"{type(error).__name__}: {error}"


def _structure(batch: Batch, s: int) -> Any:  # noqa: ANN401 a pymatgen structure
    core, mine = require("pymatgen.core", extra="chgnet"), slice(int(batch.start[s]), int(batch.start[s + 1]))
    cell = batch["cell"][s].double().cpu().numpy()
    if np.linalg.det(cell) < 0:  # the same lattice, whose volume is positive: it divides the stress
        cell = -cell
    numbers, positions = batch["numbers"][mine].tolist(), batch["positions"][mine].double().cpu().numpy()
    return core.Structure(core.Lattice(cell), numbers, positions, coords_are_cartesian=True)
