"""The charge states of one molecule, each computed once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from cohobate.core.errors import Rejected
from cohobate.host.extras import require
from cohobate.simulate.chem.conformer import SEED, Conformer
from cohobate.simulate.chem.geometry import Geometry
from cohobate.simulate.chem.xtb import METHOD, Electrons, Method, Relaxed, electrons, energy, relax

Solvation = Literal["alpb", "gbsa"]
STRETCHED = 1.35
"""Times the sum of two covalent radii: atoms further apart than that do not hold a molecule together."""
SHAKE = 0.02
"""Å, the standard deviation of each coordinate."""
IONS = {1: "cation", -1: "anion"}


@final
@dataclass(frozen=True, slots=True)
class Recipe:
    """How states are computed; without ``relax`` no geometry is changed, and the adiabatic equals the vertical."""

    method: Method = METHOD
    relax: bool = True
    solvation: Solvation = "alpb"
    solvent: str = "water"


@final
class States:
    """A molecule from its first geometry on, by one recipe. Energies in eV."""

    __slots__ = ("_electrons", "_known", "_recipe", "_relaxed", "start")

    def __init__(self, start: Conformer, recipe: Recipe) -> None:
        self.start = start
        self._recipe = recipe
        self._relaxed: dict[int, Relaxed] = {}
        self._known: dict[str, float] = {}
        self._electrons: Electrons | None = None

    @property
    def neutral(self) -> Relaxed:
        """The neutral molecule at its geometry."""
        if 0 not in self._relaxed:
            self._relaxed[0] = self._settled(self.start.geometry, 0)
        return self._relaxed[0]

    def vertical(self, charge: int) -> float:
        """Returns the energy of an ion at the geometry of the neutral molecule."""
        return self._once(IONS[charge], lambda: self._energy(self.neutral.geometry, charge))

    def adiabatic(self, charge: int) -> float:
        """Returns the energy of an ion at its own geometry, found from that of the neutral molecule, shaken.

        Raises ``Rejected`` where it falls apart on the way.
        """
        if not self._recipe.relax:
            return self._once(f"relaxed_{IONS[charge]}", lambda: self.vertical(charge))
        if charge not in self._relaxed:
            self._relaxed[charge] = self._settled(shaken(self.neutral.geometry), charge)
        relaxed = self._relaxed[charge]
        if (pieces := fragments(relaxed.geometry)) > fragments(self.neutral.geometry):
            raise Rejected(f"the {IONS[charge]} falls into {pieces} pieces as it relaxes: it has no adiabatic energy")
        return self._once(f"relaxed_{IONS[charge]}", lambda: relaxed.energy)

    def solvated(self) -> float:
        """Returns the energy in the solvent, at the geometry in vacuum."""
        return self._once("solvated", lambda: self._energy(self.neutral.geometry, 0, solvated=True))

    def electrons(self) -> Electrons:
        """Returns gap and dipole of the neutral molecule."""
        if self._electrons is None:
            self._electrons = electrons(self.neutral.geometry, method=self._recipe.method)
        return self._electrons

    @property
    def energies(self) -> dict[str, float]:
        """The states computed so far, by name."""
        return {"neutral": self.neutral.energy, **self._known}

    @property
    def steps(self) -> int:
        """Of all relaxations."""
        return sum(relaxed.steps for relaxed in self._relaxed.values())

    @property
    def converged(self) -> bool | None:
        """Whether all relaxations did; ``None`` where there was none."""
        return all(relaxed.converged for relaxed in self._relaxed.values()) if self._recipe.relax else None

    def _settled(self, geometry: Geometry, charge: int) -> Relaxed:
        if not self._recipe.relax:
            return Relaxed(geometry, self._energy(geometry, charge), 0, None)
        return relax(geometry, charge=charge, multiplicity=1 + abs(charge), method=self._recipe.method)

    def _energy(self, geometry: Geometry, charge: int, *, solvated: bool = False) -> float:
        solvation = (self._recipe.solvation, self._recipe.solvent) if solvated else None
        method = self._recipe.method
        return energy(geometry, charge=charge, multiplicity=1 + abs(charge), method=method, solvation=solvation)

    def _once(self, name: str, compute: Callable[[], float]) -> float:
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]


def shaken(geometry: Geometry) -> Geometry:
    """Returns the geometry without its symmetry, the same each time.

    Forces keep a symmetry that the ion would break (Jahn and Teller 1937): the planar anion of
    acetic acid is 0.15 eV above the bent one.
    """
    noise = np.random.default_rng(SEED).normal(scale=SHAKE, size=geometry.positions.shape)
    return Geometry(geometry.symbols, geometry.positions + noise)


def fragments(geometry: Geometry) -> int:
    """Returns the number of pieces that a geometry falls into."""
    data = require("ase.data", extra="chem")
    radii = np.array([data.covalent_radii[data.atomic_numbers[symbol]] for symbol in geometry.symbols])
    distances = np.linalg.norm(geometry.positions[:, None] - geometry.positions[None], axis=2)
    near = distances < STRETCHED * (radii[:, None] + radii[None])
    unseen, pieces = set(range(len(geometry))), 0
    while unseen:
        pieces += 1
        edge = {unseen.pop()}
        while edge:
            edge = {j for i in edge for j in unseen if near[i, j]}
            unseen -= edge
    return pieces
