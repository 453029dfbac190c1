"""A function of torch as a potential: forces and stresses by autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.models.edges import Edges
from cohobate.dynamics.models.failing import not_finite, unknown
from cohobate.dynamics.models.gathering import outputs_of
from cohobate.dynamics.models.lists import note
from cohobate.dynamics.models.pair_potential import stress_of
from cohobate.dynamics.models.potential import Results, Traits


@final
class TorchFunction:
    """Energies of all systems by ``energy(batch) -> (B,)``, eV; forces and stresses are their derivatives.

    The function may return further outputs by name: ``{"energy": (B,), ...}``; ``outputs`` says which, and they land
    on the batch. ``edges``: what
    is to be found as the fields ``edge.first``, ``edge.second``, ``edge.image`` of the batch that it is given. What is
    returned is detached. ``one_by_one`` gives each system alone: the same bits in every batch, and an exception fails
    only its own system; else it fails all of the batch that fail alone.

    >>> def springs(batch):
    ...     each = (batch["positions"] ** 2).sum(1)
    ...     return torch.zeros(batch.n_systems, dtype=each.dtype).index_add(0, batch.system, each)
    >>> batch = Batch.of([{"numbers": [1], "positions": [[1.0, 0, 0]]}])
    >>> TorchFunction(springs).compute(batch, frozenset({"energy", "forces"})).values["forces"].tolist()
    [[-2.0, -0.0, -0.0]]
    """

    def __init__(
        self,
        energy: Callable[[Batch], Any],
        *,
        outputs: Iterable[str] | Mapping[str, Field] = (),
        edges: Edges | None = None,
        one_by_one: bool = False,
        species: Iterable[int] | None = None,
    ) -> None:
        if not callable(energy):
            raise UserError(f"TorchFunction: expected a function of a batch, got {type(energy).__name__}")
        self._energy, self._edges, self._alone = energy, edges, one_by_one
        known = frozenset(species) if species is not None else None
        cutoff = edges.cutoff if edges is not None else None
        further = outputs_of(outputs)
        self._kinds = {**outputs_of(("energy", "forces", "stress")), **further}
        self.traits = Traits(frozenset(self._kinds), cutoff, exact=one_by_one, species=known, outputs=further)

    def pairs(self, batch: Batch) -> Tensor:
        """Returns how many edges each system has, skin included: (B,); none where it has not asked for any."""
        if self._edges is None:
            return torch.zeros_like(batch.atoms)
        return Edges(self._edges.cutoff, self._edges.skin, half=self._edges.half).update(batch.copy()).many

    def describe(self) -> dict[str, Any]:
        """Returns what decides upon its numbers."""
        edges = self._edges and {"cutoff": self._edges.cutoff, "skin": self._edges.skin, "half": self._edges.half}
        return {"energy": self._energy, "edges": edges, "one_by_one": self._alone, "outputs": self._kinds}

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns what is wanted of all systems."""
        if batch.n_systems == 0:
            return self._together(batch, want)
        if self._alone:
            return self._each(batch, want)
        try:
            return self._together(batch, want)
        except Exception as error:
            if batch.n_systems == 1 or isinstance(error, UserError):
                raise
            return self._each(batch, want)

    def _each(self, batch: Batch, want: frozenset[str]) -> Results:
        found: list[Results | str] = []
        for alone in batch.split():
            try:
                found.append(self._together(alone, want))
            except UserError:
                raise
            except Exception as error:  # noqa: BLE001 whatever the function raises is about its system
                found.append(f"{type(error).__name__}: {error}")
        return _joined(batch, found, {name: self._kinds[name] for name in want})

    def _together(self, batch: Batch, want: frozenset[str]) -> Results:
        edges = self._edges.update(batch) if self._edges is not None else None
        if edges is not None:
            note(batch, edges.first)
        listed = self._edges.put(batch) if self._edges is not None else batch
        wrong = {**(edges.wrong if edges is not None else {}), **unknown(batch, self.traits.species)}
        strain = torch.zeros((batch.n_systems, 3, 3), dtype=batch.dtype, device=batch.device, requires_grad=True)
        with torch.enable_grad():
            given = _strained(listed, strain)
            positions = given["positions"]
            outputs = _outputs(self._energy(given), batch)
            values = {name: value.detach() for name, value in outputs.items()}
            if want & {"forces", "stress"} and outputs["energy"].requires_grad:
                slopes = torch.autograd.grad(outputs["energy"].sum(), [positions, strain], allow_unused=True)
            else:
                slopes = (None, None)
        forces, virial = (
            torch.zeros_like(like) if s is None else s for s, like in zip(slopes, (positions, strain), strict=True)
        )
        values["forces"] = -forces.detach()
        values["stress"] = stress_of(batch, ((virial + virial.transpose(1, 2)) / 2).detach())
        return _checked({name: values[name] for name in want}, batch, wrong)


def _strained(batch: Batch, strain: Tensor) -> Batch:
    """Returns a view of the batch in which positions and cells follow a strain that is zero: x (1 + strain)."""
    held: dict[str, Tensor] = {name: batch[name] for name in batch}
    positions = batch["positions"].detach().clone().requires_grad_(True)
    bent = strain[batch.system]
    held["positions"] = positions + (positions[:, :, None] * bent).sum(1)
    if "cell" in held:
        held["cell"] = held["cell"] + held["cell"] @ strain
    return Batch(held, {name: batch.kind(name) for name in batch}, batch.atoms, batch.edges)


def _outputs(found: Any, batch: Batch) -> dict[str, Tensor]:  # noqa: ANN401 of a user
    values = dict(found) if isinstance(found, dict) else {"energy": found}
    energy = values.get("energy")
    if not isinstance(energy, Tensor) or tuple(energy.shape) != (batch.n_systems,):
        got = tuple(energy.shape) if isinstance(energy, Tensor) else type(energy).__name__
        raise UserError(f"TorchFunction: expected energies of the shape ({batch.n_systems},), got {got}")
    return values


def _checked(values: dict[str, Tensor], batch: Batch, wrong: dict[int, str]) -> Results:
    """Returns results, in which systems with energies or forces that are not finite have failed."""
    why = {**not_finite(batch, values), **wrong}
    ok = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
    ok[list(why)] = False
    return Results(values, ok, why)


def _joined(batch: Batch, found: list[Results | str], kinds: Mapping[str, Field]) -> Results:
    good = [one for one in found if isinstance(one, Results)]
    why = {
        s: one if isinstance(one, str) else one.why[0] for s, one in enumerate(found) if isinstance(one, str) or one.why
    }
    ok = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
    ok[list(why)] = False
    if not good:
        return Results({}, ok, why)
    values = {}
    for name, kind in kinds.items():
        like = good[0].values[name]
        sizes = batch.atoms.tolist() if kind.scope == "atom" else [1] * batch.n_systems
        gaps = (torch.full((n, *like.shape[1:]), torch.nan, dtype=like.dtype, device=like.device) for n in sizes)
        values[name] = torch.cat(
            [one.values[name] if isinstance(one, Results) else gap for one, gap in zip(found, gaps, strict=True)]
        )
    return Results(values, ok, why)
