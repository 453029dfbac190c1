"""Finds a function by its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from cohobate.core.capture import Raised, capture
from cohobate.core.errors import ConfigError, did_you_mean


def find(use: str, folder: Path) -> Callable[..., Any]:
    """Returns the function ``"module:function"``; modules beside campaign.toml are found first."""
    module, _, name = use.partition(":")
    home = str(folder.resolve())
    if home not in sys.path:
        sys.path.insert(0, home)
    if module.endswith(".py"):
        raise ConfigError(f"expected a module and a function, got {use!r}; did you mean {module[:-3] + ':' + name!r}?")
    imported = capture(import_module, module)
    if isinstance(imported, Raised):
        raise ConfigError(f"{use!r} cannot be imported: {imported.message}") from imported.error
    found = capture(attrgetter(name), imported.value)
    if isinstance(found, Raised):
        public = [known for known in vars(imported.value) if not known.startswith("_")]
        raise ConfigError(f"there is no {name!r} in {module}{did_you_mean(name, public)}")
    if not callable(found.value):
        raise ConfigError(f"{use!r} is no function but the {type(found.value).__name__} {found.value!r:.60}")
    return found.value  # type: ignore[no-any-return]  # callable() tells mypy too little
