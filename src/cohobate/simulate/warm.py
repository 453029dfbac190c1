"""Simulators that stay alive: what a factory makes once in each worker is called for all its trials."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import Parameter, Signature
from typing import Any, Protocol, final, get_args, get_origin, get_type_hints, overload, runtime_checkable
from uuid import uuid4

from cohobate.core.errors import SimulatorError
from cohobate.core.payload import Payload
from cohobate.simulate.function import Simulator, imported, plain_name, simulator
from cohobate.worker.kept import Made, shelf

Factory = Callable[..., Any]
Takes = str | Sequence[str] | None


@overload
def warm(
    factory: Factory,
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    name: str | None = None,
    takes: Takes = None,
    rebuild: bool = False,
) -> Simulator: ...
@overload
def warm(
    factory: None = None,
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    name: str | None = None,
    takes: Takes = None,
    rebuild: bool = False,
) -> Callable[[Factory], Simulator]: ...
def warm(
    factory: Factory | None = None,
    *,
    version: str | None = None,
    deterministic: bool = False,
    outputs: Mapping[str, str] | None = None,
    name: str | None = None,
    takes: Takes = None,
    rebuild: bool = False,
) -> Simulator | Callable[[Factory], Simulator]:
    """Returns a simulator whose instance is made once in each worker, and called for all trials there.

    ``factory`` is called without arguments, at the first trial of a worker, and gives what is called
    with the candidates: a class with ``__call__``, a function that returns something to call, or one
    that yields it, and cleans up after its ``yield``. The names of the variables are those of
    ``__call__``; of a function without a return annotation that tells, they are ``takes``.

    Where it is a context manager or has ``close``, that is left or called when the worker ends in good
    order. After a call that raised it is kept, unless ``rebuild``. A killed worker loses it, and the
    next makes its own. What the factory raises is a failure of the trial. ``version``,
    ``deterministic`` and ``outputs`` are those of ``simulator``.

    >>> @warm(version="1")
    ... class Line:
    ...     def __init__(self):
    ...         self.slope = 2.0  # loaded, or computed, at length
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x
    >>> Line(3.0), Line.name
    (6.0, 'Line')
    """
    if factory is None:
        return partial(
            warm,
            version=version,
            deterministic=deterministic,
            outputs=outputs,
            name=name,
            takes=takes,
            rebuild=rebuild,
        )
    made = Warm(factory, _names(takes), rebuild)
    made.check()
    declared = simulator(made, version=version, deterministic=deterministic, outputs=outputs)
    return declared if name is None else replace(declared, name=name)


@final
@dataclass(frozen=True)
class Warm:
    """The function of a warm simulator; instances are shared by calls with one ``scope`` in one thread."""

    factory: Factory
    takes: tuple[str, ...] | None = None
    rebuild: bool = False
    scope: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        if not callable(self.factory):
            kind = type(self.factory).__name__
            raise SimulatorError(f"warm needs a factory to call, got the {kind} {self.factory!r:.80}")
        name = plain_name(self.factory)
        for attribute, value in (
            ("__module__", getattr(self.factory, "__module__", None)),
            ("__qualname__", getattr(self.factory, "__qualname__", name)),
            ("__name__", name),
            ("__doc__", _innermost(self.factory).__doc__),
        ):
            object.__setattr__(self, attribute, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Payload:
        return shelf().call(self.scope, self._make, args, kwargs, rebuild=self.rebuild)

    @property
    def __wrapped__(self) -> Factory:
        """What identifies the code."""
        return self.factory

    @property
    def __signature__(self) -> Signature:
        """How instances are called. Raises ``SimulatorError`` where nothing tells."""
        if self.takes is not None:
            kind = Parameter.POSITIONAL_ONLY if len(self.takes) == 1 else Parameter.KEYWORD_ONLY
            return Signature([Parameter(name, kind) for name in self.takes])
        kind_made = _kind(self.factory)
        if kind_made is None:
            raise SimulatorError(f"nothing tells what {plain_name(self.factory)} makes, and how it is called: {WAYS}")
        return _bound(kind_made)

    def check(self) -> None:
        """Raises ``SimulatorError`` where it cannot be told how instances are called, or they are async."""
        kind = _kind(self.factory)
        called = [self.factory] if kind is None else [self.factory, kind.__call__]
        if any(inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn) for fn in called):
            raise SimulatorError(f"{plain_name(self.factory)} is async: what stays warm is called by plain functions")
        self.__signature__  # noqa: B018 computed to see that it can be

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Travels by reference where it decorates what stands in a module, else with its factory."""
        module, qualname = getattr(self, "__module__", None), getattr(self, "__qualname__", "")
        if module and module != "__main__" and _standing(module, qualname) == replace(self, scope=""):
            return _again, (module, qualname, self.scope)
        return Warm, (self.factory, self.takes, self.rebuild, self.scope)

    def _make(self) -> Made:
        """Makes an instance; returns it with what closes it."""
        with ExitStack() as stack:
            tool = _opened(self.factory, stack)
            if not callable(tool):
                kind = type(tool).__name__
                raise SimulatorError(f"{plain_name(self.factory)} made the {kind} {tool!r:.80}, which cannot be called")
            return tool, stack.pop_all().close
        raise AssertionError("an exit stack without callbacks swallows nothing")


WAYS = (
    "give a class with __call__, annotate what the function returns with such a class, "
    "or say takes='x' (the names of the variables)"
)


GIVING = (Iterator, Iterable, Generator, AbstractContextManager)
"""What a function is said to return that yields an instance, or lends it in a ``with`` block."""


@runtime_checkable
class Closes(Protocol):
    """Something to be closed."""

    def close(self) -> object: ...


def apart(simulator: Simulator) -> tuple[Simulator, Callable[[], None]]:
    """Returns a simulator for one campaign alone, and what closes its instances in this process."""
    match simulator.fn:
        case Warm() as shared:
            own = replace(shared, scope=uuid4().hex)
            return replace(simulator, fn=own), lambda: shelf().dismiss(own.scope)
    return simulator, _nothing


def _nothing() -> None:
    """What a simulator that keeps nothing needs at its end."""


def _opened(factory: Factory, stack: ExitStack) -> object:
    """Returns what a factory makes, entered where it is a context manager; ``stack`` leaves or closes it."""
    made = contextmanager(factory)() if inspect.isgeneratorfunction(_innermost(factory)) else factory()
    match made:
        case AbstractContextManager():
            return stack.enter_context(made)
        case Closes():
            stack.callback(made.close)
    return made


def _innermost(factory: Factory) -> Factory:
    while isinstance(factory, partial):
        factory = factory.func
    return factory


def _kind(factory: Factory) -> type | None:
    """Returns the class of what a factory makes, where that can be told and called."""
    factory = _innermost(factory)
    kind = factory if isinstance(factory, type) else _annotated(factory)
    return kind if isinstance(kind, type) and issubclass(kind, Callable) else None  # type: ignore[arg-type]  # abstract


def _annotated(factory: Factory) -> object:
    """Returns what the annotation of a function says that it returns, or yields."""
    try:
        told = get_type_hints(factory).get("return")
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None
    return get_args(told)[0] if get_origin(told) in GIVING else told


def _bound(kind: type) -> Signature:
    """Returns the signature of a call of an instance."""
    signature = inspect.signature(kind.__call__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _names(takes: Takes) -> tuple[str, ...] | None:
    names = (takes,) if isinstance(takes, str) else takes
    if names is None:
        return None
    if not (names and all(isinstance(name, str) and name.isidentifier() for name in names)):
        raise SimulatorError(f"takes: expected the names of the variables, such as ('x', 'y'), got {takes!r:.80}")
    return tuple(names)


def _standing(module: str, qualname: str) -> Warm | None:
    """Returns the warm function that stands under a name in a module, without its scope."""
    try:
        found = imported(module, qualname)
    except (ImportError, AttributeError):
        return None
    return replace(found.fn, scope="") if isinstance(found, Simulator) and isinstance(found.fn, Warm) else None


def _again(module: str, qualname: str, scope: str) -> Warm:
    """Returns what stands under a name in a module, for calls of one scope."""
    shared: Warm = imported(module, qualname).fn
    return replace(shared, scope=scope)
