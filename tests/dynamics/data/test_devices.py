"""A device that cannot be used is an error of one line, wherever it is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import batch_of
from cohobate.dynamics.data.devices import usable
from cohobate.dynamics.inflight.engine import InFlight
from cohobate.dynamics.making import FIRE
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster


def relax(**given: Any):
    argon = lennard_jones(EPSILON, SIGMA, CUTOFF)
    return FIRE(argon, until=Convergence.from_fmax(0.01), n_steps=9, **given)


@pytest.mark.parametrize("device", ["gpu", pytest.param("cuda:99", id="one that is not there")])
@pytest.mark.parametrize(
    "use",
    [
        usable,
        lambda device: batch_of([cluster(3)], device=device),
        lambda device: batch_of([cluster(3)]).to(device),
        lambda device: relax(device=device),
        lambda device: InFlight(relax(), max_atoms=9, device=device),
    ],
    ids=["itself", "batch_of", "to", "dynamics", "in flight"],
)
def test_a_device_that_cannot_be_used_is_one_line(device: str, use: Callable[[str], object]):
    with pytest.raises(UserError, match=f"device '{device}' cannot be used here: .*; 'cpu' always can") as caught:
        use(device)
    assert len(str(caught.value).splitlines()) == 1


def test_a_flight_goes_where_its_dynamics_do():
    for given in ({}, {"device": "cpu"}):
        run = relax(**given)
        with InFlight(run, max_atoms=9) as engine:
            engine.call(lambda: cluster(3)).result(20)
            assert engine._flight.cabin.batch.device == run.device
    assert usable("cpu") == torch.device("cpu")
