"""Makes a new campaign folder from a template of ours."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from cohobate.core.errors import ConfigError, did_you_mean

NAMES = re.compile(r"\w[\w .+-]{0,98}\w|\w")
"""What a folder may be called: no separators, no leading dash or dot, nothing a shell or a terminal reads."""


def copy(template: str, name: str, where: Path) -> Path:
    """Copies a template into the new (or empty) folder ``name`` of ``where``, and returns it.

    Raises ``ConfigError`` for an unknown template, a name that is none, and a folder with content.
    """
    known = sorted(entry.name for entry in files("cohobate").joinpath("templates").iterdir() if entry.is_dir())
    if template not in known:
        raise ConfigError(f"no template {template!r:.80}; there is {', '.join(known)}{did_you_mean(template, known)}")
    if not NAMES.fullmatch(name):
        raise ConfigError(
            f"the name {name!r:.80} cannot be a folder: expected up to 100 letters, digits, "
            "spaces and . _ + -, beginning and ending with a letter or digit"
        )
    folder = where / name
    try:
        _fill(folder, template)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


def _fill(folder: Path, template: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} exists and is not empty: choose another name")
    with as_file(files("cohobate").joinpath("templates", template)) as source:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
