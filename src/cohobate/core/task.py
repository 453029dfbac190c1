"""A piece of work for an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GRACE = 2.0
"""Seconds between asking running work to stop and killing it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A call to make somewhere: ``fn(*args, **kwargs)``.

    Arguments may be futures, also inside lists, tuples and dict values; the task then waits for
    them. ``deadline`` (s) counts from the moment the call starts; where the engine can kill, the
    call is stopped at most ``grace`` seconds after it. ``needs`` says what the call occupies while it
    runs, such as ``{"cores": 2, "gpu": 1, "licence": 1}``: one core where it says nothing of cores.
    ``key`` and ``attempt`` identify the work to the one who submitted it.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None
    grace: float = GRACE
    needs: Mapping[str, float] = field(default_factory=dict)
    key: str = ""
    attempt: int = 1
