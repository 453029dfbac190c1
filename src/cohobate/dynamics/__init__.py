"""Batched dynamics: many systems of atoms in one running batch, each as if it were alone.

Everything below is imported when it is first touched; it needs torch (``pip install 'cohobate[dynamics]'``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cohobate.host.extras import require

_HOMES = {
    "cohobate.dynamics.convergence": ("Convergence", "Criterion"),
    "cohobate.dynamics.data.atomic": ("AtomicData", "batch_of", "systems_of"),
    "cohobate.dynamics.data.batch": ("Batch",),
    "cohobate.dynamics.data.buffer": ("Buffer", "Capacity"),
    "cohobate.dynamics.data.extxyz": ("read_extxyz", "write_extxyz"),
    "cohobate.dynamics.data.fields": ("Field",),
    "cohobate.dynamics.data.packing": ("pack", "unpack"),
    "cohobate.dynamics.hooks.changing": ("Bias", "FrozenAtoms", "WrapPositions"),
    "cohobate.dynamics.hooks.converging": ("ConvergenceHook",),
    "cohobate.dynamics.hooks.guards": ("EnergyDrift", "ExplosionDetector", "MaxForceClamp", "NaNDetector"),
    "cohobate.dynamics.hooks.hook": ("At", "Hook", "HookStage", "Moment"),
    "cohobate.dynamics.hooks.logs": ("LogCSV", "LogTerminal"),
    "cohobate.dynamics.hooks.profiler": ("Profiler",),
    "cohobate.dynamics.hooks.snapshots": ("ConvergedSnapshots", "Snapshots"),
    "cohobate.dynamics.inflight.engine": ("InFlight",),
    "cohobate.dynamics.inflight.extxyz": ("ExtXYZ",),
    "cohobate.dynamics.inflight.running": ("as_they_leave", "run_all"),
    "cohobate.dynamics.inflight.samplers": ("by_size", "from_db", "from_extxyz"),
    "cohobate.dynamics.inflight.seat": ("Guest",),
    "cohobate.dynamics.inflight.sinks": ("Memory", "Sink"),
    "cohobate.dynamics.making": (
        "BaseDynamics",
        "FIRE",
        "FusedStage",
        "GradientDescent",
        "LBFGS",
        "NVE",
        "NVTLangevin",
        "NVTNoseHoover",
        "fused",
    ),
    "cohobate.dynamics.models.ase_calculators": ("AseCalculator", "xtb"),
    "cohobate.dynamics.models.chgnet": ("CHGNet",),
    "cohobate.dynamics.models.functions": ("TorchFunction",),
    "cohobate.dynamics.models.pair_potential": ("PairPotential",),
    "cohobate.dynamics.models.pairs": ("buckingham", "harmonic", "lennard_jones", "morse"),
    "cohobate.dynamics.models.potential": ("Potential", "Results", "Traits"),
    "cohobate.dynamics.models.sums": ("Sum",),
    "cohobate.dynamics.stages.dynamics": ("Dynamics",),
    "cohobate.dynamics.stages.rule": ("Rule",),
    "cohobate.dynamics.stages.stage": ("Stage",),
    "cohobate.dynamics.stages.update": ("Update",),
    "cohobate.dynamics.velocities": ("MaxwellBoltzmann",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cohobate.dynamics' has no attribute {name!r}")
    require("torch", extra="dynamics")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from cohobate.dynamics.convergence import Convergence as Convergence
    from cohobate.dynamics.convergence import Criterion as Criterion
    from cohobate.dynamics.data.atomic import AtomicData as AtomicData
    from cohobate.dynamics.data.atomic import batch_of as batch_of
    from cohobate.dynamics.data.atomic import systems_of as systems_of
    from cohobate.dynamics.data.batch import Batch as Batch
    from cohobate.dynamics.data.buffer import Buffer as Buffer
    from cohobate.dynamics.data.buffer import Capacity as Capacity
    from cohobate.dynamics.data.extxyz import read_extxyz as read_extxyz
    from cohobate.dynamics.data.extxyz import write_extxyz as write_extxyz
    from cohobate.dynamics.data.fields import Field as Field
    from cohobate.dynamics.data.packing import pack as pack
    from cohobate.dynamics.data.packing import unpack as unpack
    from cohobate.dynamics.hooks.changing import Bias as Bias
    from cohobate.dynamics.hooks.changing import FrozenAtoms as FrozenAtoms
    from cohobate.dynamics.hooks.changing import WrapPositions as WrapPositions
    from cohobate.dynamics.hooks.converging import ConvergenceHook as ConvergenceHook
    from cohobate.dynamics.hooks.guards import EnergyDrift as EnergyDrift
    from cohobate.dynamics.hooks.guards import ExplosionDetector as ExplosionDetector
    from cohobate.dynamics.hooks.guards import MaxForceClamp as MaxForceClamp
    from cohobate.dynamics.hooks.guards import NaNDetector as NaNDetector
    from cohobate.dynamics.hooks.hook import At as At
    from cohobate.dynamics.hooks.hook import Hook as Hook
    from cohobate.dynamics.hooks.hook import HookStage as HookStage
    from cohobate.dynamics.hooks.hook import Moment as Moment
    from cohobate.dynamics.hooks.logs import LogCSV as LogCSV
    from cohobate.dynamics.hooks.logs import LogTerminal as LogTerminal
    from cohobate.dynamics.hooks.profiler import Profiler as Profiler
    from cohobate.dynamics.hooks.snapshots import ConvergedSnapshots as ConvergedSnapshots
    from cohobate.dynamics.hooks.snapshots import Snapshots as Snapshots
    from cohobate.dynamics.inflight.engine import InFlight as InFlight
    from cohobate.dynamics.inflight.extxyz import ExtXYZ as ExtXYZ
    from cohobate.dynamics.inflight.running import as_they_leave as as_they_leave
    from cohobate.dynamics.inflight.running import run_all as run_all
    from cohobate.dynamics.inflight.samplers import by_size as by_size
    from cohobate.dynamics.inflight.samplers import from_db as from_db
    from cohobate.dynamics.inflight.samplers import from_extxyz as from_extxyz
    from cohobate.dynamics.inflight.seat import Guest as Guest
    from cohobate.dynamics.inflight.sinks import Memory as Memory
    from cohobate.dynamics.inflight.sinks import Sink as Sink
    from cohobate.dynamics.making import FIRE as FIRE
    from cohobate.dynamics.making import LBFGS as LBFGS
    from cohobate.dynamics.making import NVE as NVE
    from cohobate.dynamics.making import BaseDynamics as BaseDynamics
    from cohobate.dynamics.making import FusedStage as FusedStage
    from cohobate.dynamics.making import GradientDescent as GradientDescent
    from cohobate.dynamics.making import NVTLangevin as NVTLangevin
    from cohobate.dynamics.making import NVTNoseHoover as NVTNoseHoover
    from cohobate.dynamics.making import fused as fused
    from cohobate.dynamics.models.ase_calculators import AseCalculator as AseCalculator
    from cohobate.dynamics.models.ase_calculators import xtb as xtb
    from cohobate.dynamics.models.chgnet import CHGNet as CHGNet
    from cohobate.dynamics.models.functions import TorchFunction as TorchFunction
    from cohobate.dynamics.models.pair_potential import PairPotential as PairPotential
    from cohobate.dynamics.models.pairs import buckingham as buckingham
    from cohobate.dynamics.models.pairs import harmonic as harmonic
    from cohobate.dynamics.models.pairs import lennard_jones as lennard_jones
    from cohobate.dynamics.models.pairs import morse as morse
    from cohobate.dynamics.models.potential import Potential as Potential
    from cohobate.dynamics.models.potential import Results as Results
    from cohobate.dynamics.models.potential import Traits as Traits
    from cohobate.dynamics.models.sums import Sum as Sum
    from cohobate.dynamics.stages.dynamics import Dynamics as Dynamics
    from cohobate.dynamics.stages.rule import Rule as Rule
    from cohobate.dynamics.stages.stage import Stage as Stage
    from cohobate.dynamics.stages.update import Update as Update
    from cohobate.dynamics.velocities import MaxwellBoltzmann as MaxwellBoltzmann
