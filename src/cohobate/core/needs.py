"""What a task needs of named resources, such as ``{"cores": 2, "gpu": 1, "licence": 1}``, against what there is.

``cores`` and ``gpu`` are whole; of anything else a task may need a fraction. Sums are exact: three
times 0.1 is 0.3 here. Where cores are counted, a task that says nothing of them occupies one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import isfinite
from numbers import Real
from typing import Final

from cohobate.core.errors import did_you_mean
from cohobate.core.payload import Payload

CORES: Final = "cores"
GPU: Final = "gpu"
WHOLE: Final = (CORES, GPU)
"""What has names of its own, so that there is no half of it."""
Exact = int | Fraction
EXAMPLE: Final = "such as {'cores': 2, 'licence': 1}"


def fits(needs: Mapping[str, float], free: Mapping[str, float]) -> bool:
    """Whether a task with these needs could start now.

    >>> fits({"licence": 1}, {"cores": 1, "licence": 1}), fits({"licence": 1}, {"cores": 0, "licence": 1})
    (True, False)
    """
    return all(exact(much) <= exact(free.get(name, 0)) for name, much in occupied(needs, free).items())


def left(free: Mapping[str, float], needs: Mapping[str, float]) -> dict[str, float]:
    """Returns what is free after a task with these needs has started; below zero where it did not fit.

    >>> left({"cores": 4, "licence": 0.3}, {"licence": 0.1})
    {'cores': 3, 'licence': 0.2}
    """
    taken = occupied(needs, free)
    return {name: plain(exact(much) - exact(taken.get(name, 0))) for name, much in free.items()}


def occupied(needs: Mapping[str, float], has: Collection[str]) -> Mapping[str, float]:
    """Returns the needs together with the one core that a task occupies where it says nothing of cores.

    Where cores are not among what there is (``has``), nobody counts them.
    """
    return needs if CORES in needs or CORES not in has else {CORES: 1, **needs}


def wrong_needs(needs: Mapping[str, float], has: Mapping[str, float]) -> str | None:
    """Returns in one line why these needs can never be met where there is ``has``; ``None`` where they can.

    >>> wrong_needs({"licnce": 1}, {"cores": 4, "licence": 3})
    "needs: there is no 'licnce'; did you mean 'licence'? There is cores 4, licence 3"
    >>> wrong_needs({"gpu": 3}, {"cores": 4, "gpu": 2})
    'needs: gpu 3 can never be had: there is cores 4, gpu 2'
    """
    if not isinstance(needs, Mapping):
        return f"needs: expected names with numbers {EXAMPLE}, got {needs!r:.80}"
    if not needs:
        return None
    if not has:
        return f"needs: {stated(needs)} was asked of an engine that counts none: open it with resources={{...}}"
    wrong = (_wrong(name, much, has) for name, much in needs.items())
    return next((f"needs: {line}" for line in wrong if line), None)


def _wrong(name: str, much: Payload, has: Mapping[str, float]) -> str | None:
    if name not in has:
        near = did_you_mean(str(name), has) or ";"
        return f"there is no {name!r:.80}{near} There is {stated(has)}".replace("; There", "; there")
    amiss = wrong_amount(name, much)
    if amiss:
        return amiss
    if name == CORES and much < 1:
        return f"a task occupies at least one core, got {CORES} {much!r}"
    return f"{name} {much:g} can never be had: there is {stated(has)}" if exact(much) > exact(has[name]) else None


def wrong_amount(name: str, much: Payload) -> str | None:
    """Returns in one line why so much of something makes no sense; ``None`` where it does."""
    if not isinstance(much, Real) or isinstance(much, bool):
        return f"expected a number of {name!r:.80}, got {much!r:.80}"
    if not isfinite(much) or much < 0:
        return f"expected a number of {name!r:.80} from 0 up, got {much!r}"
    return f"expected a whole number of {name!r}, got {much!r}" if name in WHOLE and much % 1 else None


def stated(amounts: Mapping[str, Payload]) -> str:
    """Returns names and numbers in words.

    >>> stated({"cores": 4, "gpu": 1.0})
    'cores 4, gpu 1'
    """
    return ", ".join(f"{name} {_number(much)}" for name, much in amounts.items()) or "nothing"


def _number(much: Payload) -> str:
    return f"{float(much):g}" if isinstance(much, Real) else f"{much!r:.40}"


def exact(much: float) -> Exact:
    """Returns a number as it is written, so that sums of tenths have no rests.

    >>> sum(map(exact, (0.1, 0.1, 0.1))) == exact(0.3)
    True
    """
    if type(much) is int:
        return much
    made = Fraction(repr(float(much)))
    return int(made) if made.denominator == 1 else made


def plain(much: Exact) -> float:
    """Returns an exact number as one of Python's plain ones."""
    return int(much) if much.denominator == 1 else float(much)
