"""The one way to import a library that is not a hard dependency."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from cohobate.core.errors import MissingExtra


def require(name: str, *, extra: str) -> ModuleType:
    """Returns the module ``name``, or says which extra of cohobate brings it.

    Raises ``MissingExtra`` where the library is not installed. A library that is installed and
    fails while it is imported raises what it raises.

    >>> require("math", extra="learn").gcd(12, 18)
    6
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        library = name.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:
            raise
        raise MissingExtra(f"this needs {library}, which is not installed: pip install 'cohobate[{extra}]'") from error
