"""The units of what a campaign varies and measures, as they were declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cohobate.ledger.views import Follow
from cohobate.view.text import shown


def of_outputs(views: Follow) -> dict[str, str]:
    """Returns the units of the outputs that have one: what the problem says, else what the simulator does."""
    outputs = views.declared.get("problem", {}).get("outputs", ())
    return {**views.declared.get("units", {}), **{one["name"]: one["unit"] for one in outputs if one.get("unit")}}


def of_inputs(views: Follow) -> dict[str, str]:
    """Returns the units of the variables that have one; a pool has none."""
    variables: Any = views.declared.get("problem", {}).get("variables", ())
    pairs = () if isinstance(variables, Mapping) else variables
    return {name: one["unit"] for name, one in pairs if isinstance(one, Mapping) and one.get("unit")}


def of_columns(views: Follow) -> dict[str, str]:
    """Returns the units by column of the table."""
    naming, inputs, outputs = views.rows.naming(), of_inputs(views), of_outputs(views)
    units = {column: inputs[name] for name, column in naming.inputs.items() if name in inputs}
    units.update((column, outputs[name]) for name, column in naming.outputs.items() if name in outputs)
    noted = {f"{kind}.{name}": unit for name, unit in outputs.items() for kind in ("predicted", "std")}
    return {**units, **noted, "seconds": "s"}


def named(name: str, units: Mapping[str, str]) -> str:
    """Returns a name with its unit, fit for one line.

    >>> named("ie", {"ie": "eV"}), named("n", {})
    ('ie (eV)', 'n')
    """
    unit = units.get(name)
    return f"{shown(name, 60)} ({shown(unit, 20)})" if unit else shown(name, 60)
