"""What an objective itself costs, by the form of its terms and by how it is called. Anchor: ChemFit 3.1.1, recorded.

    python benchmarks/fit_overhead.py [--repetitions 5]

Each figure is the least of many calls, in us: of a call, or where it says so of a term. ``benchmarks/fit.py``
measures ChemFit beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from rows import Claim, medians, short, show, show_claims

import cohobate as co
from cohobate.core.outcome import Value
from cohobate.core.parts import Made

RECORDED = {1: 7.0, 8: 35.0, 64: 168.0, 512: 1423.0}
"""A call of ChemFit (us) by the number of terms."""
HALF = 0.5
PARAMS = {"x": 1.5, "y": 2.0}
FORMS: Mapping[str, Callable[[], Callable[..., object]]] = {
    "number of a mapping": lambda: lambda p: p["x"],
    "dict of a mapping": lambda: lambda p: {"e": p["x"]},
    "number by name": lambda: lambda x: x,
}
MANY = 512


def objective(form: str, n: int, **settings: object) -> co.CombinedObjective:
    """Returns one of ``n`` trivial terms."""
    return co.CombinedObjective([co.Term(FORMS[form](), 1.0, name=f"t{i}", **settings) for i in range(n)])


def least(call: Callable[[], object], per: int = 1) -> float:
    """Returns the time (us) of the quickest of many calls."""
    call()
    times = []
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until or len(times) < 5:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) / per * 1e6


def plain(form: str, n: int) -> dict[str, float]:
    """Measures bare calls."""
    made = objective(form, n)
    return {f"{form}, {n}": least(lambda: made(PARAMS))}


def inner() -> dict[str, float]:
    """Measures, for each of many terms, what a campaign needs of an objective, and an engine of threads."""
    made = objective("number of a mapping", MANY)
    keyed = objective("number of a mapping", MANY, deterministic=True)
    with co.threads(2) as engine:
        there = made.on(engine)
        return {
            "evaluate": least(lambda: made.evaluate(PARAMS), MANY),
            "parts": least(lambda: made.parts(PARAMS), MANY),
            "parts with keys": least(lambda: keyed.parts(PARAMS), MANY),
            "judge": least(lambda: judged(made), MANY),
            "judge with a bound": least(lambda: judged(made, 1e9), MANY),
            "on threads(2)": least(lambda: there(PARAMS), MANY),
        }


def judged(made: co.CombinedObjective, bound: float | None = None) -> object:
    """Takes in all terms."""
    judge, outcome = made.judge(PARAMS, bound), None
    for i in range(MANY):
        outcome = judge.take(f"t{i}", Made(Value({"value": {"value": 1.5}}), 0.1))
    return outcome


def main() -> bool:
    """Prints both tables; returns whether all claims hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    seen = medians([partial(plain, form, n) for form in FORMS for n in RECORDED], given.repetitions)
    recorded = {f"ChemFit, {n}": cost for n, cost in RECORDED.items()}
    claims = [Claim(f"{form}, {n}", HALF, f"ChemFit, {n}", smaller=True) for form in FORMS for n in RECORDED]
    good = show_claims("a plain call with trivial terms, us", claims, {**recorded, **seen}, tuple(recorded))
    rows = [(name, short(figure)) for name, figure in medians([inner], given.repetitions).items()]
    show(f"for each of {MANY} trivial terms, us", ("what", "us"), rows)
    return good


if __name__ == "__main__":
    sys.exit(not main())
