"""How a function becomes a simulator: its arguments are the variables, by name or, of one, by position."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import Any, Protocol, final, overload, runtime_checkable

from cohobate.core.errors import SimulatorError
from cohobate.core.identity import code_hash
from cohobate.core.parts import Composite
from cohobate.core.payload import Payload
from cohobate.core.problem import Output

AT_ONCE = 1000
"""Candidates that a vectorised simulator takes in one call where it does not say how many."""
Named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@final
@dataclass(frozen=True)
class Simulator:
    """A function that turns a candidate into numbers, called just like it.

    ``version`` replaces the hash of its source as its identity; ``deterministic`` says that equal
    inputs give equal outputs, so that earlier results may be used again; ``outputs``, where it is
    declared, says what it returns, with units. ``batch`` is how many candidates it takes in one call,
    as arrays; ``None``: one, as it is.
    """

    fn: Callable[..., Any]
    version: str | None = None
    deterministic: bool = False
    name: str = ""
    outputs: tuple[Output, ...] | None = None
    batch: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.fn) and not isinstance(self.fn, Composite):
            raise SimulatorError(f"a simulator must be something to call, got the {type(self.fn).__name__} {self.fn!r}")
        if self.batch is not None:
            _check_batch(self)
        object.__setattr__(self, "name", self.name or plain_name(self.fn))
        object.__setattr__(self, "__doc__", self.fn.__doc__)

    def __call__(self, *args: Any, **kwargs: Any) -> Payload:
        return self.fn(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself: ``inspect.signature`` and ``help`` look through to it."""
        return self.fn

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Travels by reference where it is found under its function's name, else with its function."""
        module, qualname = getattr(self.fn, "__module__", None), getattr(self.fn, "__qualname__", None)
        if module and module != "__main__" and qualname and _stands_at(module, qualname, self):
            return imported, (module, qualname)
        return Simulator, (self.fn, self.version, self.deterministic, self.name, self.outputs, self.batch)


@overload
def simulator(
    fn: Callable[..., Any],
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    vectorised: bool | int = False,
) -> Simulator: ...
@overload
def simulator(
    fn: None = None,
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    vectorised: bool | int = False,
) -> Callable[[Callable[..., Any]], Simulator]: ...
def simulator(
    fn: Callable[..., Any] | None = None,
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    vectorised: bool | int = False,
) -> Simulator | Callable[[Callable[..., Any]], Simulator]:
    """Marks a function as a simulator, with or without arguments.

    ``outputs`` names all that it returns, each with its unit (``""``: none): a campaign that wants
    something else is then refused before the first evaluation.

    ``vectorised``: it takes arrays, one for each variable, of at most 1,000 candidates, or of as many as
    this says; and returns an array of as many values, or a mapping of such arrays.

    >>> @simulator(version="1", deterministic=True, outputs={"area": "m²"})
    ... def square(x):
    ...     return {"area": x * x}
    >>> square(3), square.name, identity(square)
    ({'area': 9}, 'square', '1')
    """
    declared = None if outputs is None else _declared(outputs)
    if fn is None:
        return partial(simulator, version=version, deterministic=deterministic, outputs=outputs, vectorised=vectorised)
    batch = AT_ONCE if vectorised is True else vectorised or None
    return Simulator(fn, version, deterministic, outputs=declared, batch=batch)


@runtime_checkable
class Declared(Protocol):
    """A simulator that is no function and says itself what it is, and what it returns: an external program."""

    @property
    def name(self) -> str: ...
    @property
    def outputs(self) -> tuple[Output, ...]: ...
    def recipe(self) -> str:
        """Returns what tells whether it is the same simulator."""
        ...

    def __call__(self, **params: Any) -> Payload: ...


def as_simulator(fn: Callable[..., Any]) -> Simulator:
    """Returns ``fn`` as a simulator: itself, where it is one. Raises ``SimulatorError`` for what cannot be called."""
    if isinstance(fn, Simulator):
        return fn
    return Simulator(fn, name=fn.name, outputs=fn.outputs) if isinstance(fn, Declared) else Simulator(fn)


def identity(simulator: Simulator) -> str:
    """Returns what tells whether two runs used the same simulator: its version, else the hash of its code."""
    return code_hash(simulator.fn) if simulator.version is None else simulator.version


def is_async(simulator: Simulator) -> bool:
    """Whether calling it gives a coroutine."""
    return _is_async(simulator.fn)


def _is_async(fn: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


@final
@dataclass(frozen=True, slots=True)
class Call:
    """How to call a simulator with a candidate; made by ``bind``. ``first`` is the variable passed by position."""

    simulator: Simulator
    names: tuple[str, ...]
    first: str | None

    def __call__(self, inputs: Mapping[str, Any]) -> Payload:
        """Returns what the simulator returns (a coroutine where it is async)."""
        if self.first is None:
            return self.simulator.fn(**inputs)
        if len(self.names) == 1:
            return self.simulator.fn(inputs[self.first])
        return self.simulator.fn(
            inputs[self.first], **{name: inputs[name] for name in self.names if name != self.first}
        )


def bind(simulator: Simulator, names: tuple[str, ...]) -> Call:
    """Returns how to call ``simulator`` with the variables ``names``.

    By name where its signature has those names or takes ``**kwargs``; by position a single variable,
    whatever its parameter is called, and the one variable left for a positional-only parameter (the
    candidate of ``f(candidate, /, *, level)``). Raises ``SimulatorError`` for anything else.
    """
    try:
        signature = inspect.signature(simulator.fn)
    except (ValueError, TypeError):  # a builtin that does not tell
        if len(names) == 1:
            return Call(simulator, names, names[0])
        raise SimulatorError(_misfit(simulator, names, "has no readable signature")) from None
    if (first := _positional(signature, names)) is not None:
        return Call(simulator, names, first)
    if _accepts(signature, **dict.fromkeys(names)):
        return Call(simulator, names, None)
    raise SimulatorError(_misfit(simulator, names, f"takes {_listed(signature)}"))


def _positional(signature: inspect.Signature, names: tuple[str, ...]) -> str | None:
    """Returns the one variable that is to be passed by position, if there is one."""
    parameters = signature.parameters.values()
    named = {p.name for p in parameters if p.kind in Named}.intersection(names)
    left = [name for name in names if name not in named]
    if len(left) != 1 or (named and not any(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in parameters)):
        return None
    return left[0] if _accepts(signature, None, **dict.fromkeys(named)) else None


def _check_batch(simulator: Simulator) -> None:
    """Raises ``SimulatorError`` for what cannot be vectorised."""
    if type(simulator.batch) is not int or simulator.batch < 1:
        raise SimulatorError(f"vectorised: expected True, or at most how many candidates, got {simulator.batch!r:.60}")
    if _is_async(simulator.fn):
        raise SimulatorError("an async simulator cannot be vectorised: leave out vectorised=, or the async")


def _declared(outputs: Mapping[str, str]) -> tuple[Output, ...]:
    if not isinstance(outputs, Mapping) or not all(isinstance(t, str) for pair in outputs.items() for t in pair):
        raise SimulatorError(f"outputs: expected names with their units, such as {{'ie': 'eV'}}, got {outputs!r:.80}")
    return tuple(Output(name, unit=unit) for name, unit in outputs.items())


def _accepts(signature: inspect.Signature, /, *args: object, **kwargs: object) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _misfit(simulator: Simulator, names: tuple[str, ...], fact: str) -> str:
    return (
        f"simulator {simulator.name!r} cannot be called: the variables are {list(names)}, but it {fact}; "
        "name its parameters like the variables, or give it **kwargs (a single variable is passed by position)"
    )


def _listed(signature: inspect.Signature) -> str:
    return str([str(parameter) for parameter in signature.parameters.values()])


def plain_name(fn: Callable[..., Any]) -> str:
    """Returns what a function is called, also inside partials; of an object, its class."""
    while isinstance(fn, partial):
        fn = fn.func
    return str(getattr(fn, "__name__", type(fn).__name__))


def imported(module: str, qualname: str) -> Payload:
    """Returns what stands under a qualified name in a module."""
    return attrgetter(qualname)(import_module(module))


def _stands_at(module: str, qualname: str, simulator: Simulator) -> bool:
    try:
        return imported(module, qualname) is simulator
    except (ImportError, AttributeError):
        return False
