"""The hooks that come with it: what they write, whom they end, what they change and what they leave alone."""

from __future__ import annotations

import csv
import io

import ase.io
import numpy as np
import pytest
import torch
from ase.calculators.lj import LennardJones

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData, batch_of
from cohobate.dynamics.data.fields import STANDARD
from cohobate.dynamics.hooks.changing import Bias, FrozenAtoms, WrapPositions
from cohobate.dynamics.hooks.guards import EnergyDrift, ExplosionDetector, MaxForceClamp, NaNDetector
from cohobate.dynamics.hooks.hook import HookStage
from cohobate.dynamics.hooks.logs import LogCSV, LogTerminal
from cohobate.dynamics.hooks.measures import kinetic_energy, temperature, total_energy
from cohobate.dynamics.hooks.profiler import Profiler
from cohobate.dynamics.hooks.snapshots import ConvergedSnapshots, Snapshots
from cohobate.dynamics.hooks.tails import cut_line
from cohobate.dynamics.making import FIRE, NVE, NVTLangevin, NVTNoseHoover, fused
from cohobate.dynamics.models.pairs import lennard_jones
from cohobate.dynamics.models.potential import Results
from cohobate.dynamics.stages.kinetics import degrees_of_freedom
from dynamics.springs import Seen, Springs, atoms, batch
from dynamics.systems import CUTOFF, EPSILON, SIGMA, crystal

MOVING = ("positions", "velocities", "forces", "energy")


def same(one, other, systems, names=MOVING):
    return all(torch.equal(one.select([i])[name], other.select([i])[name]) for i in systems for name in names)


def test_measures_are_those_of_ase():
    system = crystal(1)
    found, atoms_ = batch_of([system]), system.to_ase()
    assert float(kinetic_energy(found)) == pytest.approx(atoms_.get_kinetic_energy(), rel=1e-9)
    freedom = (len(atoms_) - 1) / len(atoms_)  # the centre of mass is at rest
    assert float(temperature(found)) * freedom == pytest.approx(atoms_.get_temperature(), rel=1e-6)


def test_a_table_has_a_row_for_each_system_and_is_continued(tmp_path):
    log = LogCSV(tmp_path / "deep" / "log.csv", ["energy", "kinetic", "fmax"], frequency=2)
    run = NVE(Springs(), dt=1.0, hooks=[log])
    found = run.run(batch(), 3)
    run.run(found, 2)
    rows = list(csv.DictReader(log.path.read_text().splitlines()))
    assert [(row["step"], row["id"], row["steps"]) for row in rows] == [
        (str(step), str(system), str(step + 1)) for step in (0, 2, 4) for system in range(3)
    ]
    assert [float(row["energy"]) for row in rows[-3:]] == found["energy"].tolist()
    with pytest.raises(UserError, match="columns"):
        NVE(Springs(), dt=1.0, hooks=[LogCSV(log.path, ["energy"])]).run(batch(), 1)


@pytest.mark.parametrize("lost", [1, 7, 150, 180])
def test_a_table_goes_on_after_a_row_or_a_header_that_was_cut_off(tmp_path, lost: int):
    log = LogCSV(tmp_path / "log.csv", ["energy"])
    run = NVE(Springs(), dt=1.0, hooks=[log])
    found = run.run(batch(), 2)
    whole = log.path.read_text()
    log.path.write_text(whole[:-lost])
    run.run(found, 1)
    rows = list(csv.DictReader(log.path.read_text().splitlines()))
    kept = max(0, whole[:-lost].count("\n") - 1)
    assert [row["step"] for row in rows] == [*["0", "0", "0", "1", "1", "1"][:kept], "2", "2", "2"]
    assert [float(row["energy"]) for row in rows[-3:]] == found["energy"].tolist()


def test_a_long_last_line_is_cut_off_and_nothing_else(tmp_path):
    path = tmp_path / "long"
    for text, kept in ((b"a\n" + b"x" * 200_000, b"a\n"), (b"x" * 200_000, b""), (b"a\nb\n", b"a\nb\n"), (b"", b"")):
        path.write_bytes(text)
        cut_line(path)
        assert path.read_bytes() == kept


def test_a_column_that_is_none_is_named(tmp_path):
    with pytest.raises(UserError, match=r"temprature.*temperature"):
        NVE(Springs(), dt=1.0, hooks=[LogCSV(tmp_path / "a.csv", ["temprature"])]).run(batch(), 1)
    with pytest.raises(UserError, match="not one number"):
        NVE(Springs(), dt=1.0, hooks=[LogCSV(tmp_path / "b.csv", ["forces"])]).run(batch(), 1)


def test_a_line_on_the_terminal_tells_how_many_run():
    stream = io.StringIO()
    NVE(Springs(), dt=1.0, hooks=[LogTerminal(frequency=2, stream=stream)]).run(batch(), 4)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "step 2, 3 of 3 systems" in lines[1]
    assert "K" in lines[1]


def test_snapshots_are_read_back_by_ase(tmp_path):
    hooks = [Snapshots(tmp_path / "all.extxyz", frequency=2), Snapshots(tmp_path / "each", frequency=2)]
    system = crystal(1)
    found = NVE(Springs(), dt=1.0, hooks=hooks).run(batch_of([system, atoms(1.0), atoms(2.0, 1.0)]), 3)
    together = ase.io.read(tmp_path / "all.extxyz", ":")
    assert [(one.info["id"], one.info["steps"]) for one in together] == [(i, s) for s in (1, 3) for i in range(3)]
    for i in range(3):
        alone = ase.io.read(tmp_path / "each" / f"{i}.extxyz", ":")
        assert len(alone) == 2
        assert alone[-1].positions == pytest.approx(found.select([i])["positions"].numpy(), abs=1e-8)
        assert alone[-1].get_potential_energy() == pytest.approx(float(found["energy"][i]), abs=1e-8)
        assert alone[-1].get_forces() == pytest.approx(found.select([i])["forces"].numpy(), abs=1e-8)
    assert together[0].cell.array == pytest.approx(np.asarray(system["cell"][0]))


def test_snapshots_by_own_steps_do_not_depend_on_when_a_system_came(tmp_path):
    hook = Snapshots(tmp_path, frequency=2, per_system=True)
    run = NVE(Springs(), dt=1.0, n_steps=9, hooks=[hook])
    running = run.begin(batch(atoms(1.0)))
    run.step(running)
    running = running.append(run.begin(batch(atoms(1.0, id=[5]))))
    for _ in range(4):
        run.step(running)
    frames = [[one.info["steps"] for one in ase.io.read(tmp_path / f"{i}.extxyz", ":")] for i in (0, 5)]
    assert frames == [[1, 3, 5], [1, 3]]


def test_each_system_is_written_once_when_it_has_converged(tmp_path):
    hook = ConvergedSnapshots(tmp_path / "done.xyz")
    until = Convergence.from_forces(0.01)
    found = FIRE(Springs(), until=until, n_steps=500, hooks=[hook]).run(batch())
    done = ase.io.read(tmp_path / "done.xyz", ":")
    assert sorted(one.info["id"] for one in done) == [0, 1, 2]
    assert {one.info["id"]: one.info["steps"] for one in done} == dict(enumerate(found["steps"].tolist()))


@pytest.mark.parametrize("lost", [1, 9, 300])
def test_snapshots_go_on_after_a_frame_that_was_cut_off(tmp_path, lost: int):
    path = tmp_path / "all.xyz"
    NVE(Springs(), dt=1.0, hooks=[Snapshots(path)]).run(batch(), 2)
    frames = len(ase.io.read(path, ":"))
    path.write_text(path.read_text()[:-lost])
    NVE(Springs(), dt=1.0, hooks=[Snapshots(path)]).run(batch(), 1)
    there = ase.io.read(path, ":")
    assert [one.info["id"] for one in there[-3:]] == [0, 1, 2]
    assert frames <= len(there) <= frames + 2


def test_a_file_of_something_else_is_no_place_for_snapshots(tmp_path):
    path = tmp_path / "notes.xyz"
    path.write_text("what I did\n")
    with pytest.raises(UserError, match="no extended xyz file"):
        NVE(Springs(), dt=1.0, hooks=[Snapshots(path)]).run(batch(), 1)
    assert path.read_text() == "what I did\n"


def test_snapshots_have_the_stress_of_their_positions_and_fields_of_the_user(tmp_path):
    """What was known of a structure when it was read does not hold for where it went."""
    start = crystal(2)
    system = AtomicData({**start, "stress": np.eye(3)[None], "label": [7]}, {"label": "system"})
    for potential, name in ((lennard_jones(EPSILON, SIGMA, CUTOFF), "lj"), (Springs(), "springs")):
        hook = Snapshots(tmp_path / f"{name}.xyz", fields=["label"])
        NVE(potential, dt=1.0, hooks=[hook]).run(batch_of([system]), 2)
    with_, without = (ase.io.read(tmp_path / f"{name}.xyz", -1) for name in ("lj", "springs"))
    assert "stress" not in without.calc.results
    found = with_.get_stress()
    with_.calc = LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=False)
    assert found == pytest.approx(with_.get_stress(), rel=1e-5)
    assert with_.info["label"] == 7
    plain = NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=1.0).run(batch_of([start]), 2)
    also = NVE(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=1.0).run(batch_of([system]), 2)
    assert same(plain, also, [0])


class Poison:
    """Spoils a field of one system at one of its own steps."""

    stage, frequency, per_system = HookStage.AFTER_COMPUTE, 1, True

    def __init__(self, name, value, at=3, system=1):
        self.name, self.value, self.at, self.system = name, value, at, system

    def __call__(self, batch, moment):
        rows = moment.mask & (batch["id"] == self.system) & (batch["steps"] == self.at)
        batch[self.name][rows if batch.kind(self.name).scope == "system" else rows[batch.system]] = self.value


@pytest.mark.parametrize("name", ["forces", "energy", "velocities"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_system_that_is_no_number_fails_and_the_others_keep_their_bits(name: str, value: float):
    run = NVE(Springs(), dt=1.0, n_steps=6, hooks=[Poison(name, value), NaNDetector()])
    found, clean = run.run(batch()), NVE(Springs(), dt=1.0, n_steps=6).run(batch())
    assert found["end"].tolist() == [2, 3, 2]
    assert found["steps"].tolist() == [6, 3, 6]
    assert name in run.reasons[1]
    assert same(found, clean, (0, 2))


def test_an_explosion_ends_its_own_system():
    hooks = [Poison("forces", 100.0), ExplosionDetector(max_force=50.0)]
    run = NVE(Springs(), dt=1.0, n_steps=6, hooks=hooks)
    found, clean = run.run(batch()), NVE(Springs(), dt=1.0, n_steps=6).run(batch())
    assert found["end"].tolist() == [2, 3, 2]
    assert "50.0" in run.reasons[1]
    assert same(found, clean, (0, 2))
    fast = NVE(Springs(), dt=1.0, n_steps=6, hooks=[ExplosionDetector(max_speed=0.5)])
    assert fast.run(batch(atoms(1.0), atoms(1.0, speed=0.6)))["end"].tolist() == [2, 3]
    with pytest.raises(UserError, match="max_force"):
        ExplosionDetector()


def test_forces_are_clamped_before_they_are_used_and_from_the_first_on():
    clamp = MaxForceClamp(0.5)
    found = NVE(Springs(), dt=1.0, n_steps=1, hooks=[clamp]).run(batch(atoms(0.1), atoms(30.0)))
    free = NVE(Springs(), dt=1.0, n_steps=1).run(batch(atoms(0.1), atoms(30.0)))
    assert same(found, free, [0])
    assert torch.linalg.vector_norm(found.select([1])["forces"]) == pytest.approx(0.5)
    speed = 0.5 * 0.009648533290731906 / 10.0
    assert torch.linalg.vector_norm(found.select([1])["velocities"]) == pytest.approx(speed)


def test_a_force_that_is_too_large_to_be_squared_is_clamped_too():
    start = batch_of([atoms(1.0)], dtype=torch.float32)
    start["forces"] = start["positions"] * 0 + 1e30
    start.add("energy", STANDARD["energy"])

    class Now:
        mask = torch.tensor([True])

    MaxForceClamp(0.5)(start, Now())
    assert torch.linalg.vector_norm(start["forces"]) == pytest.approx(0.5)


def test_an_energy_that_is_no_number_has_drifted():
    run = NVE(Springs(), dt=1.0, n_steps=6, hooks=[Poison("energy", float("nan")), EnergyDrift(1.0)])
    assert run.run(batch())["end"].tolist() == [2, 3, 2]
    assert "drifted" in run.reasons[1]


def test_the_drift_of_the_energy_is_followed_from_where_a_stage_begins():
    drift = EnergyDrift()
    found = NVE(Springs(), dt=2.0, n_steps=50, hooks=[drift]).run(batch())
    assert set(drift.worst) == {0, 1, 2}
    assert all(0 < worst < 5e-3 for worst in drift.worst.values())
    off = total_energy(found) - total_energy(NVE(Springs(), dt=2.0).begin(batch()))
    assert all(drift.worst[i] >= abs(float(off[i])) / (i + 1) > 0 for i in range(3))
    strict = EnergyDrift(threshold=1e-12)
    run = NVE(Springs(), dt=2.0, n_steps=50, hooks=[strict])
    assert run.run(batch())["end"].tolist() == [3, 3, 3]
    assert "drifted" in run.reasons[0]


def test_frozen_atoms_stay_where_they_are_in_their_stage_only():
    hold = FrozenAtoms(lambda batch: batch["positions"][:, 0] > 1.2)
    start = batch(atoms(1.0, 2.0, speed=0.01), atoms(3.0, 0.5, fixed=[False, True]))
    potential = Springs()
    held, free = NVE(potential, dt=1.0, n_steps=5, hooks=[hold]), NVE(potential, dt=1.0, n_steps=5)
    first = held.run(start.copy())
    moved = (first["positions"] != start["positions"]).any(1).tolist()
    assert moved == [True, False, False, False]
    assert first["velocities"][1].tolist() == [0.0] * 3
    both = (held + free).run(start.copy())
    moved = (both["positions"] != start["positions"]).any(1).tolist()
    assert moved == [True, True, True, False]
    assert both["fixed"].tolist() == [False, False, False, True]


def test_atoms_are_chosen_when_their_system_comes_into_the_stage():
    """Those that come to such a place later are not held."""
    hold = FrozenAtoms(lambda batch: batch["positions"][:, 0] < 0.5)
    run = NVE(Springs(), dt=2.0, n_steps=60, hooks=[hold])
    found, free = run.run(batch(atoms(0.1, 0.8))), NVE(Springs(), dt=2.0, n_steps=60).run(batch(atoms(0.1, 0.8)))
    assert found["fixed"].tolist() == [True, False]
    assert float(free["positions"][1, 0]) < 0.5
    assert torch.equal(found["positions"][1], free["positions"][1])
    with pytest.raises(UserError, match="expected 6 booleans, one for each atom"):
        NVE(Springs(), dt=1.0, hooks=[FrozenAtoms(lambda batch: True)]).run(batch(), 1)


def test_a_thermostat_counts_the_freedom_of_atoms_as_they_are_held():
    where = atoms(1.0, 2.0, 1.1, 0.9, speed=0.01)
    hold = FrozenAtoms(lambda batch: torch.tensor([False, True, True, False]))
    potential = Springs()
    warm, held = (NVTNoseHoover(potential, dt=1.0, temperature=50.0, n_steps=9, hooks=more) for more in ([], [hold]))
    fixed = NVTNoseHoover(potential, dt=1.0, temperature=50.0, n_steps=9).run(
        batch(
            where | {"fixed": [False, True, True, False], "velocities": [[0, 0.01, 0], [0] * 3, [0] * 3, [0, 0.01, 0]]}
        )
    )
    assert torch.equal(held.run(batch(where))["positions"], fixed["positions"])
    assert degrees_of_freedom((held + warm).run(batch(where))).tolist() == [9]


def test_fixed_atoms_do_not_count_for_a_relaxation_and_do_not_move():
    start = batch(atoms(1.0, 2.0, fixed=[False, True]))
    found = FIRE(Springs(), until=Convergence.from_forces(1e-3), n_steps=500).run(start.copy())
    assert found["end"].tolist() == [1]
    assert torch.equal(found["positions"][1], start["positions"][1])
    assert torch.linalg.vector_norm(found["positions"][0]) < 2e-3


def triclinic(shift: float = 0.0):
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [0.5, -0.7, 6.0]])
    inside = np.random.default_rng(1).random((6, 3)) * 0.98 + 0.01
    outside = inside + np.array([[0, 0, 0], [1, 0, 0], [0, -2, 0], [0, 0, 3], [-1, 1, 0], [2, -3, 1]]) + shift
    return cell, inside, outside


def test_atoms_are_wrapped_into_the_cell_and_those_inside_keep_their_bits():
    cell, inside, outside = triclinic()
    pbc = np.array([True, True, False])
    fields = atoms(*[0.0] * 6) | {"positions": outside @ cell, "cell": cell[None], "pbc": pbc[None]}
    alone = atoms(50.0, -3.0)
    found = batch(fields, alone | {"cell": np.eye(3)[None] * 0, "pbc": np.zeros((1, 3), bool)})
    start = found["positions"].clone()

    class Now:
        mask = torch.tensor([True, True])

    WrapPositions()(found, Now())
    wanted = np.where(pbc, inside, outside) @ cell
    assert found["positions"][:6].numpy() == pytest.approx(wanted, abs=1e-12)
    assert torch.equal(found["positions"][0], start[0])
    assert torch.equal(found["positions"][6:], start[6:])


def test_a_wrapped_system_goes_the_same_way_whenever_it_came():
    def run():
        hooks = [WrapPositions(frequency=7)]
        return NVTLangevin(Springs(0.0), dt=50.0, temperature=5000.0, n_steps=30, hooks=hooks)

    system = atoms(1.0, 2.0, id=[4]) | {"cell": np.eye(3)[None] * 3.0, "pbc": np.ones((1, 3), bool)}
    other = system | {"id": [1]}
    alone = run().run(batch(system))
    late = run()
    running = late.begin(batch(other))
    for _ in range(3):
        late.step(running)
    running = running.append(late.begin(batch(system)))
    for _ in range(30):
        late.step(running)
    assert same(running.select([1]), alone, [0])
    free = NVTLangevin(Springs(0.0), dt=50.0, temperature=5000.0, n_steps=30).run(batch(system))
    assert (free["positions"] - alone["positions"]).abs().max() > 1.0


def stiffer(fields):
    x = fields["positions"]
    return 0.5 * (x * x).sum(), -x


def test_a_bias_acts_like_a_part_of_the_potential_from_the_first_step_on():
    for bias in (stiffer, lambda fields: 0.5 * (fields["positions"] ** 2).sum()):
        biased = NVE(Springs(1.0), dt=2.0, n_steps=20, hooks=[Bias(bias)]).run(batch())
        stiff = NVE(Springs(2.0), dt=2.0, n_steps=20).run(batch())
        for name in MOVING:
            assert biased[name].numpy() == pytest.approx(stiff[name].numpy(), abs=1e-12)


def test_a_bias_sees_one_system_and_fails_it_alone():
    def bias(fields):
        assert set(fields) >= {"numbers", "positions", "id", "steps"}
        if fields["id"] == 1 and fields["steps"] == 2:
            raise ValueError("no more")
        return stiffer(fields)

    run = NVE(Springs(), dt=2.0, n_steps=5, hooks=[Bias(bias)])
    found, clean = run.run(batch()), NVE(Springs(), dt=2.0, n_steps=5, hooks=[Bias(stiffer)]).run(batch())
    assert found["end"].tolist() == [2, 3, 2]
    assert "ValueError: no more" in run.reasons[1]
    assert same(found, clean, (0, 2))


@pytest.mark.parametrize("gives", [1.0, None, [1.0, 2.0]])
def test_a_bias_that_is_none_is_told_what_it_should_be(gives: object):
    run = NVE(Springs(), dt=2.0, n_steps=5, hooks=[Bias(lambda fields: gives)])
    assert run.run(batch(atoms(1.0)))["end"].tolist() == [3]
    assert "expected an energy of torch, or a tuple of energy and forces" in run.reasons[0]


def test_a_bias_ends_with_its_stage_forces_included():
    """What goes on without a bias begins with forces without it."""
    potential = Springs()
    biased, plain = NVE(potential, dt=2.0, n_steps=5, hooks=[Bias(stiffer)]), NVE(potential, dt=2.0, n_steps=5)
    both = (biased + plain).run(batch())
    first = biased.run(batch())
    second = plain.run(first)
    for name in MOVING:
        assert torch.equal(both[name], second[name])


def test_the_profiler_adds_up_what_each_moment_takes():
    class Slow(Springs):
        def compute(self, batch, want) -> Results:
            clock.now += 5.0
            return super().compute(batch, want)

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    clock = Clock()
    profiler = Profiler(clock)
    fused([(0, NVE(Slow(), dt=1.0, n_steps=3, hooks=[Seen()]))], hooks=[profiler]).run(batch())
    assert profiler.steps == 3
    assert profiler.seconds[HookStage.AFTER_COMPUTE] == 15.0
    assert sum(profiler.seconds.values()) == 20.0
    assert "3 steps" in profiler.report()
