"""The numbers that a generator looks for in a result."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from cohobate.core.errors import GeneratorError, did_you_mean
from cohobate.core.outcome import Value
from cohobate.core.trial import Result


def values_of(result: Result, outputs: Sequence[str]) -> tuple[float, ...] | None:
    """Returns the outputs named, ``None`` where there is no value or one of them is not finite.

    Raises ``GeneratorError`` for an output that is not there.
    """
    if not isinstance(result.outcome, Value):
        return None
    got = result.outcome.outputs
    for name in outputs:
        if name not in got:
            hint = did_you_mean(name, got)
            raise GeneratorError(f"trial {result.trial.id} has no output {name!r}{hint}; it has {list(got)}")
    values = tuple(float(got[name]) for name in outputs)
    return values if all(map(isfinite, values)) else None
