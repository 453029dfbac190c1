"""Runs of one stage by their usual names, and of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.hooks.converging import ConvergenceHook, Given, until_of
from cohobate.dynamics.hooks.hook import Hook, listed
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.descent import Descent
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.fire import Fire
from cohobate.dynamics.stages.langevin import Langevin
from cohobate.dynamics.stages.lbfgs import Lbfgs
from cohobate.dynamics.stages.nose_hoover import NoseHoover
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import Stage
from cohobate.dynamics.stages.update import Update

Admit = Callable[[Batch], None]
Until = Given | ConvergenceHook
"""A ``Convergence``, or the criteria of one; of a ``ConvergenceHook`` its criteria count, and no statuses."""
RUN = ("n_steps", "hooks", "on_admit", "name", "device")
"""What is about a run, and not about its update."""


def single(
    name: str,
    update: Update,
    potential: Potential,
    *,
    until: Until | None = None,
    n_steps: int | None = None,
    hooks: Iterable[Hook] = (),
    on_admit: Admit | None = None,
    device: torch.device | str | None = None,
) -> Dynamics:
    """Returns a run of one stage; ``n_steps`` is what each system gets at most, ``until`` what ends it before."""
    stage = Stage(name, 0, update, potential, None if until is None else until_of(until), n_steps, listed(hooks))
    return Dynamics([stage], device=device, on_admit=on_admit)


def NVE(potential: Potential, *, dt: float, name: str = "nve", **given: Any) -> Dynamics:
    """Returns constant energy by velocity Verlet; ``dt`` in fs."""
    return single(name, VelocityVerlet(dt), potential, **given)


def NVTLangevin(
    potential: Potential,
    *,
    dt: float,
    temperature: float,
    friction: float = 0.01,
    seed: int = 0,
    name: str = "langevin",
    **given: Any,
) -> Dynamics:
    """Returns constant temperature (K) by Langevin dynamics, friction in 1/fs; see ``Langevin``."""
    return single(name, Langevin(dt, temperature, friction, seed), potential, **given)


def FIRE(potential: Potential, *, until: Until, **given: Any) -> Dynamics:
    """Returns a relaxation by FIRE; what is not about the run goes to ``Fire``: ``max_step``, ``dt_max`` ..."""
    run = {name: given.pop(name) for name in RUN if name in given}
    return single(run.pop("name", "fire"), Fire(**given), potential, until=until, **run)


def NVTNoseHoover(
    potential: Potential, *, dt: float, temperature: float, tau: float = 100.0, removed: int = 3, **given: Any
) -> Dynamics:
    """Returns constant temperature (K) by Nose-Hoover chains, ``dt`` and ``tau`` in fs; see ``NoseHoover``."""
    update = NoseHoover(dt, temperature, tau, given.pop("chain", 3), removed)
    return single("nose-hoover", update, potential, **given)


def LBFGS(potential: Potential, *, until: Until, **given: Any) -> Dynamics:
    """Returns a relaxation by L-BFGS; what is not about the run goes to ``Lbfgs``: ``max_step``, ``memory`` ..."""
    run = {name: given.pop(name) for name in RUN if name in given}
    return single(run.pop("name", "lbfgs"), Lbfgs(**given), potential, until=until, **run)


def GradientDescent(potential: Potential, *, until: Until, **given: Any) -> Dynamics:
    """Returns a relaxation along the forces; what is not about the run goes to ``Descent``: ``rate`` ..."""
    run = {name: given.pop(name) for name in RUN if name in given}
    return single(run.pop("name", "descent"), Descent(**given), potential, until=until, **run)


def fused(
    stages: Sequence[tuple[int, Dynamics]],
    *,
    entry: int | None = None,
    exit: int | None = None,
    hooks: Iterable[Hook] = (),
    rules: Iterable[Rule] = (),
    n_steps: int | None = None,
    on_admit: Admit | None = None,
    compiled: Mapping[str, Any] | None = None,
) -> Dynamics:
    """Returns runs of one stage under codes of one's choice, each going on in the next one of the list.

    ``entry`` is the code with which systems begin (default: the first), ``exit`` the status with which they leave
    (default: one more than the largest code). What the runs were given beside their stage stays with it.
    """
    codes = [code for code, _ in stages]
    leaving = max(codes, default=0) + 1 if exit is None else exit
    if leaving in codes:
        raise UserError(f"fused: the exit status must be none of the codes {codes}, got {leaving}")
    found = [_placed(code, run, to) for (code, run), to in zip(stages, [*codes[1:], leaving], strict=False)]
    wanted = {run.device: run for _, run in stages}
    if len(wanted) > 1:
        told = ", ".join(f"{code} on {run.device}" for code, run in stages)
        raise UserError(f"fused: stages of one batch need one device; got {told}")
    given = [run.plan.device for _, run in stages if run.plan.device is not None]
    return Dynamics(
        found,
        hooks=[*hooks, *(hook for _, run in stages for hook in run.hooks)],
        rules=rules,
        entry=entry,
        n_steps=n_steps,
        on_admit=on_admit,
        device=given[0] if given else None,
        compiled=compiled,
    )


def FusedStage(
    sub_stages: Sequence[tuple[int, Dynamics]],
    *,
    entry_status: int | None = None,
    exit_status: int = -1,
    compile_step: bool = False,
    compile_kwargs: Mapping[str, Any] | None = None,
    init_fn: Admit | None = None,
    **given: Any,
) -> Dynamics:
    """Returns ``fused`` by the names of nvalchemi."""
    compiled = dict(compile_kwargs or {}) if compile_step else None
    leaving = None if exit_status == -1 else exit_status
    return fused(sub_stages, entry=entry_status, exit=leaving, compiled=compiled, on_admit=init_fn, **given)


def _placed(code: int, run: Dynamics, leaving: int) -> Stage:
    if len(run.stages) != 1 or run.rules:
        raise UserError(f"fused: expected runs of one stage, got {run} for the code {code}; compose others by +")
    stage = run.stages[0]
    return replace(stage, code=code, exit=leaving, on_admit=run.on_admit or stage.on_admit)


BaseDynamics = Dynamics
"""What runs are called in nvalchemi."""
