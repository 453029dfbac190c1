"""Turns what is wrong with a configuration file into one line: file, key, what was expected, what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

import cohobate.cli.config as toml
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.core.payload import Plain
from cohobate.view.text import shown

Complaint = Mapping[str, Plain]
TAGGED: Mapping[str, type[toml.Table]] = {
    "active": toml.Active,
    "random": toml.Random,
    "sobol": toml.Sobol,
    "latin": toml.Latin,
    "grid": toml.Grid,
    "real": toml.Real,
    "integer": toml.Integer,
    "choice": toml.Choice,
    "constant": toml.Constant,
}
"""What a ``kind`` stands for; pydantic puts it into the place of an error."""
EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table such as {{ key = value }}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "string_too_short": "text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": '"module:function"',
    "literal_error": "one of {expected}",
    "union_tag_invalid": "kind to be one of {expected_tags}",
    "union_tag_not_found": 'a kind, for example kind = "random"',
}


def complain(path: Path, data: Mapping[str, Plain], error: ValidationError) -> ConfigError:
    """Returns the error to raise: the first complaint (a misspelled key before all), and how many more there are."""
    places: dict[str, list[Complaint]] = {}
    for one in sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"):
        places.setdefault(".".join(_place(one, data)), []).append(one)
    place, complaints = next(iter(places.items()))
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return ConfigError(f"{path}: {shown(place)}: {_say(complaints)}{more}")


def _place(complaint: Complaint, data: Plain) -> Iterator[str]:
    """Returns the keys of the file that lead to a complaint, without what pydantic adds of its own."""
    for part in complaint["loc"]:
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]
        elif complaint["type"] != "missing" or part != complaint["loc"][-1]:
            continue
        yield str(part)


def _say(complaints: Sequence[Complaint]) -> str:
    first = complaints[0]
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key{_known(first)}"
        case "missing":
            return "is missing"
    expected = " or ".join(dict.fromkeys(_expected(one) for one in complaints))
    return f"expected {expected}, got {_came(first['input'])}"


def _expected(complaint: Complaint) -> str:
    text = EXPECTED.get(complaint["type"])
    return str(complaint["msg"]) if text is None else text.format(**complaint.get("ctx", {}))


def _came(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r:.60}"


def _known(complaint: Complaint) -> str:
    """Returns what the author of an unknown key may have meant."""
    *above, key = complaint["loc"]
    table: type[BaseModel] = toml.Config
    for part in above:
        table = TAGGED.get(str(part)) or _inner(table, str(part)) or table
    return did_you_mean(key, table.model_fields) or f"; expected one of {', '.join(table.model_fields)}"


def _inner(table: type[BaseModel], key: str) -> type[BaseModel] | None:
    field = table.model_fields.get(key)
    annotation = field.annotation if field else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
