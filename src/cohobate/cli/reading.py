"""Finds campaign.toml and the run folder that belongs to it, and reads the file."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cohobate.core.errors import ConfigError
from cohobate.host.filesystem import read_regular

if TYPE_CHECKING:
    from cohobate.cli.config import Config
    from cohobate.cli.fit_tables import Fit

NAME = "campaign.toml"
DATABASE = "campaign.db"
LARGEST = 1_000_000
"""Bytes of a configuration file; more is something else."""
DEEPEST = 100
"""Dots in a key: reading one of many takes tomllib the third power of their number."""


@dataclass(frozen=True, slots=True)
class Place:
    """A campaign's folder: its configuration (``None`` for a run folder alone) and its run folder."""

    file: Path | None
    run: Path
    config: Config | Fit | None = None

    def need_config(self) -> tuple[Path, Config | Fit]:
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


def read(path: Path) -> Config | Fit:
    """Returns the checked content of a configuration file; raises ``ConfigError`` in one line."""
    from pydantic import ValidationError  # heavy

    from cohobate.cli.complaints import complain
    from cohobate.cli.config import Config
    from cohobate.cli.fit_tables import Fit, flattened, is_fit

    data = _parse(path)
    whole: type[Config | Fit] = Fit if is_fit(data) else Config
    data = flattened(data) if whole is Fit else data
    try:
        return whole.model_validate(data)
    except ValidationError as error:
        raise complain(path, data, error, whole) from error


def _of_run(folder: Path) -> Place:
    above = folder.resolve().parent / NAME
    with suppress(ConfigError):  # what is recorded can be shown without it
        config = read(above)
        if (above.parent / config.campaign.run).resolve() == folder.resolve():
            return Place(above, folder, config)
    return Place(None, folder)


def _parse(path: Path) -> dict[str, object]:
    try:
        return _loaded(read_regular(path, LARGEST).decode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text; byte {error.start} is none") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML: a whole number has more than 64 bits") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not TOML: nested too deep") from error


def _loaded(text: str) -> dict[str, object]:
    """Returns the content of TOML text; raises ``ValueError`` or ``RecursionError`` for what is none."""
    text = text.replace("\r\n", "\n")
    if any(part.count(".") > DEEPEST and ".." not in part for part in re.split(r"[][{}=,\n]", text)):
        raise RecursionError
    data = tomllib.loads(text)
    if _is_long(data):
        raise ValueError
    return data


def _is_long(value: object) -> bool:
    """Whether a whole number in plain data is longer than TOML has them."""
    match value:
        case int():
            return value.bit_length() > 64
        case dict():
            return any(map(_is_long, value.values()))
        case list():
            return any(map(_is_long, value))
    return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
