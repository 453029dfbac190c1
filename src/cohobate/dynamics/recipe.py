"""What dynamics do to a system, as plain data that differ where anything that decides upon its way does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

import numpy as np
import torch

from cohobate.core.identity import code_hash
from cohobate.core.parts import Described
from cohobate.core.payload import Plain
from cohobate.dynamics.data.encoding import bytes_of
from cohobate.dynamics.hooks.changing import FrozenAtoms
from cohobate.dynamics.hooks.hook import Hook, counts_own_steps
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.stage import Stage

FEW: Final = 32
"""Numbers of an array up to which they are all told."""
FUNCTIONS: Final = (FunctionType, MethodType, BuiltinFunctionType, type)


def recipe_of(dynamics: Dynamics) -> dict[str, Plain]:
    """Returns stages with update, potential, convergence, budget and the hooks that change systems; and all rules."""
    return {
        "entry": dynamics.entry,
        "stages": {f"{stage.name} ({stage.code})": _stage(stage) for stage in dynamics.stages},
        "rules": [spelled(rule) for rule in dynamics.rules],
        "hooks": _changing(dynamics.hooks),
        "on_admit": spelled(dynamics.on_admit),
        "compiled": spelled(dynamics.plan.compiled),
    }


def _stage(stage: Stage) -> dict[str, Plain]:
    found = {name: spelled(getattr(stage, name)) for name in ("update", "potential", "until", "n_steps", "on_admit")}
    return {**found, "exit": stage.exit, "hooks": _changing(stage.hooks)}


def _changing(hooks: tuple[Hook, ...]) -> list[Plain]:
    """Returns those that have a say in what becomes of systems; who only looks on may change."""
    return [spelled(hook) for hook in hooks if counts_own_steps(hook) or isinstance(hook, FrozenAtoms)]


def spelled(thing: Any) -> Plain:  # noqa: ANN401 whatever dynamics are made of
    """Returns anything as plain data. What says what it is made of (``describe()``) is asked; of other objects count
    their class, with its source where that is not ours, and their public attributes that are no lists or mappings.

    >>> spelled((1.0, torch.float64))
    [1.0, 'torch.float64']
    """
    match thing:
        case Enum():
            return thing.name
        case str() | bool() | int() | None:
            return thing
        case float():
            return thing if np.isfinite(thing) else repr(thing)
        case torch.dtype() | torch.device():
            return str(thing)
    return _several(thing)


def _several(thing: Any) -> Plain:  # noqa: ANN401 as above
    match thing:
        case list() | tuple():
            return [spelled(one) for one in thing]
        case set() | frozenset():
            return sorted((spelled(one) for one in thing), key=repr)
        case Mapping():
            return {str(key): spelled(value) for key, value in thing.items()}
        case np.ndarray() | np.generic() | torch.Tensor():
            return _array(thing)
    return _object(thing)


def _object(thing: Any) -> Plain:  # noqa: ANN401 as above
    if isinstance(thing, FUNCTIONS):
        return _named(thing)
    if isinstance(thing, partial):
        return {"is": spelled(thing.func), "args": spelled(thing.args), **spelled(thing.keywords)}
    if isinstance(thing, Described):
        told = spelled(thing.describe())
        made = told if isinstance(told, dict) else {"told": told}
    elif isinstance(thing, torch.nn.Module):
        made = {"weights": spelled(thing.state_dict())}
    elif is_dataclass(thing):
        made = {field.name: spelled(getattr(thing, field.name)) for field in fields(thing)}
    else:
        own = getattr(thing, "__dict__", {})
        kept = {name: value for name, value in own.items() if not name.startswith("_")}
        made = {name: spelled(value) for name, value in kept.items() if not isinstance(value, list | dict | set)}
    return {"is": _named(type(thing)), **made}


def _named(thing: Any) -> str:  # noqa: ANN401 a function or a class
    """Returns its name, and where it is not ours a digest of its code."""
    name = getattr(thing, "__qualname__", type(thing).__name__)
    if str(getattr(thing, "__module__", "")).split(".")[0] in ("cohobate", "torch", "numpy", "ase", "builtins"):
        return str(name)
    return f"{name}, code {code_hash(thing)[:12]}"


def _array(thing: Any) -> Plain:  # noqa: ANN401 an array
    size = int(np.prod(thing.shape, dtype=int))
    if size <= FEW:
        return {"dtype": str(thing.dtype), "shape": list(thing.shape), "values": spelled(thing.tolist())}
    data = bytes_of(thing) if isinstance(thing, torch.Tensor) else np.ascontiguousarray(thing).tobytes()
    return {"dtype": str(thing.dtype), "shape": list(thing.shape), "sha256": sha256(data).hexdigest()}
