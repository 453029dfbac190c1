"""Evaluates one term of a fit at one place, and says what went in and what came out."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from cohobate.cli.fit_quantities import command_of
from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.context import working_in
from cohobate.core.errors import BadOutput, CallFailed
from cohobate.core.payload import Payload
from cohobate.core.protocols import Engine
from cohobate.core.task import Task
from cohobate.fit.calling import Evaluator
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term
from cohobate.simulate.command.folder import located
from cohobate.simulate.function import plain_name
from cohobate.view.text import number, shown

LINES = 30
"""Lines shown of an input file."""
WIDE = 110
"""Characters shown of a line."""


@final
@dataclass(frozen=True, slots=True)
class Probed:
    """What a term gave, and how long (s) that took."""

    quantities: Mapping[str, Any]
    seconds: float


def asked(term: Term, params: Mapping[str, Any]) -> Iterator[str]:
    """Returns the lines that say what will be called, with the input files as they will be written."""
    how = term.calling(params)
    every = {**how.arguments(params, term.name), **term.inputs}
    command = command_of(term.quantity)
    if command is None:
        told = [f"{name}={number(value)}" for name, value in every.items()]
        yield f"  call       {plain_name(term.quantity)}({'params' if how.whole else ', '.join(told)})"
        return
    yield f"  command    {shlex.join(command.line(every))}"
    for name, text in command.render(every).items():
        lines = text.splitlines()
        yield f"  input      {shown(name, 60)}, {len(lines)} line{'s' * (len(lines) != 1)}:"
        yield from (f"             | {shown(line, WIDE)}" for line in lines[:LINES])
        if len(lines) > LINES:
            yield f"             | ... and {len(lines) - LINES} more"


def probe(term: Term, params: Mapping[str, Any], engine: Engine, folder: Path, deadline: float) -> Probed:
    """Evaluates a term in a worker; raises ``CallFailed`` in one line for what does not work."""
    folder.mkdir(parents=True)
    how = term.calling(params)
    task = Task(_within, (folder, term.evaluator(how), how.arguments(params, term.name)), deadline=deadline)
    ended = capture(engine.submit(task).result)
    if isinstance(ended, Raised):
        if not isinstance(ended.error, Exception):  # Ctrl-C
            raise ended.error
        raise CallFailed(located(ended.message, folder)) from ended.error
    probed: Probed = ended.value
    return probed


def compared(term: Term, quantities: Mapping[str, Any], units: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Returns a row for each quantity: name, value, unit, target, sigma, and the residual."""
    for name, value in quantities.items():
        wanted, sigma = (one.get(name) if isinstance(one, Mapping) else one for one in (term.target, term.sigma))
        told = ("", "", "") if wanted is None else (_number(wanted), _number(sigma), _residual(value, wanted, sigma))
        yield shown(name, 40), _number(value), units.get(name, term.unit), *told


def loss_of(term: Term, quantities: Mapping[str, Any]) -> float:
    """Returns the loss of a term; raises ``BadOutput`` or ``CallFailed`` for what cannot be compared."""
    match capture(CombinedObjective([term]).score, {term.name: {"quantities": quantities}}):
        case Returned(score):
            return float(score.loss)
        case Raised(BadOutput() as error):
            raise error
        case Raised(error, message):
            raise CallFailed(f"its loss: {message}") from error
    raise AssertionError("a call returns or raises")


def _residual(value: Payload, wanted: Payload, sigma: Payload) -> str:
    return _number((np.asarray(value, float) - np.asarray(wanted, float)) / np.asarray(sigma, float))


def _number(value: Payload) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        return number(array.item())
    first = ", ".join(number(one) for one in array.ravel()[:3].tolist())
    return f"[{first}{', ...' if array.size > 3 else ''}] {array.shape}"


def _within(folder: Path, evaluate: Evaluator, arguments: Mapping[str, Any]) -> Probed:
    """Does the same in the worker, without the time that its start takes."""
    began = time.perf_counter()
    with working_in(lambda: folder):
        return Probed(evaluate(arguments), time.perf_counter() - began)
