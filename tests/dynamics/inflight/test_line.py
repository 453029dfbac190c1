"""Who comes next: in turn, but for small ones that pass one that does not fit, and never for ever."""

from __future__ import annotations

from concurrent.futures import Future

from hypothesis import given
from hypothesis import strategies as st

from cohobate.core.task import Task
from cohobate.dynamics.inflight.line import PASSES, Line, Size
from cohobate.dynamics.inflight.seat import Seat


def seat(number: int, atoms: int, edges: float = 0.0) -> Seat:
    return Seat(number, number, Task(int), Future(), atoms=atoms, edges=edges)


def waiting(*atoms: int) -> Line:
    line = Line()
    for number, n in enumerate(atoms):
        line.put(seat(number, n))
    return line


def taken(line: Line, free: Size, **given: bool) -> list[int]:
    return [one.number for one in line.take(free, **given)]


def test_they_go_in_turn_as_long_as_there_is_room():
    line = waiting(3, 4, 5)
    assert taken(line, Size(7)) == [0, 1]
    assert taken(line, Size(100, systems=0)) == []
    assert taken(line, Size(100)) == [2]


def test_small_ones_pass_one_that_does_not_fit():
    line = waiting(9, 2, 3, 4)
    assert taken(line, Size(6)) == [1, 2]
    assert taken(line, Size(9)) == [0]


def test_edges_and_systems_count_too():
    line = Line()
    for number in range(3):
        line.put(seat(number, 1, edges=10.0))
    assert taken(line, Size(100, edges=25.0)) == [0, 1]
    assert taken(line, Size(100, edges=25.0, systems=1)) == [2]


def test_one_that_does_not_fit_is_not_passed_for_ever():
    line = waiting(9)
    passed = 0
    while True:
        line.put(seat(1 + passed, 1))
        if not line.take(Size(5)):
            break
        passed += 1
        assert passed <= PASSES
    assert passed == PASSES
    assert taken(line, Size(9)) == [0]


def test_the_first_goes_in_where_there_is_nobody_else():
    assert taken(waiting(9, 1), Size(5), empty=True) == [0]


def test_those_that_were_there_before_come_first():
    line = waiting(3, 3)
    back = line.take(Size(6))
    line.put(seat(2, 3))
    line.put_back(back)
    assert [one.number for one in line] == [0, 1, 2]


@given(st.lists(st.integers(1, 20), max_size=30), st.integers(1, 40), st.integers(1, 6))
def test_never_more_than_there_is_room_for_and_none_is_lost(atoms: list[int], most: int, systems: int):
    line = waiting(*atoms)
    seen: list[int] = []
    while len(line):
        some = line.take(Size(most, systems=systems), empty=True)
        assert some
        assert len(some) <= systems
        assert sum(one.atoms for one in some) <= most or len(some) == 1
        seen += [one.number for one in some]
    assert sorted(seen) == list(range(len(atoms)))
