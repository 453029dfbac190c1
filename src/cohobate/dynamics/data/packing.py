"""A batch as bytes and back, for sending and storing: every field as it is, without pickle."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from cohobate.core.errors import Damaged, Foreign
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.encoding import bytes_of, size_of, tensor_of
from cohobate.dynamics.data.fields import Field, Scope

MAGIC: Final = b"cohobate batch 1\n"
"""What packed batches begin with. Then: the length of the header in 8 bytes, the header in JSON (the fields, their
declarations and the types of their arrays), the arrays one after the other, and the CRC of it all in 4 bytes."""
HEAD: Final = len(MAGIC) + 8


def pack(batch: Batch) -> bytes:
    """Returns a batch as bytes, which ``unpack`` turns into the same batch, bit for bit.

    >>> one = Batch.of([{"numbers": [18], "positions": [[0, 0, 0]], "tag": [7]}], scopes={"tag": "atom"})
    >>> unpack(pack(one))["tag"].tolist()
    [7]
    """
    header = {
        "order": sys.byteorder,
        "systems": batch.n_systems,
        "fields": {name: _spelled(batch.kind(name), batch[name]) for name in batch},
    }
    text = json.dumps(header).encode()
    arrays = [batch.atoms, batch.edges, *(batch[name] for name in batch)]
    body = b"".join([MAGIC, len(text).to_bytes(8, "little"), text, *(bytes_of(one) for one in arrays)])
    return body + zlib.crc32(body).to_bytes(4, "little")


def unpack(data: bytes) -> Batch:
    """Returns the batch that was packed; raises ``Damaged`` for what was changed or cut off, ``Foreign`` for others."""
    if data[: len(MAGIC)] != MAGIC:
        raise Foreign(f"expected a packed batch, which begins with {MAGIC!r}, got {data[: len(MAGIC)]!r}")
    if len(data) < HEAD + 4 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise Damaged("a packed batch was changed or cut off: its checksum does not match; pack it again")
    end = HEAD + int.from_bytes(data[len(MAGIC) : HEAD], "little")
    header = json.loads(data[HEAD:end])
    if header["order"] != sys.byteorder:
        raise Foreign(f"the batch was packed on a {header['order']}-endian machine, this one is {sys.byteorder}-endian")
    return _batch(header, memoryview(data)[end:-4])


def _batch(header: Mapping[str, Any], body: memoryview) -> Batch:
    n, at = header["systems"], 0

    def take(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        nonlocal at
        begin, at = at, at + size_of(shape, dtype)
        return tensor_of(body[begin:at], shape, dtype)

    atoms, edges = take((n,), torch.int64), take((n,), torch.int64)
    counts: dict[Scope, int] = {"system": n, "atom": int(atoms.sum()), "edge": int(edges.sum())}
    fields, kinds = {}, {}
    for name, spelled in header["fields"].items():
        kinds[name], dtype = _kind(spelled)
        fields[name] = take((counts[kinds[name].scope], *kinds[name].shape), dtype)
    return Batch(fields, kinds, atoms, edges)


def _spelled(kind: Field, value: Tensor) -> dict[str, Any]:
    return {
        "scope": kind.scope,
        "shape": list(kind.shape),
        "dtype": _name(value.dtype),
        "real": kind.real,
        "unit": kind.unit,
        "fill": repr(float(kind.fill)),
    }


def _kind(spelled: Mapping[str, Any]) -> tuple[Field, torch.dtype]:
    dtype: torch.dtype = getattr(torch, spelled["dtype"])
    own = None if spelled["real"] else dtype
    return Field(spelled["scope"], tuple(spelled["shape"]), own, spelled["unit"], float(spelled["fill"])), dtype


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
