"""Makes the problem of a campaign from its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import cohobate.cli.config as toml
from cohobate.core.errors import ConfigError, UserError
from cohobate.core.fidelity import Fidelity
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Choice, Constant, Integer, Output, Problem, Real, Variable
from cohobate.propose.posing import Space, pose


def stated(file: Path, config: toml.Config) -> Problem:
    """Returns the problem of a configuration; raises ``ConfigError`` naming file and key."""
    wish = config.generator
    space = _space(file, config)
    with blaming(file, "generator"):
        if not (wish.maximize or wish.minimize):
            raise ConfigError('expected maximize or minimize, for example maximize = "ie"')
        posed = pose(space, maximize=wish.maximize, minimize=wish.minimize)
    with blaming(file, "outputs"):
        outputs = tuple(_outputs(posed.outputs, config.outputs))
    with blaming(file, "fidelity"):
        return Problem(posed.variables, outputs, _fidelity(config.fidelity))


def _outputs(objectives: tuple[Output, ...], wishes: Mapping[str, toml.Output]) -> Iterator[Output]:
    """Returns the objectives with their units, and the constraints."""
    for objective in objectives:
        wish = wishes.get(objective.name, toml.Output())
        if _limits(wish):
            raise ConfigError(f"{objective.name}: an objective has no limit; stop at one by goal = {{ above = ... }}")
        yield replace(objective, unit=wish.unit)
    others = dict(wishes)
    for objective in objectives:
        others.pop(objective.name, None)
    for name, wish in others.items():
        limits = _limits(wish)
        if len(limits) > 1:
            raise ConfigError(f"{name}: expected at_most or at_least, got both")
        yield Output(name, limits[0] if limits else None, unit=wish.unit)


def _limits(wish: toml.Output) -> list[AtMost | AtLeast]:
    most = [] if wish.at_most is None else [AtMost(wish.at_most)]
    return [*most, *([] if wish.at_least is None else [AtLeast(wish.at_least)])]


def _fidelity(wish: toml.Fidelity | None) -> Fidelity | None:
    return None if wish is None else Fidelity(wish.name, wish.costs)


def read_pool(file: Path, config: toml.Config) -> Pool | None:
    """Returns the configured pool, ``None`` where there is none."""
    wish = config.generator
    if wish.pool is None:
        return None
    with blaming(file, "generator.pool"):
        return Pool.read(file.parent / wish.pool, column=wish.column)


def _space(file: Path, config: toml.Config) -> Space:
    pool = read_pool(file, config)
    if pool is not None and config.variables:
        raise ConfigError(f"{file}: variables: a campaign has a pool or variables, not both")
    if pool is not None:
        return pool
    if not config.variables:
        raise ConfigError(f"{file}: generator.pool: expected a pool, or [variables], got neither")
    return {name: _variable(file, name, wish) for name, wish in config.variables.items()}


def _variable(file: Path, name: str, wish: toml.Variable) -> Variable:
    with blaming(file, f"variables.{name}"):
        match wish:
            case toml.Real():
                return Real(wish.lo, wish.hi, log=wish.log, unit=wish.unit)
            case toml.Integer():
                return Integer(wish.lo, wish.hi, log=wish.log, unit=wish.unit)
            case toml.Choice():
                return Choice(wish.values)
            case toml.Constant():
                return Constant(wish.value)
        assert_never(wish)


@contextmanager
def blaming(file: Path, key: str, kind: type[UserError] = UserError) -> Iterator[None]:
    """Names file and key in what is wrong with a value; what names them already passes."""
    try:
        yield
    except kind as error:
        if str(error).startswith(f"{file}: "):
            raise
        raise ConfigError(f"{file}: {key}: {error}") from error
