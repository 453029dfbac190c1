"""What children of a balanced learner are called, and what the simulator is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import final

from cohobate.core.canonical import content_hash
from cohobate.core.capture import Returned, capture
from cohobate.core.errors import LearnerError
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Integer, Problem, Real, Variable
from cohobate.core.trial import Inputs
from cohobate.propose.learners.words import short

NUMBER = "learner"
"""The label of those that were given none: their number."""
WHO = "BalancingLearner"


@final
class Labels(Sequence[Mapping[str, Payload]]):
    """The labels of each child, by number; ``number`` finds the child of inputs."""

    def __init__(self, labels: Sequence[Mapping[str, Payload]]) -> None:
        self._labels = [dict(one) for one in labels]
        self.names = tuple(self._labels[0])
        if not self.names or any(tuple(one) != self.names for one in self._labels):
            raise LearnerError(f"{WHO}: expected labels of the same names in the same order, got {short(labels)}")
        self._numbers = {_hashed(one): i for i, one in enumerate(self._labels)}
        if len(self._numbers) < len(self._labels):
            raise LearnerError(f"{WHO}: expected labels that tell the children apart, some are equal: {short(labels)}")

    def __getitem__(self, i: int) -> Mapping[str, Payload]:  # type: ignore[override]  # slices are no use here
        return self._labels[i]

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[Mapping[str, Payload]]:
        return iter(self._labels)

    def number(self, inputs: Inputs) -> int:
        """Returns which child has these labels among its inputs; ``LearnerError`` where none has."""
        told = {name: inputs[name] for name in self.names if name in inputs}
        number = self._numbers.get(_hashed(told))
        if number is None and told in self._labels:  # 1.0 for 1
            number = self._labels.index(told)
        if number is None:
            raise LearnerError(f"{WHO}: no child is labelled {short(told)}")
        return number

    def variables(self) -> dict[str, Variable]:
        """Returns the labels as variables."""
        return {name: self._variable(name) for name in self.names}

    def _variable(self, name: str) -> Variable:
        distinct = {content_hash(one[name]): one[name] for one in self._labels}
        values = list(distinct.values())
        if not all(map(_is_comparable, values)):
            raise LearnerError(f"{WHO}: expected labels that can be compared (no arrays, no NaN), got {short(values)}")
        if len(values) > 1 and set(map(type, values)) == {int} and values == list(range(len(values))):
            return Integer(0, len(values) - 1)
        return Choice(values)


def _hashed(labels: Mapping[str, Payload]) -> str:
    try:
        return content_hash(labels)
    except TypeError as error:
        raise LearnerError(f"{WHO}: expected labels that are plain data: {error}") from error


def _is_comparable(value: Payload) -> bool:
    match capture(lambda: bool(value == value)):
        case Returned(equal):
            return bool(equal)
    return False


def numbered(n: int) -> Labels:
    """Returns labels that are numbers from 0."""
    return Labels([{NUMBER: i} for i in range(n)])


def combined(over: Mapping[str, Sequence[Payload]]) -> list[dict[str, Payload]]:
    """Returns every combination of values, the last name varying fastest."""
    return [dict(zip(over, values, strict=True)) for values in product(*over.values())]


def spanned(problems: Sequence[Problem], labels: Labels) -> Problem:
    """Returns the problem of all children: their variables as wide as the widest, and the labels.

    Raises ``LearnerError`` unless all have variables and outputs of the same names and kinds.
    """
    first = problems[0]
    for i, other in enumerate(problems):
        if (other.names, other.outputs) != (first.names, first.outputs):
            raise LearnerError(f"{WHO}: expected children alike, but 0 and {i} have other variables or outputs")
    if clash := set(labels.names) & set(first.names):
        raise LearnerError(f"{WHO}: {sorted(clash)} are labels and variables: give labels of other names")
    variables = {name: _span([_variable(problem, name) for problem in problems], name) for name in first.names}
    return Problem({**labels.variables(), **variables}, first.outputs)


def _variable(problem: Problem, name: str) -> Variable:
    if isinstance(problem.variables, Pool):
        raise LearnerError(f"{WHO}: cannot balance over pools of candidates")
    return problem.variables[name]


def _span(variables: Sequence[Variable], name: str) -> Variable:
    first = variables[0]
    if all(other == first for other in variables):
        return first
    match first:
        case Real() if all(isinstance(one, Real) and one.log == first.log for one in variables):
            return Real(*_bounds(variables), log=first.log, unit=first.unit)
        case Integer() if all(isinstance(one, Integer) for one in variables):
            lo, hi = _bounds(variables)
            return Integer(int(lo), int(hi), unit=first.unit)
    raise LearnerError(f"{WHO}: expected children alike, but the variable {name!r} differs: {short(variables)}")


def _bounds(variables: Sequence[Variable]) -> tuple[float, float]:
    spans = [(one.lo, one.hi) for one in variables if isinstance(one, Real | Integer)]
    return min(lo for lo, _ in spans), max(hi for _, hi in spans)
