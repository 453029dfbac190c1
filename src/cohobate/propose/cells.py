"""Turns the cells of a table into values of variables and outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from numbers import Real as Number

import numpy as np

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.payload import Payload
from cohobate.core.problem import Choice, Constant, Integer, Output, Real, Structured, Variable
from cohobate.propose.sources import Form, refusal

Read = Callable[[Payload], Payload]
UNREADABLE = (ValueError, TypeError, OverflowError)
PLAIN = frozenset({float, int, str})


class Undecodable(Exception):
    """A cell that the codec of a structured payload does not take."""


def read_column(variable: Variable, cells: Sequence[Payload], form: Form, where: str) -> list[Payload]:
    """Returns the cells of a column as values of a variable.

    Raises ``ProblemError`` with the number of the row (from 1) for the first that is none. A whole
    number may stand as ``3.0``; in text, a choice is told by its spelling.
    """
    read = _reading(variable, form)
    found = []
    for number, cell in enumerate(cells, 1):
        try:
            value = read(cell)
            wrong = _wrong(variable, value)
        except Undecodable as error:
            wrong = str(error)
        if wrong is not None:
            told = "the cell is empty" if cell is None or cell == "" else wrong
            raise refusal(f"{where.format(row=number)}: {told:.200}")
        found.append(value)
    return found


def output(declared: Output, form: Form) -> Read:
    """Returns how to read a cell as an output: ``None`` where it is empty, or NaN in place of a number."""
    numeric = declared.goal is not None
    return partial(_output, numeric=numeric, text=form == "text")


def number(cell: Payload) -> Payload:
    """Returns text that spells a number as that, anything else as it is."""
    try:
        return int(cell) if isinstance(cell, str) and cell.strip().lstrip("+-").isdecimal() else float(cell)
    except UNREADABLE:
        return cell


def _output(cell: Payload, *, numeric: bool, text: bool) -> Payload:
    if cell is None or (text and cell == ""):
        return None
    if text:
        cell = _told(cell) if cell[:1] in "[{" else number(cell)
    return None if numeric and isinstance(cell, float) and cell != cell else cell


def _reading(variable: Variable, form: Form) -> Read:
    """Returns what makes a value of a cell; what cannot be read is left as it is, to be refused."""
    text = form == "text"
    match variable:
        case Real():
            return partial(_real, text=text)
        case Integer():
            return partial(_integer, text=text)
        case Choice(chosen):
            return partial(_chosen, {key(value, text=text): value for value in reversed(chosen)}, text=text)
        case Constant(value):
            return partial(_chosen, {key(value, text=text): value}, text=text)
        case Structured():
            return partial(_structured, variable, form)


def _real(cell: Payload, *, text: bool) -> Payload:
    try:
        return float(cell) if text or (isinstance(cell, Number) and not isinstance(cell, bool)) else cell
    except UNREADABLE:
        return cell


def _integer(cell: Payload, *, text: bool) -> Payload:
    """A whole number also where a table could only hold it as a float."""
    value = number(cell) if text else cell
    if isinstance(value, bool) or not isinstance(value, Number):
        return value
    if isinstance(value, Integral):
        return int(value)
    return int(float(value)) if float(value).is_integer() else value


def _chosen(values: Mapping[Payload, Payload], cell: Payload, *, text: bool) -> Payload:
    return values.get(key(cell, text=text), cell)


def key(value: Payload, *, text: bool = False) -> Payload:
    """Returns what tells values apart: a number and its numpy twin are one, ``True`` and 1 are two."""
    if text:
        return str(value)
    if type(value) in PLAIN:
        return value
    if isinstance(value, bool | np.bool_):
        return "truth", bool(value)
    return value if isinstance(value, Number | str) else ("other", repr(value))


def _structured(kind: Structured, form: Form, cell: Payload) -> Payload:
    if form == "plain" or cell is None:
        return cell
    match capture(kind.decode, _told(cell) if form == "text" else cell):
        case Returned(value):
            return value
        case Raised(error, message):
            raise Undecodable(f"decode of the structured {kind.name!r} raised {message}") from error


def _told(cell: str) -> Payload:
    """Returns JSON text as what it says, other text as it is."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _wrong(variable: Variable, value: Payload) -> str | None:
    match capture(variable.check, value):
        case Returned(wrong):
            return None if wrong is None else str(wrong)
        case Raised(_, message):
            return f"cannot be compared: {message}"
