"""Runs of one stage by their usual names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.hook import Hook
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.descent import Descent
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.fire import Fire
from cohobate.dynamics.stages.langevin import Langevin
from cohobate.dynamics.stages.lbfgs import Lbfgs
from cohobate.dynamics.stages.nose_hoover import NoseHoover
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.stage import Stage
from cohobate.dynamics.stages.update import Update

Admit = Callable[[Batch], None]


def single(
    name: str,
    update: Update,
    potential: Potential,
    *,
    until: Convergence | None = None,
    n_steps: int | None = None,
    hooks: Iterable[Hook] = (),
    on_admit: Admit | None = None,
) -> Dynamics:
    """Returns a run of one stage; ``n_steps`` is what each system gets at most."""
    stage = Stage(name, 0, update, potential, until, n_steps, tuple(hooks))
    return Dynamics([stage], on_admit=on_admit)


def NVE(potential: Potential, *, dt: float, **given: Any) -> Dynamics:
    """Returns constant energy by velocity Verlet; ``dt`` in fs."""
    return single("nve", VelocityVerlet(dt), potential, **given)


def NVTLangevin(
    potential: Potential, *, dt: float, temperature: float, friction: float = 0.01, seed: int = 0, **given: Any
) -> Dynamics:
    """Returns constant temperature (K) by Langevin dynamics, friction in 1/fs; see ``Langevin``."""
    return single("langevin", Langevin(dt, temperature, friction, seed), potential, **given)


def FIRE(potential: Potential, *, until: Convergence, **given: Any) -> Dynamics:
    """Returns a relaxation by FIRE; what is not about the run goes to ``Fire``: ``max_step``, ``dt_max`` ..."""
    run = {name: given.pop(name) for name in ("n_steps", "hooks", "on_admit") if name in given}
    return single("fire", Fire(**given), potential, until=until, **run)


def NVTNoseHoover(
    potential: Potential, *, dt: float, temperature: float, tau: float = 100.0, removed: int = 3, **given: Any
) -> Dynamics:
    """Returns constant temperature (K) by Nose-Hoover chains, ``dt`` and ``tau`` in fs; see ``NoseHoover``."""
    update = NoseHoover(dt, temperature, tau, given.pop("chain", 3), removed)
    return single("nose-hoover", update, potential, **given)


def LBFGS(potential: Potential, *, until: Convergence, **given: Any) -> Dynamics:
    """Returns a relaxation by L-BFGS; what is not about the run goes to ``Lbfgs``: ``max_step``, ``memory`` ..."""
    run = {name: given.pop(name) for name in ("n_steps", "hooks", "on_admit") if name in given}
    return single("lbfgs", Lbfgs(**given), potential, until=until, **run)


def GradientDescent(potential: Potential, *, until: Convergence, **given: Any) -> Dynamics:
    """Returns a relaxation along the forces; what is not about the run goes to ``Descent``: ``rate`` ..."""
    run = {name: given.pop(name) for name in ("n_steps", "hooks", "on_admit") if name in given}
    return single("descent", Descent(**given), potential, until=until, **run)
