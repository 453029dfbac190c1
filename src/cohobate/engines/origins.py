"""Where functions come from: a worker cannot import a module that was loaded from a file by hand.

A test, a notebook's helper, a script given to a program: such modules are sent by value, as
cloudpickle does with ``__main__``.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from functools import partial
from types import CellType, FunctionType, MethodType

from cohobate.core.payload import Payload


def send_unimportable_by_value(fn: Payload) -> None:
    """Tells cloudpickle about the modules of ``fn``, and of what it is made of, that no finder finds."""
    for name in {str(getattr(part, "__module__", None) or "") for part in parts_of(fn)}:
        module = sys.modules.get(name)
        if module is not None and name != "__main__" and not _importable(name.partition(".")[0]):
            import cloudpickle

            cloudpickle.register_pickle_by_value(module)


def parts_of(fn: Payload) -> Iterator[Payload]:
    """Yields ``fn`` and all the callables in its closure, its arguments, its object or its fields, and in tuples."""
    rest, seen = [fn], {id(fn)}
    while rest:
        part = rest.pop()
        yield part
        inside = [each for each in _inside(part) if callable(each) or isinstance(each, tuple)]
        inner = [each for each in inside if id(each) not in seen]
        seen.update(map(id, inner))
        rest.extend(inner)


def _inside(part: Payload) -> list[Payload]:
    match part:
        case tuple():
            return list(part)
        case partial():
            return [part.func, *part.args, *part.keywords.values()]
        case MethodType():
            return [part.__self__]
        case FunctionType():
            return [cell.cell_contents for cell in part.__closure__ or () if cell != CellType()]
        case _ if dataclasses.is_dataclass(type(part)):
            return [getattr(part, field.name) for field in dataclasses.fields(part)]
    return []


def _importable(top: str) -> bool:
    return any(finder.find_spec(top, None) for finder in sys.meta_path)
