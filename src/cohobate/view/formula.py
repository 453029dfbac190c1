"""The formula of a structure in space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cohobate.core.errors import Rejected
from cohobate.core.structure import notation, read_mol, read_xyz


def formula(text: str) -> str | None:
    """Returns the formula of a frame in XYZ format or a mol block, ``None`` for other text.

    >>> formula("3\\nwater\\nO 0 0 0\\nH 0 0 1\\nH 0 1 0"), formula("two\\nlines")
    ('H2O', None)
    """
    try:
        match notation(text):
            case "xyz":
                return hill(read_xyz(text).symbols)
            case "mol":
                return hill(read_mol(text).symbols)
    except Rejected:
        pass
    return None


def hill(symbols: Sequence[str]) -> str:
    """Returns the formula in the order of Hill: carbon, hydrogen, the others by the alphabet; all so without carbon.

    >>> hill(["O", "H", "C", "H"]), hill(["Na", "Cl"])
    ('CH2O', 'ClNa')
    """
    counts = Counter(symbols)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    ordered = [*first, *sorted(symbol for symbol in counts if symbol not in first)]
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in ordered)
