"""What a run was made with: versions, command and machine facts, from a fixed list."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cohobate.core.payload import Plain
from cohobate.host.filesystem import read_regular, write_atomic
from cohobate.ledger.database import explain

LARGEST = 10_000_000
"""Bytes of a manifest; more is something else."""
PACKAGES = ("cohobate", "numpy", "scipy", "rdkit", "tblite", "ase", "torch", "cloudpickle")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SECRETS = ("key", "token", "secret", "password", "passwd")


def write_manifest(folder: Path, *, seed: int | None, session: Mapping[str, Plain]) -> None:
    """Writes ``manifest.json``: the seed of the generator, where it has one, and what each session runs with.

    Raises ``LedgerError`` where it cannot be written.
    """
    path = folder / "manifest.json"
    sessions = [*_sessions(path), {**session, **_facts()}]
    content = {"seed": seed, "versions": dict(_versions()), "sessions": sessions[-100:]}
    try:
        write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        raise explain(error, path) from error


def _sessions(path: Path) -> list[Plain]:
    try:
        sessions = json.loads(read_regular(path, LARGEST))["sessions"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return sessions if isinstance(sessions, list) else []


def _facts() -> Mapping[str, Plain]:
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": list(redacted(sys.argv)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREADS if name in os.environ},
    }


def redacted(words: list[str]) -> Iterator[str]:
    """Returns the words of a command, the values of options that look secret left out.

    >>> list(redacted(["run", "--api-key", "abc", "--token=def"]))
    ['run', '--api-key', '...', '--token=...']
    """
    hide = False
    for word in words:
        name, equals, _ = word.partition("=")
        secret = name.startswith("-") and any(part in name.lower() for part in SECRETS)
        yield "..." if hide else (f"{name}=..." if secret and equals else word)
        hide = secret and not equals


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
