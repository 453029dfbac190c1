"""Partial results that evaluations share: what one of them has computed, the others of its campaign look up."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, wraps
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, ParamSpec, TypeVar, cast, final, overload
from uuid import uuid4

from cohobate.core.context import shared_folder
from cohobate.core.errors import NotStorable, UserError
from cohobate.core.identity import CONSTANT, code_hash
from cohobate.core.payload import Payload
from cohobate.host.once import awaited_once, once
from cohobate.ledger.codec import dumps, loads

P = ParamSpec("P")
R = TypeVar("R")
FOLDER: Final = "shared"
"""Where partial results lie in a run folder."""
_making: ContextVar[frozenset[str]] = ContextVar("making", default=frozenset())


@overload
def cached(fn: Callable[P, R], *, version: str | None = None) -> Callable[P, R]: ...
@overload
def cached(fn: None = None, *, version: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def cached(
    fn: Callable[P, R] | None = None, *, version: str | None = None
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Returns a function that is computed once for equal arguments, by all evaluations of a campaign together.

    For a slow part of a simulator that many candidates have in common; ``fn`` may be an ``async def``. Who asks
    while another computes waits for it. Arguments and value are what a ledger can hold (numbers, text, lists,
    mappings, arrays), and what is returned is the value as it is stored. ``1``, ``1.0`` and ``"1"`` differ.
    What raises is not kept. Outside an evaluation it is ``fn`` and nothing more.

    Values lie in ``shared/`` of the run folder, one file each, for later sessions too, else in a temporary folder
    until the campaign stops. They belong to the code of ``fn``, by its hash, or to its ``version`` where one is
    given: needed for what is no plain function, and where a closure holds what may change, such as a list.

    >>> @cached
    ... def slow(n):
    ...     return n**2
    >>> slow(3)
    9
    """
    if fn is None:
        return partial(cached, version=version)
    if not callable(fn):
        raise UserError(f"cached: expected a function, got the {type(fn).__name__} {fn!r:.80}")
    belongs = _code(fn) if version is None else f"version {version}"
    part = Part(fn, f"{_place(fn)} {belongs}", _signature(fn))
    if inspect.iscoroutinefunction(fn):
        return cast(Callable[P, R], wraps(fn)(_awaiting(part)))
    return cast(Callable[P, R], wraps(fn)(_calling(part)))


@final
@dataclass(frozen=True, slots=True)
class Part:
    """A function whose values are shared, what they belong to, and its signature where it tells one."""

    fn: Callable[..., Any]
    identity: str
    signature: inspect.Signature | None

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return str(getattr(self.fn, "__qualname__", type(self.fn).__qualname__))

    def key(self, args: tuple[Payload, ...], kwargs: dict[str, Payload]) -> str:
        """Returns what stands for a call: equal only for equal arguments of the same code."""
        try:
            text = dumps(_bound(self.signature, args, kwargs), name="arguments")
        except NotStorable as error:
            raise NotStorable(f"{self.name}, which is cached: {error}; give it what it depends on as numbers") from None
        return sha256(f"{self.identity}\n{text}".encode()).hexdigest()

    def store(self, value: Payload) -> bytes:
        """Returns a value as it is kept."""
        try:
            return dumps(value).encode()
        except NotStorable as error:
            raise NotStorable(f"{self.name}, which is cached: its {error}") from None


def _calling(part: Part) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Payload:
        if (folder := shared_folder()) is None:
            return part.fn(*args, **kwargs)
        key = part.key(args, kwargs)

        def make() -> bytes:
            with _within(part, key):
                return part.store(part.fn(*args, **kwargs))

        _refuse_itself(part, key)
        return loads(once(_file(folder, key), make).decode())

    return call


def _awaiting(part: Part) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Payload:
        if (folder := shared_folder()) is None:
            return await part.fn(*args, **kwargs)
        key = part.key(args, kwargs)

        async def make() -> bytes:
            with _within(part, key):
                return part.store(await part.fn(*args, **kwargs))

        _refuse_itself(part, key)
        return loads((await awaited_once(_file(folder, key), make)).decode())

    return call


def _file(folder: Path, key: str) -> Path:
    return folder / key[:2] / key


@contextmanager
def _within(part: Part, key: str) -> Iterator[None]:
    token = _making.set(_making.get() | {key})
    try:
        yield
    finally:
        _making.reset(token)


def _refuse_itself(part: Part, key: str) -> None:
    """Raises where a value is needed to compute itself: it would wait for ever."""
    if key in _making.get():
        raise UserError(f"{part.name}, which is cached, calls itself with the arguments it was called with")


def _bound(
    signature: inspect.Signature | None, args: tuple[Payload, ...], kwargs: dict[str, Payload]
) -> dict[str, Payload]:
    """Returns the arguments by the names of the parameters, defaults included, where the function tells them."""
    if signature is None:
        return {"args": args, "kwargs": dict(sorted(kwargs.items()))}
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _signature(fn: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(fn)
    except (ValueError, TypeError):
        return None


# what a value belongs to


def _place(fn: Callable[..., Any]) -> str:
    return f"{getattr(fn, '__module__', '')}.{getattr(fn, '__qualname__', type(fn).__qualname__)}"


def _code(fn: Callable[..., Any]) -> str:
    """Returns the hash of a function's code with all that its closure holds; raises where that cannot be told."""
    held = [] if isinstance(fn, BuiltinFunctionType) else list(_held(fn, frozenset()))
    return f"{code_hash(fn)} {' '.join(held)}".strip()


def _held(fn: object, above: frozenset[int]) -> Iterator[str]:
    """Returns the names of modules and classes in a closure, which a hash of code does not count."""
    if id(fn) in above:
        return
    if not isinstance(fn, FunctionType):
        raise UserError(f"cached: {fn!r:.80} is no plain function, so say what its values belong to: version='1'")
    for name, content in _contents(fn):
        if isinstance(content, ModuleType | type | BuiltinFunctionType):
            yield f"{getattr(content, '__module__', '')}.{getattr(content, '__qualname__', content.__name__)}"
        elif isinstance(content, Part):  # of a cached function that this one calls
            yield content.identity
        elif isinstance(content, FunctionType):
            yield from _held(content, above | {id(fn)})
        elif not _is_plain(content):
            raise UserError(
                f"cached: {fn.__qualname__} depends on {name}, a {type(content).__name__} whose content its code does "
                "not tell: pass it as an argument, or say what the values belong to: version='1'"
            )


def _contents(fn: FunctionType) -> Iterator[tuple[str, Payload]]:
    """Returns what a closure holds, by name; not what is filled later: itself, or what is defined after it."""
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        with suppress(ValueError):
            yield name, cell.cell_contents


def _is_plain(content: object) -> bool:
    """Whether the hash of a function's code counts what its closure holds."""
    if isinstance(content, tuple):
        return all(map(_is_plain, content))
    return content is None or isinstance(content, CONSTANT)


# where they are kept


@final
@dataclass(frozen=True, slots=True)
class Shared:
    """The folder of what one session shares; ``passing`` says that nobody needs it afterwards."""

    folder: Path
    passing: bool

    def close(self) -> None:
        """Removes what nobody needs any more."""
        if self.passing:
            rmtree(self.folder, ignore_errors=True)


def shared_by(run: Path | None) -> Shared:
    """Returns where the evaluations of a session share: in its run folder, else under a new name; makes nothing."""
    if run is not None:
        return Shared(run / FOLDER, passing=False)
    return Shared(Path(tempfile.gettempdir()) / f"cohobate-{uuid4().hex}", passing=True)
