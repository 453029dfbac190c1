"""What is put into the directory of a program before it starts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Payload
from cohobate.simulate.command.template import Template, template_of
from cohobate.simulate.command.written import STREAMS


@final
@dataclass(frozen=True)
class Copy:
    """A file of data that each evaluation gets a copy of, as it is: a potential, a structure.

    Its content is part of what a simulator is; where it changes later the evaluation is refused.
    """

    path: str | Path
    digest: str = field(init=False)
    stamp: tuple[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        path = Path(self.path).absolute()
        object.__setattr__(self, "path", path)
        try:
            object.__setattr__(self, "stamp", _stamp(path))
            object.__setattr__(self, "digest", sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            raise UserError(f"co.Copy: expected a file, but {str(path)!r} cannot be read: {error.strerror}") from error

    def write(self, target: Path) -> None:
        """Copies it."""
        try:
            changed = _stamp(Path(self.path)) != self.stamp
            if changed and sha256(Path(self.path).read_bytes()).hexdigest() != self.digest:
                raise UserError(f"{str(self.path)!r} was changed since it was named: make the command anew")
            shutil.copyfile(self.path, target)
        except OSError as error:
            raise UserError(f"{str(self.path)!r} cannot be copied: {error.strerror}") from error

    def describe(self) -> str:
        """What tells it from others: its content."""
        return self.digest


LONGEST_NAME: Final = 200
Source = Template | Copy | bytes
Given = str | Path | Template | Copy | bytes


def sources_of(files: Mapping[str, Given]) -> dict[str, Source]:
    """Returns what is written by file name. Raises ``UserError`` for names that lead out of the directory."""
    if not isinstance(files, Mapping):
        raise UserError(f"files: expected names with what is in them, got the {type(files).__name__} {files!r:.60}")
    return {check_name(name): _source(name, given) for name, given in files.items()}


def write_files(files: Mapping[str, Source], texts: Mapping[str, str], folder: Path) -> None:
    """Writes the files of one evaluation; ``texts`` are the templates, filled in."""
    for name, source in files.items():
        target = folder / name
        if "/" in name:
            target.parent.mkdir(parents=True, exist_ok=True)
        match source:
            case Template():
                _write(target, texts[name].encode())
            case bytes():
                _write(target, source)
            case Copy():
                source.write(target)


def check_name(name: Payload) -> str:
    """Returns the name of a file in the directory; raises ``UserError`` for what is none."""
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath()
    if not isinstance(name, str) or not name.isprintable() or str(path) != name or name == ".":
        raise UserError(f"expected the name of a file in the directory of the program, got {name!r:.80}")
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{name!r} leads out of the directory of the program; give a name within it")
    return name


def _source(name: str, given: Given) -> Source:
    if name in STREAMS:
        raise UserError(f"the file {name!r} is written by the program: choose another name")
    match given:
        case Copy() | bytes():
            return given
        case Template():
            return given.named(name)
        case str() if "\n" not in given and 0 < len(given) < LONGEST_NAME and Path(given).is_file():
            raise UserError(
                f"{name}: {given!r} is text here, but also a file: say Path({given!r}), or co.Copy({given!r})"
            )
        case str() | Path():
            return template_of(given, name)
    kinds = "text, a Path, a co.Template, a co.Copy or bytes"
    raise UserError(f"{name}: expected {kinds}, got the {type(given).__name__} {given!r:.60}")


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)
    if data.startswith(b"#!"):
        target.chmod(0o755)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
