"""How a quantity is called: with the parameters it uses by name, or with a mapping of them."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, final, runtime_checkable

from cohobate.core.errors import Rejected, UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.fit.fresh import fresh, plain
from cohobate.simulate.function import as_simulator, is_async, plain_name

Params = Mapping[str, Any]
"""Nested parameters, as a model takes them."""
Call = Callable[[Params], Payload]
NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
PLACED: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@runtime_checkable
class Uses(Protocol):
    """A quantity that says which parameters it needs, by dotted names: an external program by its templates.

    It is given just these, nested as they are: of ``"Ar.epsilon"``, ``quantity(Ar={"epsilon": 0.01})``.
    """

    @property
    def uses(self) -> Sequence[str]: ...


@runtime_checkable
class Renders(Protocol):
    """A quantity that writes parameters into templates; it raises ``UserError`` where one has an unknown name."""

    def render(self, params: Params) -> Mapping[str, str]: ...


@final
@dataclass(frozen=True, slots=True)
class Calling:
    """Which parameters a quantity is given: by name, or (``whole``) as one mapping.

    ``picked`` are their dotted names, ``None`` for all there are.
    """

    whole: bool
    picked: tuple[str, ...] | None = None

    def arguments(self, params: Params, who: str) -> dict[str, Any]:
        """Returns what a quantity is given of ``params``; nothing in it is a copy but the outermost mapping."""
        if self.picked is None:
            return dict(params)
        found: dict[str, Any] = {}
        for name in self.picked:
            value = looked_up(params, name, who)
            if name in params:
                found[name] = value
            else:
                _put(found, name.split("."), value)
        return found


def calling(
    quantity: Callable[..., Any], inputs: Params, uses: Sequence[str] | None, params: Params, who: str
) -> Calling:
    """Returns how to call a quantity with parameters of these names.

    Raises ``UserError`` for parameters that it uses and that there are not (naming the template that does), and for a
    signature that takes neither the parameters by their names nor one mapping.
    """
    if isinstance(quantity, Renders):
        _check_rendered(quantity, {**params, **inputs}, who)
    if uses is None and isinstance(quantity, Uses):
        uses = [name for name in quantity.uses if name not in inputs]
    if uses is None:
        taken = _taken(quantity, inputs, list(params), who)
        return Calling(whole=taken is None, picked=taken)
    given = list(Calling(whole=True, picked=tuple(uses)).arguments(params, who))
    taken = _taken(quantity, inputs, given, who)
    extra = [] if taken is None else [name for name in given if name not in taken]
    if extra:
        raise UserError(f"term {who!r}: uses has {extra[0]!r}, which {plain_name(quantity)} does not take")
    return Calling(taken is None, tuple(uses))


def _check_rendered(quantity: Renders, params: Params, who: str) -> None:
    try:
        quantity.render(params)
    except UserError as error:
        raise UserError(f"term {who!r}: {error}") from error
    except Rejected:  # a value that cannot be written is a failure of its candidate
        return


def looked_up(params: Params, name: str, who: str) -> Payload:
    """Returns the parameter of a dotted name."""
    if name in params:
        return params[name]
    found: Payload = params
    for step in name.split("."):
        if not isinstance(found, Mapping) or step not in found:
            known = list(leaves(params))
            raise UserError(f"term {who!r}: no parameter {name!r}{did_you_mean(name, known)}; there are {known}")
        found = found[step]
    return found


def leaves(params: Params, above: str = "") -> dict[str, Any]:
    """Returns the values of nested parameters by dotted names.

    >>> leaves({"Ar": {"epsilon": 0.01}, "cutoff": 8.5})
    {'Ar.epsilon': 0.01, 'cutoff': 8.5}
    """
    found: dict[str, Any] = {}
    for name, value in params.items():
        found |= leaves(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


@final
@dataclass(frozen=True, slots=True)
class Evaluator:
    """The part of an evaluation that runs at an engine: calls a quantity with copies of all it is given."""

    quantity: Callable[..., Any]
    whole: bool
    inputs: Params

    def __call__(self, arguments: Params) -> dict[str, Any]:
        """Returns the quantities by name."""
        given, inputs = fresh(arguments), fresh(self.inputs)
        called = self.quantity(given, **inputs) if self.whole else self.quantity(**given, **inputs)
        return quantities_of(awaited(called))


def quantities_of(value: Payload) -> dict[str, Any]:
    """Returns what a quantity gave, by name; what has no name is the ``"value"``."""
    return dict(value) if isinstance(value, Mapping) else {"value": value}


def awaited(called: Payload) -> Payload:
    """Returns the result of a call, that of a coroutine function too, whether or not a loop runs in this thread."""
    if not inspect.iscoroutine(called):
        return called
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(called)
    return _elsewhere(called)


def caller(quantity: Callable[..., Any], how: Calling, inputs: Params, who: str, *, deep: bool) -> Call:
    """Returns the plain call of a quantity here; ``deep`` where parameters are nested, so that copies must be."""
    if not plain(inputs) or is_async(as_simulator(quantity)):
        evaluator = Evaluator(quantity, how.whole, inputs)
        return lambda params: evaluator(how.arguments(params, who))
    copy = fresh if deep else dict
    if how.picked is None:
        return _with_all(quantity, inputs, copy)
    if not how.whole and not deep and not any("." in name for name in how.picked):
        return _by_name(quantity, how.picked, inputs)
    arguments = how.arguments
    if how.whole:
        return lambda params: quantity(copy(arguments(params, who)), **inputs)
    return lambda params: quantity(**copy(arguments(params, who)), **inputs)


def _with_all(quantity: Callable[..., Any], inputs: Params, copy: Callable[[Params], Any]) -> Call:
    if inputs:
        return lambda params: quantity(copy(params), **inputs)
    return lambda params: quantity(copy(params))


def _by_name(quantity: Callable[..., Any], names: tuple[str, ...], inputs: Params) -> Call:
    if inputs:
        return lambda params: quantity(**{name: params[name] for name in names}, **inputs)
    return lambda params: quantity(**{name: params[name] for name in names})


def _put(nested: dict[str, Any], path: list[str], value: Payload) -> None:
    *above, last = path
    for step in above:
        nested = nested.setdefault(step, {})
    nested[last] = value


def _taken(quantity: Callable[..., Any], inputs: Params, given: Sequence[str], who: str) -> tuple[str, ...] | None:
    """Returns the parameters that a quantity takes by name; ``None`` where it takes all in one mapping."""
    try:
        taken = list(inspect.signature(quantity).parameters.values())
    except (TypeError, ValueError):
        return None
    others = [name for name in given if name not in inputs]
    wanted = tuple(one.name for one in taken if one.kind in NAMED and one.name in others)
    needed = [one for one in taken if one.default is one.empty and one.kind in {*NAMED, *PLACED}]
    unknown = [one for one in needed if one.kind not in NAMED or one.name not in {*wanted, *inputs}]
    if not unknown:
        return _optional(taken, wanted, others, inputs)
    if unknown == taken[:1] and taken[0].kind in PLACED and not any(one.name in wanted for one in needed):
        return None
    raise UserError(_misfit(quantity, [str(one) for one in taken], unknown[-1].name, given, who))


def _optional(
    taken: list[inspect.Parameter], wanted: tuple[str, ...], given: list[str], inputs: Params
) -> tuple[str, ...] | None:
    """Nothing that it needs is missing."""
    if any(one.kind is one.VAR_KEYWORD for one in taken):
        return tuple(given)
    if wanted or not taken or taken[0].kind is inspect.Parameter.KEYWORD_ONLY or taken[0].name in inputs:
        return wanted
    return None


def _misfit(quantity: Callable[..., Any], taken: list[str], unknown: str, given: Sequence[str], who: str) -> str:
    return (
        f"term {who!r}: {plain_name(quantity)} takes {taken}, but the parameters are {list(given)}"
        f"{did_you_mean(unknown, given)}: name its arguments like them, or let it take one mapping"
    )


def _elsewhere(coroutine: Payload) -> Payload:
    """Runs a coroutine to its end in a thread of its own: the loop of this one is busy with us."""
    found: list[Payload] = []

    def work() -> None:
        try:
            found.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 it is raised again where it is waited for
            found.append(error)

    thread = threading.Thread(target=work, name="cohobate-quantity", daemon=True)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]
