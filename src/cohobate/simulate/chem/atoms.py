"""Quantities that an ASE calculator gives of atoms, where they are or at a minimum, as a function of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, final

from cohobate.core.canonical import content_hash
from cohobate.core.errors import SimulatorError, did_you_mean
from cohobate.core.identity import code_hash
from cohobate.core.payload import Payload
from cohobate.core.problem import Output
from cohobate.simulate.chem.frames import ANY, Frame, Given, frame, taken
from cohobate.simulate.chem.kept import Kept
from cohobate.simulate.chem.readings import UNITS, Reading, Wanted, read, readings
from cohobate.simulate.chem.relaxing import Cell, Relax

Calculator = Callable[..., Payload]
"""Returns an ASE calculator, of the parameters that it takes by name: a function, or the class itself."""
Around = Callable[[], AbstractContextManager[None]]


@final
@dataclass(frozen=True, eq=False)
class Calculation:
    """Works on its own copy of the atoms, with its own calculator, each time it is called."""

    frame: Frame
    calculator: Calculator | Kept
    wanted: Mapping[str, Reading]
    relax: Relax | None
    name: str
    around: Around
    made_of: str

    def __call__(self, /, **values: Payload) -> dict[str, Any]:
        """Returns what is wanted, by name; ``values`` are parameters of the calculator, and inputs of the atoms."""
        self._check(values)
        atoms = self.frame(**_given(self.frame_takes, values, ()))
        parameters = _given(self.calculator_takes, values, self.frame_takes)
        with self.around():
            if isinstance(self.calculator, Kept):
                return self.calculator.use(lambda calculator: self._worked(atoms, calculator), parameters)
            return self._worked(atoms, self.calculator(**parameters))

    def _worked(self, atoms: Payload, calculator: Payload) -> dict[str, Any]:
        if calculator is None:
            raise SimulatorError(f"{self.name}: the function of the calculator must return one, got None")
        atoms.calc = calculator
        if self.relax is not None:
            self.relax(atoms)
        return read(atoms, self.wanted)

    def _check(self, values: Mapping[str, Payload]) -> None:
        known = {**self.calculator_takes, **self.frame_takes}
        if any(one.kind is ANY for one in known.values()):
            return
        for name in values:
            if name not in known:
                raise SimulatorError(f"{self.name} takes {list(known)}, not {name!r}{did_you_mean(name, known)}")

    @property
    def calculator_takes(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of the calculator."""
        return self.calculator.takes if isinstance(self.calculator, Kept) else taken(self.calculator)

    @property
    def frame_takes(self) -> Mapping[str, inspect.Parameter]:
        """The inputs that the atoms are made of."""
        return {} if isinstance(self.frame, Given) else taken(self.frame.make)

    @property
    def __signature__(self) -> inspect.Signature:
        """All that it can be given, by name."""
        both = {**self.calculator_takes, **self.frame_takes}
        return inspect.Signature(_ordered(both.values()))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it returns, with units."""
        return tuple(Output(name, shape=None, unit=UNITS.get(one, "")) for name, one in self.wanted.items())

    def recipe(self) -> str:
        """Returns what tells it from another: the code of the calculator, the atoms, what is read, and how."""
        return self.made_of

    @property
    def __name__(self) -> str:
        """What a term of it is called."""
        return self.name


def single_point(
    atoms: Payload,
    calculator: Calculator | Kept,
    read: Wanted = "energy",
    *,
    name: str = "",
    around: Around = nullcontext,
) -> Calculation:
    """Returns a quantity: what ``calculator`` gives of ``atoms`` where they are.

    ``calculator(**parameters)`` returns an ASE calculator; it is called anew for each evaluation, with the
    parameters that it takes by name (one from ``kept`` is not). ``atoms`` are ``ase.Atoms``, a file (read now), or a
    function of inputs, by name. ``read`` names what is wanted: ``energy energy_per_atom forces stress volume
    volume_per_atom lengths cell positions dipole charges``, or maps names of your own to these, or to functions of
    the atoms. ``around`` is entered for each evaluation.

    >>> from ase.calculators.lj import LennardJones
    >>> from ase import Atoms
    >>> pair = single_point(lambda r: Atoms("Ar2", [(0, 0, 0), (0, 0, r)]), LennardJones, name="pair")
    >>> round(pair(epsilon=2.0, sigma=1.0, rc=1e9, r=2 ** (1 / 6))["energy"], 12)
    -2.0
    """
    return _calculation(atoms, calculator, read, None, name=name, around=around)


def relaxation(
    atoms: Payload,
    calculator: Calculator | Kept,
    read: Wanted = "energy",
    *,
    optimizer: str | Callable[..., Any] = "BFGS",
    fmax: float = 0.01,
    steps: int = 1000,
    cell: Cell = False,
    pressure: float = 0.0,
    name: str = "",
    around: Around = nullcontext,
) -> Calculation:
    """Returns a quantity: what ``calculator`` gives of ``atoms`` at the minimum next to them.

    As ``single_point``, after a relaxation by an ``optimizer`` of ASE until no force is above ``fmax`` (eV/Å).
    ``cell`` lets the cell move too, ``"isotropic"`` only its volume, against ``pressure`` (eV/Å³). A relaxation
    that does not converge within ``steps`` is a failure, and no value.
    """
    relax = Relax(optimizer, fmax, steps, cell, pressure)
    return _calculation(atoms, calculator, read, relax, name=name, around=around)


def _calculation(
    atoms: Payload, calculator: Calculator | Kept, wanted: Wanted, relax: Relax | None, *, name: str, around: Around
) -> Calculation:
    if not callable(calculator) and not isinstance(calculator, Kept):
        said = "expected a function that returns an ASE calculator, such as its class"
        raise SimulatorError(f"calculator: {said}, got the {type(calculator).__name__} {calculator!r:.60}")
    source, chosen = frame(atoms), readings(wanted)
    kind = "relaxation" if relax else "single_point"
    used = calculator.describe() if isinstance(calculator, Kept) else code_hash(calculator)
    told = {key: code_hash(one) for key, one in chosen.items()}
    made_of = content_hash([source.describe(), used, told, relax.describe() if relax else None])
    return Calculation(source, calculator, chosen, relax, name or f"{kind} of {source.name}", around, made_of)


def _given(
    takes: Mapping[str, inspect.Parameter], values: Mapping[str, Payload], elsewhere: Iterable[str]
) -> dict[str, Payload]:
    """Returns those values that are taken by name, or by what takes all that is not taken ``elsewhere``."""
    rest = any(one.kind is ANY for one in takes.values())
    named = {name for name, one in takes.items() if one.kind is not ANY}
    return {name: value for name, value in values.items() if name in named or (rest and name not in elsewhere)}


def _ordered(parameters: Iterable[inspect.Parameter]) -> list[inspect.Parameter]:
    found = {one.name: one if one.kind is ANY else one.replace(kind=one.KEYWORD_ONLY) for one in parameters}
    named = [one for one in found.values() if one.kind is not ANY]
    return [*named, *[one for one in found.values() if one.kind is ANY][:1]]
