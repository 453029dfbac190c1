"""Turns a ``Problem`` into a ``gest_api.vocs.VOCS`` and back.

What a VOCS cannot say is left to the problem: the order of discrete values, logarithmic scales, units.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import pairwise
from types import ModuleType
from typing import Final

from cohobate.core.errors import ProblemError
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Choice, Constant, Integer, Output, Problem, Real, Variable
from cohobate.host.extras import require
from cohobate.propose.scaling import check_bounded

MOST: Final = 10_000
"""Values of a ``DiscreteVariable``; a wider ``Integer`` becomes a continuous one whose values are rounded."""


def vocs_of(problem: Problem) -> Payload:
    """Returns the ``VOCS`` of a problem; needs gest-api.

    ``Integer`` and ``Choice`` become sets of discrete values, as does a pool of one column; outputs
    without a goal are observables. Raises ``ProblemError`` for what a VOCS has no words for.
    """
    gest = require("gest_api.vocs", extra="gest")
    variables = _variables(problem)
    varied = {name: one for name, one in variables.items() if not isinstance(one, Constant)}
    if not varied:
        raise ProblemError(f"a VOCS needs at least one variable, got {list(variables) or 'none'}, all constant")
    return gest.VOCS(
        variables={name: _variable(gest, name, one) for name, one in varied.items()},
        constants={
            name: gest.Constant(value=one.value) for name, one in variables.items() if isinstance(one, Constant)
        },
        objectives={o.name: _objective(gest, o) for o in problem.outputs if isinstance(o.goal, str)},
        constraints={o.name: _constraint(gest, o) for o in problem.outputs if isinstance(o.goal, AtMost | AtLeast)},
        observables={o.name: gest.Observable(dtype=_dtype(o)) for o in problem.outputs if o.goal is None},
    )


def problem_of(vocs: Payload) -> Problem:
    """Returns the problem that a ``VOCS`` describes; needs gest-api.

    Consecutive whole numbers become an ``Integer``, other discrete values a ``Choice`` in sorted order.
    Raises ``ProblemError`` for contextual variables, and for constraints with two bounds.
    """
    gest = require("gest_api.vocs", extra="gest")
    if not isinstance(vocs, gest.VOCS):
        raise ProblemError(f"expected a gest_api.vocs.VOCS, got {vocs!r:.80}")
    variables: dict[str, Variable] = {name: _our_variable(gest, name, one) for name, one in vocs.variables.items()}
    variables |= {name: Constant(one.value) for name, one in vocs.constants.items()}
    wanted = {name: _our_objective(gest, name, one) for name, one in vocs.objectives.items()}
    limits = {name: _our_constraint(gest, name, one) for name, one in vocs.constraints.items()}
    if both := wanted.keys() & limits.keys():
        raise ProblemError(f"{sorted(both)}: an objective that is a constraint too needs a second output")
    others = {name: Output(name, shape=_shape(one)) for name, one in vocs.observables.items()}
    return Problem(variables, tuple({**others, **wanted, **limits}[name] for name in vocs.output_names))


# from ours


def _variables(problem: Problem) -> Mapping[str, Variable]:
    pool = problem.variables
    if not isinstance(pool, Pool):
        return pool
    if len(pool.names) > 1:
        raise ProblemError(f"a pool of the columns {list(pool.names)} has no VOCS: only its rows may be combined")
    if len(pool) > MOST:
        raise ProblemError(f"a pool of {len(pool)} rows has no VOCS: its discrete values may be at most {MOST}")
    return {pool.names[0]: Choice(pool.column())}


def _variable(gest: ModuleType, name: str, variable: Variable) -> Payload:
    check_bounded({name: variable}, "a VOCS")
    match variable:
        case Real(lo, hi):
            return gest.ContinuousVariable(domain=[lo, hi])
        case Integer(lo, hi) if hi - lo < MOST:
            return gest.DiscreteVariable(values=set(range(lo, hi + 1)), dtype=int)
        case Integer(lo, hi):
            return gest.ContinuousVariable(domain=[lo, hi], dtype=int)
        case Choice(values) if all(isinstance(value, Hashable) for value in values):
            return gest.DiscreteVariable(values=set(values))
        case Choice():
            raise ProblemError(f"{name!r}: the values of a VOCS make a set, which cannot hold lists or mappings")
    raise ProblemError(f"{name!r}: a VOCS has no word for {variable!r:.80}")


def _objective(gest: ModuleType, output: Output) -> Payload:
    kinds = {"minimize": gest.MinimizeObjective, "maximize": gest.MaximizeObjective, "explore": gest.ExploreObjective}
    assert isinstance(output.goal, str)
    return kinds[output.goal](dtype=_dtype(output))


def _constraint(gest: ModuleType, output: Output) -> Payload:
    assert isinstance(output.goal, AtMost | AtLeast)
    kind = gest.LessThanConstraint if isinstance(output.goal, AtMost) else gest.GreaterThanConstraint
    return kind(value=output.goal.limit, dtype=_dtype(output))


def _dtype(output: Output) -> tuple[type, tuple[int, ...]] | None:
    return (float, output.shape) if output.shape else None


# from theirs


def _our_variable(gest: ModuleType, name: str, variable: Payload) -> Variable:
    if isinstance(variable, gest.ContextualVariable):
        raise ProblemError(f"{name!r} is contextual: it is observed, and nobody here could choose it")
    if isinstance(variable, gest.DiscreteVariable):
        return _our_choice(variable.values)
    lo, hi = variable.domain
    whole = variable.dtype in (int, "int") and lo == int(lo) and hi == int(hi)
    return Integer(int(lo), int(hi)) if whole else Real(lo, hi)


def _our_choice(values: set[Payload]) -> Choice | Integer:
    ordered = sorted(values, key=_rank)
    whole = all(type(value) is int for value in ordered)
    if whole and len(ordered) > 1 and all(b - a == 1 for a, b in pairwise(ordered)):
        return Integer(ordered[0], ordered[-1])
    return Choice(ordered)


def _rank(value: Payload) -> tuple[bool, float, str, str]:
    """Numbers first, by size; the rest by type and text."""
    number = isinstance(value, int | float)
    return not number, value if number else 0, type(value).__name__, value if isinstance(value, str) else repr(value)


def _our_objective(gest: ModuleType, name: str, objective: Payload) -> Output:
    match objective:
        case gest.MinimizeObjective():
            return Output(name, "minimize", _shape(objective))
        case gest.MaximizeObjective():
            return Output(name, "maximize", _shape(objective))
    return Output(name, "explore", _shape(objective))


def _our_constraint(gest: ModuleType, name: str, constraint: Payload) -> Output:
    match constraint:
        case gest.LessThanConstraint(value=limit):
            return Output(name, AtMost(limit), _shape(constraint))
        case gest.GreaterThanConstraint(value=limit):
            return Output(name, AtLeast(limit), _shape(constraint))
    raise ProblemError(
        f"constraint {name!r} has two bounds, an output has one: give a Problem of your own beside the generator"
    )


def _shape(field: Payload) -> tuple[int, ...]:
    """Returns the shape within a dtype such as ``(float, (3,))``; ``()`` where it names none."""
    match field.dtype:
        case (_, int(n)):
            return (n,)
        case (_, tuple(shape)):
            return shape
    return ()
