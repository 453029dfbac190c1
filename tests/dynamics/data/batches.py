"""Batches of random systems with random fields, and whether two are the same, bit for bit."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import SCOPES, Field

DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.float8_e4m3fn,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.complex128,
)
SHAPES = ((), (1,), (3,), (2, 2))
KINDS = st.builds(
    Field,
    st.sampled_from(SCOPES),
    st.sampled_from(SHAPES),
    st.sampled_from([None, *DTYPES]),
    st.sampled_from(["", "e/Å"]),
    st.sampled_from([0.0, 1.0, float("nan")]),
).filter(lambda kind: kind.fill == kind.fill or kind.dtype is None or kind.dtype.is_floating_point)


def bits(value: torch.Tensor) -> bytes:
    """Returns what is in an array."""
    return value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""


def different(one: Batch, other: Batch) -> list[str]:
    """Returns in what two batches differ: nothing is rounded, a NaN is itself."""
    found = [name for name in ("atoms", "edges") if not torch.equal(getattr(one, name), getattr(other, name))]
    if list(one) != list(other):
        return [*found, f"{list(one)} != {list(other)}"]
    for name in one:
        a, b = one[name], other[name]
        if one.kind(name) != other.kind(name) or a.dtype != b.dtype or a.shape != b.shape or bits(a) != bits(b):
            found.append(name)
    return found


def noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Returns random bits as numbers: infinities, NaNs and zeros with a sign among them."""
    made = torch.empty(shape, dtype=dtype)
    if dtype == torch.bool:
        return torch.from_numpy(rng.integers(0, 2, shape).astype(bool).reshape(shape))
    if made.numel():
        raw = rng.integers(0, 256, made.numel() * made.element_size()).astype(np.uint8)
        made.reshape(-1).view(torch.uint8).copy_(torch.from_numpy(raw))
    return made


@st.composite
def batches(draw: st.DrawFn, least: int = 0, most: int = 6) -> Batch:
    """Returns systems of 1 to 5 atoms and 0 to 4 edges, with up to five fields of any kind beside the usual ones."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=least, max_size=most))
    if draw(st.booleans()):
        sizes = [(1, edges) for _, edges in sizes]
    kinds = draw(st.lists(KINDS, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    atoms, edges = (torch.tensor([size[i] for size in sizes], dtype=torch.int64) for i in (0, 1))
    n, dtype = int(atoms.sum()), draw(st.sampled_from([torch.float64, torch.float32]))
    start = {
        "numbers": torch.from_numpy(rng.integers(1, 100, n)),
        "positions": torch.from_numpy(rng.normal(size=(n, 3))).to(dtype),
        "id": torch.from_numpy(rng.permutation(1000)[: len(sizes)]),
    }
    empty = Batch.empty(dtype=dtype)
    batch = Batch(start, {name: empty.kind(name) for name in start}, atoms, edges)
    for i, kind in enumerate(kinds):
        shape = (batch.counts[kind.scope], *kind.shape)
        batch.add(f"user.{i}", kind, noise(rng, shape, kind.dtype or dtype))
    return batch
