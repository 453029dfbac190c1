"""What a learner knows as a file: lines of JSON, compressed or not.

The first line says that it is one, in which format, and the sha256 of all that follows: the kind and
settings of the learner with the number of points, then points, values, holes and memory, a line each.
Values are spelled as in a ledger, bit for bit. Nothing is pickled.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from cohobate.core.canonical import canonical
from cohobate.core.errors import Damaged, LearnerError
from cohobate.core.payload import Payload, Plain
from cohobate.host.filesystem import make_folder, read_regular, write_atomic
from cohobate.ledger.codec import dumps, loads
from cohobate.propose.learners.known import Known, Labelled, Memory, Remembers
from cohobate.propose.learners.words import short

MAGIC: Final = "cohobate learner"
VERSION: Final = 1
"""The format that is written, and the newest that is read."""
LARGEST: Final = 1 << 34
"""Bytes of a file."""
GZIP: Final = b"\x1f\x8b"
LEVEL: Final = 5
"""Of compression: above it files hardly get smaller, and take twice as long."""

Name = str | os.PathLike[str]
Names = Name | Sequence[Name] | Callable[[Mapping[str, Payload]], Name]
"""One file; or one for each child of a balanced learner, listed or made of its labels."""
L = TypeVar("L", bound=Remembers)


def filed(learner: L, path: Names) -> list[tuple[L, Name]]:
    """Returns which learner is kept in which file: itself, or each of its children."""
    if isinstance(path, str | os.PathLike):
        return [(learner, path)]
    if not isinstance(learner.method, Labelled):
        raise LearnerError(f"expected the name of one file, got {short(path)}")
    names = [path(labels) for labels in learner.method.labels] if callable(path) else list(path)
    children = learner.method.learners
    if len(names) != len(children) or len({str(name) for name in names}) < len(names):
        raise LearnerError(f"expected {len(children)} different names, one for each child, got {short(names)}")
    return list(zip(children, names, strict=True))


def write_known(path: Name, known: Known, settings: Mapping[str, Plain], *, compress: bool) -> None:
    """Makes ``path`` hold what a learner of these settings knows, or leaves it as it was and raises.

    Missing folders are made. Raises ``NotStorable`` for a value that no file can hold, and ``OSError``.
    """
    body = _spell(known, settings).encode()
    first = json.dumps({"format": MAGIC, "version": VERSION, "sha256": sha256(body).hexdigest()})
    text = first.encode() + b"\n" + body
    make_folder(Path(path).parent)
    write_atomic(path, gzip.compress(text, LEVEL, mtime=0) if compress else text)


def read_known(path: Name, settings: Mapping[str, Plain]) -> Known:
    """Returns what a file holds; ``LearnerError`` unless it is whole and of a learner of these settings."""
    try:
        head, *lines = _body(_content(path)).decode().splitlines()
        header, (points, values, holes, memory) = json.loads(head), map(loads, lines)
        _check_settings(header["settings"], settings)
        if not len(points) == len(values) == header["npoints"]:
            raise LearnerError("it does not have as many values as points")
        return Known(dict(zip(points, values, strict=True)), dict(holes), _memory(memory))
    except LearnerError as error:
        raise LearnerError(f"{os.fspath(path)} cannot be loaded: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Damaged) as error:
        raise LearnerError(f"{os.fspath(path)} cannot be loaded: it contradicts itself ({error})") from error


def _spell(known: Known, settings: Mapping[str, Plain]) -> str:
    head = canonical({"settings": settings, "npoints": len(known.told)})
    points = dumps(list(known.told), name="points")
    values = dumps(list(known.told.values()), name="values")
    holes = dumps([[point, why] for point, why in known.holes.items()], name="holes")
    return "".join(f"{line}\n" for line in (head, points, values, holes, dumps(_plain(known.memory))))


def _content(path: Name) -> bytes:
    """Returns the text of a file, whether it is compressed or not."""
    try:
        content = read_regular(path, LARGEST)
        return gzip.decompress(content) if content.startswith(GZIP) else content
    except FileNotFoundError:
        raise LearnerError("there is no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LearnerError(f"it is torn or no file of a learner ({error})") from error
    except OSError as error:
        raise LearnerError(f"it cannot be read ({error.strerror or error})") from error


def _body(content: bytes) -> bytes:
    """Returns all but the first line, once that says that it is what was written."""
    if not content:
        raise LearnerError("it is empty")
    first, _, body = content.partition(b"\n")
    try:
        claims = json.loads(first)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict) or claims.get("format") != MAGIC:
        raise LearnerError("it is torn, or no file of a learner")
    if claims.get("version") != VERSION:
        raise LearnerError(
            f"its format is {claims.get('version')!r}, and this version of cohobate reads up to {VERSION}: upgrade"
        )
    if claims.get("sha256") != sha256(body).hexdigest():
        raise LearnerError("it is torn or was changed: its check sum does not match")
    return body


def _check_settings(saved: Mapping[str, Plain], wanted: Mapping[str, Plain]) -> None:
    kinds = saved["learner"], wanted["learner"]
    if kinds[0] != kinds[1]:
        raise LearnerError(f"it was saved by a {kinds[0]}, and this is a {kinds[1]}")
    names: Iterable[str] = [*wanted, *(name for name in saved if name not in wanted)]
    for name in names:
        if canonical(saved.get(name)) != canonical(wanted.get(name)):
            raise LearnerError(
                f"its {name} is {short(saved.get(name))}, and here it is {short(wanted.get(name))}: "
                "load it into a learner of its settings, and copy_from that"
            )


def _plain(memory: Memory) -> Payload:
    refused = [[point, why] for point, why in memory.refused.items()]
    return {"refused": refused, "residuals": list(memory.residuals), "inner": [_plain(one) for one in memory.inner]}


def _memory(plain: Payload) -> Memory:
    inner = tuple(_memory(one) for one in plain["inner"])
    return Memory(dict(plain["refused"]), [float(one) for one in plain["residuals"]], inner)
