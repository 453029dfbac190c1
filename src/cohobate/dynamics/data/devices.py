"""Devices that can be used here."""

from __future__ import annotations

from functools import cache

import torch

from cohobate.core.errors import UserError


def usable(device: torch.device | str) -> torch.device:
    """Returns a device; raises ``UserError`` for one that torch does not know, or that is not there."""
    return _usable(str(device))


@cache
def _usable(name: str) -> torch.device:
    try:
        found = torch.device(name)
        torch.empty(0, device=found)
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        why = str(error).splitlines()[0][:120]
        raise UserError(f"device {name!r} cannot be used here: {why}; 'cpu' always can") from error
    return found
