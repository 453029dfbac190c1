"""Properties of one molecule, any number of them from one relaxation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, final, get_args

from cohobate.core.errors import Rejected, SimulatorError, did_you_mean
from cohobate.simulate.chem.conformer import place
from cohobate.simulate.chem.smiles import parse
from cohobate.simulate.chem.solvents import SOLVENTS
from cohobate.simulate.chem.states import Recipe, Solvation, States
from cohobate.simulate.chem.xtb import METHOD, Method
from cohobate.simulate.function import Simulator, simulator

VERSION = "1"
Level = Literal["quick", "full"]
QUICK = Recipe("GFN1-xTB", relax=False)
"""What ``level="quick"`` does: one GFN1-xTB calculation for each charge state, at the force-field geometry."""


@final
@dataclass(frozen=True, slots=True)
class Property:
    """How a number follows from the states of a molecule, its unit, and the states (eV) that are told with it."""

    of: Callable[[States], float]
    unit: str = "eV"
    states: tuple[str, ...] = ()


def _bound(states: States, anion: float) -> float:
    """Returns the electron affinity; raises ``Rejected`` where the method itself lets go of the electron."""
    affinity = states.neutral.energy - anion
    if affinity <= 0:
        raise Rejected(f"the anion is not bound: {-affinity:.2f} eV above the molecule, so it has no electron affinity")
    return affinity


PROPERTIES: Mapping[str, Property] = {
    "ie": Property(lambda s: s.vertical(+1) - s.neutral.energy, states=("cation",)),
    "aie": Property(lambda s: s.adiabatic(+1) - s.neutral.energy, states=("relaxed_cation",)),
    "ea": Property(lambda s: _bound(s, s.vertical(-1)), states=("anion",)),
    "aea": Property(lambda s: _bound(s, s.adiabatic(-1)), states=("relaxed_anion",)),
    "gap": Property(lambda s: s.electrons().gap),
    "dipole": Property(lambda s: s.electrons().dipole, unit="D"),
    "solvation": Property(lambda s: s.solvated() - s.neutral.energy, states=("solvated",)),
    "neutral": Property(lambda s: s.neutral.energy),
}
FACTS = ("steps", "converged", "embedding", "forcefield", "atoms", "geometry")


def properties(
    *names: str,
    method: Method = METHOD,
    relax: bool = True,
    solvent: str = "water",
    solvation: Solvation = "alpb",
) -> Simulator:
    """Returns a simulator of several properties of a molecule, all from one relaxation.

    ``names``: ``ie aie ea aea gap dipole solvation neutral`` (docs/chemistry.md says what each is).
    It returns these, the states they follow from (eV), and ``steps``, ``converged``, ``embedding``,
    ``forcefield``, ``atoms`` and ``geometry``. Without ``relax`` everything is computed at the
    geometry of the force field, or as given. Called with ``level="quick"``, it takes GFN1-xTB
    without relaxation instead. Raises ``SimulatorError`` for a name or setting that there is not.

    >>> properties("ie", "gap").name
    'properties(ie, gap)'
    """
    recipe = Recipe(method, relax, solvation, solvent)
    _check_names(names)
    _check_recipe(recipe, names)
    settings = [method, "relaxed" if relax else "unrelaxed", *([solvation, solvent] if "solvation" in names else [])]
    measure = Measure(names, recipe)
    name = f"properties({', '.join(names)})"
    version = f"{VERSION} {' '.join(settings)}"
    return Simulator(measure, version, True, name, simulator(measure, outputs=outputs(names)).outputs)


@final
@dataclass(frozen=True, slots=True)
class Measure:
    """Computes the properties ``names`` of a candidate by one recipe."""

    names: tuple[str, ...]
    recipe: Recipe = Recipe()  # noqa: RUF009 frozen value

    def __call__(self, candidate: str, /, *, level: Level = "full") -> dict[str, Any]:
        """Returns the properties of a SMILES, an extended XYZ frame or a mol block, and how they came about.

        Raises ``Rejected`` for what is not one neutral closed-shell molecule and where a property is
        not defined, ``RuntimeError`` where no geometry is found or the self-consistent field does not
        converge.
        """
        if level not in (levels := get_args(Level)):
            raise SimulatorError(f"level: expected 'quick' or 'full', got {level!r}{did_you_mean(str(level), levels)}")
        recipe = self.recipe if level == "full" else replace(self.recipe, method=QUICK.method, relax=QUICK.relax)
        states = States(place(parse(candidate)), recipe)
        values = {name: PROPERTIES[name].of(states) for name in self.names}
        energies = {name: states.energies[name] for name in _states(self.names)}
        return {**values, **energies, **_facts(states)}


def outputs(names: Iterable[str]) -> dict[str, str]:
    """Returns all that a simulator of these properties returns, with units."""
    names = tuple(names)
    units = {name: PROPERTIES[name].unit for name in names}
    return {**units, **dict.fromkeys(_states(names), "eV"), **dict.fromkeys(FACTS, "")}


def _states(names: tuple[str, ...]) -> tuple[str, ...]:
    return ("neutral", *(state for name in names for state in PROPERTIES[name].states))


def _facts(states: States) -> dict[str, Any]:
    neutral = states.neutral
    return {
        "steps": states.steps,
        "converged": states.converged,
        "embedding": states.start.embedding,
        "forcefield": states.start.forcefield,
        "atoms": len(neutral.geometry),
        "geometry": neutral.geometry.extxyz({"energy": neutral.energy, "charge": 0}),
    }


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise SimulatorError(f"properties() needs at least one of {', '.join(PROPERTIES)}")
    for name in names:
        if name not in PROPERTIES:
            hint = did_you_mean(str(name), PROPERTIES)
            raise SimulatorError(f"there is no property {name!r}: expected {', '.join(PROPERTIES)}{hint}")


def _check_recipe(recipe: Recipe, names: tuple[str, ...]) -> None:
    if recipe.method not in (methods := get_args(Method)):
        hint = did_you_mean(str(recipe.method), methods)
        raise SimulatorError(f"method: expected one of {', '.join(methods)}, got {recipe.method!r}{hint}")
    if recipe.solvation not in (models := get_args(Solvation)):
        raise SimulatorError(f"solvation: expected one of {', '.join(models)}, got {recipe.solvation!r}")
    if recipe.solvent not in (solvents := SOLVENTS[recipe.solvation]):
        hint = did_you_mean(str(recipe.solvent), solvents)
        raise SimulatorError(f"solvent: expected one of {', '.join(solvents)}, got {recipe.solvent!r}{hint}")
    if "solvation" in names and recipe.method == "IPEA1-xTB":
        raise SimulatorError("solvation: IPEA1-xTB has no parameters of solvents; use GFN2-xTB or GFN1-xTB")
