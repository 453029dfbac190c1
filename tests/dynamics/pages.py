"""What pages of the documentation define."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def defined(page: str, name: str) -> Any:
    """Returns what the Python blocks of a page define by that name, run up to there."""
    made: dict[str, Any] = {"__name__": "builtins"}
    for block in re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL):
        if name not in made:
            exec(compile(block, page, "exec", dont_inherit=True), made)
    return made[name]
