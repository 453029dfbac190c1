"""Simulators of one property of a molecule each, by GFN2-xTB, relaxed.

Each takes a SMILES, an extended XYZ frame or a mol block, and returns its property, the states (eV)
it follows from (``neutral`` always), ``steps`` and ``converged`` of the relaxations, ``embedding``
(``etkdg``, ``random``, or ``given`` for a structure), ``forcefield`` (``mmff``, ``uff``, perhaps
``unconverged``, or ``none``), ``atoms``, and the relaxed ``geometry`` of the neutral molecule (an
extended XYZ file). ``level="quick"`` takes GFN1-xTB without any relaxation instead. Raised are
``Rejected`` for what is not one neutral closed-shell molecule, and where the property is not
defined for it, and ``RuntimeError`` where no geometry is found or the self-consistent field does
not converge. Several properties at once: ``properties``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from cohobate.simulate.chem.properties import VERSION, Level, Measure, outputs
from cohobate.simulate.function import simulator

_measures = partial(simulator, version=VERSION, deterministic=True)


@_measures(outputs=outputs(["ie"]))
def ionization_energy(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the vertical ionization energy ``ie`` (eV): E(cation) - E(neutral) at the geometry of the neutral.

    ΔSCF, unshifted: some 5 eV above experiment, ordered much alike; see docs/chemistry.md.
    """
    return Measure(("ie",))(candidate, level=level)


@_measures(outputs=outputs(["aie"]))
def adiabatic_ionization_energy(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the adiabatic ionization energy ``aie`` (eV): E(cation) - E(neutral), each at its own geometry.

    A cation that falls apart is ``Rejected``.
    """
    return Measure(("aie",))(candidate, level=level)


@_measures(outputs=outputs(["ea"]))
def electron_affinity(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the vertical electron affinity ``ea`` (eV): E(neutral) - E(anion) at the geometry of the neutral.

    Unshifted as ``ionization_energy``. Where it is not positive the candidate is ``Rejected``.
    """
    return Measure(("ea",))(candidate, level=level)


@_measures(outputs=outputs(["aea"]))
def adiabatic_electron_affinity(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the adiabatic electron affinity ``aea`` (eV): E(neutral) - E(anion), each at its own geometry.

    Where it is not positive, or the anion falls apart, the candidate is ``Rejected``.
    """
    return Measure(("aea",))(candidate, level=level)


@_measures(outputs=outputs(["gap"]))
def gap(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the ``gap`` (eV) between the highest occupied and the lowest empty orbital of the neutral molecule."""
    return Measure(("gap",))(candidate, level=level)


@_measures(outputs=outputs(["dipole"]))
def dipole(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the magnitude of the ``dipole`` moment (debye) of the neutral molecule."""
    return Measure(("dipole",))(candidate, level=level)


@_measures(outputs=outputs(["solvation"]))
def solvation_energy(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the free energy of ``solvation`` (eV) in water, by ALPB, at the geometry in vacuum.

    From 1 mol/L in the gas to 1 mol/L in solution, 298 K. Other solvents: ``properties``.
    """
    return Measure(("solvation",))(candidate, level=level)


@_measures(outputs=outputs(["neutral"]))
def total_energy(candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
    """Returns the total energy ``neutral`` (eV) of the neutral molecule."""
    return Measure(("neutral",))(candidate, level=level)
