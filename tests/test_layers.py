"""Imports point one way, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
LAYERS = (
    {"core"},
    {"host"},
    {"worker"},
    {"molecules"},
    {"models", "simulate", "dynamics", "engines", "ledger"},
    {"propose"},
    {"campaign"},
    {"view"},
    {"fit"},
    {"compat"},
    {"cli"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
DATA = {"templates"}
"""Folders without code."""


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = {module_name(path): path for path in SRC.rglob("*.py")}


def known(name: str) -> str | None:
    """The module of ours that ``name`` is or lies in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


GRAPH = {name: {k for i in imported(path) if (k := known(i)) and k != name} for name, path in MODULES.items()}


def layer(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_imports_point_from_right_to_left():
    wrong = [
        f"{importer} imports {target}"
        for importer, targets in GRAPH.items()
        for target in targets
        if layer(importer) in RANK
        and layer(importer) != layer(target)
        and RANK.get(layer(target), 99) >= RANK[layer(importer)]
    ]
    assert wrong == []


def test_every_folder_has_a_layer():
    folders = {path.name for path in (SRC / "cohobate").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= RANK.keys() | DATA


def test_no_import_cycle():
    assert list(TopologicalSorter(GRAPH).static_order())


def test_torch_lives_in_dynamics_only():
    users = {name for name, path in MODULES.items() if any(i.split(".")[0] == "torch" for i in imported(path))}
    assert all(layer(name) == "dynamics" for name in users)
