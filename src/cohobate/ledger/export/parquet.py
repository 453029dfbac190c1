"""The table as Parquet, each column of a type of its own.

Numbers, text, bytes, lists and mappings are what they are; times are timestamps in UTC, complex
numbers and blobs have fields. A column of values that have no type in common is JSON text, and says
so in its metadata, where the unit of a column stands too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.payload import Payload
from cohobate.host.extras import require
from cohobate.ledger.export.plain import plain
from cohobate.ledger.export.whole import Stored
from cohobate.ledger.untag import Kept
from cohobate.ledger.views import Follow

TIMES: Final = frozenset({"started", "finished", "proposed"})


def to_parquet(views: Follow, _: Stored) -> tuple[bytes, int]:
    """Returns the table of all trials, and their number; raises ``MissingExtra`` without pyarrow."""
    arrow = require("pyarrow", extra="tables")
    parquet = require("pyarrow.parquet", extra="tables")
    rows, units = views.table(), _units(views)
    arrays, fields = [], []
    for name in views.rows.naming().columns:
        array, metadata = _array(arrow, name, [row[name] for row in rows])
        unit = {"unit": units[name]} if name in units else {}
        clean = _clean(name)
        arrays.append(array)
        fields.append(arrow.field(clean, array.type, metadata={**metadata, **unit}))
    made = json.dumps(plain(views.declared))
    table = arrow.Table.from_arrays(arrays, schema=arrow.schema(fields, metadata={"cohobate": made}))
    out = BytesIO()
    parquet.write_table(table, out)
    return out.getvalue(), len(rows)


def _array(arrow: Payload, name: str, values: Sequence[Payload]) -> tuple[Payload, dict[str, str]]:
    if name in TIMES:
        micro = [None if value is None else round(value * 1e6) for value in values]
        return arrow.array(micro, arrow.timestamp("us", tz="UTC")), {}
    try:
        array = arrow.array([_typed(value) for value in values])
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError, OverflowError):
        array = None
    if array is not None and _writable(arrow, array.type):
        return array, {}
    texts = [None if value is None else json.dumps(plain(value)) for value in values]
    return arrow.array(texts, arrow.string()), {"encoding": "json"}


def _typed(value: Payload) -> Payload:
    """Returns a value as what Arrow has a type for."""
    match value:
        case np.generic() | np.ndarray():
            return _typed(value.tolist())
        case str():
            return _clean(value)
        case Mapping():
            return {_clean(key): _typed(item) for key, item in value.items()}
        case list() | tuple():
            return [_typed(item) for item in value]
    return _fields(value)


def _fields(value: Payload) -> Payload:
    """Returns what has parts as a mapping of them."""
    match value:
        case complex():
            return {"real": value.real, "imag": value.imag}
        case Blob(data, suffix):
            return {"sha256": value.sha256, "suffix": suffix, "bytes": len(data)}
        case Kept(sha256, size, what):
            return {"sha256": sha256, "suffix": what if what.startswith(".") else "", "bytes": size}
    return value


def _writable(arrow: Payload, kind: Payload) -> bool:
    """Whether Parquet can hold a type: it has no mapping without keys."""
    if arrow.types.is_struct(kind):
        return kind.num_fields > 0 and all(_writable(arrow, kind.field(i).type) for i in range(kind.num_fields))
    return not arrow.types.is_list(kind) or _writable(arrow, kind.value_type)


def _clean(text: str) -> str:
    """Returns text without surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _units(views: Follow) -> dict[str, str]:
    """Returns the units by column."""
    problem = views.declared.get("problem", {})
    naming = views.rows.naming()
    variables = problem.get("variables", ())
    inputs = () if isinstance(variables, Mapping) else variables
    pairs = [(naming.inputs.get(name), one) for name, one in inputs if isinstance(one, Mapping)]
    outputs = [(naming.outputs.get(one["name"]), one) for one in problem.get("outputs", ())]
    found = {column: one["unit"] for column, one in (*pairs, *outputs) if column and one.get("unit")}
    return {**found, "seconds": "s"}
