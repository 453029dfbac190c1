"""Tensors of every kind of number as bytes, and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def bytes_of(value: Tensor) -> bytes:
    """Returns the numbers of a tensor in order, as they are in memory."""
    flat = value.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""


def size_of(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Returns how many bytes a tensor takes."""
    return math.prod(shape) * int(dtype.itemsize)


def tensor_of(data: bytes | memoryview, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Returns a tensor of its own with the numbers that are in ``data``."""
    made = torch.empty(shape, dtype=dtype)
    if len(data):
        made.reshape(-1).view(torch.uint8).numpy().data[:] = memoryview(data)
    return made
