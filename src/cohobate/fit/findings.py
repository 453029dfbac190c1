"""What a fit found as plain data: the one thing that its text, its JSON and its report are made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from cohobate.core.errors import UserError
from cohobate.core.payload import Plain
from cohobate.fit.comparison import TermRow
from cohobate.host.filesystem import write_atomic

NAME: Final = "fit.json"
"""The file of a run folder that holds what its fit found."""
VERSION: Final = 1


@final
@dataclass(frozen=True, slots=True)
class ParameterRow:
    """A parameter in the table of a result; ``error`` is NaN where ``unknown`` says why it is not known.

    ``kind`` is free, fixed or tied; ``near`` says which bound it is near, if it is.
    """

    name: str
    kind: str
    value: float
    error: float = math.nan
    unknown: str = ""
    start: float | None = None
    lo: float = -math.inf
    hi: float = math.inf
    near: str = ""
    unit: str = ""


@final
@dataclass(frozen=True, slots=True)
class Ranked:
    """One of the best candidates."""

    trial: int
    loss: float
    values: Mapping[str, float]


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """Targets of a quantity beside its values."""

    label: str
    target: Sequence[float]
    value: Sequence[float]
    unit: str = ""
    validation: bool = False


@final
@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is shown of a fit."""

    method: str
    message: str
    stopped: str
    evaluations: int
    failed: int
    seconds: float
    loss: float
    residuals: int
    chi_square: float
    freedom: int
    variance: float
    absolute_sigma: bool
    source: str
    parameters: tuple[ParameterRow, ...]
    names: tuple[str, ...]
    correlations: tuple[tuple[float, ...], ...]
    terms: tuple[TermRow, ...]
    validation: tuple[TermRow, ...]
    validation_loss: float
    priors: Mapping[str, float]
    ranked: tuple[Ranked, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]

    @property
    def reduced(self) -> float:
        """The loss per degree of freedom: near 1 where the sigmas are right and the model is."""
        return self.chi_square / self.freedom if self.freedom > 0 else math.nan


def plain(found: Findings) -> dict[str, Plain]:
    """Returns findings as JSON data: what is not a number is ``None``."""
    whole = {"cohobate_fit": VERSION, **asdict(found)}
    clean: dict[str, Plain] = _without_nan(whole)
    return clean


def write(found: Findings, path: Path) -> None:
    """Writes findings to a file, which appears only once it is complete."""
    content = json.dumps(plain(found), indent=1, allow_nan=False, ensure_ascii=False)
    try:
        write_atomic(path, content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def read(path: Path) -> Findings | None:
    """Returns the findings in a file; ``None`` where there are none, or another version wrote them."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, Mapping) or data.get("cohobate_fit") != VERSION:
        return None
    return _findings(data)


def _findings(data: Mapping[str, Any]) -> Findings:
    made: dict[str, Any] = {one.name: data[one.name] for one in fields(Findings)}
    for name, kind in (("parameters", ParameterRow), ("terms", TermRow), ("validation", TermRow)):
        made[name] = tuple(_made(kind, one) for one in data[name])
    made["ranked"] = tuple(_made(Ranked, one) for one in data["ranked"])
    made["pairs"] = tuple(
        Pair(**{**one, "target": _numbers(one["target"]), "value": _numbers(one["value"])}) for one in data["pairs"]
    )
    made["correlations"] = tuple(tuple(_numbers(row)) for row in data["correlations"])
    made["names"], made["notes"] = tuple(data["names"]), tuple(data["notes"])
    for name in ("loss", "chi_square", "variance", "validation_loss"):
        made[name] = _number(data[name])
    return Findings(**made)


OPEN: Final = {"lo": -math.inf, "hi": math.inf}
"""What is meant where a bound is not told."""
OPTIONAL: Final = frozenset({"start"})


def _made(kind: Any, data: Mapping[str, Any]) -> Any:  # noqa: ANN401 one of the rows above
    told = {
        name: OPEN.get(name, math.nan) if value is None and name not in OPTIONAL else value
        for name, value in data.items()
    }
    return kind(**told)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _without_nan(value: Any) -> Any:  # noqa: ANN401 plain data of any kind
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _without_nan(one) for key, one in value.items()}
        case list() | tuple():
            return [_without_nan(one) for one in value]
    return value
