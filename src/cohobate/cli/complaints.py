"""Turns what is wrong with a configuration file into one line: file, key, what was expected, what came."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.core.payload import Plain
from cohobate.view.text import shown

Complaint = Mapping[str, Plain]
TAG = r"'(.*?)'"
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
    "model_attributes_type": "a table such as {{ key = value }}",
    "unfit": "{expected}",
}


def complain(path: Path, data: Mapping[str, Plain], error: ValidationError, whole: type[BaseModel]) -> ConfigError:
    """Returns the error to raise: the first complaint (a misspelled key before all), and how many more there are.

    ``whole`` is what the file should have been.
    """
    places: dict[str, list[Complaint]] = {}
    for one in sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"):
        places.setdefault(_spelled(_place(one, data)), []).append(one)
    place, complaints = next(iter(places.items()))
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return ConfigError(f"{path}: {shown(place)}: {_say(complaints, whole)}{more}")


def _place(complaint: Complaint, data: Plain) -> Iterator[str]:
    """Returns the keys of the file that lead to a complaint, without what pydantic adds of its own."""
    for part in complaint["loc"]:
        if _leads(data, part):
            data, part = data[part], _number(data, part)
        elif complaint["type"] != "missing" or part != complaint["loc"][-1]:
            continue
        yield str(part)
    if complaint["type"] == "union_tag_invalid":
        yield _choice(complaint)


def _number(data: Plain, part: str | int) -> str:
    """Returns a key; of a table in a list its name, else its number from 1 on."""
    if isinstance(part, str) or not isinstance(data[part], Mapping):
        return str(part)
    return f" {data[part].get('name', part + 1)!r}:"


def _spelled(parts: Iterable[str]) -> str:
    """Returns keys as text, such as ``term 'E(a)': read.file``."""
    return ".".join(parts).replace(". ", " ").replace(":.", ": ").rstrip(":")


def _leads(data: Plain, part: str | int) -> bool:
    return part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)


def _say(complaints: Sequence[Complaint], whole: type[BaseModel]) -> str:
    first = complaints[0]
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key{_known(first, whole)}"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            tags = (tag for table in _tables_at(first["loc"], whole) for tag in _tags(table, _choice(first)))
            return f"expected a {_choice(first)}: one of {', '.join(map(repr, tags))}"
        case "union_tag_invalid":
            tag, known = first["ctx"]["tag"], first["ctx"]["expected_tags"]
            return f"expected one of {known}, got {tag!r:.60}{did_you_mean(tag, re.findall(TAG, known))}"
    expected = " or ".join(dict.fromkeys(_expected(one) for one in complaints))
    hint = did_you_mean(str(first["input"]), re.findall(TAG, expected)) if first["type"] == "literal_error" else ""
    return f"expected {expected}, got {_came(first['input'])}{hint}"


def _expected(complaint: Complaint) -> str:
    text = EXPECTED.get(complaint["type"])
    return str(complaint["msg"]) if text is None else text.format(**complaint.get("ctx", {}))


def _came(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r:.60}"


def _choice(complaint: Complaint) -> str:
    """Returns the key that tells which kind of table one is."""
    return str(complaint["ctx"]["discriminator"]).strip("'")


def _known(complaint: Complaint, whole: type[BaseModel]) -> str:
    """Returns what the author of an unknown key may have meant."""
    *above, key = complaint["loc"]
    known = [keys[0] for keys in map(_keys, _tables_at(above, whole)[0].model_fields.items())]
    longer = [name for name in known if name.startswith(f"{key}_")]
    return did_you_mean(key, longer or known) or f"; expected one of {', '.join(known)}"


def _keys(field: tuple[str, FieldInfo]) -> list[str]:
    """Returns what a field may be called in the file."""
    name, info = field
    match info.validation_alias:
        case AliasChoices(choices=choices):
            return [str(choice) for choice in choices]
        case str() as alias:
            return [alias]
    return [name]


def _tables_at(loc: Iterable[str | int], whole: type[BaseModel]) -> list[type[BaseModel]]:
    """Returns what the table at a place may be: keys of the file, and in between the kinds that pydantic puts there."""
    tables: list[type[BaseModel]] = [whole]
    for part in map(str, loc):
        below = [inner for table in tables for inner in _tables_of(table, part)]
        tables = below or [table for table in tables if part in _tags(table)] or tables
    return tables


def _tables_of(table: type[BaseModel], key: str) -> list[type[BaseModel]]:
    fields = [field for name, field in table.model_fields.items() if key in _keys((name, field))]
    return [inner for field in fields for inner in _inside(field.annotation)]


def _inside(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for part in get_args(annotation) for table in _inside(part)]


def _tags(table: type[BaseModel], key: str | None = None) -> list[str]:
    """Returns what a table must say it is: the only value that ``key`` (default: any) may have."""
    fields = {key: table.model_fields[key]} if key else table.model_fields
    literals = [get_args(field.annotation) for field in fields.values() if get_origin(field.annotation) is Literal]
    return [str(values[0]) for values in literals if len(values) == 1]
