"""Arithmetic of parameters by their dotted names, read by its own small grammar: nothing of it is run as code."""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.fit.dual import FUNCTIONS, Dual, Operand, power, value_of

Values: TypeAlias = Mapping[str, Operand]
Formula: TypeAlias = Callable[[Values], Operand]

LONGEST: Final = 1000
DEEPEST: Final = 100
"""How deep an expression may be nested; each further term of a sum is one deeper."""
SEVERAL: Final = ("min", "max")
"""Functions of two numbers or more; the others take one."""
GRAMMAR: Final = f"numbers, names, + - * / **, parentheses, pi and {', '.join(FUNCTIONS)}"
BRACED: Final = re.compile(r"\{([^{}]*)\}")


@final
@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression is a function of, and that function: of the values by dotted name."""

    text: str
    names: tuple[str, ...]
    formula: Formula = field(repr=False, compare=False)

    def __call__(self, values: Mapping[str, float]) -> float:
        """Returns its value; raises ``ValueError``, ``ZeroDivisionError`` or ``OverflowError`` where it has none."""
        return value_of(_finite(self.formula(values)))

    def dual(self, values: Values) -> Operand:
        """Returns its value with its derivatives, where the values have such; raises what a call does."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _finite(self.formula(values))


def parsed(text: str) -> Expression:
    """Returns what an expression says; raises ``UserError`` for all but numbers, names and plain arithmetic.

    Names are dotted (``Ar.sigma``, ``r0[1]``); one that is no Python name, or is ``pi``, stands in braces,
    ``{Na-Cl}.sigma``.

    >>> tied = parsed("2 * {Na-Cl}.sigma + sqrt(r0[1])")
    >>> tied.names, tied({"Na-Cl.sigma": 1.5, "r0[1]": 4.0})
    (('Na-Cl.sigma', 'r0[1]'), 5.0)
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise UserError(f"expected an expression of at most {LONGEST} characters, got {text!r:.80}")
    reader = Reader(tuple(name.strip() for name in BRACED.findall(text)))
    numbers = iter(range(len(reader.braced)))
    formula = reader.read(_tree(BRACED.sub(lambda _: f" {_stand_in(next(numbers))} ", text)), 0)
    return Expression(text, tuple(reader.names), formula)


@final
class Reader:
    """Makes formulas of the nodes of a syntax tree, and takes note of the names in them."""

    __slots__ = ("braced", "names")

    def __init__(self, braced: tuple[str, ...]) -> None:
        self.braced = braced
        self.names: dict[str, None] = {}

    def read(self, node: ast.expr, depth: int) -> Formula:
        """Returns the formula of a node."""
        if depth > DEEPEST:
            raise UserError(f"expected an expression nested at most {DEEPEST} deep: tie it in several steps")
        match node:
            case ast.Constant(int() | float() as number) if not isinstance(number, bool):
                return _constant(number)
            case ast.BinOp(left, op, right) if type(op) in BINARY:
                return _binary(BINARY[type(op)], self.read(left, depth + 1), self.read(right, depth + 1))
            case ast.UnaryOp(ast.UAdd() | ast.USub() as op, operand):
                return _signed(isinstance(op, ast.USub), self.read(operand, depth + 1))
            case ast.Call(ast.Name(name), args, []) if name in FUNCTIONS:
                return self._called(name, args, depth)
            case ast.Name("pi"):
                return _constant(math.pi)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                name = _dotted(node, self.braced)
                self.names[name] = None
                return lambda values: values[name]
        raise UserError(f"expected {GRAMMAR}, got {ast.unparse(node)!r:.80}")

    def _called(self, name: str, args: list[ast.expr], depth: int) -> Formula:
        if (len(args) < 2) if name in SEVERAL else (len(args) != 1):
            wanted = "two numbers or more" if name in SEVERAL else "one number"
            raise UserError(f"expected {wanted} for {name}, got {len(args)}")
        fn, read = FUNCTIONS[name], [self.read(arg, depth + 1) for arg in args]
        return lambda values: fn(*[one(values) for one in read])


def _power(base: Operand, exponent: Operand) -> Operand:
    return base**exponent if isinstance(base, Dual) or isinstance(exponent, Dual) else power(base, exponent)


BINARY: Final[Mapping[type[ast.operator], Callable[[Operand, Operand], Operand]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
}


def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only warns of is no arithmetic either
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"cannot be read: {why}; expected {GRAMMAR}") from None


def _stand_in(number: int) -> str:
    return f"_braced_{number}_"


def _dotted(node: ast.expr, braced: tuple[str, ...]) -> str:
    match node:
        case ast.Name(name):
            return {_stand_in(at): one for at, one in enumerate(braced)}.get(name, name)
        case ast.Attribute(inner, name):
            return f"{_dotted(inner, braced)}.{name}"
        case ast.Subscript(inner, ast.Constant(int(at))) if not isinstance(at, bool):
            return f"{_dotted(inner, braced)}[{at}]"
    raise UserError(f"expected a dotted name, got {ast.unparse(node)!r:.80}")


def _constant(number: float) -> Formula:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise UserError("expected finite numbers")
    return lambda _: value


def _finite(found: Operand) -> Operand:
    if not math.isfinite(value_of(found)):
        raise ValueError(f"it is {value_of(found)}")
    return found


def _binary(op: Callable[[Operand, Operand], Operand], left: Formula, right: Formula) -> Formula:
    return lambda values: op(left(values), right(values))


def _signed(minus: bool, operand: Formula) -> Formula:
    return (lambda values: -operand(values)) if minus else operand
