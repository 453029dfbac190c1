"""What a task needs, in the terms of those executors of Parsl that have some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cohobate.core.needs import CORES, GPU, exact, plain
from cohobate.core.payload import Payload

QUEUE: Final = {CORES: "cores", GPU: "gpus", "memory": "memory", "disk": "disk"}
TERMS: Final[Mapping[str, Mapping[str, str]]] = {
    "WorkQueueExecutor": QUEUE,
    "TaskVineExecutor": QUEUE,
    "MPIExecutor": {name: name for name in ("num_nodes", "num_ranks", "ranks_per_node")},
}
"""By the class of an executor: our names, and what stands for them in its specification."""
TOGETHER: Final = {"cores", "memory", "disk"}
"""What Work Queue takes only together, unless it is to find out by itself."""


def specification(executors: Sequence[Payload], needs: Mapping[str, float]) -> dict[str, float]:
    """Returns the resource specification of a task: what all of these executors take, nothing else."""
    kinds = {type(each).__name__ for each in executors}
    terms = TERMS.get(kinds.pop(), {}) if len(kinds) == 1 else {}
    made = {terms[name]: plain(exact(much)) for name, much in needs.items() if much and name in terms}
    strict = any(getattr(each, "autolabel", True) is False for each in executors)
    if strict and not made.keys() >= TOGETHER:
        return {name: much for name, much in made.items() if name not in TOGETHER}
    return made


def specified(call: Callable[..., Any], *args: Payload, parsl_resource_specification: Mapping[str, float]) -> Payload:
    """Makes a call; Parsl hands each the specification that it was submitted with."""
    return call(*args)
