"""Devices that can be used here."""

from __future__ import annotations

from functools import cache

import torch

from cohobate.core.errors import UserError


def named(device: torch.device | str) -> torch.device:
    """Returns a device, which may not be there; raises ``UserError`` for a kind that torch does not know."""
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise _unusable(str(device), error) from error


def usable(device: torch.device | str) -> torch.device:
    """Returns a device; raises ``UserError`` for one that torch does not know, or that is not there."""
    return _there(named(device))


@cache
def _there(device: torch.device) -> torch.device:
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        raise _unusable(str(device), error) from error
    return device


def _unusable(name: str, error: Exception) -> UserError:
    why = str(error).splitlines()[0][:120]
    return UserError(f"device {name!r} cannot be used here: {why}; 'cpu' always can")
