"""RDKit, imported on first use and kept silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import ModuleType
from typing import NamedTuple

from cohobate.host.extras import require

_silence = RLock()


class Modules(NamedTuple):
    """The parts of RDKit in use; the others cost time to import."""

    chem: ModuleType
    embedding: ModuleType
    forcefields: ModuleType


def modules() -> Modules:
    """Returns the parts of RDKit; raises ``MissingExtra`` where it is not installed."""
    names = ("rdkit.Chem", "rdkit.Chem.rdDistGeom", "rdkit.Chem.rdForceFieldHelpers")
    return Modules(*(require(name, extra="chem") for name in names))


@contextmanager
def quietly() -> Iterator[None]:
    """Lets RDKit print nothing inside.

    Its log is one switch for the whole process, and overlapping blocks would lift each other: hence
    one thread at a time.
    """
    with _silence, require("rdkit.rdBase", extra="chem").BlockLogs():
        yield
