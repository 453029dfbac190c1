"""What an integrator or a relaxer is: two half steps under a mask, and the state that follows each system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field


@runtime_checkable
class Update(Protocol):
    """Advances the systems of a batch by one step, in two halves with the forces computed in between.

    What a half step does to a system must follow from the fields of that system alone, and from nothing else in the
    batch: then a system goes the same way alone, in any batch, and after a resume. Systems outside the mask are not
    to be touched. State is kept in fields of the batch, named after the update, so that it follows its system
    through selection, refill and sending.
    """

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields it keeps its state in, and those it needs to be there (velocities, masses)."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """What it needs of the potential."""
        ...

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Sets the state of systems (B,) that begin with it; their forces are there."""
        ...

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Makes the half step that comes before the forces: positions move."""
        ...

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Makes the half step that comes after the forces."""
        ...
