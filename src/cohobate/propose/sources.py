"""Where given points stand: a run folder, a file of rows, or a table in memory; as columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from cohobate.core.errors import ProblemError
from cohobate.core.events import Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.ledger.reader import open_reader

Form = Literal["plain", "stored", "text"]
Columns = Mapping[str, Sequence[Payload]]


@final
@dataclass(frozen=True, slots=True)
class Source:
    """A table: ``columns`` of equal lengths, ``None`` where a cell is empty.

    ``form`` says how values stand there: as they are, as a run folder stores them, or as text.
    ``inputs`` names the columns that were varied, where that is known.
    """

    where: str
    columns: Columns
    form: Form = "plain"
    inputs: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return max(map(len, self.columns.values()), default=0)


def read(source: object) -> Source:
    """Returns the table in a run folder, a CSV, JSON-lines or Parquet file, a data frame, an array or a list.

    Raises ``ProblemError`` where there is none, and ``LedgerError`` for a folder that is of no run.
    """
    match source:
        case str() | Path():
            return _stored(Path(source))
        case np.ndarray() if source.dtype.names:
            return Source("the array", {name: source[name].ravel().tolist() for name in source.dtype.names})
        case list() | tuple():
            return Source("the list", _transposed("the list", source))
    if _is_frame(source):
        return _frame(source)
    raise refusal(
        "expected a run folder, a file, a list of dicts, a pandas DataFrame or a structured array, "
        f"got the {type(source).__name__} {source!r:.80}"
    )


def _is_frame(source: object) -> bool:
    kind = type(source)
    return (kind.__module__.partition(".")[0], kind.__name__) == ("pandas", "DataFrame")


def _frame(frame: Any) -> Source:  # noqa: ANN401 pandas may not be there
    names = [str(name) for name in frame.columns]
    _check_header("the data frame", names)
    whole = frame.astype(object).where(frame.notna(), None)
    return Source("the data frame", {name: whole.iloc[:, i].tolist() for i, name in enumerate(names)})


def _stored(path: Path) -> Source:
    try:
        if path.is_dir():
            return _run(path)
        if not path.exists():
            raise refusal(f"there is no file or folder {path}")
        if not path.is_file():
            raise refusal(f"{path} is no regular file")
        if (layout := LAYOUTS.get(path.suffix.lower())) is None:
            raise refusal(f"{path}: expected a run folder, or a file that ends with {', '.join(LAYOUTS)}")
        return layout(path)
    except OSError as error:
        raise refusal(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeError as error:
        raise refusal(f"{path} is not UTF-8 text") from error


def _run(folder: Path) -> Source:
    """Returns what was proposed in a run folder, with the outputs of what has a value."""
    inputs: dict[int, Mapping[str, Any]] = {}
    outputs: dict[int, Mapping[str, Any]] = {}
    with open_reader(folder) as reader:
        for _, event in reader.read():
            match event:
                case Proposed(trials=trials):
                    inputs.update((trial.id, trial.inputs) for trial in trials)
                case Finished(trial=trial, outcome=Value(found)):
                    outputs[trial] = found
    rows = [{**outputs.get(trial, {}), **row} for trial, row in inputs.items()]
    where = f"run folder {folder}"
    return Source(
        where, _transposed(where, rows), "stored", tuple(dict.fromkeys(k for r in inputs.values() for k in r))
    )


def _csv(path: Path) -> Source:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(line.replace("\x00", "\ufffd") for line in file)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(str(path), header)
            records = list(_records(path, reader, len(header)))
        except csv.Error as error:
            raise refusal(f"{path}, line {reader.line_num}: not readable as CSV: {error}") from error
    columns = zip(*records, strict=True) if records else ([] for _ in header)
    return Source(str(path), dict(zip(header, columns, strict=True)), "text")


def _records(path: Path, reader: Iterable[list[str]], width: int) -> Iterator[list[str]]:
    for number, record in enumerate(filter(None, reader), 1):
        if len(record) != width:
            raise refusal(f"{path}, row {number}: expected {width} columns, got {len(record)}")
        yield record


def _jsonl(path: Path) -> Source:
    rows: list[Payload] = []
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except (ValueError, RecursionError) as error:
                    why = str(error) or "too deep"
                    raise refusal(f"{path}, row {len(rows) + 1}: not readable as JSON: {why}") from error
    return Source(str(path), _transposed(str(path), rows), "stored")


def _parquet(path: Path) -> Source:
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    try:
        with path.open("rb") as file:
            table = parquet.read_table(file)
        _check_header(str(path), table.column_names)
        return Source(str(path), table.to_pydict(), "stored")
    except (arrow.ArrowException, ValueError, OverflowError) as error:
        raise refusal(f"{path} is not readable as Parquet: {error}") from error


LAYOUTS: Mapping[str, Callable[[Path], Source]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".parquet": _parquet,
}


def _transposed(where: str, rows: Sequence[Payload]) -> Columns:
    """Returns rows by name as columns; ``None`` where a row lacks one."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping) or not all(isinstance(name, str) for name in row):
            raise refusal(f"{where}, row {number}: expected columns by name, got {row!r:.80}")
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}


def _check_header(where: str, names: Sequence[str]) -> None:
    if not any(names):
        raise refusal(f"{where} is empty: expected a line with the names of the columns, and rows")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise refusal(f"{where}: two columns are named {twice[0]!r:.80}")


def refusal(text: str) -> ProblemError:
    """Returns why a table is not taken, in one line."""
    return ProblemError(f"points: {' '.join(text.split())}")
