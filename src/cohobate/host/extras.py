"""Optional libraries: imported when first needed, named with their extra when missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from cohobate.core.errors import MissingExtra


def require(module: str, *, extra: str) -> ModuleType:
    """Returns an optional module; raises ``MissingExtra`` naming the extra that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{module} is not installed: pip install 'cohobate[{extra}]'") from error
