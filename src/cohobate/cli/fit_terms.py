"""Makes the terms of a fit from their configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cohobate.cli.fit_tables as toml
from cohobate.cli.fit_quantities import quantity_of
from cohobate.cli.fit_rows import LAID, Rows, rows_of
from cohobate.cli.functions import find
from cohobate.core.errors import ConfigError, did_you_mean
from cohobate.fit.losses import LOSSES, Loss
from cohobate.fit.scaled import Program
from cohobate.fit.term import Term

Quantity = Callable[..., Any]


def terms_of(wish: toml.Term, params: Mapping[str, Any], folder: Path) -> Iterator[Term]:
    """Returns the terms of a table ``[[term]]``, one for each row; raises ``ConfigError`` naming the key.

    ``params`` are the parameters as the model takes them.
    """
    quantity, version = quantity_of(wish, folder)
    wish = wish.model_copy(update={"version": version})
    rows = rows_of(wish, folder)
    loss = _loss(wish.loss, folder)
    if rows is None:
        laid_alone = [_alone(key, getattr(wish, key)) for key in LAID]
        _inputs(wish, quantity, params, rows)
        yield _term(wish, quantity, loss, wish.name, {}, *laid_alone)
        return
    names = _inputs(wish, quantity, params, rows)
    laid = [rows.chosen(key, getattr(wish, key)) for key in LAID]
    called = _called(wish.name, rows, names)
    for i, (target, sigma, weight) in enumerate(zip(*laid, strict=True)):
        inputs = {name: rows.columns[name][i] for name in names}
        yield _term(wish, quantity, loss, called[i], inputs, target, sigma, weight)


def _term(
    wish: toml.Term,
    quantity: Quantity,
    loss: Loss,
    name: str,
    inputs: Mapping[str, Any],
    *laid: Any,
) -> Term:
    target, sigma, weight = laid
    if target is None and loss != "value" and not callable(loss):
        raise ConfigError(f'target: is missing; expected one, or loss = "module:function"{_columns(wish)}')
    return Term(
        quantity,
        target=target,
        sigma=1.0 if sigma is None else sigma,
        weight=1.0 if weight is None else weight,
        loss=loss,
        name=name,
        inputs=inputs,
        unit=wish.unit or _unit(wish),
        deterministic=wish.deterministic,
        version=wish.version,
        deadline=wish.deadline,
        needs=wish.needs,
    )


def _unit(wish: toml.Term) -> str:
    """Returns the unit of the only quantity that is read, where it is stated."""
    return next(iter(wish.read.values())).unit if len(wish.read) == 1 else ""


def _columns(wish: toml.Term) -> str:
    return f'; a column of {wish.table} that is not called "target" is named by target = "..."' if wish.table else ""


def _alone(key: str, wish: Any) -> Any:  # noqa: ANN401 a number, an array, or a table of such
    if isinstance(wish, str):
        raise ConfigError(f"{key}: {wish!r:.60} is the name of a column, but the term has no table")
    return wish


def _loss(name: str, folder: Path) -> Loss:
    if ":" in name:
        return find(name, folder)
    if name not in LOSSES:
        known = ", ".join(LOSSES)
        raise ConfigError(
            f'loss: expected one of {known}, or "module:function", got {name!r}{did_you_mean(name, LOSSES)}'
        )
    return name  # type: ignore[return-value]  # one of them, as was just seen


def _called(name: str, rows: Rows, inputs: Sequence[str]) -> list[str]:
    """Returns the names of the terms of the rows: with their inputs, and with their numbers where those are equal."""
    name = name.removesuffix(f"({', '.join(inputs)})")
    told = [", ".join(f"{one}={_text(rows.columns[one][i])}" for one in inputs) for i in range(len(rows))]
    if len(set(told)) < len(told):
        return [f"{name}[{i + 1}]" for i in range(len(rows))]
    return [f"{name}({text})" for text in told]


def _text(value: float | str) -> str:
    return f"{value:.12g}" if isinstance(value, float) else f"{value}"


def _inputs(wish: toml.Term, quantity: Quantity, params: Mapping[str, Any], rows: Rows | None) -> list[str]:
    """Returns the columns that the quantity takes; raises ``ConfigError`` for one that it does not take."""
    for name in wish.for_:
        if name in params:
            raise ConfigError(f"for.{name}: there is a parameter of that name")
    columns = [name for name in (rows.columns if rows else ()) if name not in params]
    takes = _takes(quantity, columns, [name for name in columns if name not in _outcomes(wish)])
    if isinstance(quantity, Program):
        _try(quantity, {**params, **{name: rows.columns[name][0] for name in columns if rows}})
    for name in wish.for_:
        if name not in takes:
            raise ConfigError(f"for.{name}: {_by(wish)} does not take it{did_you_mean(name, takes)}")
    return [name for name in columns if name in takes]


def _try(quantity: Program, values: Mapping[str, Any]) -> None:
    """Raises ``UserError``, naming file and line, for what cannot be written into an input."""
    quantity.render(values)


def _outcomes(wish: toml.Term) -> set[str]:
    """Returns the columns that are no inputs because they are targets, sigmas or weights."""
    return {*LAID, *(one for key in LAID if isinstance(one := getattr(wish, key), str))}


def _by(wish: toml.Term) -> str:
    if wish.python:
        return f"{wish.python!r}"
    return f"the input of {wish.run!r:.60}"


def _takes(quantity: Quantity, columns: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the names that a quantity takes; one that takes any takes ``others`` of the columns."""
    if isinstance(quantity, Program):
        return list(quantity.uses)
    try:
        taken = inspect.signature(quantity).parameters.values()
    except (TypeError, ValueError):
        return []
    names = [one.name for one in taken if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return names + (list(others) if any(one.kind is one.VAR_KEYWORD for one in taken) else [])
