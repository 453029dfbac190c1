"""A hash of a function's code: the same in each run of a script, another once the code is changed."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import sha256
from textwrap import dedent
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, Protocol, runtime_checkable

from cohobate.core.canonical import canonical

CONSTANT = (bool, int, float, complex, str, bytes)


@runtime_checkable
class WithRecipe(Protocol):
    """A value that says what it is; asked of frozen dataclasses only."""

    def recipe(self) -> str:
        """Returns text that is another one where anything about it is."""
        ...


def code_hash(fn: Callable[..., Any]) -> str:
    """Returns 64 hexadecimal digits that change with the source of ``fn``.

    Counted are the source (bytecode and constants where there is none), the arguments of a partial,
    the plain constants and functions a closure holds, and the fields of a frozen dataclass (its
    ``recipe()``, where it has one). Not counted is what the code calls, and state that may change
    while it runs: say ``version=`` there.
    """
    return sha256("\x1f".join(_parts(fn, frozenset())).encode("utf-8", "surrogatepass")).hexdigest()


def _parts(fn: Any, above: frozenset[int]) -> Iterable[str]:  # noqa: ANN401 any callable, by its own type
    """Returns the text to hash; ``above`` holds the ids of the functions that led here."""
    if id(fn) in above:
        return ["recursion"]
    above |= {id(fn)}
    match fn:
        case FunctionType():
            return ["function", *_function(fn), *_closure(fn, above)]
        case MethodType():
            return ["method", *_parts(fn.__func__, above), *_value(fn.__self__, above)]
        case partial():
            arguments = (*fn.args, *(item for pair in sorted(fn.keywords.items()) for item in pair))
            return ["partial", *_parts(fn.func, above), *_values(arguments, above)]
        case type():
            return ["class", _class(fn)]
        case BuiltinFunctionType():
            return ["builtin", f"{fn.__module__}.{fn.__qualname__}"]
    return _object(fn, above)


def _object(fn: Any, above: frozenset[int]) -> Iterable[str]:  # noqa: ANN401 any callable, by its own type
    """Returns the text of a function kept inside (a cached or compiled one), else of its class and name."""
    if (own := _own(fn)) is not None:
        return own
    inner = inspect.unwrap(fn)
    if inner is not fn:
        return ["wrapped", *_parts(inner, above)]
    return ["object", _class(type(fn)), getattr(fn, "__name__", ""), *_value(fn, above)]


def _function(fn: FunctionType) -> list[str]:
    """Returns its source; of a lambda also its code, because others may stand on the same line."""
    source = _source(fn)
    return [source or "", _code(fn.__code__) if source is None or fn.__name__ == "<lambda>" else ""]


def _class(cls: type) -> str:
    source = _source(cls)
    if source is not None:
        return source
    methods = {name: member for name, member in vars(cls).items() if isinstance(member, FunctionType)}
    return "\x1f".join([cls.__qualname__, *(f"{name}\x1f{_code(m.__code__)}" for name, m in sorted(methods.items()))])


def _source(thing: FunctionType | type) -> str | None:
    try:
        return dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        return None


def _code(code: CodeType) -> str:
    """Returns bytecode, names and constants as text without addresses or line numbers."""
    return "\x1f".join([code.co_code.hex(), *code.co_names, *code.co_varnames, *map(_constant, code.co_consts)])


def _constant(value: object) -> str:
    match value:
        case CodeType():
            return _code(value)
        case tuple():
            return f"({','.join(map(_constant, value))})"
        case frozenset():
            return f"{{{','.join(sorted(map(_constant, value)))}}}"
    return repr(value)


def _closure(fn: FunctionType, above: frozenset[int]) -> list[str]:
    """Returns what the closure holds, without the variables that the function itself assigns."""
    assigned = {i.argval for i in dis.get_instructions(fn.__code__) if i.opname == "STORE_DEREF"}
    cells = zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
    return _values((_content(cell) for name, cell in cells if name not in assigned), above)


def _content(cell: Any) -> object:  # noqa: ANN401 cells have no public type
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _values(values: Iterable[object], above: frozenset[int]) -> list[str]:
    return [part for value in values for part in _value(value, above)]


def _value(value: object, above: frozenset[int]) -> Iterable[str]:
    """Returns the text of a value that cannot change, and only the type of any other."""
    if value is None or isinstance(value, CONSTANT):
        return [repr(value)]
    if isinstance(value, tuple):
        return ["tuple", *_values(value, above)]
    if isinstance(value, FunctionType | MethodType | partial):
        return _parts(value, above)
    if (own := _own(value)) is not None:
        return own
    if _is_frozen(value):
        own_fields = fields(value)  # type: ignore[arg-type]  # it is a dataclass
        return [type(value).__qualname__, *(p for f in own_fields for p in _field(getattr(value, f.name), above))]
    return [type(value).__qualname__]


def _own(value: object) -> list[str] | None:
    """Returns what a value says itself to be: an external program with its files."""
    return ["recipe", value.recipe()] if _is_frozen(value) and isinstance(value, WithRecipe) else None


def _is_frozen(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, type) and bool(value.__dataclass_params__.frozen)  # type: ignore[attr-defined]  # typeshed hides it


def _field(value: object, above: frozenset[int]) -> Iterable[str]:
    try:
        return [canonical(value)]
    except TypeError:
        return _value(value, above)
