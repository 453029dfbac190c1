"""What other codes return, in our units and our signs: eV, Å, stress positive where a system is stretched."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

GIGAPASCAL: Final = 0.006241509074460764
"""eV/Å^3, CODATA 2018."""
VOIGT: Final = ((0, 5, 4), (5, 1, 3), (4, 3, 2))


def full_stress(stress: Any) -> NDArray[np.float64]:  # noqa: ANN401 an array
    """Returns a stress (3, 3) of one in the order of ASE, xx yy zz yz xz xy: units and sign are the same there."""
    given = np.asarray(stress, dtype=np.float64)
    return given if given.shape == (3, 3) else given[np.array(VOIGT)]


def of_chgnet(found: Any, n_atoms: int) -> dict[str, Any]:  # noqa: ANN401 a mapping of arrays
    """Returns what CHGNet predicts of one system: there the energy is for each atom, the stress in GPa."""
    values: dict[str, Any] = {}
    for name, theirs, factor in (("energy", "e", float(n_atoms)), ("forces", "f", 1.0), ("stress", "s", GIGAPASCAL)):
        if theirs in found:
            values[name] = np.asarray(found[theirs], dtype=np.float64) * factor
    if "m" in found:
        values["magmoms"] = np.asarray(found["m"], dtype=np.float64)
    if "site_energies" in found:
        values["energies"] = np.asarray(found["site_energies"], dtype=np.float64).ravel()
    return values
