"""Points that are known to be wanted: of an earlier run or a table, with their values where these are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Literal, final, get_args

from cohobate.core.canonical import canonical
from cohobate.core.errors import BadOutput, did_you_mean
from cohobate.core.payload import Payload
from cohobate.core.pool import Pool
from cohobate.core.problem import Choice, Constant, Output, Problem, pack
from cohobate.core.protocols import Answer, Exhausted, Known, Rows, inputs_of
from cohobate.core.trial import Inputs, Result
from cohobate.ledger.codec import check
from cohobate.ledger.rows import FACTS
from cohobate.propose.cells import key, number, output, read_column
from cohobate.propose.posing import Names, Space, pose
from cohobate.propose.sources import Source, read, refusal
from cohobate.simulate.outputs import PLAIN, outputs_of

Values = Literal["use", "again"]


def points(
    space: Space,
    source: object,
    *,
    values: Values = "use",
    outputs: tuple[Output, ...] = (),
    minimize: Names = None,
    maximize: Names = None,
) -> Given:
    """Returns the rows of a table as a generator that ends with the last.

    ``source`` is the folder of an earlier run, a file (``.csv``, ``.jsonl``, ``.parquet``), a list of
    dicts, a pandas ``DataFrame`` or a structured array. Its columns are named like the variables;
    constants and the level of a fidelity (full) may be left out, and other columns are passed over.

    A row that also has all declared outputs is given with them: it is recorded with its values, is no
    evaluation, and is not run. Others are run; with ``values="again"`` all are. Of rows with equal
    inputs the first stays (the first with values, where one has them).

    Raises ``ProblemError`` with row and column for what is no point of the space.

    >>> from cohobate.core.problem import Real
    >>> points({"x": Real(0, 1)}, [{"x": 0.2, "f": 3.0}, {"x": 0.5}, {"x": 0.5}], minimize="f")
    points(2 rows from the list, 1 with values; 1 repeated)
    """
    problem = pose(space, outputs=outputs, minimize=minimize, maximize=maximize)
    if values not in get_args(Values):
        raise refusal(f"values must be 'use' or 'again', got {values!r:.80}")
    table = read(source)
    if not len(table):
        raise refusal(f"{table.where} holds no rows")
    _check_run(problem, table)
    inputs = _inputs(problem, table)
    known = _known(problem, table) if values == "use" else [None] * len(inputs)
    rows = _once(problem, inputs, known)
    return Given(problem, rows, repeated=len(inputs) - len(rows), where=table.where)


@final
class Given:
    """Hands out given rows in their order; ``repeated`` were left out. Made by ``points``."""

    __slots__ = ("_next", "_rows", "_sha256", "_where", "problem", "repeated")

    finite = True

    def __init__(self, problem: Problem, rows: Rows, *, repeated: int, where: str) -> None:
        self.problem = problem
        self.repeated = repeated
        self._where = where
        self._rows = rows
        self._next = 0
        self._sha256 = ""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def known(self) -> int:
        """How many rows have their values."""
        return sum(isinstance(row, Known) for row in self._rows)

    def suggest(self, n: int) -> Answer:
        """Returns the next ``n`` rows, fewer at the end."""
        rows = self._rows[self._next : self._next + n]
        self._next += len(rows)
        return rows or Exhausted(f"all {len(self)} given points were proposed")

    def ingest(self, results: Sequence[Result]) -> None:
        """Does nothing: what is given does not depend on what comes of it."""

    def finalize(self) -> None:
        """Does nothing: the source was read as a whole."""

    def recall(self, rows: Rows) -> None:
        """Goes on after rows that were proposed before."""
        self._next += len(rows)

    def describe(self) -> Mapping[str, Any]:
        """Returns how many rows there are, and a hash of them and their values."""
        if not self._sha256:
            digest, structured = sha256(), self.problem.structured
            for row in self._rows:
                known = dict(row.outputs) if isinstance(row, Known) else None
                digest.update(canonical([pack(inputs_of(row), structured), known]).encode("utf-8", "surrogatepass"))
            self._sha256 = digest.hexdigest()
        return {"points": len(self), "with_values": self.known, "sha256": self._sha256}

    def __repr__(self) -> str:
        repeated = f"; {self.repeated} repeated" if self.repeated else ""
        return f"points({len(self)} rows from {self._where}, {self.known} with values{repeated})"


def _check_run(problem: Problem, table: Source) -> None:
    """Refuses a run in which something else was varied too: its values are not those of our points."""
    for name in table.inputs or ():
        if name not in problem.names:
            raise refusal(
                f"{table.where} has a variable {name!r}, which the problem lacks: "
                f"its variables are {list(problem.names)}{did_you_mean(name, problem.names)}"
            )


def _inputs(problem: Problem, table: Source) -> list[dict[str, Any]]:
    """Returns the inputs of all rows."""
    columns = {name: table.columns[name] for name in problem.names if name in table.columns}
    level = problem.fidelity
    if isinstance(problem.variables, Pool):
        found = _of_pool(problem.variables, table)
    else:
        found = {name: _column(problem, name, table) for name in problem.variables}
    if level is not None:
        levels = Choice(level.levels) if level.name in columns else Constant(level.full)
        cells = columns.get(level.name, [level.full] * len(table))
        found[level.name] = read_column(levels, cells, table.form, _place(table, level.name))
    names = tuple(found)
    return [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _column(problem: Problem, name: str, table: Source) -> list[Payload]:
    assert not isinstance(problem.variables, Pool)
    variable = problem.variables[name]
    if name not in table.columns and isinstance(variable, Constant):
        return [variable.value] * len(table)
    return read_column(variable, _cells(table, name), table.form, _place(table, name))


def _cells(table: Source, name: str) -> Sequence[Payload]:
    if name not in table.columns:
        listed = ", ".join(map(repr, table.columns))
        hint = did_you_mean(name, table.columns)
        raise refusal(f"{table.where} has no column {name!r}: its columns are {listed:.200}{hint:.100}")
    return table.columns[name]


def _place(table: Source, name: str) -> str:
    where = table.where.replace("{", "{{").replace("}", "}}")
    column = name.replace("{", "{{").replace("}", "}}")
    return f"{where}, row {{row}}, column {column!r}"


def _of_pool(pool: Pool, table: Source) -> dict[str, list[Payload]]:
    """Returns the columns of rows that are in a pool, spelled as they are there."""
    cells = [_cells(table, name) for name in pool.names]
    found = [_in_pool(pool, row, table, at) for at, row in enumerate(zip(*cells, strict=True), 1)]
    return {name: [row[name] for row in found] for name in pool.names}


def _in_pool(pool: Pool, row: tuple[Payload, ...], table: Source, at: int) -> Inputs:
    for reading in (row, tuple(map(number, row))) if table.form == "text" else (row,):
        if (inputs := dict(zip(pool.names, reading, strict=True))) in pool:
            return pool[pool.index(inputs)]
    told = dict(zip(pool.names, row, strict=True))
    raise refusal(f"{table.where}, row {at}: {told!r:.100} is not a row of the pool")


def _known(problem: Problem, table: Source) -> list[dict[str, Any] | None]:
    """Returns the outputs of each row that has them all."""
    declared = problem.outputs
    missing = [one.name for one in declared if one.name not in table.columns]
    if missing or not declared:
        _check_spelling(problem, table, missing)
        return [None] * len(table)
    read_by = [output(one, table.form) for one in declared]
    cells = [map(read, table.columns[one.name]) for read, one in zip(read_by, declared, strict=True)]
    named = partial(_outputs, declared, table)
    return [named(at, row) for at, row in enumerate(zip(*cells, strict=True), 1)]


def _outputs(declared: tuple[Output, ...], table: Source, at: int, row: tuple[Payload, ...]) -> dict[str, Any] | None:
    if any(value is None for value in row):
        return None
    try:
        outputs = outputs_of({one.name: value for one, value in zip(declared, row, strict=True)}, declared)
    except BadOutput as error:
        raise refusal(f"{table.where}, row {at}: {error}") from error
    if not PLAIN.issuperset(map(type, outputs.values())) and (wrong := check(outputs, name="outputs")) is not None:
        raise refusal(f"{table.where}, row {at}: {wrong}")
    return outputs


def _check_spelling(problem: Problem, table: Source, missing: list[str]) -> None:
    """Refuses a table whose column is nearly named like an output: all of it would be computed again."""
    others = [name for name in table.columns if name not in {*problem.names, *problem.output_names, *FACTS, "id"}]
    for name in missing:
        if hint := did_you_mean(name, others):
            raise refusal(
                f"{table.where} has no column for the output {name!r}{hint:.100} "
                "Name it so, or say values='again' to run all rows"
            )


def _once(problem: Problem, inputs: list[dict[str, Any]], known: Sequence[dict[str, Any] | None]) -> Rows:
    """Returns rows with different inputs."""
    rows: dict[object, Inputs | Known] = {}
    structured = problem.structured
    for row, outputs in zip(inputs, known, strict=True):
        own = canonical(pack(row, structured)) if structured else tuple(map(key, row.values()))
        if outputs is None:
            rows.setdefault(own, row)
        elif not isinstance(rows.get(own), Known):
            rows[own] = Known(row, outputs)
    return list(rows.values())
