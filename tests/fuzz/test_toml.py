"""Any campaign.toml is a campaign, or is refused by one line that names the file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import cohobate.cli.config as toml
from cohobate.cli.building import build
from cohobate.cli.job import Job
from cohobate.cli.reading import find, read
from cohobate.cli.tables import Table
from cohobate.core.errors import ConfigError
from fuzz.oracle import ended, one_line
from fuzz.seeds import CONTENTS, NAMES, NUMBERS, STRANGE

SIMULATOR = "def f(**inputs):\n    return 1.0\n\nasync def g(**inputs):\n    return 1.0\n\nn = 3\n"
WHOLE = """
[campaign]
goal = { evaluations = 6, seconds = 60.5, stalled = 3, until = "2026-12-24T18:00", below = { y = 0.5 } }
name = "a b"
run = "run"
deadline = 10
grace = 0.5
retries = { raised = 1, worker_lost = 2, timeout = 3 }
failure_budget = { count = 3, share = 0.5, window = 10 }
drain = false
durability = "normal"

[generator]
kind = "random"
seed = 3
minimize = ["y", "z"]
maximize = "w"

[simulator]
use = "fuzzed:f"

[engine]
kind = "inline"
workers = 1

[variables]
a = { kind = "real", lo = 1e-3, hi = 2.0, log = true, unit = "eV" }
b = { kind = "integer", lo = -1, hi = 2 }
c = { kind = "choice", values = ["x", 1, 2.5, true] }
d = { kind = "constant", value = "k" }
"""


def keys_of(table: type[BaseModel]) -> list[str]:
    return list(table.model_fields)


def kinds_of(table: type[BaseModel]) -> list[type[BaseModel]]:
    """The table itself and all that are made from it."""
    return [table, *(found for inner in table.__subclasses__() for found in kinds_of(inner))]


KEYS = sorted({key for table in kinds_of(Table) for key in keys_of(table)} | {"x", "y", "partition"})
KINDS = ["active", "random", "sobol", "latin", "grid", "real", "integer", "choice", "constant", "processes", "threads"]
KINDS += ["inline", "coroutines", "loky", "dask", "mpi", "parsl", "local", "slurm", "pbs", "allocation", "full", "ei"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("scipy.stats")  # beforehand: importing it may take longer than a parser may
    folder = tmp_path_factory.mktemp("toml")
    (folder / "fuzzed.py").write_text(SIMULATOR)
    (folder / "pool.smi").write_text("CC\nCCO\n")
    for scheduler in ("sbatch", "qsub"):
        (folder / scheduler).touch(mode=0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield folder


def judged(place: Path, content: bytes) -> Job | str:
    """The job of a file, or why there is none, in one line."""
    file = place / "campaign.toml"
    file.write_bytes(content)

    def made() -> Job:
        found = find(place)
        job = build(*found.need_config()[:1], found.run, found.need_config()[1])
        job.campaign()
        assert all(map(one_line, job.site()))
        return job

    job = ended(made, errors=ConfigError)
    if isinstance(job, str):
        assert one_line(job)
        assert str(file) in job
        assert len(job) < len(str(file)) + 1000
    return job


def test_the_whole_file_is_right(place: Path):
    assert isinstance(judged(place, WHOLE.encode()), Job)


# values, spelled as TOML by a writer of our own
scalars = (
    st.booleans()
    | st.integers(-3, 20)
    | st.integers()
    | st.floats()
    | st.sampled_from([*NAMES, *NUMBERS, *KINDS, "fuzzed:f", "fuzzed:g", "fuzzed:n", "pool.smi", "smiles", "y"])
    | st.text(max_size=5)
)
keys = st.sampled_from(KEYS) | st.sampled_from(NAMES) | st.text(max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


def spelled(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            escaped = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08X}" for c in value)
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(spelled, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{spelled(key)} = {spelled(item)}' for key, item in value.items())}}}"
    raise TypeError(value)


def surrogate_free(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(keys_of(toml.Config)) | keys, st.dictionaries(keys, values), max_size=6))
@example({"campaign": {"goal": {"evaluations": 10**4000}}})
@example({"campaign": {"goal": {"below": {"y": float("nan")}}}, "generator": {"kind": "random", "maximize": ["", 3]}})
def test_any_tables(place: Path, tables: dict[str, dict[str, object]]):
    text = "\n".join(f"{spelled(name)} = {spelled(table)}" for name, table in tables.items())
    with suppress(tomllib.TOMLDecodeError, ValueError):
        tomllib.loads(text)
    assert judged(place, text.encode())


PLACES = re.findall(r"(?<= = )[^{}\[\]\n,]+(?=[ ,\n}])", WHOLE)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(sorted(set(PLACES))), values), min_size=1, max_size=2))
def test_a_right_file_with_other_values(place: Path, changes: list[tuple[str, object]]):
    text = WHOLE
    for was, now in changes:
        text = text.replace(f" = {was}", f" = {spelled(now)}", 1)
    assert judged(place, text.encode())


GENERATORS = [
    {"kind": "active", "pool": "pool.smi", "maximize": "y"},
    {"kind": "random", "pool": "pool.smi", "column": "smiles", "minimize": "y"},
    {"kind": "sobol", "minimize": "y"},
    {"kind": "latin", "n": 3, "minimize": "y"},
    {"kind": "grid", "points": {"a": 3}, "minimize": "y"},
    {"kind": "grid", "points": 3, "minimize": "y"},
]


def of_generator(generator: dict[str, object], *, with_variables: bool) -> bytes:
    """The file with another generator, over variables or a pool."""
    head, _, tail = WHOLE.replace(", below = { y = 0.5 }", "").partition("[generator]")
    _, _, variables = tail.partition("[variables]")
    text = f'{head}[simulator]\nuse = "fuzzed:f"\n[engine]\nkind = "inline"\n[generator]\n'
    text += "\n".join(f"{key} = {spelled(value)}" for key, value in generator.items())
    return (text + ("\n[variables]" + variables if with_variables else "\n")).encode()


@pytest.mark.parametrize("right", GENERATORS, ids=str)
def test_the_right_generators_are_right(place: Path, right: dict[str, object]):
    assert isinstance(judged(place, of_generator(right, with_variables="pool" not in right)), Job)


@settings(max_examples=100)
@given(st.sampled_from(GENERATORS), st.dictionaries(st.sampled_from(KEYS), values, max_size=2), st.booleans())
@example(GENERATORS[3], {"n": 10**11}, True)
@example(GENERATORS[4], {"points": 10**11}, True)
@example(GENERATORS[5], {"points": {"a": 10**11}}, True)
@example(GENERATORS[2], {"seed": 2**64}, True)
@example(GENERATORS[0], {"initial": 10**18, "batch": 10**18}, False)
def test_any_generator(place: Path, right: dict[str, object], other: dict[str, object], with_variables: bool):
    assert judged(place, of_generator(right | other, with_variables=with_variables))


ENGINES = [
    {"kind": "processes", "workers": 2},
    {"workers": 2},
    {"kind": "dask", "address": "tcp://here:8786"},
    {"kind": "mpi"},
    {"kind": "parsl", "site": "threads", "workers": 2},
    {"kind": "parsl", "site": "local", "workers_per_node": 2, "accelerators": ["0", "1"]},
    {"kind": "parsl", "site": "slurm", "walltime": "04:00:00", "nodes": 2, "partition": "short", "interface": "lo"},
    {"kind": "parsl", "site": "pbs", "walltime": "00:30:00", "filesystems": ["home", "eagle"], "interface": "lo"},
]


def of_engine(engine: dict[str, object]) -> bytes:
    """The file with another engine."""
    text = "\n".join(f"{key} = {spelled(value)}" for key, value in engine.items())
    return WHOLE.replace('kind = "inline"\nworkers = 1\n', text + "\n").encode()


@pytest.mark.parametrize("right", ENGINES, ids=str)
def test_the_right_engines_are_right(place: Path, right: dict[str, object]):
    pytest.importorskip("parsl")
    pytest.importorskip("distributed")
    assert isinstance(judged(place, of_engine(right)), Job)


@settings(max_examples=100)
@given(st.sampled_from(ENGINES), st.dictionaries(st.sampled_from(KEYS), values, max_size=2))
@example(ENGINES[6], {"walltime": "9999:59:59", "worker_init": "\x00\n#SBATCH --x"})
@example(ENGINES[6], {"nodes": 2**64 - 1, "workers_per_node": 2**64 - 1})
@example(ENGINES[5], {"accelerators": 2**64 - 1})
def test_any_engine(place: Path, right: dict[str, object], other: dict[str, object]):
    assert judged(place, of_engine(right | other))


@settings(max_examples=100)
@given(st.text(max_size=50).filter(surrogate_free).map(str.encode) | st.binary(max_size=50))
def test_any_text(place: Path, content: bytes):
    assert judged(place, content)


@settings(max_examples=100)
@given(st.data())
def test_a_right_file_cut_and_stuffed(place: Path, data: st.DataObject):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(WHOLE))] * 2)))
    assert judged(place, (WHOLE[:start] + data.draw(st.text(max_size=5).filter(surrogate_free)) + WHOLE[end:]).encode())


@pytest.mark.parametrize("content", CONTENTS)
def test_known_bad_content(place: Path, content: str):
    for before in (b"", WHOLE.encode() + b"\n[x]\n"):
        assert isinstance(judged(place, before + CONTENTS[content]), str)


@pytest.mark.parametrize("line_end", ["\r\n"])
def test_other_line_ends(place: Path, line_end: str):
    assert isinstance(judged(place, WHOLE.replace("\n", line_end).encode()), Job)


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_what_is_no_file(tmp_path: Path, make: Callable[[Path], None]):
    make(tmp_path / "campaign.toml")
    for call in (lambda: find(tmp_path), lambda: read(tmp_path / "campaign.toml")):
        said = ended(call, errors=ConfigError)
        assert isinstance(said, str)
        assert one_line(said)
        assert str(tmp_path) in said


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_what_is_no_file_above_a_run_folder(tmp_path: Path, make: Callable[[Path], None]):
    make(tmp_path / "campaign.toml")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "campaign.db").touch()
    found = ended(find, tmp_path / "run", errors=())
    assert not isinstance(found, str)
    assert found.config is None


@given(st.sampled_from(NAMES))
def test_any_folder(name: str):
    assert isinstance(ended(find, Path(f"/nowhere/{name}"), errors=ConfigError), str)
