"""What belongs to an atom, to an edge, to a system: declared once, so that slicing, joining and sending follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import torch

from cohobate.core.errors import UserError

Scope = Literal["atom", "edge", "system"]
SCOPES: Final = ("atom", "edge", "system")


@final
@dataclass(frozen=True, slots=True)
class Field:
    """One named array of a batch: whose it is, the shape of one entry, its kind of number, and its unit.

    ``real`` fields take the floating type of the batch; ``dtype`` is that of all others. ``fill`` is what an
    entry holds before anybody sets it.
    """

    scope: Scope
    shape: tuple[int, ...] = ()
    dtype: torch.dtype | None = None
    unit: str = ""
    fill: float = 0.0

    @property
    def real(self) -> bool:
        """Whether it takes the floating type of its batch."""
        return self.dtype is None


STANDARD: Final[Mapping[str, Field]] = {
    "numbers": Field("atom", (), torch.int64),
    "positions": Field("atom", (3,), unit="Å"),
    "velocities": Field("atom", (3,), unit="Å/fs"),
    "forces": Field("atom", (3,), unit="eV/Å"),
    "masses": Field("atom", (), unit="amu"),
    "charges": Field("atom", (), unit="e"),
    "fixed": Field("atom", (), torch.bool),
    "energies": Field("atom", (), unit="eV"),
    "cell": Field("system", (3, 3), unit="Å"),
    "pbc": Field("system", (3,), torch.bool),
    "energy": Field("system", (), unit="eV"),
    "stress": Field("system", (3, 3), unit="eV/Å^3"),
    "id": Field("system", (), torch.int64, fill=-1),
    "status": Field("system", (), torch.int64),
    "steps": Field("system", (), torch.int64),
    "ok": Field("system", (), torch.bool, fill=1),
}
"""Fields that are known by name; whoever adds others declares them, too."""


def declared(name: str, value: torch.Tensor, scope: Scope | None, counts: Mapping[Scope, int]) -> Field:
    """Returns the declaration of an array; raises ``UserError`` where its scope is not known and not given."""
    known = STANDARD.get(name)
    if known is not None:
        return known
    if scope is None:
        raise UserError(f"field {name!r}: say whose it is by scopes={{{name!r}: ...}}, one of {list(SCOPES)}")
    if scope not in SCOPES:
        raise UserError(f"field {name!r}: expected one of the scopes {list(SCOPES)}, got {scope!r}")
    if value.ndim == 0 or value.shape[0] != counts[scope]:
        raise UserError(f"field {name!r}: expected {counts[scope]} entries, one for each {scope}, got {_told(value)}")
    dtype = None if value.is_floating_point() else value.dtype
    return Field(scope, tuple(value.shape[1:]), dtype)


def _told(value: torch.Tensor) -> str:
    return f"the shape {tuple(value.shape)}"
