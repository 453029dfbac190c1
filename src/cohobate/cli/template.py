"""Makes a new campaign folder from a template of ours."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from cohobate.core.errors import ConfigError, did_you_mean

NAMES = re.compile(r"\w[\w .+-]{0,98}\w|\w")
"""What a folder may be called: no separators, no leading dash or dot, nothing a shell or a terminal reads."""
ENGINE = re.compile(r"^\[(?:engine|resources)\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
"""The table of campaign.toml that a cluster brings its own of."""
CLUSTER = "_"
"""What the folders begin with that add a cluster to a template."""


def copy(template: str, name: str, where: Path, cluster: str | None = None) -> Path:
    """Copies a template into the new (or empty) folder ``name`` of ``where``, and returns it.

    ``cluster`` ("slurm" or "pbs") adds submit scripts and the engine that goes with them. Raises
    ``ConfigError`` for an unknown template or cluster, a name that is none, and a folder with content.
    """
    _check("template", template, _folders(cluster=False))
    if cluster is not None:
        _check("cluster", cluster, _folders(cluster=True))
    if not NAMES.fullmatch(name):
        raise ConfigError(
            f"the name {name!r:.80} cannot be a folder: expected up to 100 letters, digits, "
            "spaces and . _ + -, beginning and ending with a letter or digit"
        )
    folder = where / name
    try:
        _fill(folder, template, cluster)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


def _templates() -> Traversable:
    return files("cohobate").joinpath("templates")


def _folders(*, cluster: bool) -> list[str]:
    names = sorted(entry.name for entry in _templates().iterdir() if entry.is_dir() and entry.name != "__pycache__")
    return [name.removeprefix(CLUSTER) for name in names if name.startswith(CLUSTER) == cluster]


def _check(what: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise ConfigError(f"no {what} {name!r:.80}; there is {', '.join(known)}{did_you_mean(name, known)}")


def _fill(folder: Path, template: str, cluster: str | None) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} exists and is not empty: choose another name")
    with as_file(_templates().joinpath(template)) as source:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    if cluster is not None:
        _add(folder, _templates().joinpath(CLUSTER + cluster))


def _add(folder: Path, cluster: Traversable) -> None:
    """Adds the submit scripts of a cluster, and puts its engine into campaign.toml."""
    config = folder / "campaign.toml"
    engine = cluster.joinpath("engine.toml").read_text("utf-8")
    config.write_text(ENGINE.sub(lambda _: engine, config.read_text("utf-8"), count=1), "utf-8")
    for script in cluster.iterdir():
        if script.name.endswith(".sh"):
            target = folder / script.name
            target.write_text(script.read_text("utf-8"), "utf-8")
            target.chmod(0o755)
