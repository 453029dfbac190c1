"""Which aquifers explain what flows through boreholes? A calibration that cancels simulations once they are pointless.

python examples/calibration/calibrate.py [--workers 3] [--seconds 0.15] [--candidates 90] [--seed 0] [--all]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import cohobate as co
from cohobate.core.steering import Steer
from cohobate.core.trial import Inputs
from cohobate.engines.workplace import Workplace
from cohobate.models.posterior import Gaussian
from cohobate.models.ready import RBFGP

Flows = Sequence[float]
AQUIFERS = {
    "Tu": co.Real(63_070, 115_600, unit="m²/year"),
    "r": co.Real(100, 50_000, log=True, unit="m"),
    "Hu": co.Real(990, 1110, unit="m"),
    "Tl": co.Real(63.1, 116, unit="m²/year"),
    "Hl": co.Real(700, 820, unit="m"),
    "Kw": co.Real(9855, 12_045, unit="m/year"),
}
"""What is not known: transmissivities T and heads H of the upper and the lower aquifer, radius of influence r,
conductivity K of the boreholes."""
WELLS = ((0.05, 1120.0), (0.07, 1600.0), (0.09, 1300.0), (0.11, 1500.0), (0.13, 1200.0), (0.15, 1650.0))
"""The boreholes where flow was measured: radius and length (m)."""
ERROR = 0.01
"""Standard deviation of a measurement, relative."""
LOOK = 0.002
"""How often a simulation looks whether it is to stop (s)."""
FIRST, AHEAD, WIDTH = 12, 3, 4.0
"""Simulations before the first decision; how many come before all others; standard deviations that are doubted."""


def flow(rw: float, L: float, *, Tu: float, r: float, Hu: float, Tl: float, Hl: float, Kw: float) -> float:
    """Returns what flows through a borehole of radius ``rw`` and length ``L`` (m³/year).

    Q = 2 pi Tu (Hu - Hl) / (ln(r/rw) [1 + 2 L Tu / (ln(r/rw) rw² Kw) + Tu/Tl]): Morris, Mitchell and
    Ylvisaker, Technometrics 35 (1993) 243, after Harper and Gupta (1983).
    """
    spread = math.log(r / rw)
    return 2 * math.pi * Tu * (Hu - Hl) / (spread * (1 + 2 * L * Tu / (spread * rw**2 * Kw) + Tu / Tl))


def flows(aquifers: Mapping[str, float]) -> list[float]:
    """Returns what flows through each of the wells: (wells,), m³/year."""
    return [flow(rw, length, **aquifers) for rw, length in WELLS]


def misfit(simulated: Flows, measured: Flows) -> float:
    """Returns the root mean square of the logarithm of simulated over measured flows."""
    return float(np.sqrt(np.mean(np.log(np.divide(simulated, measured)) ** 2)))


def measurements(seed: int = 0) -> list[float]:
    """Returns what was measured at the wells (m³/year); the aquifers it comes from are shown to nobody."""
    rng = np.random.default_rng([seed, 1])
    truth = {name: one.lo + (one.hi - one.lo) * rng.uniform(0.2, 0.8) for name, one in AQUIFERS.items()}
    return [one * math.exp(ERROR * rng.standard_normal()) for one in flows(truth)]


def candidates(n: int = 90, seed: int = 0) -> co.Pool:
    """Returns the aquifers to be tried: a Latin hypercube."""
    return co.Pool(co.LatinHypercube(AQUIFERS, n, seed=seed, minimize="misfit").suggest(n), source="a Latin hypercube")


def problem(pool: co.Pool) -> co.Problem:
    """Returns what is wanted of the aquifers of a pool: the smallest misfit."""
    return co.Problem(pool, (co.Output("misfit", "minimize"), co.Output("flows", shape=(len(WELLS),), unit="m³/year")))


def simulate(*, measured: Flows, seconds: float, **aquifers: float) -> dict[str, Any]:
    """Takes its time, as a groundwater model does; gives up once it is cancelled."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if co.cancelled():
            raise RuntimeError("stopped half-way")
        time.sleep(min(LOOK, left))
    simulated = flows(aquifers)
    return {"flows": simulated, "misfit": misfit(simulated, measured)}


class Emulator:
    """What the known simulations say of all candidates: a Gaussian process for the logarithm of each well's flow.

    Its length scale and noise are fitted anew whenever twice as much is known.
    """

    def __init__(self, pool: co.Pool, measured: Flows) -> None:
        self._view = RBFGP().view(pool)
        self._aim = np.log(measured)
        self._known: dict[int, np.ndarray] = {}
        self._fitted: list[Gaussian] = []
        self._fitted_at = 0

    def learn(self, candidate: int, simulated: Flows) -> None:
        """Takes in the flows of a candidate: (wells,), m³/year."""
        self._known[candidate] = np.log(simulated)

    def best(self) -> int | None:
        """Returns the candidate with the smallest known misfit."""
        return min(self._known, key=self._misfit, default=None)

    def promise(self) -> np.ndarray | None:
        """Returns the smallest misfit that is plausible for each candidate, less the best known one: (candidates,).

        Above 0 a candidate is not the best, unless the emulator is wrong by more than ``WIDTH`` of its
        standard deviations. ``None`` while it knows too little to say.
        """
        if len(self._known) < FIRST:
            return None
        flows = [self._flow(well) for well in range(len(self._aim))]
        if len(self._known) >= 2 * self._fitted_at:
            self._fitted, self._fitted_at = [self._view.fit(flow) for flow in flows], len(self._known)
        misses = [self._miss(well, flow) for well, flow in enumerate(flows)]
        return np.sqrt(np.mean(np.square(misses), axis=0)) - min(map(self._misfit, self._known))

    def _flow(self, well: int) -> dict[int, float]:
        """Returns the logarithm of the known flows of a well, by candidate."""
        return {candidate: float(logarithms[well]) for candidate, logarithms in self._known.items()}

    def _miss(self, well: int, known: Mapping[int, float]) -> np.ndarray:
        """Returns by how much each candidate misses the measurement at a well, at least: (candidates,)."""
        expected = self._fitted[well].predict(known)
        return np.maximum(np.abs(expected.mean - self._aim[well]) - WIDTH * expected.std, 0.0)

    def _misfit(self, candidate: int) -> float:
        return float(np.sqrt(np.mean(np.square(self._known[candidate] - self._aim))))


def choose(promise: np.ndarray, waiting: Iterable[int]) -> tuple[list[int], list[int]]:
    """Returns which of the candidates that wait are pointless, and which are to come before all others."""
    ordered = sorted(waiting, key=lambda i: float(promise[i]))
    return [i for i in ordered if promise[i] > 0], [i for i in ordered if promise[i] <= 0][:AHEAD]


@co.persistent
def calibrate(steer: Steer, problem: co.Problem, measured: Flows, cancelling: bool = True) -> Inputs | None:
    """Sends all candidates, after each result cancels those that cannot be the best, and returns the best."""
    waiting = dict(enumerate(steer.suggest(problem.variables)))
    number = {trial.id: i for i, trial in waiting.items()}
    emulator = Emulator(problem.variables, measured)
    results = 0
    while steer.pending():
        for result in steer.receive(at_least=1):
            results += 1
            waiting.pop(number[result.trial.id], None)
            if result.ok:
                emulator.learn(number[result.trial.id], result["flows"])
        if cancelling and (promise := emulator.promise()) is not None:
            pointless, first = choose(promise, waiting)
            steer.cancel([waiting.pop(i) for i in pointless], "cannot be the best")
            for i in first:
                steer.revise(waiting[i], priority=results)
    best = emulator.best()
    return None if best is None else problem.variables[best]


def campaign(
    pool: co.Pool,
    measured: Flows,
    engine: Workplace,
    *,
    seconds: float,
    cancelling: bool = True,
    run: Path | None = None,
) -> co.Campaign:
    """Returns the calibration as a campaign; ``seconds`` is what a simulation takes."""
    body = calibrate(problem(pool), measured=measured, cancelling=cancelling)
    return co.Campaign(body, partial(simulate, measured=measured, seconds=seconds), engine, run=run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.15, help="what a simulation takes")
    parser.add_argument("--candidates", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0, help="draws the candidates and the measurements")
    parser.add_argument("--all", action="store_true", help="cancel nothing")
    parser.add_argument("--run", type=Path, help="a run folder, to go on after an interruption")
    given = parser.parse_args()
    pool, measured = candidates(given.candidates, given.seed), measurements(given.seed)
    with co.processes(given.workers) as engine:
        began = time.perf_counter()
        result = campaign(pool, measured, engine, seconds=given.seconds, cancelling=not given.all, run=given.run).run()
        took = time.perf_counter() - began
    best = result.best()[0]
    print(f"{result.tally.values} of {len(pool)} candidates were simulated, in {took:.2f} s")
    print(f"best misfit: {best['misfit']:.4f}, of " + ", ".join(f"{name} = {best[name]:.4g}" for name in AQUIFERS))


if __name__ == "__main__":
    main()
