"""Small composites of plain functions: what parts of candidates may be like, and how they may end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cohobate as co
from cohobate.core.outcome import Cancelled, Outcome, Value
from cohobate.core.parts import Made, Part
from cohobate.core.trial import Inputs


def times(x: float, k: float) -> float:
    return x * k


def noted(x: float, k: float, log: str, seconds: float = 0.0) -> float:
    """Leaves a line for each time that it is called, and takes a while."""
    with open(log, "a") as file:
        file.write(f"{x} {k}\n")
    time.sleep(seconds)
    return x * k


def raises(x: float, k: float) -> float:
    raise ValueError(f"no value at {x}")


def dies_once(x: float, k: float, log: str) -> float:
    """Takes its worker with it the first time."""
    first = not Path(log).exists()
    noted(x, k, log)
    if first:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * k


def where(x: float, k: float) -> str:
    (co.attempt_dir() / "out.txt").write_text(f"{x * k}")
    return str(co.attempt_dir())


def waits(x: float, k: float, log: str) -> float:
    """Waits until it is asked to stop."""
    noted(x, k, log)
    while not co.cancelled():
        time.sleep(0.001)
    raise InterruptedError


class Adding:
    """Adds up what parts give; beyond the bound nothing more is of interest."""

    def __init__(self, number: int, bound: float | None) -> None:
        self.number, self.bound = number, bound
        self.values: dict[str, Any] = {}
        self.loss, self.reused = 0.0, 0

    def take(self, name: str, made: Made) -> Outcome | None:
        if not isinstance(made.outcome, Value):
            return made.outcome
        value = self.values[name] = made.outcome.outputs["value"]
        self.loss += value if isinstance(value, float) else 0.0
        self.reused += made.reused
        if self.bound is not None and self.loss > self.bound:
            return Cancelled(f"beyond {self.bound}")
        if len(self.values) < self.number:
            return None
        return Value({"loss": self.loss, "parts": self.values, "reused": self.reused})


@dataclass(frozen=True)
class Sum:
    """Parts ``k: fn(x, k, *more)``, added up; the key of a part is ``keyed(x, k)``."""

    fns: Mapping[float, Callable[..., Any]]
    more: Mapping[float, Sequence[Any]] = field(default_factory=dict)
    keyed: Callable[[float, float], str] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, x: float) -> dict[str, Any]:
        return {"loss": sum(fn(x, k, *self.more.get(k, ())) for k, fn in self.fns.items())}

    def parts(self, inputs: Inputs) -> list[Part]:
        x, keyed = inputs["x"], self.keyed or (lambda x, k: "")
        return [
            Part(f"part {k}", fn, (x, k, *self.more.get(k, ())), keyed(x, k), **self.settings)
            for k, fn in self.fns.items()
        ]

    def judge(self, inputs: Inputs, bound: float | None = None) -> Adding:
        return Adding(len(self.fns), bound)

    def recall(self, inputs: Inputs, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return outputs["parts"]


def same(number: int, fn: Callable[..., Any] = times, *more: Any, **rest: Any) -> Sum:
    """Returns a sum of as many parts that are alike."""
    each = [float(k) for k in range(1, number + 1)]
    return Sum(dict.fromkeys(each, fn), dict.fromkeys(each, more), **rest)
