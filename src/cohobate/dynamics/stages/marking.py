"""A number for what dynamics are, by which a batch tells who has begun its systems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import Stage


def mark(entry: int, stages: Sequence[Stage], rules: Sequence[Rule]) -> int:
    """Returns a positive number: the same for the same stages in every process, and another for others."""
    told = [str(entry), *map(_of_stage, stages), *(f"{one} {one.frequency}" for one in rules)]
    return int.from_bytes(blake2b("|".join(told).encode(), digest_size=7).digest(), "big") + 1


def _of_stage(stage: Stage) -> str:
    return f"{stage.name} {stage.code} {stage.exit} {_told(stage.update)} {_told(stage.potential)}"


def _told(one: object) -> str:
    """Returns how something describes itself; without places in memory, which are others each time."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(one))
