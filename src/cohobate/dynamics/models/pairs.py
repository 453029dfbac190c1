"""Pair potentials: one function of the distance, with parameters for each pair of species."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.models.lists import BEGIN, COUNT, ORIGIN, PairLists
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.models.team import Team

Pair = Callable[..., Any]
PROVIDES: Final = frozenset({"energy", "forces", "stress"})


@final
class PairPotential:
    """Sums ``pair(r2, parameters)`` over all pairs within ``cutoff`` (Å); see the functions that make one.

    ``table``: (species, species, parameters) in the order of ``species``, atomic numbers. Compiled by numba; the
    numbers of a system are the same bits alone and in every batch.
    """

    def __init__(
        self,
        pair: Pair,
        species: Sequence[int],
        table: NDArray[np.float64],
        cutoff: float,
        *,
        skin: float = 1.0,
        threads: int | None = None,
    ) -> None:
        self._pair, self._table = pair, np.ascontiguousarray(table, dtype=np.float64)
        self._kinds = np.full(max(species) + 1, -1)
        self._kinds[list(species)] = np.arange(len(species))
        self._lists, self._team = PairLists(cutoff, skin), Team(threads)
        self.traits = Traits(PROVIDES, cutoff, exact=True, species=frozenset(species), devices=("cpu",))

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns energies (eV), forces (eV/Å) and stresses (eV/Å^3, positive where it is stretched)."""
        from cohobate.dynamics.kernels.pairs import summing  # numba takes a while to import

        kinds, why = self._species(batch)
        why |= self._lists.update(batch)
        energies = np.zeros(batch.n_systems, batch["positions"].numpy().dtype)
        forces = np.zeros((batch.n_atoms, 3), energies.dtype)
        virials = np.zeros((batch.n_systems, 3, 3))
        good = np.array([s for s in range(batch.n_systems) if s not in why])
        cells, periodic = _cells(batch)
        origin, begin, count = batch[ORIGIN].numpy(), batch[BEGIN].numpy(), batch[COUNT].numpy()
        other, image = self._lists.store
        total = summing(self._pair, "stress" in want)
        cut, reach = self._lists.cutoff, self._lists.cutoff + self._lists.skin

        def call(systems: NDArray[np.int64]) -> None:
            total(
                good[systems], batch.start.numpy(), batch["positions"].numpy(), origin, kinds, self._table, cells,
                periodic, cut, reach, begin, count, other, image, energies, forces, virials
            )  # fmt: skip

        if len(good):
            self._team.share(batch.atoms.numpy()[good], call)
        values = {"energy": torch.from_numpy(energies), "forces": torch.from_numpy(forces)}
        if "stress" in want:
            values["stress"] = _stress(batch, virials)
        ok = torch.ones(batch.n_systems, dtype=torch.bool)
        ok[list(why)] = False
        return Results({name: value for name, value in values.items() if name in want}, ok, why)

    def _species(self, batch: Batch) -> tuple[NDArray[np.int64], dict[int, str]]:
        numbers = batch["numbers"].numpy()
        known = (numbers >= 0) & (numbers < len(self._kinds))
        kinds = np.where(known, self._kinds[np.where(known, numbers, 0)], -1)
        wrong = np.flatnonzero(kinds < 0)
        why: dict[int, str] = {}
        for i in wrong.tolist():
            system = int(batch.system[i])
            why.setdefault(system, f"atomic number {numbers[i]} is not known to the potential")
        return kinds, why


def _cells(batch: Batch) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if "cell" in batch and "pbc" in batch:
        return batch["cell"].double().numpy(), batch["pbc"].numpy()
    return np.tile(np.eye(3), (batch.n_systems, 1, 1)), np.zeros((batch.n_systems, 3), bool)


def _stress(batch: Batch, virials: NDArray[np.float64]) -> Tensor:
    """Returns the virials over the volumes: (B, 3, 3); NaN where there is no cell."""
    if "cell" not in batch:
        return torch.full((batch.n_systems, 3, 3), torch.nan, dtype=batch.dtype)
    volume = torch.linalg.det(batch["cell"].double()).abs()
    return (torch.from_numpy(virials) / volume[:, None, None]).to(batch.dtype)


def lennard_jones(
    epsilon: float, sigma: float, cutoff: float, *, species: Sequence[int] = (18,), shifted: bool = True, **given: Any
) -> PairPotential:
    """Returns 4 epsilon ((sigma/r)^12 - (sigma/r)^6) up to ``cutoff`` (eV, Å), shifted to zero there unless not."""
    if not (sigma > 0 and cutoff > 0):
        raise UserError(f"lennard_jones: sigma and cutoff must be positive, got {sigma!r} and {cutoff!r}")
    x = (sigma / cutoff) ** 6
    row = [4 * epsilon, sigma * sigma, 4 * epsilon * (x * x - x) if shifted else 0.0]
    table = np.tile(row, (len(species), len(species), 1))
    return PairPotential(_lennard_jones, species, table, cutoff, **given)


def _lennard_jones(r2: Any, p: Any) -> Any:  # noqa: ANN401 compiled
    inverse = 1.0 / r2
    s2 = p[1] * inverse
    s6 = s2 * s2 * s2
    s12 = s6 * s6
    return p[0] * (s12 - s6) - p[2], -6.0 * p[0] * (s12 + s12 - s6) * inverse
