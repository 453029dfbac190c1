"""Optimises the cases of ``bayes_cases.py`` with BoTorch; runs in an environment that has it.

Reads one JSON object (case, seed, the initial points of the unit cube) from each line of its input, and prints
one with the regret after each evaluation and the seconds of each choice.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import torch
from bayes_cases import CASES, Case
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.objective import GenericMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.transforms import Standardize
from botorch.optim import optimize_acqf
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import SumMarginalLogLikelihood

RESTARTS, RAW, SAMPLES = 5, 256, 128


def choose(case: Case, points: torch.Tensor, values: torch.Tensor, seed: int) -> np.ndarray:
    """``values``: objectives, to be maximized, then limits, to be at most 0."""
    models = [SingleTaskGP(points, column[:, None], outcome_transform=Standardize(1)) for column in values.T]
    model = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    sampler = SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=seed)
    limits = [lambda z, k=k: z[..., k] for k in range(case.objectives, values.shape[1])] or None
    if case.objectives > 1:
        wanted = qLogNoisyExpectedHypervolumeImprovement(
            model,
            [-value for value in case.reference],
            points,
            sampler=sampler,
            constraints=limits,
            prune_baseline=True,
        )
    else:
        wanted = qLogNoisyExpectedImprovement(
            model,
            points,
            sampler=sampler,
            objective=GenericMCObjective(lambda z, X=None: z[..., 0]),
            constraints=limits,
            prune_baseline=True,
        )
    bounds = torch.tensor([[0.0] * case.axes, [1.0] * case.axes])
    candidate, _ = optimize_acqf(wanted, bounds, q=1, num_restarts=RESTARTS, raw_samples=RAW)
    return candidate[0].detach().numpy()


def run(case: Case, seed: int, initial: list[list[float]]) -> dict[str, list[float]]:
    torch.manual_seed(seed)
    points, true, told, seconds = [np.array(u) for u in initial], [], [], []
    signs = torch.tensor([-1.0 if k < case.objectives else 1.0 for k in range(len(case.outputs(points[0])))])
    for number in range(case.evaluations):
        if number >= len(points):
            began = time.perf_counter()
            values = signs * torch.tensor(told)
            points.append(choose(case, torch.tensor(np.array(points)), values, seed + number))
            seconds.append(time.perf_counter() - began)
        exact, measured = case.measured(points[number], seed, number)
        true.append(exact)
        told.append(measured)
    return {"regret": [case.regret(np.array(true[:n])) for n in range(1, len(true) + 1)], "seconds": seconds}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_default_dtype(torch.double)
    torch.set_num_threads(1)  # ten times faster than two where other things run, and no slower where nothing does
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(run(CASES[asked["case"]], asked["seed"], asked["initial"])), flush=True)
