"""Pair potentials by their usual names."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any

import numpy as np

from cohobate.core.errors import UserError
from cohobate.dynamics.models.pair_potential import Law, PairPotential
from cohobate.dynamics.models.parameters import Given, Mixing, table_of

__all__ = ["PairPotential", "buckingham", "harmonic", "lennard_jones", "morse"]


def lennard_jones(
    epsilon: Given,
    sigma: Given,
    cutoff: float,
    *,
    species: Sequence[int] | None = None,
    mixing: Mixing = "arithmetic",
    **given: Any,
) -> PairPotential:
    """Returns 4 epsilon ((sigma/r)^12 - (sigma/r)^6), eV and Å.

    ``epsilon`` and ``sigma`` are one number for all, or by species (then sigma is mixed by ``mixing``, epsilon
    geometrically), or by pairs of species: {(18, 18): 0.0104, (18, 36): ...}. ``shifted`` takes off the energy at
    the cutoff (the default); ``switch_from`` (Å) lets energies and forces go smoothly to zero from there on.

    >>> lennard_jones({18: 0.0104, 36: 0.0141}, {18: 3.40, 36: 3.65}, 8.5).traits.cutoff
    8.5
    """
    rules: dict[str, Mixing] = {"epsilon": "geometric", "sigma": mixing}
    known, table = table_of("lennard_jones", {"epsilon": epsilon, "sigma": sigma}, _all(species, epsilon, sigma), rules)
    _positive("lennard_jones", "sigma", table[..., 1])
    folded = np.stack([4 * table[..., 0], table[..., 1] * table[..., 1]], -1)
    return _cut(_lennard_jones, known, folded, cutoff, **given)


def morse(
    depth: Given,
    stiffness: Given,
    distance: Given,
    cutoff: float,
    *,
    species: Sequence[int] | None = None,
    **given: Any,
) -> PairPotential:
    """Returns depth (x^2 - 2 x), x = exp(-stiffness (r - distance)); eV, 1/Å, Å."""
    parameters = {"depth": depth, "stiffness": stiffness, "distance": distance}
    rules: dict[str, Mixing] = {"depth": "geometric", "stiffness": "arithmetic", "distance": "arithmetic"}
    known, table = table_of("morse", parameters, _all(species, depth, stiffness, distance), rules)
    return _cut(_morse, known, table, cutoff, **given)


def buckingham(
    repulsion: Given,
    range_: Given,
    dispersion: Given,
    cutoff: float,
    *,
    species: Sequence[int] | None = None,
    **given: Any,
) -> PairPotential:
    """Returns repulsion exp(-r/range) - dispersion/r^6; eV, Å, eV Å^6. Very near each other, atoms fall together."""
    parameters = {"repulsion": repulsion, "range": range_, "dispersion": dispersion}
    rules: dict[str, Mixing] = {"repulsion": "geometric", "range": "arithmetic", "dispersion": "geometric"}
    known, table = table_of("buckingham", parameters, _all(species, repulsion, range_, dispersion), rules)
    _positive("buckingham", "range", table[..., 1])
    return _cut(_buckingham, known, table, cutoff, **given)


def harmonic(
    stiffness: Given,
    distance: Given,
    cutoff: float,
    *,
    species: Sequence[int] | None = None,
    shifted: bool = False,
    **given: Any,
) -> PairPotential:
    """Returns stiffness/2 (r - distance)^2 between all atoms within the cutoff; eV/Å^2, Å."""
    rules: dict[str, Mixing] = {"stiffness": "geometric", "distance": "arithmetic"}
    parameters = {"stiffness": stiffness, "distance": distance}
    known, table = table_of("harmonic", parameters, _all(species, stiffness, distance), rules)
    return _cut(_harmonic, known, table, cutoff, shifted=shifted, **given)


def _all(species: Sequence[int] | None, *given: Given) -> Sequence[int] | None:
    """Returns the species; argon where nobody says any."""
    return (18,) if species is None and not any(hasattr(one, "keys") for one in given) else species


def _positive(who: str, name: str, values: Any) -> None:  # noqa: ANN401 an array
    if not (values > 0).all():
        raise UserError(f"{who}: {name} must be positive, got {float(values.min())!r}")


def _cut(
    law: Law,
    species: Sequence[int],
    table: Any,  # noqa: ANN401 an array
    cutoff: float,
    *,
    shifted: bool = True,
    **given: Any,
) -> PairPotential:
    name = law.__name__.strip("_")
    if not 0 < cutoff < float("inf"):
        raise UserError(f"{name}: cutoff must be a positive number of Å, got {cutoff!r}")
    n = len(species)
    offs = [[law(cutoff * cutoff, table[a, b])[0] if shifted else 0.0 for b in range(n)] for a in range(n)]
    return PairPotential(law, species, np.concatenate([table, np.array(offs)[..., None]], -1), cutoff, **given)


def _lennard_jones(r2: Any, p: Any) -> Any:  # noqa: ANN401 compiled
    inverse = 1.0 / r2
    s2 = p[1] * inverse
    s6 = s2 * s2 * s2
    s12 = s6 * s6
    return p[0] * (s12 - s6), -6.0 * p[0] * (s12 + s12 - s6) * inverse


def _morse(r2: Any, p: Any) -> Any:  # noqa: ANN401 compiled
    r = sqrt(r2)
    x = exp(p[1] * (p[2] - r))
    return p[0] * (x * x - 2.0 * x), -2.0 * p[0] * p[1] * (x * x - x) / r


def _buckingham(r2: Any, p: Any) -> Any:  # noqa: ANN401 compiled
    r, inverse = sqrt(r2), 1.0 / r2
    near, far = p[0] * exp(-r / p[1]), p[2] * (inverse * inverse * inverse)
    return near - far, 6.0 * far * inverse - near / (p[1] * r)


def _harmonic(r2: Any, p: Any) -> Any:  # noqa: ANN401 compiled
    r = sqrt(r2)
    return 0.5 * p[0] * (r - p[1]) * (r - p[1]), p[0] * (r - p[1]) / r
