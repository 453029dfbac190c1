"""What is read from one file of a program, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from cohobate.core.payload import Payload
from cohobate.simulate.command.written import complete

NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?", re.ASCII)

NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf(?:inity)?)(?:\([\w]*\))?", re.ASCII | re.IGNORECASE)


@final
@dataclass(frozen=True)
class Reading:
    """A value from the text of ``file``: ``how(text, **options)``, which raises ``ValueError`` where it is not there.

    ``end`` is how a complete file ends: with the end of a line (``"\\n"``), with something in its last
    line, or with anything (``""``).
    """

    file: str
    how: Callable[..., Payload]
    options: Mapping[str, Any] = field(default_factory=dict)
    end: str = "\n"

    def parse(self, text: str) -> Payload:
        """Returns the value in the text of a file."""
        return self.how(text, **self.options)

    def __call__(self, folder: str | Path) -> Payload:
        """Returns the value from the file in a directory; raises ``BadOutput`` where it is not complete."""
        return self.parse(complete(Path(folder), self.file, self.end))

    def describe(self) -> Mapping[str, Any]:
        """What tells it from others."""
        how = f"{self.how.__module__}.{self.how.__qualname__}"
        return {"file": self.file, "how": how, "options": dict(self.options), "end": self.end}


def is_numeric(word: str) -> bool:
    """Whether a word stands for a number, also one that is not finite."""
    return bool(NUMBER.fullmatch(word) or NOT_FINITE.fullmatch(word))


def number(text: str) -> float:
    """Returns a number as programs print it, also with the D of Fortran; raises ``ValueError`` for anything else."""
    word = text.strip()
    if not NUMBER.fullmatch(word):
        raise ValueError(f"expected a number, got {word[:60]!r}")
    return float(word.replace("D", "e").replace("d", "e"))
