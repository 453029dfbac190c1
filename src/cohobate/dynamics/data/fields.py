"""What belongs to an atom, to an edge, to a system: declared once, so that slicing, joining and sending follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import torch

from cohobate.core.errors import UserError

Scope = Literal["atom", "edge", "system"]
SCOPES: Final = ("atom", "edge", "system")


@final
@dataclass(frozen=True, slots=True, eq=False)
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

    def __eq__(self, other: object) -> bool:
        """Whether both say the same; a NaN is a NaN, also one that was sent."""
        if not isinstance(other, Field) or self._rest != other._rest:
            return False
        return self.fill == other.fill or (math.isnan(self.fill) and math.isnan(other.fill))

    def __hash__(self) -> int:
        return hash(self._rest)

    @property
    def _rest(self) -> tuple[object, ...]:
        return self.scope, self.shape, self.dtype, self.unit


UNKNOWN: Final = math.nan
"""What results hold that nobody has computed: never a zero."""
STANDARD: Final[Mapping[str, Field]] = {
    "numbers": Field("atom", (), torch.int64),
    "positions": Field("atom", (3,), unit="Å"),
    "velocities": Field("atom", (3,), unit="Å/fs"),
    "forces": Field("atom", (3,), unit="eV/Å", fill=UNKNOWN),
    "masses": Field("atom", (), unit="amu"),
    "charges": Field("atom", (), unit="e"),
    "fixed": Field("atom", (), torch.bool),
    "energies": Field("atom", (), unit="eV", fill=UNKNOWN),
    "cell": Field("system", (3, 3), unit="Å"),
    "pbc": Field("system", (3,), torch.bool),
    "energy": Field("system", (), unit="eV", fill=UNKNOWN),
    "stress": Field("system", (3, 3), unit="eV/Å^3", fill=UNKNOWN),
    "id": Field("system", (), torch.int64, fill=-1),
    "status": Field("system", (), torch.int64),
    "steps": Field("system", (), torch.int64),
    "ok": Field("system", (), torch.bool, fill=1),
}
"""Fields that are known by name; whoever adds others declares them, too."""


def declared(name: str, value: torch.Tensor, given: Scope | Field | None, counts: Mapping[Scope, int]) -> Field:
    """Returns the declaration of an array; raises ``UserError`` where its scope is not known and not given.

    An array whose scope alone is given keeps its kind of number, whatever the floating type of the batch.
    """
    scope = given.scope if isinstance(given, Field) else given
    if scope is not None and scope not in SCOPES:
        raise UserError(f"field {name!r}: expected one of the scopes {list(SCOPES)}, got {scope!r}")
    known = STANDARD.get(name)
    if known is not None:
        if scope is not None and scope != known.scope:
            raise UserError(f"field {name!r} is known as one of each {known.scope}, and was given as one of {scope}s")
        return known
    if isinstance(given, Field):
        return given
    if scope is None:
        raise UserError(f"field {name!r}: say whose it is by scopes={{{name!r}: ...}}, one of {list(SCOPES)}")
    if value.ndim == 0 and scope == "system":
        return Field(scope, (), value.dtype)
    if value.ndim == 0 or value.shape[0] != counts[scope]:
        got = f"the shape {tuple(value.shape)}"
        raise UserError(f"field {name!r}: expected {counts[scope]} entries, one for each {scope}, got {got}")
    return Field(scope, tuple(value.shape[1:]), value.dtype)
