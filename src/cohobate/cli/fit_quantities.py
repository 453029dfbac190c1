"""Makes what gives the quantities of a term: a Python function, or an external program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cohobate.cli.fit_tables as toml
from cohobate.cli.functions import find
from cohobate.core.errors import ConfigError

Quantity = Callable[..., Any]


def quantity_of(wish: toml.Term, folder: Path) -> Quantity:
    """Returns what evaluates a term; raises ``ConfigError`` naming the key."""
    if (wish.run is None) == (wish.python is None):
        came = "neither" if wish.run is None else "both"
        raise ConfigError(f'expected run = "lammps", run = ["program", ...] or python = "module:function", got {came}')
    if wish.python is not None:
        return _python(wish, wish.python, folder)
    raise ConfigError("run: not yet")


def _python(wish: toml.Term, use: str, folder: Path) -> Quantity:
    for key in ("input", "files", "read"):
        if getattr(wish, key):
            raise ConfigError(f"{key}: is for programs (run = ...); a Python function returns its quantities")
    try:
        return find(use, folder)
    except ConfigError as error:
        raise ConfigError(f"python: {error}") from error
