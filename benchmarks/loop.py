"""What one trial of the loop costs, beside the loops of others: trials per second, a trivial function.

python benchmarks/loop.py [--repetitions 5] [--scale 1.0]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial

from anchors import ADAPTIVE, LIBENSEMBLE, Anchor, make, measure, printed
from rows import Claim, Measurement, medians, show_claims

POOL = "processes(2), durable"
BARE = "bare ProcessPool(2)"
SIMPLE = "adaptive simple, Learner1D"
DEFAULT = "adaptive BlockingRunner, Learner1D, ProcessPool(2)"
RUNNER = "adaptive BlockingRunner, at its best, ProcessPool(2)"
PERSISTENT = "libEnsemble async persistent, 2 workers"
VECTORISED = "inline, memory, vectorised"
COUNTS = {"inline, memory": 20_000, VECTORISED: 20_000, "inline, durable": 20_000, POOL: 20_000, BARE: 20_000}

CLAIMS = (
    Claim("inline, memory", 40_000),
    Claim("inline, memory", 2.0, SIMPLE),
    Claim(VECTORISED, 1.5, "inline, memory"),
    Claim("inline, durable", 15_000),
    Claim(POOL, 0.8, BARE),
    Claim(POOL, 2.5, DEFAULT),
    Claim(POOL, 2.5, RUNNER),
    Claim(POOL, 5.0, PERSISTENT),
)


def ours(case: str, n: int) -> Mapping[str, float]:
    """Measures a case of ``loop_cases.py`` in a process of its own."""
    return printed(sys.executable, "loop_cases.py", case, n)


def best(name: str, anchor: Anchor, case: str, n: int) -> Mapping[str, float]:
    """Measures a case of an anchor, and takes the best of its settings."""
    return {name: max(measure(anchor, case, n).values())}


def contenders(scale: float) -> tuple[list[Measurement], dict[str, float]]:
    """Returns what can be measured here, and recorded figures for the anchors that cannot."""
    here: list[Measurement] = [partial(ours, case, int(scale * n)) for case, n in COUNTS.items()]
    recorded: dict[str, float] = {}
    for anchor, cases in (
        (ADAPTIVE, {SIMPLE: ("simple", 5_000), DEFAULT: ("default", 10_000), RUNNER: ("processes", 20_000)}),
        (LIBENSEMBLE, {PERSISTENT: ("async", 2_000)}),
    ):
        available = make(anchor)
        for name, (case, n) in cases.items():
            if available:
                here.append(partial(best, name, anchor, case, int(scale * n)))
            else:
                recorded[name] = anchor.recorded[case]
    return here, recorded


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of evaluations")
    given = parser.parse_args()
    measured, known = contenders(given.scale)
    figures = {**known, **medians(measured, given.repetitions)}
    sys.exit(not show_claims("trials per second", CLAIMS, figures, tuple(known)))
