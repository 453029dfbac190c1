"""What the doctor says: facts by topic, and problems with what to do about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from cohobate.view.text import shown

Mark = Literal["fact", "note", "problem"]
SIGNS: dict[Mark, tuple[str, str]] = {"fact": (" ", ""), "note": ("-", "yellow"), "problem": ("!", "bold red")}
"""How each is marked in a line, and its colour on a terminal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: a ``note`` is worth knowing, a ``problem`` keeps a campaign from running."""

    topic: str
    text: str
    mark: Mark = "fact"


def as_json(findings: Iterable[Finding]) -> str:
    """Returns the findings as a JSON list of objects."""
    return json.dumps([asdict(finding) for finding in findings], indent=1)


def display(findings: Sequence[Finding]) -> None:
    """Prints the findings, with colours on a terminal and without on anything else."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.topic) for finding in findings) + 2
    above = ""
    for finding in findings:
        sign, colour = SIGNS[finding.mark]
        topic = finding.topic if finding.topic != above else ""
        console.print(
            Text.assemble((sign, colour), " ", (f"{topic:<{width}}", "dim"), (shown(finding.text, 500), colour))
        )
        above = finding.topic
