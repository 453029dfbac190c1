"""Systems from where they are kept, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.db import connect

from cohobate.core.errors import UserError
from cohobate.dynamics.convergence import Convergence
from cohobate.dynamics.data.atomic import AtomicData
from cohobate.dynamics.inflight.running import as_they_leave, run_all
from cohobate.dynamics.inflight.samplers import atoms_of, by_size, from_db, from_extxyz
from cohobate.dynamics.inflight.seat import Guest
from cohobate.dynamics.making import FIRE, NVTLangevin
from cohobate.dynamics.models.pairs import lennard_jones
from dynamics.systems import CUTOFF, EPSILON, SIGMA, cluster, crystal

SYSTEMS = [cluster(5), crystal(1), cluster(13), cluster(2)]


def test_frames_of_a_file_come_one_by_one(tmp_path: Path):
    ase.io.write(tmp_path / "some.xyz", [system.to_ase() for system in SYSTEMS], format="extxyz")
    frames = list(from_extxyz(tmp_path / "some.xyz"))
    assert [frame.n_atoms for frame in frames] == [5, 4, 13, 2]
    assert [frame.name for frame in frames] == ["0", "1", "2", "3"]
    assert np.array_equal(frames[1]["pbc"], [[True] * 3])


def test_rows_of_a_database_come_one_by_one(tmp_path: Path):
    with connect(tmp_path / "some.db") as held:
        for system in SYSTEMS:
            held.write(system.to_ase(), kind="large" if system.n_atoms > 4 else "small")
    assert [row.n_atoms for row in from_db(tmp_path / "some.db")] == [5, 4, 13, 2]
    assert [row.n_atoms for row in from_db(tmp_path / "some.db", "kind=large")] == [5, 13]
    found = run_all(
        FIRE(lennard_jones(EPSILON, SIGMA, CUTOFF), until=Convergence.from_fmax(0.05), n_steps=300),
        by_size(from_db(tmp_path / "some.db")),
        max_atoms=15,
    )
    assert [len(one["numbers"]) for one in found] == [13, 5, 4, 2]


def test_large_ones_come_first_within_a_window():
    assert [one.n_atoms for one in by_size(iter(SYSTEMS), window=3)] == [13, 5, 4, 2]
    assert [one.n_atoms for one in by_size(iter(SYSTEMS), window=2)] == [5, 4, 13, 2]
    with pytest.raises(UserError, match="window"):
        next(by_size(SYSTEMS, window=0))


def test_the_size_of_every_kind_of_system_is_known():
    system = SYSTEMS[2]
    assert [atoms_of(one) for one in (system, system.to_ase(), dict(system))] == [13, 13, 13]
    assert isinstance(system, AtomicData)
    assert [atoms_of(one) for one in (Guest(system), 7, "", {})] == [13, 0, 0, 0]


def test_what_a_source_raises_comes_after_those_that_came_before():
    def source() -> Iterator[AtomicData]:
        yield from (cluster(n) for n in (4, 5, 6))
        raise OSError("the disk is gone")

    run = NVTLangevin(lennard_jones(EPSILON, SIGMA, CUTOFF), dt=2.0, temperature=30, n_steps=5)
    for systems in (source(), by_size(source(), window=2)):
        seen: list[int] = []
        with pytest.raises(OSError, match="the disk is gone"):
            seen.extend(n for n, told in as_they_leave(run, systems, max_atoms=10) if told["status"] == "budget used")
        assert sorted(seen) == [0, 1, 2]


def test_a_database_that_is_not_there_is_not_taken_for_an_empty_one(tmp_path: Path):
    with pytest.raises(UserError, match="there is no file"):
        next(from_db(tmp_path / "none.db"))
    assert not list(tmp_path.iterdir())
