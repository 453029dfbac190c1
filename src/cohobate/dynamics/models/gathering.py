"""Results of single systems put together for a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD, Field
from cohobate.dynamics.models.potential import Results

OUTPUTS: Final = {
    "charges": STANDARD["charges"],
    "magmoms": Field("atom", (), unit="μB", fill=float("nan")),
    "dipole": Field("system", (3,), unit="e Å", fill=float("nan")),
    "magmom": Field("system", (), unit="μB", fill=float("nan")),
    "free_energy": Field("system", (), unit="eV", fill=float("nan")),
}
"""Further outputs of wrapped potentials that are known by name."""
One = Mapping[str, Any] | str
"""What there is of a system: arrays by name, or why there are none."""


def outputs_of(names: Iterable[str] | Mapping[str, Field]) -> dict[str, Field]:
    """Returns how outputs are declared; raises ``UserError`` where one is not and is not known by name."""
    given = dict(names) if isinstance(names, Mapping) else {}
    for name in names:
        if name not in given:
            given[name] = _known(name)
    return given


def _known(name: str) -> Field:
    found = STANDARD.get(name) or OUTPUTS.get(name)
    if found is None:
        known = {*OUTPUTS, *STANDARD}
        raise UserError(f"potential: no output is called {name!r}{did_you_mean(name, known)}; declare it by a Field")
    return found


def gathered(batch: Batch, each: Sequence[One], want: frozenset[str], kinds: Mapping[str, Field]) -> Results:
    """Returns the results of a batch; a system of which something is missing or no finite number has failed."""
    n = batch.atoms.tolist()
    why = {s: said for s, one in enumerate(each) if (said := _wrong(one, want, n[s], batch, kinds)) is not None}
    good = [s for s in range(len(each)) if s not in why]
    values = {}
    for name in want:
        kind = kinds[name]
        whole = torch.full((batch.counts[kind.scope], *kind.shape), torch.nan, dtype=batch.dtype)
        for s in good:
            one = each[s]
            assert not isinstance(one, str)
            rows = slice(s, s + 1) if kind.scope == "system" else slice(int(batch.start[s]), int(batch.start[s + 1]))
            whole[rows] = torch.as_tensor(np.asarray(one[name])).reshape(whole[rows].shape).to(batch.dtype)
        values[name] = whole.to(batch.device)
    ok = torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)
    ok[list(why)] = False
    return Results(values, ok, why)


def _wrong(one: One, want: frozenset[str], n_atoms: int, batch: Batch, kinds: Mapping[str, Field]) -> str | None:
    if isinstance(one, str):
        return one
    for name in sorted(want):
        if name not in one:
            return f"the potential gave no {name!r}, only {sorted(one)}"
        kind, value = kinds[name], np.asarray(one[name])
        if value.size != int(np.prod(kind.shape)) * (n_atoms if kind.scope == "atom" else 1):
            return f"the potential gave {name!r} of the shape {value.shape}"
        if not np.isfinite(value).all() and name != "stress":
            return f"the potential gave {name!r} that is not finite"
    return None
