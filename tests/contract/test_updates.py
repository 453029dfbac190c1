"""What every integrator and relaxer keeps: a system goes its own way, bit for bit, wherever it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.batch import Batch
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.stages import masking
from cohobate.dynamics.stages.descent import Descent
from cohobate.dynamics.stages.fire import Fire
from cohobate.dynamics.stages.langevin import DRAWS, Langevin
from cohobate.dynamics.stages.lbfgs import Lbfgs
from cohobate.dynamics.stages.nose_hoover import NoseHoover
from cohobate.dynamics.stages.nve import VelocityVerlet
from cohobate.dynamics.stages.update import Update
from dynamics.pages import defined
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

UPDATES = {
    "velocity Verlet": VelocityVerlet(4.0),
    "Langevin": Langevin(4.0, 40.0, seed=7),
    "Nose-Hoover": NoseHoover(4.0, 40.0, tau=50.0),
    "FIRE": Fire(),
    "gradient descent": Descent(),
    "L-BFGS": Lbfgs(memory=4),
    "one of the documentation": defined("howto/integrator.md", "QuickMin")(),
}
OTHERWISE = (VelocityVerlet(1.0), Langevin(1.0, 9.0, 1.0), NoseHoover(1.0, 9.0, chain=5), Fire(dt=0.2), Descent(0.1))
"""With other settings."""
GOES_ON = {DRAWS}
"""State that outlives a stage: no random number is used twice."""
ALWAYS = {"numbers", "positions", "id", "fixed", "cell", "pbc"}

PATHS = {"in loops": torch.float64, "by torch": torch.float64, "in single precision": torch.float32}
"""How half steps are made: by compiled loops, or by torch as on other devices and for other types."""

every = pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
by_all_paths = pytest.mark.parametrize("dtype", PATHS, indirect=True)


@pytest.fixture
def dtype(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.dtype:
    """The type of a batch; its half steps are made by the path that was asked for."""
    if request.param == "by torch":
        monkeypatch.setattr(masking, "compiles", lambda: False)
    return PATHS[request.param]


class Bare:
    """The shortest loop that runs an update."""

    def __init__(self, update: Update):
        self.update, self.potential = update, lennard_jones(EPSILON, SIGMA, CUTOFF, threads=1)

    def admit(self, batch: Batch) -> Batch:
        declared = {name: STANDARD[name] for name in self.update.needs | {"energy"}} | dict(self.update.fields)
        for name, kind in declared.items():
            if name not in batch:
                batch.add(name, kind)
        self.compute(batch, everyone(batch))
        self.update.enter(batch, everyone(batch))
        return batch

    def compute(self, batch: Batch, mask: torch.Tensor) -> None:
        found = self.potential.compute(batch, self.update.needs | {"energy"})
        for name, value in found.values.items():
            rows = mask if batch.kind(name).scope == "system" else mask[batch.system]
            batch[name][rows] = value[rows]

    def steps(self, batch: Batch, n: int, mask: torch.Tensor | None = None) -> Batch:
        which = everyone(batch) if mask is None else mask
        for _ in range(n):
            self.update.before(batch, which)
            self.compute(batch, which)
            self.update.after(batch, which)
        return batch


def everyone(batch: Batch) -> torch.Tensor:
    return torch.ones(batch.n_systems, dtype=torch.bool, device=batch.device)


def fixing(system: AtomicData, *atoms: int) -> AtomicData:
    return AtomicData({**system, "fixed": np.isin(np.arange(system.n_atoms), atoms)})


SYSTEMS = [crystal(1, seed=1), cluster(7), fixing(crystal(1, seed=2, noise=0.2), 0, 2), cluster(13), cluster(1)]


def some(*numbers: int, dtype: torch.dtype = torch.float64) -> Batch:
    """Returns systems whose ids are their numbers."""
    batch = batch_of([SYSTEMS[i] for i in numbers])
    batch["id"].copy_(torch.tensor(numbers))
    return batch.to(dtype=dtype)


def bits(batch: Batch, i: int) -> dict[str, bytes]:
    """Returns all that a system holds; where the potential keeps its lists, and nothing else, is left out."""
    alone = batch.select([i])
    held = {name: alone[name].numpy().tobytes() for name in alone if not name.startswith("pairs.")}
    return {"fixed": bytes(int(alone.atoms[0]))} | held


def alone(update: Update, i: int, dtype: torch.dtype, n: int = 12) -> dict[str, bytes]:
    run = Bare(update)
    return bits(run.steps(run.admit(some(i, dtype=dtype)), n), 0)


@every
@by_all_paths
@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (3, 1, 4, 2, 0)], ids=["as they are", "permuted"])
def test_a_system_goes_the_same_way_alone_and_in_any_batch(update, dtype, order):
    run = Bare(update)
    batch = run.steps(run.admit(some(*order, dtype=dtype)), 12)
    for at, i in enumerate(order):
        mine, its = bits(batch, at), alone(update, i, dtype)
        assert {name: mine[name] for name in its if name in mine} == {name: its[name] for name in its if name in mine}
        assert set(its) - set(mine) <= {"cell", "pbc"}


@every
def test_torch_goes_the_way_of_compiled_loops(update, monkeypatch):
    """Within rounding: random numbers by torch are others in their last bits."""
    run = Bare(update)
    ours = run.steps(run.admit(some(0, 1, 2, 3, 4)), 12)
    monkeypatch.setattr(masking, "compiles", lambda: False)
    theirs = run.steps(run.admit(some(0, 1, 2, 3, 4)), 12)
    assert set(ours) == set(theirs)
    for name in ours:
        assert theirs[name].numpy() == pytest.approx(ours[name].numpy(), rel=1e-11, abs=1e-12, nan_ok=True), name


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every
def test_on_a_gpu_it_goes_the_same_way_within_rounding(update):
    run = Bare(update)
    ours, theirs = (run.steps(run.admit(some(0, 1, 2, 3, 4).to(device)), 12) for device in ("cpu", "cuda"))
    for name in ("positions", "forces", "energy", *update.fields):
        assert theirs[name].cpu().numpy() == pytest.approx(ours[name].numpy(), rel=1e-9, abs=1e-10, nan_ok=True), name


@every
@by_all_paths
def test_a_system_moves_between_batches_and_slots(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(0, 1, 2, dtype=dtype)), 5)
    batch = run.steps(batch.select([2, 0]), 3)
    late = run.admit(some(3, 4, dtype=dtype))
    batch = run.steps(late.append(batch), 4)
    for at, i in ((2, 2), (3, 0)):
        assert same(bits(batch, at), alone(update, i, dtype))
    batch = run.steps(batch.select([1, 3, 0]), 8)
    for at, i in ((0, 4), (2, 3)):
        assert same(bits(batch, at), alone(update, i, dtype))


def same(one: dict[str, bytes], other: dict[str, bytes]) -> bool:
    """Whether both hold the same; a cell that stands in for none does not count."""
    shared = (one.keys() & other.keys()) - {"cell", "pbc"}
    assert {"positions", "forces", "energy"} <= shared
    return all(one[name] == other[name] for name in shared)


@every
@by_all_paths
def test_a_system_that_was_saved_goes_on_as_if_it_had_not_been(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(2, 3, dtype=dtype)), 6)
    file = io.BytesIO()
    np.savez(file, **{name: batch[name].numpy() for name in batch})
    file.seek(0)
    held = np.load(file)
    fields = {name: torch.from_numpy(held[name]) for name in held.files}
    restored = Batch(fields, {name: batch.kind(name) for name in batch}, batch.atoms.clone())
    restored = Bare(update).steps(restored, 6)
    assert same(bits(restored, 0), alone(update, 2, dtype))
    assert same(bits(restored, 1), alone(update, 3, dtype))


@every
@by_all_paths
def test_systems_outside_the_mask_stay_as_they_are(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(0, 1, 2, 3, dtype=dtype)), 4)
    before = [bits(batch, i) for i in range(4)]
    run.steps(batch, 8, torch.tensor([True, False, False, True]))
    for i in (1, 2):
        assert bits(batch, i) == before[i]
    for i in (0, 3):
        assert same(bits(batch, i), alone(update, i, dtype))
    run.steps(batch, 8, torch.tensor([False, True, True, False]))
    assert same(bits(batch, 2), alone(update, 2, dtype))


@every
@by_all_paths
def test_entering_touches_no_other_system(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(0, 2, 3, dtype=dtype)), 4)
    before = [bits(batch, i) for i in range(3)]
    update.enter(batch, torch.tensor([False, True, False]))
    assert [bits(batch, i) == before[i] for i in (0, 2)] == [True, True]


@every
@by_all_paths
def test_fixed_atoms_stay_where_they_are(update, dtype):
    run = Bare(update)
    batch = run.admit(some(0, 2, dtype=dtype))
    fixed = batch["fixed"].clone()
    start = {name: batch[name].clone() for name in ("positions", "velocities") if name in batch}
    run.steps(batch, 12)
    for name, value in start.items():
        if name == "positions" or name in update.fields:
            assert batch[name][fixed].numpy().tobytes() == value[fixed].numpy().tobytes()
    assert not torch.equal(batch["positions"][~fixed], start["positions"][~fixed])


@every
@by_all_paths
def test_what_pulls_at_fixed_atoms_does_not_matter(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(0, 2, dtype=dtype)), 3)
    fixed = batch["fixed"]
    other = batch.copy()
    other["forces"][fixed] = 1e3
    for one in (batch, other):
        update.before(one, everyone(one))
    assert torch.equal(batch["positions"], other["positions"])


@every
@by_all_paths
def test_entering_again_starts_anew(update, dtype):
    run = Bare(update)
    batch = run.steps(run.admit(some(2, 3, dtype=dtype)), 7)
    fresh = some(2, 3, dtype=dtype)
    for name in fresh:
        batch[name].copy_(fresh[name])
    for name in GOES_ON & set(batch):
        batch[name].zero_()
    if "velocities" not in fresh:
        batch["velocities"].zero_()
    run.compute(batch, everyone(batch))
    update.enter(batch, everyone(batch))
    run.steps(batch, 12)
    assert same(bits(batch, 0), alone(update, 2, dtype))
    assert same(bits(batch, 1), alone(update, 3, dtype))


@every
@by_all_paths
def test_it_uses_and_adds_nothing_that_it_does_not_declare(update, dtype):
    run = Bare(update)
    batch = run.admit(some(2, 3, dtype=dtype))
    allowed = ALWAYS | set(update.fields) | update.needs
    bare = Batch({n: batch[n] for n in batch if n in allowed}, {n: batch.kind(n) for n in batch}, batch.atoms)
    held = set(bare)
    for half in (update.enter, update.before, update.after):
        half(bare, everyone(bare))
    assert set(bare) == held


@every
def test_its_state_is_named_after_it_and_is_of_the_type_of_the_batch(update):
    own = {name for name in update.fields if name not in STANDARD}
    assert len({name.partition(".")[0] for name in own}) <= 1
    assert all("." in name for name in own)
    for dtype in (torch.float32, torch.float64):
        run = Bare(update)
        batch = run.steps(run.admit(some(2, 3).to(dtype=dtype)), 3)
        real = [name for name in batch if batch.kind(name).real]
        assert {batch[name].dtype for name in real} == {dtype}


@every
def test_what_a_field_is_follows_from_its_name(update):
    """Then stages with other settings, and batches that come from them, get along."""
    for other in (*UPDATES.values(), *OTHERWISE, Lbfgs(memory=9)):
        shared = update.fields.keys() & other.fields.keys()
        assert {name: update.fields[name] for name in shared} == {name: other.fields[name] for name in shared}


@every
def test_it_is_an_update(update):
    assert isinstance(update, Update)
