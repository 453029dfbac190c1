"""Finds campaign.toml and the run folder that belongs to it, and reads the file."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cohobate.core.errors import ConfigError

if TYPE_CHECKING:
    from cohobate.cli.config import Config

NAME = "campaign.toml"
DATABASE = "campaign.db"
LARGEST = 10_000_000
"""Bytes of a configuration file; more is something else."""


@dataclass(frozen=True, slots=True)
class Place:
    """A campaign's folder: its configuration (``None`` for a run folder alone) and its run folder."""

    file: Path | None
    run: Path
    config: Config | None = None

    def need_config(self) -> tuple[Path, Config]:
        """Returns file and configuration; raises ``ConfigError`` where there is none."""
        if self.file is None or self.config is None:
            raise ConfigError(f"{self.run}: no {NAME} here or above it; give its folder by --folder")
        return self.file, self.config


def find(folder: Path) -> Place:
    """Returns the place of a folder that holds campaign.toml, or of a run folder.

    The configuration of a run folder is looked for in the folder above. Raises ``ConfigError``
    where there is neither.
    """
    if _is_file(folder / NAME):
        config = read(folder / NAME)
        return Place(folder / NAME, folder / config.campaign.run, config)
    if _is_file(folder / DATABASE):
        return _of_run(folder)
    raise ConfigError(
        f"{str(folder)!r:.200}: no {NAME} here; go to its folder, give it by --folder, "
        "or make one: cohobate init screen NAME"
    )


def read(path: Path) -> Config:
    """Returns the checked content of a configuration file; raises ``ConfigError`` in one line."""
    from pydantic import ValidationError  # heavy

    from cohobate.cli.complaints import complain
    from cohobate.cli.config import Config

    data = _parse(path)
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise complain(path, data, error) from error


def _of_run(folder: Path) -> Place:
    above = folder.resolve().parent / NAME
    with suppress(ConfigError):  # what is recorded can be shown without it
        config = read(above)
        if (above.parent / config.campaign.run).resolve() == folder.resolve():
            return Place(above, folder, config)
    return Place(None, folder)


def _parse(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path}: expected a file of text, got {path.stat().st_size:,} bytes")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text; byte {error.start} is none") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not TOML: nested too deep") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
