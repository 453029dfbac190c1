"""Any ASE calculator as a potential."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any, Final, final

import numpy as np

from cohobate.core.errors import UserError
from cohobate.dynamics.data.atomic import AtomicData, systems_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import Field
from cohobate.dynamics.models.failing import unknown
from cohobate.dynamics.models.gathering import One, gathered, outputs_of
from cohobate.dynamics.models.potential import Results, Traits
from cohobate.dynamics.models.units import full_stress
from cohobate.host.extras import require

BASIC: Final = ("energy", "forces", "stress")
Outputs = Iterable[str] | Mapping[str, Field]


@final
class AseCalculator:
    """Computes systems one after the other by calculators that ``make()`` returns, one for each thread.

    A calculator is made where it is used and never travels. ``provides``: what can be asked of it; stresses are those
    of systems with a cell. ``outputs``: what else is to land on the batch (charges, dipole, magmoms, energies). An
    exception fails its system and no other, and a new calculator is made for the next one. ``one_by_one``
    makes one for each system, and lets its libraries use one thread each: nothing that it remembers of another system,
    and no order of threads, changes bits.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        provides: Outputs = BASIC,
        outputs: Outputs = (),
        one_by_one: bool = False,
        threads: int = 1,
        species: Iterable[int] | None = None,
    ) -> None:
        if not callable(make):
            raise UserError(f"AseCalculator: give what makes a calculator, e.g. the class, got {type(make).__name__}")
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise UserError(f"AseCalculator: threads must be a whole number of at least 1, got {threads!r}")
        self.make, self.one_by_one, self.threads = make, one_by_one, threads
        known = frozenset(species) if species is not None else None
        further = outputs_of(outputs)
        self._kinds = {**outputs_of(provides), **further}
        self.traits = Traits(frozenset(self._kinds), exact=one_by_one, species=known, devices=("cpu",), outputs=further)
        self._own = threading.local()
        self._pool: ThreadPoolExecutor | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels without its calculators."""
        given: dict[str, Any] = {
            "provides": self._kinds,
            "outputs": self.traits.outputs,
            "species": self.traits.species,
        }
        return partial(AseCalculator, one_by_one=self.one_by_one, threads=self.threads, **given), (self.make,)

    def describe(self) -> dict[str, Any]:
        """Returns what decides upon its numbers."""
        return {"make": self.make, "one_by_one": self.one_by_one, "provides": self._kinds}

    def compute(self, batch: Batch, want: frozenset[str]) -> Results:
        """Returns what is wanted of each system."""
        odd = unknown(batch, self.traits.species)
        systems = [odd.get(s) or system for s, system in enumerate(systems_of(batch))]
        one = partial(self._one, want=want)
        if self.threads == 1 or len(systems) == 1:
            return gathered(batch, [one(system) for system in systems], want, self._kinds)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="cohobate-ase")
        return gathered(batch, list(self._pool.map(one, systems)), want, self._kinds)

    def _one(self, system: AtomicData | str, want: frozenset[str]) -> One:
        if isinstance(system, str):
            return system
        try:
            atoms = system.to_ase()
            atoms.calc = self._calculator()
            with self._limited():
                return {name: self._of(atoms, name) for name in want}
        except Exception as error:  # noqa: BLE001 whatever a calculator raises is about its system
            self._own.calculator = None
            return f"{type(error).__name__}: {error}"

    def _limited(self) -> AbstractContextManager[Any]:
        return _libraries(len(sys.modules)).limit(limits=1) if self.one_by_one else nullcontext()

    def _calculator(self) -> Any:  # noqa: ANN401 a calculator
        found = getattr(self._own, "calculator", None)
        if found is None or self.one_by_one:
            found = self._own.calculator = self.make()
        return found

    def _of(self, atoms: Any, name: str) -> Any:  # noqa: ANN401 an ase.Atoms, an array
        if name == "energy":
            return atoms.get_potential_energy()
        if name == "forces":
            return atoms.get_forces(apply_constraint=False)
        if name == "stress":
            return (
                full_stress(atoms.get_stress(apply_constraint=False))
                if atoms.cell.rank == 3
                else np.full((3, 3), np.nan)
            )
        return atoms.calc.get_property(name, atoms)


@lru_cache(maxsize=1)
def _libraries(loaded: int) -> Any:  # noqa: ANN401 their threads
    """Returns the libraries with threads of their own, looked for again when more modules are loaded."""
    return require("threadpoolctl", extra="chem").ThreadpoolController()


def xtb(method: str = "GFN2-xTB", *, threads: int = 1, outputs: Outputs = (), **given: Any) -> AseCalculator:
    """Returns GFN1-xTB or GFN2-xTB by tblite; further arguments go to ``tblite.ase.TBLite``, e.g. ``charge``."""
    known = ("GFN1-xTB", "GFN2-xTB")
    if method not in known:
        raise UserError(f"xtb: method must be one of {list(known)}, got {method!r}")
    make = partial(_tblite, method, **{"verbosity": 0, **given})
    return AseCalculator(make, one_by_one=True, threads=threads, outputs=outputs, species=range(1, 87))


def _tblite(method: str, **given: Any) -> Any:  # noqa: ANN401 a calculator
    return require("tblite.ase", extra="chem").TBLite(method=method, **given)
