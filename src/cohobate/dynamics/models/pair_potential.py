"""Sums of a function of the distance over all pairs of atoms within a cutoff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.kernels.compiling import compiles
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.failing import not_finite, unknown
from cohobate.dynamics.models.lists import PairLists, note, pairs_of
from cohobate.dynamics.models.origins import cells_of
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.models.team import Team
from cohobate.dynamics.models.torch_pairs import Cut, summed

if TYPE_CHECKING:
    from cohobate.dynamics.models.sums import Sum

Law = Callable[[Any, Any], Any]
PROVIDES: Final = frozenset({"energy", "forces", "stress", "energies"})
FEW: Final = 20_000
"""Pairs up to which one thread is as quick as several."""


@final
class PairPotential:
    """Sums ``law(r2, parameters)`` over all pairs within ``cutoff`` (Å); see the functions that make one.

    ``law`` returns the energy of a pair (eV) and the derivative of it by the distance, over the distance (eV/Å^2).
    It is written with + - * / and ``math.sqrt`` and ``math.exp``, without branches. ``table``: (species, species,
    parameters) in the order of ``species``, atomic numbers; the last parameter is not the law's: it is taken off the
    energy. From ``switch_from`` (Å) on, energies go to zero at the cutoff as 1 - t^2 (3 - 2 t), where t is linear
    in the squared distance.

    On the CPU it is compiled by numba, and the numbers of a system are the same bits alone and in every batch;
    elsewhere, or with ``compiled=False``, torch sums over pairs that vesin finds.
    """

    def __init__(
        self,
        law: Law,
        species: Sequence[int],
        table: NDArray[np.float64],
        cutoff: float,
        *,
        skin: float = 1.0,
        switch_from: float | None = None,
        threads: int | None = None,
        compiled: bool | None = None,
        lists: PairLists | None = None,
    ) -> None:
        if not 0 <= skin < float("inf"):
            raise UserError(f"pair potential: skin must be at least 0 Å, got {skin!r}")
        if switch_from is not None and not 0 <= switch_from < cutoff:
            raise UserError(f"pair potential: switch_from must be in [0, {cutoff:g}) Å, got {switch_from!r}")
        self._law, self._table = law, np.ascontiguousarray(table, dtype=np.float64)
        self._kinds = np.full(max(species) + 1, -1)
        self._kinds[list(species)] = np.arange(len(species))
        self._seen: tuple[NDArray[np.int64], NDArray[np.int64]] = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._cut = Cut(cutoff, switch_from)
        self._compiled = compiles() if compiled is None else compiled
        self._threads = threads
        self._team = Team(threads)
        self._lists = PairLists(cutoff, skin) if lists is None else lists
        if self._lists.cutoff < cutoff:
            raise UserError(f"pair potential: lists must go to the cutoff, {cutoff:g} Å; got {self._lists.cutoff:g} Å")
        self.traits = Traits(PROVIDES, cutoff, exact=self._compiled, species=frozenset(species))

    def __add__(self, other: Any) -> Sum:  # noqa: ANN401 a potential
        """Returns the sum of both, which share their lists of neighbours."""
        from cohobate.dynamics.models.sums import Sum

        return Sum(self, other)

    @property
    def skin(self) -> float:
        """How much further than the cutoff lists look (Å)."""
        return self._lists.skin

    @property
    def lists(self) -> PairLists:
        """The lists of neighbours it sums over."""
        return self._lists

    def sharing(self, lists: PairLists) -> PairPotential:
        """Returns the same with the lists of others, that look at least as far."""
        return PairPotential(*self._given, **{**self._settings, "lists": lists, "skin": lists.skin})

    @property
    def _given(self) -> tuple[Any, ...]:
        species = np.flatnonzero(self._kinds >= 0)[np.argsort(self._kinds[self._kinds >= 0])]
        return self._law, species.tolist(), self._table, self._cut.cutoff

    @property
    def _settings(self) -> dict[str, Any]:
        kept = {"switch_from": self._cut.switch_from, "threads": self._threads, "compiled": self._compiled}
        return {**kept, "skin": self.skin, "lists": self._lists}

    def pairs(self, batch: Batch) -> Tensor:
        """Returns how many pairs the lists of each system hold, skin included: (B,)."""
        alone = batch.copy()
        if batch.device.type == "cpu" and self._compiled:
            PairLists(self._lists.cutoff, self.skin).update(alone)
            return pairs_of(alone)
        return Edges(self._lists.cutoff, self.skin, half=True).update(alone).many

    def describe(self) -> dict[str, Any]:
        """Returns what decides upon its numbers, to the last bit."""
        law, species, table, cutoff = self._given
        kept = {"switch_from": self._cut.switch_from, "skin": self.skin, "compiled": self._compiled}
        return {"law": law, "species": species, "table": table, "cutoff": cutoff, **kept}

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels without lists and threads."""
        return partial(PairPotential, **self._settings), self._given

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns energies (eV), forces (eV/Å) and stresses (eV/Å^3, positive where it is stretched)."""
        with self._lists.lock:
            kinds, why = self._species(batch)
            if batch.device.type == "cpu" and self._compiled:
                values, wrong = self._by_loops(batch, kinds, set(why), want)
            else:
                values, wrong = self._by_torch(batch, kinds, want)
        why = {**not_finite(batch, values), **wrong, **why}
        ok = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
        ok[list(why)] = False
        return Results({name: value for name, value in values.items() if name in want}, ok, why)

    def _by_loops(
        self, batch: Batch, kinds: NDArray[np.int64], wrong: set[int], want: frozenset[str]
    ) -> tuple[dict[str, Tensor], dict[int, str]]:
        from cohobate.dynamics.kernels.pairs import added, summing  # numba takes a while to import

        listed, further = self._lists.update(batch), bool(want & {"stress", "energies"})
        total = summing(
            self._law,
            own=self._table.shape[2] - 1,
            further=further,
            single=len(self._table) == 1,
            switch=self._cut.switch_from is not None,
        )
        cells, periodic = cells_of(batch)
        n, parts, lists = batch.n_atoms, listed.parts, self._lists
        at = batch["positions"].numpy() + listed.offset
        start, energies, virials = batch.start.numpy(), np.zeros(len(parts.work)), np.zeros((len(parts.work), 3, 3))
        forces, each, row = np.zeros((n, 3)), np.zeros(n), tuple(self._table[0, 0].tolist())
        buffers, buffer = np.empty((parts.rows, 3)), np.empty(parts.rows)

        def call(some: NDArray[np.int64]) -> None:
            total(
                some, parts.system, parts.first, parts.last, parts.into, start, at, kinds, row, self._table, cells,
                periodic, self._cut.cutoff, self._cut.on, lists.reach, listed.pairs, listed.atoms, lists.count,
                lists.other, lists.image, energies, virials, forces, each, buffers, buffer
            )  # fmt: skip

        self._share(parts.system, parts.work, wrong, call)
        energy, virial = np.zeros(batch.n_systems), np.zeros((batch.n_systems, 3, 3))
        whose = parts.system, parts.first, parts.into, start
        added(*whose, energies, virials, buffers, buffer, energy, forces, virial, each)
        found = {"energy": energy, "forces": forces, "energies": each}
        values = {name: torch.from_numpy(value).to(batch.dtype) for name, value in found.items()}
        if "stress" in want:
            values["stress"] = stress_of(batch, torch.from_numpy(virial))
        return values, listed.wrong

    def _share(self, system: Any, work: Any, wrong: set[int], call: Callable[[Any], None]) -> None:  # noqa: ANN401
        good = np.arange(len(work))
        if wrong:
            good = good[~np.isin(system, list(wrong))]
        if len(good):
            self._team.share(good, work[good], call, alone=work.sum() < FEW)

    def _by_torch(
        self, batch: Batch, kinds: NDArray[np.int64], want: frozenset[str]
    ) -> tuple[dict[str, Tensor], dict[int, str]]:
        edges = self._lists.edges.update(batch)
        note(batch, edges.first)
        where = torch.from_numpy(kinds).to(batch.device)
        values = summed(self._law, self._table, self._cut, batch=batch, kinds=where, edges=edges)
        values["stress"] = stress_of(batch, values.pop("virial"))
        return values, edges.wrong

    def _species(self, batch: Batch) -> tuple[NDArray[np.int64], dict[int, str]]:
        """Returns the number of the species of each atom, and the systems with atoms that are not known."""
        numbers = batch["numbers"].cpu().numpy()
        if np.array_equal(self._seen[0], numbers):
            return self._seen[1], {}
        known = (numbers >= 0) & (numbers < len(self._kinds))
        kinds = np.where(known, self._kinds[np.where(known, numbers, 0)], -1)
        if kinds.min(initial=0) >= 0:
            self._seen = numbers.copy(), kinds
        return kinds, unknown(batch, self.traits.species)


def stress_of(batch: Batch, virials: Tensor) -> Tensor:
    """Returns virials (B, 3, 3) over volumes, eV/Å^3; NaN where there is no volume."""
    if "cell" not in batch:
        return torch.full((batch.n_systems, 3, 3), torch.nan, dtype=batch.dtype, device=batch.device)
    c = batch["cell"].double()
    across = torch.linalg.cross(c[:, 1], c[:, 2])
    volume = (c[:, 0, 0] * across[:, 0] + c[:, 0, 1] * across[:, 1] + c[:, 0, 2] * across[:, 2]).abs()
    return (virials / torch.where(volume > 0, volume, torch.nan)[:, None, None]).to(batch.dtype)
