"""Runs of one stage by their usual names, and of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch

from cohobate.core.errors import UserError, did_you_mean
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.hooks.hook import Hook
from cohobate.dynamics.models.potential import Potential
from cohobate.dynamics.stages.descent import Descent
from cohobate.dynamics.stages.dynamics import Dynamics
from cohobate.dynamics.stages.fire import Fire
from cohobate.dynamics.stages.langevin import Langevin
from cohobate.dynamics.stages.lbfgs import Lbfgs
from cohobate.dynamics.stages.nose_hoover import NoseHoover
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.plan import Admit, admitting
from cohobate.dynamics.stages.rule import Rule
from cohobate.dynamics.stages.stage import Stage
from cohobate.dynamics.stages.update import Update

RUN = ("n_steps", "hooks", "on_admit", "device")
"""What is about a run, and not about its update."""


def single(
    name: str,
    update: Update,
    potential: Potential,
    *,
    until: Convergence | None = None,
    n_steps: int | None = None,
    hooks: Iterable[Hook] = (),
    on_admit: Admit | None = None,
    device: torch.device | str | None = None,
) -> Dynamics:
    """Returns a run of one stage; ``n_steps`` is what each system gets at most."""
    stage = Stage(name, 0, update, potential, until, n_steps, tuple(hooks))
    return Dynamics([stage], device=device, on_admit=on_admit)


def NVE(potential: Potential, *, dt: float, name: str = "nve", **run: Any) -> Dynamics:
    """Returns constant energy by velocity Verlet; ``dt`` in fs."""
    return single(name, VelocityVerlet(dt), potential, **run)


def NVTLangevin(
    potential: Potential,
    *,
    dt: float,
    temperature: float,
    friction: float = 0.01,
    seed: int = 0,
    name: str = "langevin",
    **run: Any,
) -> Dynamics:
    """Returns constant temperature (K) by Langevin dynamics, friction in 1/fs; see ``Langevin``."""
    return single(name, Langevin(dt, temperature, friction, seed), potential, **run)


def NVTNoseHoover(
    potential: Potential,
    *,
    dt: float,
    temperature: float,
    tau: float = 100.0,
    chain: int = 3,
    removed: int = 3,
    name: str = "nose-hoover",
    **run: Any,
) -> Dynamics:
    """Returns constant temperature (K) by Nose-Hoover chains, ``dt`` and ``tau`` in fs; see ``NoseHoover``."""
    return single(name, NoseHoover(dt, temperature, tau, chain, removed), potential, **run)


def FIRE(potential: Potential, *, until: Convergence, name: str = "fire", **given: Any) -> Dynamics:
    """Returns a relaxation by FIRE; what is not about the run goes to ``Fire``: ``max_step``, ``dt_max`` ..."""
    settings, run = _parted("FIRE", Fire, given)
    return single(name, Fire(**settings), potential, until=until, **run)


def LBFGS(potential: Potential, *, until: Convergence, name: str = "lbfgs", **given: Any) -> Dynamics:
    """Returns a relaxation by L-BFGS; what is not about the run goes to ``Lbfgs``: ``max_step``, ``memory`` ..."""
    settings, run = _parted("LBFGS", Lbfgs, given)
    return single(name, Lbfgs(**settings), potential, until=until, **run)


def GradientDescent(potential: Potential, *, until: Convergence, name: str = "descent", **given: Any) -> Dynamics:
    """Returns a relaxation along the forces; what is not about the run goes to ``Descent``: ``rate`` ..."""
    settings, run = _parted("GradientDescent", Descent, given)
    return single(name, Descent(**settings), potential, until=until, **run)


def _parted(who: str, update: type[Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the settings of an update, and what is about its run."""
    own = {field.name for field in fields(update)}
    for name in given:
        if name not in own and name not in RUN:
            known = sorted([*own, *RUN])
            raise UserError(f"{who} has no setting {name!r}{did_you_mean(name, known)}; there are {known}")
    return {n: v for n, v in given.items() if n in own}, {n: v for n, v in given.items() if n in RUN}


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
    asked = [run.plan.compiled for _, run in stages if run.plan.compiled is not None]
    return Dynamics(
        found,
        hooks=[*hooks, *(hook for _, run in stages for hook in run.hooks)],
        rules=rules,
        entry=entry,
        n_steps=n_steps,
        on_admit=on_admit,
        device=given[0] if given else None,
        compiled=asked[0] if compiled is None and asked else compiled,
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
    return replace(admitting(run.plan)[0], code=code, exit=leaving)


BaseDynamics = Dynamics
"""What runs are called in nvalchemi."""
