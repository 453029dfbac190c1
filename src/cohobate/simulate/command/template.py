"""Text with places for parameters: ``{epsilon}``, ``{sigma:.6f}``, ``{Ar.epsilon}``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, final

from cohobate.core.errors import Rejected, UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.simulate.command.spelling import FORMATS, check_spec, spelled

PIECE: Final = re.compile(r"\$\{[^{}\n]*\}|\{\{|\}\}|\{[^{}\n]*\}|[{}]")
"""What braces can be; ``${name}`` belongs to the program itself."""
PLACE: Final = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::([^{}]*))?\}", re.ASCII)
BY_SUFFIX: Final = {
    ".lammps": "lammps", ".lmp": "lammps", ".sh": "shell", ".json": "json", ".xyz": "xyz", ".extxyz": "xyz",
    ".txt": "plain", ".csv": "word", ".smi": "plain",
}  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of a parameter goes: its name (dotted where it is nested), its format, its line."""

    name: str
    spec: str
    line: int


@final
@dataclass(frozen=True)
class Template:
    """Text of an input file with places for parameters.

    ``{name}`` is the value of a parameter, ``{a.b}`` of a nested one, ``{name:.12g}`` in a format of Python;
    ``{{`` and ``}}`` are braces, and ``${name}`` is left to the program. Floats are written so that nothing
    is lost. ``format`` says what text may be inserted: ``"lammps"``, ``"shell"``, ``"xyz"`` and ``"word"``
    take one plain word, ``"plain"`` one line, ``"json"`` anything, which it quotes; ``""`` leaves that to the
    name of the file (``"word"`` where that does not tell).

    >>> Template("pair_coeff 1 1 {epsilon} {sigma:.3f}").render({"epsilon": 0.0104, "sigma": 3.405})
    'pair_coeff 1 1 0.0104 3.405'
    """

    text: str
    format: str = ""
    file: str = ""
    pieces: tuple[str | Place, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.format and self.format not in FORMATS:
            raise UserError(
                f"no format {self.format!r}{did_you_mean(self.format, FORMATS)}; expected one of {list(FORMATS)}"
            )
        object.__setattr__(self, "pieces", tuple(_parsed(self.text, self.file or "template")))
        if self.format == "json":
            _check_quotes(self.pieces, self.file)

    def named(self, file: str) -> Template:
        """Returns it as the template of a file, whose name tells the format where that is open."""
        return Template(self.text, self.format or format_of(file), file)

    @property
    def uses(self) -> tuple[str, ...]:
        """The parameters it has places for, by their full names."""
        return tuple(sorted({piece.name for piece in self.pieces if isinstance(piece, Place)}))

    def render(self, params: Mapping[str, Any]) -> str:
        """Returns the text with the values of the parameters.

        Raises ``UserError`` for a parameter that is missing, ``Rejected`` for a value that cannot be written.
        """
        text = "".join(piece if isinstance(piece, str) else self._filled(piece, params) for piece in self.pieces)
        if self.format == "json":
            self._check_json(text)
        return text

    def describe(self) -> Mapping[str, Any]:
        """What tells it from others."""
        return {"text": self.text, "format": self.format}

    def _filled(self, place: Place, params: Mapping[str, Any]) -> str:
        value = self._found(place, params)
        try:
            return spelled(value, place.spec, self.format or "word")
        except Rejected as error:
            raise Rejected(f"{self._at(place)}: {error}") from None
        except ValueError as error:  # of format()
            raise Rejected(f"{self._at(place)}: {value!r:.60} cannot be written so: {error}") from error

    def _found(self, place: Place, params: Mapping[str, Any]) -> Payload:
        if place.name in params:
            return params[place.name]
        value: Any = params
        for key in place.name.split("."):
            if not isinstance(value, Mapping) or key not in value:
                known = list(_dotted(params))
                hint = did_you_mean(place.name, known)
                raise UserError(f"{self._at(place)}: no such parameter{hint or '; there are ' + str(known)}")
            value = value[key]
        return value

    def _at(self, place: Place) -> str:
        return f"{self.file or 'template'}, line {place.line}: {{{place.name}}}"

    def _check_json(self, text: str) -> None:
        try:
            json.loads(text)
        except ValueError as error:
            raise UserError(
                f"{self.file or 'template'}: expected JSON, but {error}; literal braces are {{{{ }}}}"
            ) from error


def format_of(file: str) -> str:
    """Returns the format of a file by its name."""
    path = PurePosixPath(file)
    return BY_SUFFIX.get(path.suffix, "lammps" if path.name.startswith("in.") else "word")


def template_of(text: str | Path, file: str) -> Template:
    """Returns the template of a file, from its text or from where that stands."""
    try:
        read = text if isinstance(text, str) else text.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: the template {str(text)!r} cannot be read: {error}; data are a co.Copy") from error
    return Template(read, format_of(file), file)


def _parsed(text: str, file: str) -> Iterator[str | Place]:
    """Yields what stands between the places, and the places."""
    before, literal = 0, ""
    for found in PIECE.finditer(text):
        literal += text[before : found.start()]
        before = found.end()
        piece = found[0]
        if piece.startswith("${"):
            literal += piece
        elif piece in ("{{", "}}"):
            literal += piece[0]
        else:
            yield literal
            yield _place(piece, 1 + text.count("\n", 0, found.start()), file)
            literal = ""
    yield literal + text[before:]


def _place(piece: str, line: int, file: str) -> Place:
    found = PLACE.fullmatch(piece)
    if not found:
        what = "expected a parameter in braces, such as {epsilon} or {sigma:.6f}"
        raise UserError(f"{file}, line {line}: {what}, got {piece!r:.60}; a brace itself is {{{{ or }}}}")
    try:
        check_spec(found[2] or "")
    except UserError as error:
        raise UserError(f"{file}, line {line}: {{{found[1]}}}: {error}") from None
    return Place(found[1], found[2] or "", line)


def _check_quotes(pieces: tuple[str | Place, ...], file: str) -> None:
    """Raises ``UserError`` where a place stands within quotes, which JSON text brings itself."""
    quotes = 0
    for piece in pieces:
        if isinstance(piece, str):
            quotes += len(re.findall(r'(?<!\\)(?:\\\\)*"', piece))
        elif quotes % 2:
            raise UserError(f"{file}, line {piece.line}: {{{piece.name}}} stands in quotes; JSON text brings its own")


def _dotted(params: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
