"""What a learner knows as a table, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.propose.learners.method import Method, Point, Told, told_to, value_for

LEARNED: Final = "(learned)"
"""The column of what is learned, where that is no output of the simulator."""
RESULT: Final = "(result)"
"""The column of whole results that have no names in them: none that an output would have."""


def frame_of(method: Method) -> Payload:
    """Returns a pandas ``DataFrame`` with a row for each known point: inputs, what is learned, all else that was told.

    What is no number (an array) is kept in its cell as it is. Raises ``MissingExtra`` without pandas, and
    ``LearnerError`` where an output is called as an input is.
    """
    pandas = require("pandas", extra="tables")
    rows = list(_rows(method))
    columns = dict.fromkeys([*method.problem.names, _learned(method), *(name for row in rows for name in row)])
    return pandas.DataFrame(rows, columns=list(columns))


def points_in(method: Method, frame: Payload) -> Iterator[tuple[Point, Told]]:
    """Returns the point of each row of such a table, and what is to be told there.

    Each is found when the one before was told. Raises ``LearnerError`` for a table that lacks a column.
    """
    names = method.problem.names
    learned = _learned(method)
    wanted = (*names, *method.problem.output_names)
    if missing := [name for name in wanted if name not in frame.columns]:
        raise LearnerError(f"load_frame: expected the columns {list(wanted)}, got {list(frame.columns)}: no {missing}")
    for row in frame.to_dict("records"):
        inputs = {name: row.pop(name) for name in names}
        if learned not in method.problem.output_names:
            row.pop(learned, None)
        yield method.point(inputs), row[RESULT] if RESULT in row else value_for(method, row)


def array_of(method: Method) -> np.ndarray[Any, Any]:
    """Returns an array (points, variables + numbers of a value) of what is known, in the order it was told.

    Raises ``LearnerError`` where something is no number, or values have different shapes.
    """
    names = method.problem.names
    rows = [(method.inputs(point), value) for point, value in method.data.items()]
    try:
        flat = [[*(float(inputs[name]) for name in names), *np.ravel(value).tolist()] for inputs, value in rows]
        return np.array(flat, dtype=float).reshape(len(flat), -1 if flat else len(names) + 1)
    except (TypeError, ValueError) as error:
        raise LearnerError(f"to_numpy: expected numbers of one shape, got others ({error}): use frame()") from error


def _rows(method: Method) -> Iterator[dict[str, Payload]]:
    told, learned = told_to(method), _learned(method)
    for point, value in method.data.items():
        inputs, whole = method.inputs(point), told[point]
        outputs = {} if whole is value else _named(whole)
        if clash := inputs.keys() & {learned, *outputs}:
            raise LearnerError(f"frame: {sorted(clash)} are both inputs and outputs: rename one of them")
        yield {**inputs, learned: value, **outputs}


def _named(whole: Told) -> Mapping[str, Payload]:
    return whole if isinstance(whole, Mapping) else {RESULT: whole}


def _learned(method: Method) -> str:
    return next(iter(method.problem.output_names), LEARNED)
