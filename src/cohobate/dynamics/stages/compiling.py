"""Updates that torch has compiled: faster where it pays, and equal within rounding only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.stages.update import Update

Half = Callable[[Batch, Tensor], None]


@final
class Compiled:
    """The same update, whose two half steps go through ``torch.compile``.

    Compiled code may contract a product and a sum into one rounding: a system then goes the same way within rounding,
    not bit for bit.
    """

    __slots__ = ("_after", "_before", "given", "update")

    def __init__(self, update: Update, given: Mapping[str, Any]) -> None:
        self.update, self.given = update, dict(given)
        self._before: Half = torch.compile(update.before, **given)
        self._after: Half = torch.compile(update.after, **given)

    @property
    def fields(self) -> Mapping[str, Field]:
        """As they were."""
        return self.update.fields

    @property
    def needs(self) -> frozenset[str]:
        """As it was."""
        return self.update.needs

    def enter(self, batch: Batch, mask: Tensor) -> None:
        """Sets the state of systems that begin."""
        self.update.enter(batch, mask)

    def before(self, batch: Batch, mask: Tensor) -> None:
        """Makes the first half step."""
        _ready(batch)
        self._before(batch, mask)

    def after(self, batch: Batch, mask: Tensor) -> None:
        """Makes the second half step."""
        _ready(batch)
        self._after(batch, mask)


def _ready(batch: Batch) -> None:
    """Derives what a batch keeps of itself here, so that no compiled code has to."""
    _ = batch.system, batch.start
