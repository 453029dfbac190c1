"""A defect put into the core on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Mutant:
    """A defect by name, why somebody might make it, and how it is put in."""

    name: str
    why: str
    apply: Callable[[pytest.MonkeyPatch], None]
